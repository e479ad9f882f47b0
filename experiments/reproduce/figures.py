"""Figures of Ma et al. (2024) that the other pages do not have: flows, stations, searches, tariff, voltages, errors."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.charging_demand import ChargingDemand
from cosim.road.network import Network
from experiments.figures.palette import BLUE, CYCLE, INK, LIMIT, MUTED, ORANGE, VERMILION
from experiments.figures.style import Figure, figure, grid, over_periods, side_by_side, stacked
from experiments.figures.traces import bars, heat_map, limit, line, points, steps, whiskers

HOUR_MIN = 60.0
PATH_COLOURS = (*CYCLE, "#8c564b", "#5b6b7b")
MIN_ERROR_PU = 1e-14
"""Lower end of the logarithmic colour scale of relaxation errors."""


def link_flows(network: Network, flow_veh_h: FloatArray) -> Figure:
    """Return the flow on every road in every period, as a heat map (Figure 5)."""
    roads = np.flatnonzero(~network.is_charging)
    table = pd.DataFrame(flow_veh_h[:, roads].T.round(2), columns=_periods(flow_veh_h))
    drawing = figure(22 * len(roads) + 110, margin={"l": 80, "r": 24, "t": 24, "b": 56})
    hover = "%{y}, period %{x}: %{z:.0f} veh/h<extra></extra>"
    drawing.add_trace(
        heat_map(table, road_names(network), "veh/h", hover, colorscale="Cividis", xgap=1, ygap=1)
    )
    over_periods(drawing, HOUR_MIN)
    return drawing.update_yaxes(autorange="reversed", type="category", title_text="road")


def chain_flows(roads: Sequence[str], flows: Mapping[str, FloatArray], used: FloatArray) -> Figure:
    """Return the flow of each road, true, read from its speed and assigned; with its flow over capacity."""
    drawing = figure(400, margin={"l": 64, "r": 24, "t": 56, "b": 64})
    looks = (("line-ew-open", INK, 16), ("circle", ORANGE, 9), ("diamond", BLUE, 9))
    for (name, values), (symbol, colour, size) in zip(flows.items(), looks, strict=True):
        hover = f"road %{{x}}: %{{y:.0f}} veh/h<extra>{name}</extra>"
        look = {"symbol": symbol, "line": {"width": 3 if symbol.startswith("line") else 1, "color": colour}}
        drawing.add_trace(
            points(list(roads), values.round(1), name, colour, size=size, marker=look, hovertemplate=hover)
        )
    ticks = [f"{road}<br>{share:.2f}" for road, share in zip(roads, used, strict=True)]
    title = "road, with its flow over capacity"
    drawing.update_xaxes(type="category", title_text=title, tickvals=list(roads), ticktext=ticks)
    return drawing.update_yaxes(title_text="flow [veh/h]", rangemode="tozero")


def road_names(network: Network) -> list[str]:
    """Return the roads by the names of their ends."""
    return [
        f"{network.nodes[network.from_node[road]]}→{network.nodes[network.to_node[road]]}"
        for road in np.flatnonzero(~network.is_charging)
    ]


def _periods(values: FloatArray | Sequence[int]) -> IntArray:
    """Return the periods of the rows of an array, from 1."""
    return np.arange(1, len(values) + 1)


def vehicles_at_stations(
    stations: Sequence[str], flow_veh_h: FloatArray, load_kw: FloatArray, charging: ChargingDemand
) -> Figure:
    """Return p_t of Eq. 2, and the flow and the load of each station (Figure 6)."""
    titles = ("trips that fast-<br>charge [%]", "charging [veh/h]", "charging [kW]")
    drawing = stacked(600, HOUR_MIN, titles)
    periods = _periods(flow_veh_h)
    drawing.add_trace(_charging_share(periods, charging), row=1, col=1)
    for row, values in enumerate((flow_veh_h, load_kw), start=2):
        for name, series, colour in zip(stations, values.T, CYCLE, strict=False):
            trace = steps(periods, series.round(3), name, colour, legendgroup=name)
            drawing.add_trace(trace | {"showlegend": row == 2}, row=row, col=1)
    return drawing.update_yaxes(rangemode="tozero")


def _charging_share(periods: IntArray, charging: ChargingDemand) -> Any:
    """Return p_t with its 95 % interval [%]."""
    share = charging.charging_share
    low, high = share - charging.charging_share_low, charging.charging_share_high - share
    interval = whiskers((100 * low).round(4), (100 * high).round(4), color=MUTED)
    return points(periods, (100 * share).round(4), "p<sub>t</sub> with 95 % interval", INK, error_y=interval)


def path_flows(paths: Sequence[str], panels: Mapping[str, FloatArray]) -> Figure:
    """Return the flow on each path of OD 1 over the iterations, one panel per start (Figures 7 and 8)."""
    drawing = grid(
        460, 1, len(panels), shared_yaxes=True, horizontal_spacing=0.03, column_titles=list(panels)
    )
    for column, flows in enumerate(panels.values(), start=1):
        for path, series, colour in zip(paths, flows.T, PATH_COLOURS, strict=False):
            hover = f"{path}<br>after %{{x}} iterations: %{{y:.1f}} veh/h<extra></extra>"
            look = {"marker": {"size": 4}, "width": 1.8, "legendgroup": path, "hovertemplate": hover}
            trace = line(np.arange(len(series)), series.round(3), path, colour, **look)
            drawing.add_trace(trace | {"showlegend": column == 1}, row=1, col=column)
    drawing.update_layout(legend={"y": -0.16, "yanchor": "top"}, margin={"t": 64, "b": 110})
    drawing.update_xaxes(title_text="iterations")
    return drawing.update_yaxes(title_text="flow [veh/h]", rangemode="tozero", col=1)


def iterations_of_the_day(cold: Sequence[int], warm: Sequence[int]) -> Figure:
    """Return the iterations of each period from cold and warm starts."""
    drawing = figure(320, barmode="group", bargap=0.25)
    drawing.add_trace(bars(_periods(cold), list(cold), "cold: an even split", MUTED))
    drawing.add_trace(bars(_periods(warm), list(warm), "warm: the period before", VERMILION))
    over_periods(drawing, HOUR_MIN)
    return drawing.update_yaxes(title_text="iterations")


def tariffs(load_kw: FloatArray, band_kw: float, dynamic: FloatArray, table: FloatArray) -> Figure:
    """Return the equivalent load with the thresholds of Eq. 22, and the tariff beside Table 1 (Figure 3)."""
    titles = ("load [kW]", "price<br>[CNY/kWh]")
    drawing = stacked(460, HOUR_MIN, titles, row_heights=[0.58, 0.42], vertical_spacing=0.07)
    periods = _periods(load_kw)
    drawing.add_trace(steps(periods, load_kw.round(1), "equivalent load", INK), row=1, col=1)
    for sign, text in ((1, "high from here"), (-1, "low below")):
        limit(drawing, float(load_kw.mean() + sign * band_kw), text, side="top left", row=1, col=1)
    prices = (("dynamic tariff, Eq. 22", dynamic, VERMILION, "solid"), ("Table 1", table, BLUE, "dash"))
    for name, price, colour, dash in prices:
        trace = steps(periods, price.round(4), name, colour, dash=dash, width=2.4)
        drawing.add_trace(trace, row=2, col=1)
    return drawing.update_yaxes(rangemode="tozero")


def lowest_voltages(lowest_pu: Mapping[str, FloatArray], limit_pu: float) -> Figure:
    """Return the lowest voltage of each period, without devices and dispatched."""
    drawing = figure(400)
    looks = ((MUTED, "dot"), (INK, "solid"), (VERMILION, "solid"), (BLUE, "dash"))
    for (name, lowest), (colour, dash) in zip(lowest_pu.items(), looks, strict=True):
        look = {"dash": dash, "width": 2.2, "marker": {}}
        drawing.add_trace(line(_periods(lowest), lowest.round(5), name, colour, **look))
    limit(drawing, limit_pu, f"limit {limit_pu:g} p.u.", side="bottom left")
    over_periods(drawing, HOUR_MIN)
    return drawing.update_yaxes(title_text="lowest voltage [p.u.]")


def with_purchase(drawing: Figure, purchase_kw: FloatArray, name: str) -> Figure:
    """Add a line of purchased power to *drawing* and return it."""
    return drawing.add_trace(steps(_periods(purchase_kw), purchase_kw.round(1), name, LIMIT, dash="dash"))


def shaded(drawing: Figure, marked: BoolArray) -> Figure:
    """Shade the marked periods of *drawing* and return it."""
    for period in np.flatnonzero(marked) + 1:
        drawing.add_vrect(
            x0=period - 0.5, x1=period + 0.5, fillcolor=VERMILION, opacity=0.09, line_width=0, layer="below"
        )
    return drawing


def relaxation_errors(branches: Sequence[str], errors: Mapping[str, FloatArray]) -> Figure:
    """Return the relaxation error of every branch and period on a log scale, one panel per case (Figure 12)."""
    drawing = side_by_side(560, HOUR_MIN, ("branch",), list(errors), labels=6)
    ticks = {
        "tickvals": [-14, -12, -10, -8, -6],
        "ticktext": ["≤1e-14", "1e-12", "1e-10", "1e-8", "1e-6"],
    }
    hover = "branch %{y}, period %{x}: 10^%{z}<extra></extra>"
    for column, error in enumerate(errors.values(), start=1):
        table = pd.DataFrame(np.log10(np.maximum(error, MIN_ERROR_PU)).T.round(2), columns=_periods(error))
        look = {"zmin": -14, "zmax": -6, "colorscale": "Cividis", "showscale": column == 1}
        trace = heat_map(table, list(branches), "error<br>[p.u.]", hover, **look)
        drawing.add_trace(trace | {"colorbar": ticks}, row=1, col=column)
    drawing.update_layout(margin={"t": 64, "l": 80})
    return drawing.update_yaxes(type="category", autorange="reversed", tickfont={"size": 10})
