"""The charging stations: load, arrivals, queue and wait."""

import plotly.graph_objects as go

from cosim.arrays import Frame
from experiments.figures.day import Day
from experiments.figures.style import AGENTS, EQUILIBRIUM, INK, LIMIT, Figure, grid, period_axis, steps

SIDE_BY_SIDE = 4
ROWS = ("load [kW]", "arrivals [veh]", "queue [veh]", "wait [min]")


def stations(day: Day) -> list[Figure]:
    """Return load, arrivals, queue and wait, one column for each station, four stations a figure."""
    names = [station["name"] for station in day.scenario["stations"]]
    groups = [names[start : start + SIDE_BY_SIDE] for start in range(0, len(names), SIDE_BY_SIDE)]
    return [_columns(day, group) for group in groups]


def _columns(day: Day, names: list[str]) -> Figure:
    drawing = grid(
        760, len(ROWS), len(names), shared_xaxes=True, shared_yaxes="rows", column_titles=names,
        row_heights=[0.4, 0.2, 0.2, 0.2], vertical_spacing=0.04, horizontal_spacing=0.03,
    )  # fmt: skip
    agents, equilibrium = day.agents("stations"), day.equilibrium("stations")
    for column, name in enumerate(names, start=1):
        for table, model, colour in ((equilibrium, "equilibrium", EQUILIBRIUM), (agents, "agents", AGENTS)):
            if not table.empty:
                own = table[table.station == name]
                _add_model(drawing, own, model, colour, column)
        _add_expectations(drawing, day.main("stations").query("station == @name"), column)
    for row, title in enumerate(ROWS, start=1):
        drawing.update_yaxes(title_text=title, rangemode="tozero", row=row, col=1)
    drawing.update_xaxes(**period_axis(day.period_min, 6), row=len(ROWS))
    return drawing.update_layout(legend={"y": 1.04}, margin={"t": 100})


def _add_model(drawing: Figure, own: Frame, model: str, colour: str, column: int) -> None:
    """Draw what came to one station in one model of the day."""
    group = {"legendgroup": model, "showlegend": column == 1}
    drawing.add_trace(steps(own.period, own.load_kw.round(2), model, colour, **group), row=1, col=column)
    quiet = {"legendgroup": model, "showlegend": False}
    for row, values in ((2, own.arrivals), (4, own.wait_min)):
        if values.notna().any():
            line = steps(own.period, values.round(3), model, colour, connectgaps=False, **quiet)
            drawing.add_trace(line, row=row, col=column)
    if own.queue_max.notna().any():
        bars = go.Bar(
            x=own.period, y=own.queue_max, name="longest queue", marker={"color": "#f3c7a5"}, **quiet
        )
        drawing.add_trace(bars, row=3, col=column)
        drawing.add_trace(
            steps(own.period, own.queue_mean.round(3), "mean queue", colour, **quiet), row=3, col=column
        )


def _add_expectations(drawing: Figure, own: Frame, column: int) -> None:
    """Draw the load the operator was told to expect, and the limit in force."""
    for values, name, dash, colour in (
        (own.forecast_kw, "forecast", "dot", INK),
        (own.limit_kw, "limit in force", "dash", LIMIT),
    ):
        line = {"dash": dash, "width": 1.6}
        trace = steps(own.period, values.round(2), name, colour, line=line, showlegend=column == 1)
        drawing.add_trace(trace, row=1, col=column)
