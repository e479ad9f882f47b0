"""The convergence of roads and feeders, and the cost of the forecast error."""

import plotly.graph_objects as go

from cosim.arrays import Frame
from experiments.figures.style import BLUE, GREEN, VERMILION, Figure, figure, grid, over_periods, steps
from experiments.run.figures.accuracy import FLOOR, POWERS, add_line

STARTS = {"tariff": BLUE, "free": VERMILION, "random": GREEN}
RESIDUALS = {
    "load_residual": ("station load, relative", "solid"),
    "price_residual_cny_per_kwh": ("price [CNY/kWh]", "dot"),
}
PLANS = {
    "day_ahead": ("planned the day before", BLUE),
    "re_dispatch": ("re-dispatched every period", VERMILION),
    "perfect_foresight": ("load known beforehand", GREEN),
}


def coupling(iterations: Frame, tolerance: float) -> Figure:
    """Return the residuals of load and price by iteration, one colour for each start."""
    drawing = figure(400)
    for start, own in iterations.groupby("start", sort=False):
        for column, (what, dash) in RESIDUALS.items():
            drawing.add_trace(
                go.Scatter(
                    x=own.iteration,
                    y=own[column].clip(lower=FLOOR),
                    name=f"from '{start}': {what}",
                    mode="lines+markers",
                    line={"color": STARTS[start], "dash": dash, "width": 1.8},
                    marker={"size": 6},
                    customdata=own[["step_size", "period", "station"]],
                    hovertemplate="iteration %{x}: %{y:.1e}<br>step size %{customdata[0]:.2g}<br>"
                    "worst in period %{customdata[1]} at %{customdata[2]}",
                )
            )
    add_line(drawing, tolerance, f"tolerance {tolerance:g}")
    drawing.update_xaxes(title_text="iteration of prices, traffic and dispatch", dtick=1, tick0=1)
    return drawing.update_yaxes(title_text="residual", **POWERS)


def real_time(table: Frame, period_min: float) -> Figure:
    """Return, for each plan, its cost above that of perfect foresight, and the lowest voltage of each period."""
    own = table[table.without == ""]
    drawing = grid(460, 2, 1, shared_xaxes=True, row_heights=[0.5, 0.5], vertical_spacing=0.08)
    known = own[own.plan == "perfect_foresight"].cost_cny.to_numpy()
    for plan, (name, colour) in PLANS.items():
        day = own[own.plan == plan]
        extra = steps(
            day.period, (day.cost_cny.to_numpy() - known).cumsum().round(3), name, colour, legendgroup=plan
        )
        drawing.add_trace(extra, row=1, col=1)
        volts = steps(
            day.period, day.voltage_min_pu.round(6), name, colour, legendgroup=plan, showlegend=False
        )
        drawing.add_trace(volts, row=2, col=1)
    drawing.update_yaxes(title_text="cost above foresight,<br>summed up [CNY]", row=1)
    drawing.update_yaxes(title_text="lowest voltage [p.u.]", row=2)
    return over_periods(drawing, period_min, rows=2)
