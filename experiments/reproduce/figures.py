"""Figures of Ma et al. (2024) that the other pages do not have: flows, stations, searches, tariff, voltages, errors."""

from collections.abc import Mapping, Sequence

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.charging_demand import ChargingDemand
from cosim.road.network import Network
from experiments.figures.palette import BLUE, CYCLE, INK, LIMIT, MUTED, VERMILION
from experiments.figures.style import Figure, colourbar_beside, figure, grid, over_periods, stacked
from experiments.figures.traces import Trace, bars, heat_map, limit, line, points, steps, whiskers

HOUR_MIN = 60.0
PATH_COLOURS = (*CYCLE, "#8c564b", "#5b6b7b")
FLOOR = 1e-14


def link_flows(network: Network, flow_veh_h: FloatArray) -> Figure:
    """Return the flow on every road in every period, as a heat map (Figure 5)."""
    roads = np.flatnonzero(~network.is_charging)
    names = [
        f"{network.nodes[network.from_node[road]]}→{network.nodes[network.to_node[road]]}" for road in roads
    ]
    drawing = figure(22 * len(roads) + 110, margin={"l": 80, "r": 24, "t": 24, "b": 56})
    hover = "%{y}, period %{x}: %{z:.0f} veh/h<extra></extra>"
    look = {"colorscale": "Cividis", "xgap": 1, "ygap": 1}
    values = flow_veh_h[:, roads].T.round(2)
    drawing.add_trace(heat_map(_periods(flow_veh_h), names, values, "veh/h", hover, **look))
    over_periods(drawing, HOUR_MIN)
    return drawing.update_yaxes(autorange="reversed", type="category", title_text="road")


def vehicles_at_stations(
    stations: Sequence[str], flow_veh_h: FloatArray, load_kw: FloatArray, charging: ChargingDemand
) -> Figure:
    """Return p_t of Eq. 2, the vehicles that charge at each station per hour, and the load they make (Figure 6)."""
    titles = ("trips that fast-<br>charge [%]", "charging [veh/h]", "charging [kW]")
    drawing = stacked(600, HOUR_MIN, titles).update_yaxes(rangemode="tozero")
    periods = _periods(flow_veh_h)
    drawing.add_trace(_share(periods, charging), row=1, col=1)
    for row, values in enumerate((flow_veh_h, load_kw), start=2):
        for name, own, colour in zip(stations, values.T, CYCLE, strict=False):
            legend = {"legendgroup": name, "showlegend": row == 2}
            drawing.add_trace(steps(periods, own.round(3), name, colour, **legend), row=row, col=1)
    return drawing


def _periods(values: FloatArray | Sequence[int]) -> IntArray:
    return np.arange(1, len(values) + 1)


def _share(periods: IntArray, charging: ChargingDemand) -> Trace:
    """Return p_t with its 95 % interval."""
    share, low, high = (
        100 * charging.charging_share,
        100 * charging.charging_share_low,
        100 * charging.charging_share_high,
    )
    bounds = whiskers((share - low).round(4), (high - share).round(4), color=MUTED)
    return points(periods, share.round(4), "p<sub>t</sub> with 95 % interval", INK, error_y=bounds)


def path_flows(paths: Sequence[str], panels: Mapping[str, FloatArray]) -> Figure:
    """Return the flow on each path of OD 1 over the iterations, a panel for each start (Figures 7 and 8)."""
    drawing = grid(
        460, 1, len(panels), shared_yaxes=True, horizontal_spacing=0.03, column_titles=list(panels)
    )
    for column, flows in enumerate(panels.values(), start=1):
        for path, own, colour in zip(paths, flows.T, PATH_COLOURS, strict=False):
            hover = f"{path}<br>after %{{x}} iterations: %{{y:.1f}} veh/h<extra></extra>"
            legend = {"legendgroup": path, "showlegend": column == 1, "hovertemplate": hover}
            look = {"width": 1.8, "marker": {"size": 4}}
            course = line(np.arange(len(own)), own.round(3), path, colour, **look, **legend)
            drawing.add_trace(course, row=1, col=column)
    drawing.update_layout(legend={"y": -0.16, "yanchor": "top"}, margin={"t": 64, "b": 110})
    drawing.update_xaxes(title_text="iterations")
    return drawing.update_yaxes(title_text="flow [veh/h]", rangemode="tozero", col=1)


def iterations_of_the_day(cold: Sequence[int], warm: Sequence[int]) -> Figure:
    """Return the iterations of each period from both starts."""
    drawing = figure(320, barmode="group", bargap=0.25, yaxis_title_text="iterations")
    drawing.add_trace(bars(_periods(cold), list(cold), "cold: an even split", MUTED))
    drawing.add_trace(bars(_periods(warm), list(warm), "warm: the period before", VERMILION))
    return over_periods(drawing, HOUR_MIN)


def tariffs(load_kw: FloatArray, band_kw: float, dynamic: FloatArray, table: FloatArray) -> Figure:
    """Return the equivalent load with the lines of Eq. 22, and the price it leads to beside Table 1 (Figure 3)."""
    titles, heights = ("load [kW]", "price<br>[CNY/kWh]"), [0.58, 0.42]
    drawing = stacked(460, HOUR_MIN, titles, row_heights=heights, vertical_spacing=0.07)
    drawing.update_yaxes(rangemode="tozero")
    periods, mean_kw = _periods(load_kw), float(load_kw.mean())
    drawing.add_trace(steps(periods, load_kw.round(1), "equivalent load", INK), row=1, col=1)
    limit(drawing, mean_kw + band_kw, "high from here", side="top left", row=1, col=1)
    limit(drawing, mean_kw - band_kw, "low below", side="top left", row=1, col=1)
    prices = (("dynamic tariff, Eq. 22", dynamic, VERMILION, "solid"), ("Table 1", table, BLUE, "dash"))
    for name, price, colour, dash in prices:
        drawn = steps(periods, price.round(4), name, colour, dash=dash, width=2.4)
        drawing.add_trace(drawn, row=2, col=1)
    return drawing


def lowest_voltages(lowest_pu: Mapping[str, FloatArray], limit_pu: float) -> Figure:
    """Return the lowest voltage of each period: the bare feeder and the dispatched one."""
    drawing = figure(400, yaxis_title_text="lowest voltage [p.u.]")
    looks = ((MUTED, "dot"), (INK, "solid"), (VERMILION, "solid"), (BLUE, "dash"))
    for (name, lowest), (colour, dash) in zip(lowest_pu.items(), looks, strict=True):
        look = {"width": 2.2, "dash": dash, "marker": {}}
        drawing.add_trace(line(_periods(lowest), lowest.round(5), name, colour, **look))
    limit(drawing, limit_pu, f"limit {limit_pu:g} p.u.", side="bottom left")
    return over_periods(drawing, HOUR_MIN)


def with_purchase(drawing: Figure, purchase_kw: FloatArray, name: str) -> Figure:
    """Return *drawing* with one more line of power over the periods."""
    return drawing.add_trace(steps(_periods(purchase_kw), purchase_kw.round(1), name, LIMIT, dash="dash"))


def shaded(drawing: Figure, marked: BoolArray) -> Figure:
    """Return *drawing* with the marked periods shaded."""
    for period in np.flatnonzero(marked) + 1:
        drawing.add_vrect(
            x0=period - 0.5, x1=period + 0.5, fillcolor=VERMILION, opacity=0.09, line_width=0, layer="below"
        )
    return drawing


def relaxation_errors(branches: Sequence[str], errors: Mapping[str, FloatArray]) -> Figure:
    """Return the relaxation error of every branch and period on a log scale, a panel for each case (Figure 12)."""
    drawing = grid(
        560, 1, len(errors), shared_yaxes=True, horizontal_spacing=0.03, column_titles=list(errors)
    )
    powers = {"tickvals": [-14, -12, -10, -8, -6], "ticktext": ["≤1e-14", "1e-12", "1e-10", "1e-8", "1e-6"]}
    bar = {**colourbar_beside("error<br>[p.u.]"), **powers}
    hover = "branch %{y}, period %{x}: 10^%{z}<extra></extra>"
    for column, error in enumerate(errors.values(), start=1):
        power = np.log10(np.maximum(error, FLOOR)).T.round(2)
        scale = {"zmin": -14, "zmax": -6, "colorscale": "Cividis", "showscale": column == 1, "colorbar": bar}
        own = heat_map(_periods(error), list(branches), power, "", hover, **scale)
        drawing.add_trace(own, row=1, col=column)
    drawing.update_layout(margin={"t": 64, "l": 80})
    drawing.update_xaxes(title_text="period", dtick=4, tick0=4)
    drawing.update_yaxes(type="category", autorange="reversed", tickfont={"size": 10})
    return drawing.update_yaxes(title_text="branch", col=1)
