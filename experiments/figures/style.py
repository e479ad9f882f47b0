"""One look for every figure: one typeface, quiet axes, the periods of the day."""

import json
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from experiments.figures.palette import CYCLE, INK, LINE, MUTED, PAPER

Figure = Any
"""A plotly figure; plotly ships no types."""

FONT = "Inter, 'Source Sans 3', 'Helvetica Neue', Helvetica, Arial, sans-serif"


def figure(height: int, **layout: Any) -> Figure:
    """Return an empty figure in the report's look."""
    return styled(go.Figure(), height, **layout)


def grid(height: int, rows: int, columns: int, **options: Any) -> Figure:
    """Return an empty grid of charts in the report's look."""
    return styled(make_subplots(rows=rows, cols=columns, **options), height)


AXIS = {
    "gridcolor": LINE,
    "linecolor": MUTED,
    "zerolinecolor": "#b8c1ca",
    "ticks": "outside",
    "tickcolor": MUTED,
    "ticklen": 4,
    "automargin": True,
    "title": {"standoff": 8, "font": {"size": 13}},
}
LAYOUT = {
    "font": {"family": FONT, "size": 13, "color": INK},
    "paper_bgcolor": PAPER,
    "plot_bgcolor": PAPER,
    "margin": {"l": 64, "r": 24, "t": 72, "b": 56},
    "legend": {
        "orientation": "h",
        "x": 0,
        "y": 1.02,
        "yanchor": "bottom",
        "xanchor": "left",
        "traceorder": "normal",
    },
    "hoverlabel": {"font": {"family": FONT}},
    "colorway": list(CYCLE),
    "xaxis": {**AXIS, "showline": True},
    "yaxis": AXIS,
}


def styled(drawing: Figure, height: int, **layout: Any) -> Figure:
    """Return *drawing* with its height; its page brings the look of all."""
    return drawing.update_layout(height=height, template=None, **layout)


def note(text: str) -> Figure:
    """Return a line of text in the place of a figure."""
    drawing = figure(120).update_xaxes(visible=False).update_yaxes(visible=False)
    return drawing.add_annotation(
        text=text, showarrow=False, xref="paper", yref="paper", x=0, y=0.5, align="left"
    )


def template_json() -> str:
    """Return the look of every figure of a page, laid over plotly's own."""
    return json.dumps(go.Figure().update_layout(template={"layout": LAYOUT}).layout.template.to_plotly_json())


def stacked(
    height: int,
    period_min: float,
    titles: Sequence[str],
    *,
    columns: int = 1,
    labels: int = 24,
    **options: Any,
) -> Figure:
    """Return an empty grid of charts over the periods of a day: a row for each of the *titles* of the y axes."""
    drawing = grid(
        height, len(titles), columns, **{"shared_xaxes": True, "vertical_spacing": 0.06, **options}
    )
    for row, title in enumerate(titles, start=1):
        drawing.update_yaxes(title_text=title, row=row, col=1)
    return over_periods(drawing, period_min, rows=len(titles), labels=labels)


def side_by_side(
    height: int, period_min: float, titles: Sequence[str], items: Sequence[str], **options: Any
) -> Figure:
    """Return such a grid with a column for each of *items*, one scale in a row: to be compared by eye."""
    options |= {"column_titles": items, "shared_yaxes": True, "horizontal_spacing": 0.03}
    return stacked(height, period_min, titles, columns=len(items), **options)


def over_periods(drawing: Figure, minutes: float, *, rows: int = 1, labels: int = 24) -> Figure:
    """Give *drawing* x axes of the periods of a day, with about *labels* labels; the lowest has a title."""
    count = round(1440 / minutes)
    every = max(1, round(count / labels))
    drawing.update_xaxes(range=[0.5, count + 0.5], dtick=every, tick0=every)
    lowest = {"row": rows} if rows > 1 else {}
    return drawing.update_xaxes(title_text=f"period of the day ({minutes:g} min each)", **lowest)


def colourbar(title: str, x: float, length: float) -> dict[str, Any]:
    """Return a colour bar that lies above a picture, from *x* on."""
    bar = {"title": {"text": title, "side": "top", "font": {"size": 12}}, "thickness": 10, "outlinewidth": 0}
    place = {"x": x, "xanchor": "left", "y": 1.0, "yanchor": "bottom", "len": length}
    return {**bar, "orientation": "h", **place}


def colourbar_beside(title: str) -> dict[str, Any]:
    """Return a colour bar that stands to the right of a chart."""
    return {"title": {"text": title, "font": {"size": 12}}, "thickness": 12, "outlinewidth": 0}
