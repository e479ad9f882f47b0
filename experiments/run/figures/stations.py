"""The charging stations: load, arrivals, queue and wait."""

import numpy as np

from cosim.arrays import Frame
from experiments.figures.palette import INK, LIMIT, readable_on
from experiments.figures.style import Figure, side_by_side
from experiments.figures.traces import bars, steps
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
    models = day.by_model("stations")
    rows = [column for column in TITLES if any(table[column].notna().any() for table, *_ in models)]
    height, titles = 160 + 150 * (len(rows) + 1), [TITLES[quantity] for quantity in rows]
    look = {"row_heights": [2] + [1] * (len(rows) - 1), "vertical_spacing": 0.04, "labels": 6}
    drawing = side_by_side(height, day.period_min, titles, [f"<b>{name}</b>" for name in names], **look)
    for column, name in enumerate(names, start=1):
        for table, model, colour in models:
            _add_model(drawing, table[table.station == name], rows, model, colour, column)
        _add_expectations(drawing, day.main("stations").query("station == @name"), column)
    for row, _ in enumerate(rows, start=1):
        drawing.update_yaxes(range=[0, _top(drawing, row)], row=row)
    for title, name in zip(drawing.layout.annotations, names, strict=True):
        colour = day.stations[name].colour
        title.update(bgcolor=colour, borderpad=3, yshift=4, font={"size": 13, "color": readable_on(colour)})
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
            longest = bars(own.period, own.queue_max, "longest queue", "#f3c7a5", showlegend=False)
            drawing.add_trace(longest, row=row, col=column)
        legend = {"legendgroup": model, "showlegend": column == 1 and quantity == LOAD}
        mean = steps(own.period, own[quantity].round(3), model, colour, **legend)
        drawing.add_trace(mean, row=row, col=column)


def _add_expectations(drawing: Figure, own: Frame, column: int) -> None:
    """Draw the load that was forecast for the operator, and the limit in effect."""
    for values, name, dash, colour in (
        (own.forecast_kw, "forecast", "dot", INK),
        (own.limit_kw, "limit in force", "dash", LIMIT),
    ):
        look = {"dash": dash, "width": 1.6, "legendgroup": name, "showlegend": column == 1}
        drawing.add_trace(steps(own.period, values.round(2), name, colour, **look), row=1, col=column)
