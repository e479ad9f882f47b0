"""Two samples as figures: indicators of causes, stations and feeders by period, error against N."""

import numpy as np

from cosim.arrays import FloatArray, Frame
from experiments.figures.palette import AGENTS, EQUILIBRIUM, INK, LIMIT, MUTED, VERMILION
from experiments.figures.style import Figure, figure, over_periods, side_by_side
from experiments.figures.traces import Trace, band, bars, heat_map, line, points, steps

BAND = "rgba(213,94,0,.18)"
SIDE_BY_SIDE = 4
STATION_QUANTITIES = {
    "ev_veh_h": "EVs by departure [veh/h]",
    "load_kw": "load [kW]",
    "wait_min": "wait [min]",
}
FEEDER_QUANTITIES = {"purchase_kw": "purchase [kW]", "losses_kw": "losses [kW]"}
FLOOR = 1e-3
"""What is drawn of a indicator that is smaller, relative to its threshold."""


def indicator_strength(causes: Frame) -> Figure:
    """Return the effect of each indicator over its threshold, on a log scale; beyond 1 it separates the samples."""
    counted = causes[causes.threshold.notna()][::-1]
    # what counts from the first case on has a threshold of zero: one case is drawn as ten times that
    ratio = counted.effect / counted.threshold.where(counted.threshold > 0, 0.1)
    drawing = figure(90 + 34 * len(counted), margin={"l": 420, "r": 24, "t": 30, "b": 56})
    length, labels = np.log10(np.maximum(ratio, FLOOR) / FLOOR), counted.cause + ": " + counted.indicator
    colours = [VERMILION if present else MUTED for present in counted.present]
    told = {"text": counted.sentence, "textposition": "none", "hovertemplate": "%{text}<extra></extra>"}
    drawing.add_trace(bars(length, labels, None, colours, base=np.log10(FLOOR), orientation="h", **told))
    drawing.add_vline(x=0, line={"color": LIMIT, "dash": "dash", "width": 1.5})
    ticks = list(range(-3, 6))
    drawing.update_xaxes(
        title_text="effect / threshold", tickvals=ticks, ticktext=[f"{10.0**tick:g}" for tick in ticks]
    )
    return drawing


def stations(differences: Frame, names: tuple[str, str], period_min: float) -> list[Figure]:
    """Return flow, load and wait of each station in both samples, four stations a figure."""
    own = differences[differences.kind == "station"]
    items = list(dict.fromkeys(own.item))
    groups = [items[start : start + SIDE_BY_SIDE] for start in range(0, len(items), SIDE_BY_SIDE)]
    return [_columns(own, group, STATION_QUANTITIES, names, period_min) for group in groups]


def feeders(differences: Frame, names: tuple[str, str], period_min: float) -> list[Figure]:
    """Return purchase and losses of each feeder in both samples."""
    own = differences[differences.kind == "feeder"]
    items = list(dict.fromkeys(own.item))
    return [_columns(own, [item], FEEDER_QUANTITIES, names, period_min) for item in items]


def _columns(
    rows: Frame, items: list[str], quantities: dict[str, str], names: tuple[str, str], period_min: float
) -> Figure:
    height, titles = 120 + 170 * len(quantities), list(quantities.values())
    labels = 24 if len(items) == 1 else 6
    drawing = side_by_side(height, period_min, titles, items, labels=labels)
    for row, quantity in enumerate(quantities, start=1):
        shown = rows[rows.item.isin(items) & (rows.quantity == quantity)]
        for column, item in enumerate(items, start=1):
            own = shown[shown.item == item].sort_values("period")
            traces = _two_lines(own, names, labelled=row == column == 1)
            drawing.add_traces(traces, rows=row, cols=column)
        top = float(np.nanmax(shown[["reference", "other"]].to_numpy(), initial=0.0))
        drawing.update_yaxes(range=[0, 1.25 * max(top, 0.1)], row=row)  # a band may be cut off, a line not
    return drawing.update_layout(legend={"y": 1.05}, margin={"t": 96})


def _two_lines(own: Frame, names: tuple[str, str], *, labelled: bool) -> list[Trace]:
    """Return the reference's line, the other's, and the band of the difference laid on the reference."""
    traces = [
        steps(own.period, values.round(4), name, colour, legendgroup=name, showlegend=labelled)
        for values, name, colour in ((own.reference, names[0], EQUILIBRIUM), (own.other, names[1], AGENTS))
    ]
    if own.low.isna().all():
        return traces
    name = "95 % band over replications" if labelled else None
    low, high = own.reference + own.low, own.reference + own.high
    return [*band(own.period, low, high, name, BAND, draw=steps), *traces]


def voltages(differences: Frame, period_min: float) -> Figure:
    """Return the difference of voltages by bus and period, as a heat map."""
    own = differences[(differences.kind == "bus") & (differences.quantity == "voltage_pu")]
    own = own[own.difference.notna()]  # a bus that only one sample has shows none
    order = list(dict.fromkeys(own.item))
    table = own.pivot_table(index="item", columns="period", values="difference").loc[order]
    largest = max(float(np.abs(table.to_numpy()).max()), 1e-9)
    drawing = figure(max(260, 16 * len(table) + 110), margin={"l": 90, "r": 24, "t": 30, "b": 56})
    scale = {"colorscale": "RdBu", "zmin": -largest, "zmax": largest}
    hover = "bus %{y}<br>period %{x}<br>%{z:.5f} p.u.<extra></extra>"
    drawing.add_trace(heat_map(table, order, "p.u.", hover, **scale))
    over_periods(drawing, period_min)
    return drawing.update_yaxes(title_text="bus", autorange="reversed", type="category")


def error_against_n(table: Frame, slope: float) -> Figure:
    """Return the error of every replication by population size, with its mean and the line of slope -1/2."""
    drawing = figure(460)
    mean = table.groupby("evs").relative_error.mean()
    sizes: FloatArray = mean.index.to_numpy(dtype=float)
    drawing.add_trace(
        points(table.evs, table.relative_error, "one population", AGENTS, marker={"opacity": 0.45})
    )
    drawing.add_trace(line(sizes, mean.to_numpy(), f"mean, slope {slope:.3f}", AGENTS, marker={"size": 9}))
    ideal = mean.iloc[0] * np.sqrt(sizes[0] / sizes)
    drawing.add_trace(line(sizes, ideal, "slope \N{MINUS SIGN}1/2", INK, width=1.5, dash="dash"))
    drawing.update_xaxes(title_text="EVs", type="log", dtick=1)
    return drawing.update_yaxes(
        title_text="error of EV flows, relative", type="log", exponentformat="power", dtick=1
    )
