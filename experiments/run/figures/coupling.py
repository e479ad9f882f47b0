"""The convergence of roads and feeders, and the cost of the forecast error."""

from cosim.arrays import Frame
from experiments.figures.palette import BLUE, GREEN, VERMILION
from experiments.figures.style import Figure, figure, stacked
from experiments.figures.traces import limit, line, steps
from experiments.run.figures.accuracy import FLOOR, powers

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
    drawing = figure(400, yaxis=powers("residual"))
    hover = (
        "iteration %{x}: %{y:.1e}<br>step size %{customdata[0]:.2g}<br>"
        "worst in period %{customdata[1]} at %{customdata[2]}"
    )
    for start, own in iterations.groupby("start", sort=False):
        told = {"customdata": own[["step_size", "period", "station"]], "hovertemplate": hover}
        for column, (what, dash) in RESIDUALS.items():
            name, residual = f"from '{start}': {what}", own[column].clip(lower=FLOOR)
            look = {"width": 1.8, "dash": dash, "marker": {"size": 6}}
            drawing.add_trace(line(own.iteration, residual, name, STARTS[start], **look, **told))
    limit(drawing, tolerance, f"tolerance {tolerance:g}")
    return drawing.update_xaxes(title_text="iteration of prices, traffic and dispatch", dtick=1, tick0=1)


def real_time(table: Frame, period_min: float) -> Figure:
    """Return, for each plan, its cost above that of perfect foresight, and the lowest voltage of each period."""
    titles = ("cost above foresight,<br>summed up [CNY]", "lowest voltage [p.u.]")
    drawing = stacked(460, period_min, titles, vertical_spacing=0.08)
    own = table[table.without == ""]
    known = own[own.plan == "perfect_foresight"].cost_cny.to_numpy()
    for plan, (name, colour) in PLANS.items():
        day = own[own.plan == plan]
        extra = (day.cost_cny.to_numpy() - known).cumsum().round(3)
        drawing.add_trace(steps(day.period, extra, name, colour, legendgroup=plan), row=1, col=1)
        voltage, unlisted = day.voltage_min_pu.round(6), {"legendgroup": plan, "showlegend": False}
        drawing.add_trace(steps(day.period, voltage, name, colour, **unlisted), row=2, col=1)
    return drawing
