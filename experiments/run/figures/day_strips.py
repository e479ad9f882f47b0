"""The day in two strips below the maps: what the stations take, and the voltages, with a mark at the period shown."""

from typing import Any

from experiments.figures.palette import INK, MUTED, SKY, STATIONS
from experiments.figures.style import Figure, over_periods
from experiments.figures.traces import limit, scatter, steps
from experiments.run.figures.day import Day

Range = tuple[float, float]


def draw_strips(drawing: Figure, day: Day) -> tuple[Range, Range]:
    """Draw the load of the stations and the band of the voltages into the lower row; return their y ranges."""
    over_periods(drawing, day.period_min, rows=2, labels=12)
    drawing.update_xaxes(range=None, row=1)  # the maps above have axes of their own
    ranges = _draw_load(drawing, day), _draw_voltage(drawing, day)
    for column, own in enumerate(ranges, start=1):
        drawing.update_yaxes(
            range=own, nticks=4, exponentformat="none", separatethousands=True, row=2, col=column
        )
    return ranges


def _draw_load(drawing: Figure, day: Day) -> Range:
    table = day.main("stations").pivot_table(index="period", columns="station", values="load_kw")
    if len(day.stations) > len(STATIONS):
        loads = [("all stations", table.sum(axis=1), MUTED)]
    else:
        loads = [(name, table[name], look.colour) for name, look in day.stations.items()]
    for name, load, colour in loads:
        look = {"width": 0.5, "stackgroup": "load", "showlegend": False}
        drawing.add_trace(steps(load.index, load.round(2), name, colour, **look), row=2, col=1)
    _name(drawing, "load of the stations [kW]", 1)
    return 0.0, max(1.0, 1.08 * float(table.sum(axis=1).max()))


def _draw_voltage(drawing: Figure, day: Day) -> Range:
    by_period = day.main("buses").groupby("period").voltage_pu
    low, high = by_period.min().round(5), by_period.max().round(5)
    edges = {"width": 1.2, "showlegend": False}
    fill = {"fill": "tonexty", "fillcolor": "rgba(86,180,233,.25)"}
    drawing.add_trace(steps(high.index, high, "highest bus", SKY, **edges), row=2, col=2)
    drawing.add_trace(steps(low.index, low, "lowest bus", SKY, **edges, **fill), row=2, col=2)
    limits = day.voltage_limits_pu
    for value in limits:
        limit(drawing, value, row=2, col=2)
    _name(drawing, "lowest to highest voltage [p.u.]", 2)
    lowest, highest = min(*limits, float(low.min())), max(*limits, float(high.max()))
    margin = 0.08 * (highest - lowest)
    return lowest - margin, highest + margin


def _name(drawing: Figure, text: str, column: int) -> None:
    """Say above a strip what it shows: beside it there is no room."""
    place = {"x": 0, "xref": f"x{2 + column} domain", "y": 1, "yref": f"y{2 + column} domain"}
    style = {"showarrow": False, "xanchor": "left", "yanchor": "bottom", "font": {"size": 12}}
    drawing.add_annotation(text=text, **place, **style)


def mark(period: int, y: Range) -> dict[str, Any]:
    """Return the mark of a period on a strip: a line from bottom to top."""
    return scatter(
        x=[period, period], y=list(y), mode="lines", line={"color": INK, "width": 2}, hoverinfo="skip"
    )
