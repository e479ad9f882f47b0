"""What charts are made of: lines, steps, bands, bars, marks and heat maps, and levels that are drawn across."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import log10
from typing import Any

import numpy as np

from cosim.arrays import Frame
from experiments.figures.palette import LIMIT
from experiments.figures.style import Figure, colourbar_beside

Trace = dict[str, Any]
"""A plotly trace in plain words: a figure checks it once as it is added, and objects of plotly's twice."""


def line(x: Any, y: Any, name: str | None, colour: str, **options: Any) -> Trace:
    """Return a line through points, of a *width* and *dash*, with marks if ``marker`` says how they look.

    Without a name it is not in the legend. Other options are plotly's.
    """
    look = {"color": colour, "width": options.pop("width", 2), "dash": options.pop("dash", None)}
    mode = "lines+markers" if "marker" in options else "lines"
    return {"type": "scatter", "x": x, "y": y, "mode": mode, "line": look, **_legend(name), **options}


def steps(periods: Any, values: Any, name: str | None, colour: str, **options: Any) -> Trace:
    """Return a line that is level over each period: means over a period are not points in time."""
    both_ends = np.repeat(np.asarray(periods), 2)
    x = both_ends + np.tile([-0.5, 0.5], len(periods))
    hover = {"customdata": both_ends, "hovertemplate": "period %{customdata}: %{y}"}
    return line(x, np.repeat(np.asarray(values, dtype=float), 2), name, colour, **hover, **options)


def band(
    x: Any, low: Any, high: Any, name: str | None, fill: str, draw: Callable[..., Trace] = line
) -> list[Trace]:
    """Return the area between *low* and *high*, under lines or steps that are too thin to be seen."""
    edges = {"width": 0, "hoverinfo": "skip"}
    upper, lower = draw(x, high, None, fill, **edges), draw(x, low, name, fill, **edges)
    return [upper, lower | {"fill": "tonexty", "fillcolor": fill}]


def points(x: Any, y: Any, name: str | None, colour: Any, **options: Any) -> Trace:
    """Return marks at points, of a *size*; what else is to be said of the mark is given as ``marker``."""
    marker = {"color": colour, "size": options.pop("size", 6), **options.pop("marker", {})}
    place = {"type": "scatter", "x": x, "y": y, "mode": "markers"}
    return {**place, "marker": marker, **_legend(name), **options}


def whiskers(down: Any, up: Any, **look: Any) -> dict[str, Any]:
    """Return error bars that reach as far *down* and *up*."""
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down, **look}


def bars(x: Any, y: Any, name: str | None, colour: Any, **options: Any) -> Trace:
    """Return bars; *colour* is that of all, or of each."""
    return {"type": "bar", "x": x, "y": y, "marker": {"color": colour}, **_legend(name), **options}


def _legend(name: str | None) -> dict[str, Any]:
    return {"showlegend": False} if name is None else {"name": name}


def heat_map(table: Frame, labels: Sequence[str], unit: str, hover: str, **colours: Any) -> Trace:
    """Return the values of a table as *colours*: a row for each label, a column for each period."""
    look = {"colorbar": colourbar_beside(unit), **colours}
    cells = {"x": table.columns, "y": labels, "z": table.to_numpy()}
    return {"type": "heatmap", **cells, "hovertemplate": hover, **look}


def scatter(**content: Any) -> dict[str, Any]:
    """Return a trace in plain words: thousands of plotly's own objects would take seconds to check."""
    return {"type": "scatter", "showlegend": False, **content}


def marks(places: Iterable[tuple[float, float]], marker: Mapping[str, Any], **content: Any) -> dict[str, Any]:
    """Return marks at places of a map, likewise."""
    x, y = zip(*places, strict=True)
    return scatter(**{"x": list(x), "y": list(y), "mode": "markers", "marker": dict(marker), **content})


def coloured(values: Any, colours: Any, span: tuple[float, float], bar: Mapping[str, Any]) -> dict[str, Any]:
    """Return how marks are coloured by *values* over a *span*, with the colour bar that tells which is which."""
    scale = {"colorscale": colours, "cmin": span[0], "cmax": span[1], "colorbar": bar}
    return {"color": values.tolist(), **scale}


def limit(drawing: Figure, y: float, text: str = "", *, side: str = "top right", **place: int) -> Figure:
    """Draw a level that is not to be passed across a chart, and say on one *side* which it is."""
    note = {"annotation": {"text": text, "font": {"color": LIMIT, "size": 11}}, "annotation_position": side}
    drawing.add_hline(
        y=y, line={"color": LIMIT, "dash": "dash", "width": 1.5}, **(note if text else {}), **place
    )
    if text and drawing.layout.yaxis.type == "log":
        drawing.layout.annotations[-1].y = log10(y)  # plotly places lines by their value, texts by its power
    return drawing
