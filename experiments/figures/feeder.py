"""One feeder over the day: voltages, dispatch, prices, storage, and the realised load."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from cosim.arrays import Frame
from cosim.grid.bus_words import at_bus
from experiments.figures.style import (
    BLUE,
    DEVICES,
    GREEN,
    INK,
    LIMIT,
    MUTED,
    VERMILION,
    Figure,
    Look,
    figure,
    grid,
    looks_of,
    over_periods,
    steps,
)

STORES_APART = 4
"""Stores up to which each has a panel of its own."""
KINDS = {
    "turbine": "turbine",
    "pv": "PV",
    "wind": "wind",
    "storage": "storage",
    "v2g": "V2G chargers",
    "demand_response": "demand response",
}


def voltages(
    buses: Frame,
    feeder: Mapping[str, Any],
    period_min: float,
    stations: Mapping[str, tuple[str, Look]] | None = None,
) -> Figure:
    """Return the voltage of each bus within the band of all, and the limits.

    *stations* tells of each bus with stations what it is called and how it looks; if None, it is found out.
    """
    drawing = figure(440)
    table = buses.pivot_table(index="period", columns="bus", values="voltage_pu", sort=False).round(5)
    band = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    drawing.add_trace(go.Scatter(x=table.index, y=table.max(axis=1), showlegend=False, **band))
    fill = {"fill": "tonexty", "fillcolor": "rgba(86,180,233,.18)", "name": "lowest to highest bus"}
    drawing.add_trace(go.Scatter(x=table.index, y=table.min(axis=1), **band, **fill))
    named = stations if stations is not None else _served(buses)
    for bus in table.columns.difference(list(named), sort=False):
        hover = {"hovertemplate": f"{at_bus(bus)}, period %{{x}}<br>%{{y:.4f}} p.u.<extra></extra>"}
        line = {"color": "#aab4bf", "width": 0.8}
        drawing.add_trace(
            go.Scatter(x=table.index, y=table[bus], mode="lines", line=line, showlegend=False, **hover)
        )
    for bus, (name, look) in named.items():
        style = {"line": {"color": look.colour, "width": 2.2}, "marker": {"symbol": look.symbol, "size": 6}}
        drawing.add_trace(go.Scatter(x=table.index, y=table[bus], mode="lines+markers", name=name, **style))
    sides = ((feeder["voltage_min_pu"], "bottom left"), (feeder["voltage_max_pu"], "top left"))
    for limit, side in (limit for limit in sides if limit[0] is not None):
        drawing.add_hline(
            y=limit, line={"color": LIMIT, "dash": "dash", "width": 1.5},
            annotation={"text": f"limit {limit:g} p.u.", "font": {"color": LIMIT, "size": 11}},
            annotation_position=side,
        )  # fmt: skip
    over_periods(drawing, period_min)
    return drawing.update_yaxes(title_text="voltage, AC power flow [p.u.]")


def _served(buses: Frame) -> dict[str, tuple[str, Look]]:
    """Return the buses at which stations draw power, by their numbers."""
    most = buses.groupby("bus", sort=False).station_kw.max()
    looks = looks_of(most.index[most > 0])
    return {bus: (f"{at_bus(bus)} (station)", look) for bus, look in looks.items()}


def dispatch(devices: Frame, purchase: Frame, buses: Frame, period_min: float) -> Figure:
    """Return what feeds the feeder, stacked, against base load, stations and losses."""
    drawing = figure(460, barmode="relative", bargap=0.12)
    day = purchase.set_index("period")
    _add_bars(drawing, day.purchase_kw, "purchase", DEVICES["purchase"])
    if not devices.empty:
        power = devices.pivot_table(index="period", columns="kind", values="p_kw", aggfunc="sum")
        for kind in [kind for kind in KINDS if kind in power]:
            _add_bars(drawing, power[kind], KINDS[kind], DEVICES[kind])
    load = buses.groupby("period")[["load_kw", "station_kw"]].sum()
    base = {"width": 1.6, "dash": "dot"}
    drawing.add_trace(steps(load.index, load.load_kw.round(2), "base load", INK, line=base))
    total = (load.load_kw + load.station_kw + day.losses_kw).round(2)
    drawing.add_trace(steps(load.index, total, "base load + stations + losses", INK, line={"width": 2.4}))
    over_periods(drawing, period_min)
    return drawing.update_yaxes(title_text="power [kW]")


def _add_bars(drawing: Figure, power: Any, name: str, colour: str) -> None:
    line = {"color": "white", "width": 0.5}
    drawing.add_trace(
        go.Bar(x=power.index, y=power.round(2), name=name, marker={"color": colour, "line": line})
    )


def prices(prices: Frame, period_min: float, stations: Mapping[str, Look] | None = None) -> Figure:
    """Return the tariff, the nodal prices at the stations, and the charging prices where they differ."""
    drawing = figure(380)
    columns = [("nodal_price_cny_per_kwh", "nodal price at {}", {"dash": "dot"})]
    if (prices.charging_price_cny_per_kwh - prices.tariff_cny_per_kwh).abs().max() > 1e-9:
        columns.append(("charging_price_cny_per_kwh", "charging at {}", {}))
    tariff = prices.drop_duplicates("period")
    drawing.add_trace(
        steps(tariff.period, tariff.tariff_cny_per_kwh.round(5), "tariff", INK, line={"width": 2.6})
    )
    looks = looks_of(prices.station.unique()) if stations is None else stations
    for station, own in prices.groupby("station", sort=False):
        for column, name, line in columns:
            colour = looks[station].colour
            drawing.add_trace(
                steps(own.period, own[column].round(5), name.format(station), colour, line=line)
            )
    over_periods(drawing, period_min)
    return drawing.update_yaxes(title_text="price [CNY/kWh]", rangemode="tozero")


def storage(devices: Frame, units: Sequence[Mapping[str, Any]], period_min: float) -> Figure:
    """Return the energy in each storage or V2G charger within its limits, and the power that moves it.

    *units* have a name, and where limits are known soc_min, soc_max, capacity_kwh and maybe connected_pu.
    """
    if len(units) > STORES_APART:
        return _stores_together(devices, [unit["name"] for unit in units], period_min)
    drawing = grid(
        400, 2, len(units), shared_xaxes=True, row_heights=[0.62, 0.38], vertical_spacing=0.06,
        column_titles=[unit["name"] for unit in units] if len(units) > 1 else None,
    )  # fmt: skip
    for column, unit in enumerate(units, start=1):
        own = devices[devices.device == unit["name"]]
        place = {"row": 1, "col": column}
        energy = {"mode": "lines+markers", "line": {"color": GREEN, "width": 2.2}, "showlegend": False}
        drawing.add_trace(
            go.Scatter(x=own.period, y=own.stored_kwh.round(3), name="energy", **energy), **place
        )
        for share in [unit[key] for key in ("soc_min", "soc_max") if key in unit]:
            limit_kwh = (
                share * unit["capacity_kwh"] * np.broadcast_to(unit.get("connected_pu", 1.0), len(own))
            )
            line = {"color": LIMIT, "dash": "dash", "width": 1.4}
            limit = steps(
                own.period, limit_kwh.round(3), f"SOC {share:g}", LIMIT, line=line, showlegend=False
            )
            drawing.add_trace(limit, **place)
            note = {"text": f"SOC {share:g}", "font": {"color": LIMIT, "size": 11}, "showarrow": False}
            drawing.add_annotation(x=1, y=limit_kwh[0], xanchor="left", yanchor="bottom", **note, **place)
        bars = go.Bar(x=own.period, y=own.p_kw.round(3), marker={"color": GREEN}, showlegend=False)
        drawing.add_trace(bars, row=2, col=column)
    drawing.update_layout(margin={"t": 40})
    drawing.update_yaxes(title_text="energy at the<br>end [kWh]", rangemode="tozero", row=1, col=1)
    drawing.update_yaxes(title_text="discharge [kW]", row=2, col=1)
    return over_periods(drawing, period_min, rows=2)


def _stores_together(devices: Frame, names: Sequence[str], period_min: float) -> Figure:
    """Return the energy of many stores as thin lines, and what all give and take."""
    drawing = grid(400, 2, 1, shared_xaxes=True, row_heights=[0.62, 0.38], vertical_spacing=0.06)
    stores = devices[devices.device.isin(names)]
    line = {"color": "rgba(0,158,115,.35)", "width": 1.2}
    for name, own in stores.groupby("device", sort=False):
        trace = go.Scatter(
            x=own.period, y=own.stored_kwh.round(2), name=name, mode="lines", line=line, showlegend=False
        )
        drawing.add_trace(trace, row=1, col=1)
    total = stores.groupby("period").p_kw.sum()
    bars = go.Bar(x=total.index, y=total.round(3), marker={"color": GREEN}, showlegend=False)
    drawing.add_trace(bars, row=2, col=1)
    drawing.update_yaxes(
        title_text=f"energy of each<br>of {len(names)} [kWh]", rangemode="tozero", row=1, col=1
    )
    drawing.update_yaxes(title_text="discharge<br>of all [kW]", row=2, col=1)
    return over_periods(drawing, period_min, rows=2)


def forecast_error(purchase: Frame, period_min: float) -> Figure:
    """Return the planned and the realised purchase, and their difference."""
    drawing = grid(400, 2, 1, shared_xaxes=True, row_heights=[0.6, 0.4], vertical_spacing=0.06)
    planned, realised = purchase.purchase_planned_kw, purchase.purchase_kw
    dashed = {"dash": "dash"}
    drawing.add_trace(steps(purchase.period, realised.round(2), "realised", VERMILION), row=1, col=1)
    drawing.add_trace(steps(purchase.period, planned.round(2), "planned", BLUE, line=dashed), row=1, col=1)
    difference = go.Bar(
        x=purchase.period, y=(realised - planned).round(2), showlegend=False, marker={"color": MUTED}
    )
    drawing.add_trace(difference, row=2, col=1)
    drawing.update_yaxes(title_text="purchase [kW]", row=1)
    drawing.update_yaxes(title_text="realised \N{MINUS SIGN}<br>planned [kW]", row=2)
    return over_periods(drawing, period_min, rows=2)
