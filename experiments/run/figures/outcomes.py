"""Outcomes of the day: driving, waits and costs of EVs; revenue, use and unserved energy of stations."""

import numpy as np

from cosim.arrays import FloatArray, Frame
from experiments.figures.palette import AGENTS, INK
from experiments.figures.style import Figure, grid, over_periods
from experiments.figures.traces import bars, steps
from experiments.run.figures.day import Day

BINS = 40
MANY = 12
"""Stations beyond which their names stand upright."""
OF_EVS = {
    "drive_min": "driving [min]",
    "wait_min": "wait for a charger [min]",
    "cost_cny": "money and time [CNY]",
}
OF_PERIODS = {
    "drive_min": "driving per trip [min]",
    "wait_min": "wait per charging trip [min]",
    "price": "price paid [CNY/kWh]",
}
OF_STATIONS = {
    "revenue_cny": "revenue [CNY]",
    "utilisation": "power used [% of its limit]",
    "unserved_kwh": "largest unserved<br>energy [kWh]",
}


def outcomes(day: Day) -> list[Figure]:
    """Return the outcomes of EVs, where the agents ran, and those of stations in each model."""
    evs = day.agents("ev_days", [*OF_EVS, "charges"])
    if len(evs):
        return [distributions(evs), of_stations(day)]
    totals = day.agents("evs")
    return [*([over_the_day(totals, day.period_min)] if len(totals) else []), of_stations(day)]


def distributions(evs: Frame) -> Figure:
    """Return the shares of EVs by driving time, wait and cost of their day; waits are of those that charged."""
    drawing = grid(330, 1, len(OF_EVS), horizontal_spacing=0.06)
    for column, (quantity, title) in enumerate(OF_EVS.items(), start=1):
        own = evs[evs.charges > 0] if quantity == "wait_min" else evs
        whose = "EVs that charged" if quantity == "wait_min" else "EVs that drove"
        drawing.update_xaxes(title_text=title, row=1, col=column)
        drawing.update_yaxes(title_text=f"share of {len(own):,} {whose} [%]", row=1, col=column)
        if len(own):
            _add_histogram(drawing, own[quantity].to_numpy(), column)
    return drawing.update_layout(showlegend=False, bargap=0.04, margin={"t": 48})


def _add_histogram(drawing: Figure, values: FloatArray, column: int) -> None:
    """Draw the shares by bins; a page that held the values of all EVs would be too large to mail."""
    top = max(float(values.max()), 1.0)
    counts, edges = np.histogram(values, BINS, range=(min(float(values.min()), 0.0), top))
    middle, width = (edges[:-1] + edges[1:]) / 2, float(edges[1] - edges[0])
    share = (100 * counts / len(values)).round(3)
    hover = "about %{x:.4g}: %{y:.2f} % of the EVs<extra></extra>"
    drawing.add_trace(
        bars(middle.round(4), share, None, AGENTS, width=width, hovertemplate=hover), row=1, col=column
    )
    for quantile, part, side in ((0.5, "half", "top right"), (0.95, "95 %", "bottom right")):
        value = float(np.quantile(values, quantile))
        note = {"annotation": {"text": f"{part} at most {value:.3g}"}, "annotation_position": side}
        drawing.add_vline(value, line={"color": INK, "dash": "dash", "width": 1.2}, **note, row=1, col=column)


def over_the_day(totals: Frame, period_min: float) -> Figure:
    """Return the means of each period, where no table tells of single EVs."""
    rows = totals.assign(price=totals.paid_cny / totals.fast_charge_kwh.where(totals.fast_charge_kwh > 0))
    drawing = grid(330, 1, len(OF_PERIODS), horizontal_spacing=0.06)
    for column, (quantity, title) in enumerate(OF_PERIODS.items(), start=1):
        mean = steps(rows.period, rows[quantity].round(4), title, AGENTS, showlegend=False)
        drawing.add_trace(mean, row=1, col=column)
        drawing.update_yaxes(title_text=title, rangemode="tozero", row=1, col=column)
    over_periods(drawing, period_min, labels=6)
    return drawing.update_layout(margin={"t": 48})


def of_stations(day: Day) -> Figure:
    """Return revenue, the mean share of its power in use and the most unserved energy of each station, by model."""
    drawing = grid(520, len(OF_STATIONS), 1, shared_xaxes=True, vertical_spacing=0.05)
    for table, model, colour in day.by_model("stations"):
        found = table.groupby("station").agg(
            revenue_cny=("revenue_cny", "sum"),
            utilisation=("energy_utilisation", "mean"),
            unserved_kwh=("unserved_kwh", "max"),
        )
        found = found.loc[list(day.stations)].assign(utilisation=100 * found.utilisation)
        for row, quantity in enumerate(OF_STATIONS, start=1):
            legend = {"legendgroup": model, "showlegend": row == 1}
            own = bars(found.index, found[quantity].round(3), model, colour, **legend)
            drawing.add_trace(own, row=row, col=1)
    for row, title in enumerate(OF_STATIONS.values(), start=1):
        drawing.update_yaxes(title_text=title, rangemode="tozero", row=row, col=1)
    angle = -90 if len(day.stations) > MANY else 0
    drawing.update_xaxes(title_text="station", tickangle=angle, type="category", row=len(OF_STATIONS), col=1)
    return drawing.update_layout(barmode="group", legend={"y": 1.03})
