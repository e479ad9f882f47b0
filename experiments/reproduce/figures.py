"""Figures of Ma et al. (2024) that the other pages do not have: flows, stations, searches, tariff, voltages, errors."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.charging_demand import ChargingDemand
from cosim.road.network import Network
from experiments.figures.style import (
    BLUE,
    CYCLE,
    INK,
    LIMIT,
    MUTED,
    VERMILION,
    Figure,
    figure,
    grid,
    over_periods,
)
from experiments.figures.traces import steps

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
    drawing.add_trace(
        go.Heatmap(
            x=np.arange(1, len(flow_veh_h) + 1),
            y=names,
            z=flow_veh_h[:, roads].T.round(2),
            colorscale="Cividis",
            xgap=1,
            ygap=1,
            colorbar={"title": {"text": "veh/h", "font": {"size": 12}}, "thickness": 12, "outlinewidth": 0},
            hovertemplate="%{y}, period %{x}: %{z:.0f} veh/h<extra></extra>",
        )
    )
    over_periods(drawing, HOUR_MIN)
    return drawing.update_yaxes(autorange="reversed", type="category", title_text="road")


def vehicles_at_stations(
    stations: Sequence[str], flow_veh_h: FloatArray, load_kw: FloatArray, charging: ChargingDemand
) -> Figure:
    """Return p_t of Eq. 2, the vehicles that charge at each station per hour, and the load they make (Figure 6)."""
    drawing = grid(600, 3, 1, shared_xaxes=True, vertical_spacing=0.06)
    periods = np.arange(1, len(flow_veh_h) + 1)
    _add_share(drawing, periods, charging)
    for row, (values, unit) in enumerate(((flow_veh_h, "veh/h"), (load_kw, "kW")), start=2):
        for name, own, colour in zip(stations, values.T, CYCLE, strict=False):
            line = steps(periods, own.round(3), name, colour, legendgroup=name, showlegend=row == 2)
            drawing.add_trace(line, row=row, col=1)
        drawing.update_yaxes(title_text=f"charging [{unit}]", rangemode="tozero", row=row, col=1)
    return over_periods(drawing, HOUR_MIN, rows=3)


def _add_share(drawing: Figure, periods: IntArray, charging: ChargingDemand) -> None:
    """Add p_t with its 95 % interval as the first row."""
    bounds = {
        "type": "data",
        "symmetric": False,
        "array": (100 * (charging.charging_share_high - charging.charging_share)).round(4),
        "arrayminus": (100 * (charging.charging_share - charging.charging_share_low)).round(4),
        "color": MUTED,
    }
    share = go.Scatter(
        x=periods,
        y=(100 * charging.charging_share).round(4),
        error_y=bounds,
        mode="markers",
        marker={"color": INK, "size": 6},
        name="p<sub>t</sub> with 95 % interval",
    )
    drawing.add_trace(share, row=1, col=1)
    drawing.update_yaxes(title_text="trips that fast-<br>charge [%]", rangemode="tozero", row=1, col=1)


def path_flows(paths: Sequence[str], panels: Mapping[str, FloatArray]) -> Figure:
    """Return the flow on each path of OD 1 over the iterations, a panel for each start (Figures 7 and 8)."""
    drawing = grid(
        460, 1, len(panels), shared_yaxes=True, horizontal_spacing=0.03, column_titles=list(panels)
    )
    for column, flows in enumerate(panels.values(), start=1):
        for path, own, colour in zip(paths, flows.T, PATH_COLOURS, strict=False):
            line = go.Scatter(
                x=np.arange(len(own)),
                y=own.round(3),
                mode="lines+markers",
                marker={"size": 4},
                line={"color": colour, "width": 1.8},
                name=path,
                legendgroup=path,
                showlegend=column == 1,
                hovertemplate=f"{path}<br>after %{{x}} iterations: %{{y:.1f}} veh/h<extra></extra>",
            )
            drawing.add_trace(line, row=1, col=column)
    drawing.update_layout(legend={"y": -0.16, "yanchor": "top"}, margin={"t": 64, "b": 110})
    drawing.update_xaxes(title_text="iterations")
    return drawing.update_yaxes(title_text="flow [veh/h]", rangemode="tozero", col=1)


def iterations_of_the_day(cold: Sequence[int], warm: Sequence[int]) -> Figure:
    """Return the iterations of each period from both starts."""
    drawing = figure(320, barmode="group", bargap=0.25)
    periods = np.arange(1, len(cold) + 1)
    for name, counts, colour in (
        ("cold: an even split", cold, MUTED),
        ("warm: the period before", warm, VERMILION),
    ):
        drawing.add_trace(go.Bar(x=periods, y=list(counts), name=name, marker={"color": colour}))
    over_periods(drawing, HOUR_MIN)
    return drawing.update_yaxes(title_text="iterations")


def tariffs(load_kw: FloatArray, band_kw: float, dynamic: FloatArray, table: FloatArray) -> Figure:
    """Return the equivalent load with the lines of Eq. 22, and the price it leads to beside Table 1 (Figure 3)."""
    drawing = grid(460, 2, 1, shared_xaxes=True, row_heights=[0.58, 0.42], vertical_spacing=0.07)
    periods = np.arange(1, len(load_kw) + 1)
    drawing.add_trace(steps(periods, load_kw.round(1), "equivalent load", INK), row=1, col=1)
    for side, text in ((1, "high from here"), (-1, "low below")):
        line = {"color": LIMIT, "dash": "dash", "width": 1.4}
        note = {"text": text, "font": {"color": LIMIT, "size": 11}}
        drawing.add_hline(
            y=float(load_kw.mean() + side * band_kw),
            line=line,
            annotation=note,
            annotation_position="top left",
            row=1,
            col=1,
        )
    prices = (("dynamic tariff, Eq. 22", dynamic, VERMILION, "solid"), ("Table 1", table, BLUE, "dash"))
    for name, price, colour, dash in prices:
        line = steps(periods, price.round(4), name, colour, dash=dash, width=2.4)
        drawing.add_trace(line, row=2, col=1)
    drawing.update_yaxes(title_text="load [kW]", rangemode="tozero", row=1, col=1)
    drawing.update_yaxes(title_text="price<br>[CNY/kWh]", rangemode="tozero", row=2, col=1)
    return over_periods(drawing, HOUR_MIN, rows=2)


def lowest_voltages(lowest_pu: Mapping[str, FloatArray], limit_pu: float) -> Figure:
    """Return the lowest voltage of each period: the bare feeder and the dispatched one."""
    drawing = figure(400)
    looks = ((MUTED, "dot"), (INK, "solid"), (VERMILION, "solid"), (BLUE, "dash"))
    for (name, lowest), (colour, dash) in zip(lowest_pu.items(), looks, strict=True):
        periods = np.arange(1, len(lowest) + 1)
        line = {"color": colour, "dash": dash, "width": 2.2}
        drawing.add_trace(
            go.Scatter(x=periods, y=lowest.round(5), name=name, mode="lines+markers", line=line)
        )
    drawing.add_hline(
        y=limit_pu,
        line={"color": LIMIT, "dash": "dash", "width": 1.5},
        annotation={"text": f"limit {limit_pu:g} p.u.", "font": {"color": LIMIT, "size": 11}},
        annotation_position="bottom left",
    )
    over_periods(drawing, HOUR_MIN)
    return drawing.update_yaxes(title_text="lowest voltage [p.u.]")


def with_purchase(drawing: Figure, purchase_kw: FloatArray, name: str) -> Figure:
    """Return *drawing* with one more line of power over the periods."""
    periods = np.arange(1, len(purchase_kw) + 1)
    return drawing.add_trace(steps(periods, purchase_kw.round(1), name, LIMIT, dash="dash"))


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
    for column, error in enumerate(errors.values(), start=1):
        drawing.add_trace(
            go.Heatmap(
                x=np.arange(1, len(error) + 1),
                y=list(branches),
                z=np.log10(np.maximum(error, FLOOR)).T.round(2),
                zmin=-14,
                zmax=-6,
                colorscale="Cividis",
                showscale=column == 1,
                colorbar={
                    "title": {"text": "error<br>[p.u.]", "font": {"size": 12}},
                    "tickvals": [-14, -12, -10, -8, -6],
                    "ticktext": ["≤1e-14", "1e-12", "1e-10", "1e-8", "1e-6"],
                    "thickness": 12,
                    "outlinewidth": 0,
                },
                hovertemplate="branch %{y}, period %{x}: 10^%{z}<extra></extra>",
            ),
            row=1,
            col=column,
        )
    drawing.update_layout(margin={"t": 64, "l": 80})
    drawing.update_xaxes(title_text="period", dtick=4, tick0=4)
    drawing.update_yaxes(type="category", autorange="reversed", tickfont={"size": 10})
    return drawing.update_yaxes(title_text="branch", col=1)
