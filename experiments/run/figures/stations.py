"""The charging stations: load, arrivals, queue and wait."""

import numpy as np
import plotly.graph_objects as go

from cosim.arrays import Frame
from experiments.figures.style import (
    AGENTS,
    EQUILIBRIUM,
    INK,
    LIMIT,
    Figure,
    grid,
    over_periods,
    readable_on,
    steps,
)
from experiments.run.figures.day import Day

SIDE_BY_SIDE = 5
LOAD, QUEUE = "load_kw", "queue_mean"
TITLES = {LOAD: "load [kW]", "arrivals": "arrivals [veh]", QUEUE: "queue [veh]", "wait_min": "wait [min]"}


def stations(day: Day) -> list[Figure]:
    """Return load, arrivals, queue and wait, one column for each station, up to five stations of a feeder a figure."""
    return [
        _columns(day, group).update_layout(meta=own["name"])
        for own in day.feeders
        for group in batched(day.stations_of(own))
    ]


def batched(names: list[str]) -> list[list[str]]:
    """Return the names in as few groups as have room side by side, of nearly the same size."""
    groups = -(-len(names) // SIDE_BY_SIDE)
    return [names[len(names) * k // groups : len(names) * (k + 1) // groups] for k in range(groups)]


def _columns(day: Day, names: list[str]) -> Figure:
    models = [
        (day.equilibrium("stations"), "equilibrium", EQUILIBRIUM),
        (day.agents("stations"), "agents", AGENTS),
    ]
    models = [model for model in models if not model[0].empty]
    rows = [column for column in TITLES if any(table[column].notna().any() for table, *_ in models)]
    titles = [f"<b>{name}</b>" for name in names]
    drawing = grid(
        160 + 150 * (len(rows) + 1), len(rows), len(names), column_titles=titles, shared_xaxes=True,
        shared_yaxes=True, row_heights=[2] + [1] * (len(rows) - 1), vertical_spacing=0.04, horizontal_spacing=0.03,
    )  # fmt: skip
    for column, name in enumerate(names, start=1):
        for table, model, colour in models:
            _add_model(drawing, table[table.station == name], rows, model, colour, column)
        _add_expectations(drawing, day.main("stations").query("station == @name"), column)
    for row, quantity in enumerate(rows, start=1):
        drawing.update_yaxes(range=[0, _top(drawing, row)], row=row)
        drawing.update_yaxes(title_text=TITLES[quantity], row=row, col=1)
    for title, name in zip(drawing.layout.annotations, names, strict=True):
        colour = day.stations[name].colour
        title.update(bgcolor=colour, borderpad=3, yshift=4, font={"size": 13, "color": readable_on(colour)})
    over_periods(drawing, day.period_min, rows=len(rows), labels=6)
    return drawing.update_layout(legend={"y": 1.04}, margin={"t": 100})


def _top(drawing: Figure, row: int) -> float:
    """Return the upper end that the axes of a row share: stations are to be compared by eye."""
    highest = (
        np.nanmax(np.asarray(trace.y, dtype=float), initial=0) for trace in drawing.select_traces(row=row)
    )
    return float(1.06 * max(*highest, 1.0))


def _add_model(drawing: Figure, own: Frame, rows: list[str], model: str, colour: str, column: int) -> None:
    """Draw the load and the queue of one station in one model of the day; the longest queue as bars behind the mean."""
    for row, quantity in enumerate(rows, start=1):
        if own[quantity].isna().all():
            continue
        if quantity == QUEUE:
            bars = {"name": "longest queue", "marker": {"color": "#f3c7a5"}, "showlegend": False}
            drawing.add_trace(go.Bar(x=own.period, y=own.queue_max, **bars), row=row, col=column)
        legend = {"legendgroup": model, "showlegend": column == 1 and quantity == LOAD}
        line = steps(own.period, own[quantity].round(3), model, colour, **legend)
        drawing.add_trace(line, row=row, col=column)


def _add_expectations(drawing: Figure, own: Frame, column: int) -> None:
    """Draw the load that was forecast for the operator, and the limit in effect."""
    for values, name, dash, colour in (
        (own.forecast_kw, "forecast", "dot", INK),
        (own.limit_kw, "limit in force", "dash", LIMIT),
    ):
        look = {"line": {"dash": dash, "width": 1.6}, "legendgroup": name, "showlegend": column == 1}
        drawing.add_trace(steps(own.period, values.round(2), name, colour, **look), row=1, col=column)
