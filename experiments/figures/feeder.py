"""One feeder over the day: voltages, dispatch, prices, storage, and the realised load."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cosim.arrays import Frame
from cosim.grid.bus_words import at_bus
from experiments.figures.palette import BLUE, DEVICES, GREEN, INK, LIMIT, MUTED, VERMILION, Look, looks_of
from experiments.figures.style import Figure, figure, over_periods, stacked
from experiments.figures.traces import band, bars, limit, line, steps

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
ALL_BUSES, ONE_BUS, ONE_OF_MANY_STORES = "rgba(86,180,233,.18)", "#aab4bf", "rgba(0,158,115,.35)"


def voltages(
    buses: Frame,
    feeder: Mapping[str, Any],
    period_min: float,
    stations: Mapping[str, tuple[str, Look]] | None = None,
) -> Figure:
    """Return the voltage of each bus within the band of all, and the limits.

    *stations* tells of each bus with stations what it is called and how it looks; if None, it is found out.
    """
    table = buses.pivot_table(index="period", columns="bus", values="voltage_pu", sort=False).round(5)
    table = table.reindex(index=buses.period.unique(), columns=buses.bus.unique())  # all NaN: no power flow
    periods, low, high = table.index, table.min(axis=1), table.max(axis=1)
    drawing = figure(440, yaxis_title_text="voltage, AC power flow [p.u.]")
    drawing.add_traces(band(periods, low, high, "lowest to highest bus", ALL_BUSES))
    named = stations if stations is not None else _served(buses)
    for bus in table.columns.difference(list(named), sort=False):
        hover = f"{at_bus(bus)}, period %{{x}}<br>%{{y:.4f}} p.u.<extra></extra>"
        drawing.add_trace(line(periods, table[bus], None, ONE_BUS, width=0.8, hovertemplate=hover))
    for bus, (name, look) in named.items():
        mark = {"symbol": look.symbol, "size": 6}
        drawing.add_trace(line(periods, table[bus], name, look.colour, width=2.2, marker=mark))
    sides = ((feeder["voltage_min_pu"], "bottom left"), (feeder["voltage_max_pu"], "top left"))
    for value, side in (one for one in sides if one[0] is not None):
        limit(drawing, value, f"limit {value:g} p.u.", side=side)
    return over_periods(drawing, period_min)


def _served(buses: Frame) -> dict[str, tuple[str, Look]]:
    """Return the buses at which stations draw power, by their numbers."""
    most = buses.groupby("bus", sort=False).station_kw.max()
    looks = looks_of(most.index[most > 0])
    return {bus: (f"{at_bus(bus)} (station)", look) for bus, look in looks.items()}


def dispatch(devices: Frame, purchase: Frame, buses: Frame, period_min: float) -> Figure:
    """Return what feeds the feeder, stacked, against base load, stations and losses."""
    drawing = figure(460, barmode="relative", bargap=0.12, yaxis_title_text="power [kW]")
    day = purchase.set_index("period")
    supply = {"purchase": ("purchase", day.purchase_kw)}
    if not devices.empty:
        power = devices.pivot_table(index="period", columns="kind", values="p_kw", aggfunc="sum")
        supply |= {kind: (name, power[kind]) for kind, name in KINDS.items() if kind in power}
    for kind, (name, kw) in supply.items():
        edge = {"color": "white", "width": 0.5}
        drawing.add_trace(bars(kw.index, kw.round(2), name, DEVICES[kind]) | {"marker_line": edge})
    load = buses.groupby("period")[["load_kw", "station_kw"]].sum()
    total = load.load_kw + load.station_kw + day.losses_kw
    drawing.add_trace(steps(load.index, load.load_kw.round(2), "base load", INK, width=1.6, dash="dot"))
    drawing.add_trace(steps(load.index, total.round(2), "base load + stations + losses", INK, width=2.4))
    return over_periods(drawing, period_min)


def prices(prices: Frame, period_min: float, stations: Mapping[str, Look] | None = None) -> Figure:
    """Return the tariff, the nodal prices at the stations, and the charging prices where they differ."""
    drawing = figure(380, yaxis={"title": {"text": "price [CNY/kWh]"}, "rangemode": "tozero"})
    columns = [("nodal_price_cny_per_kwh", "nodal price at {}", "dot")]
    if (prices.charging_price_cny_per_kwh - prices.tariff_cny_per_kwh).abs().max() > 1e-9:
        columns.append(("charging_price_cny_per_kwh", "charging at {}", "solid"))
    tariff = prices.drop_duplicates("period")
    drawing.add_trace(steps(tariff.period, tariff.tariff_cny_per_kwh.round(5), "tariff", INK, width=2.6))
    looks = looks_of(prices.station.unique()) if stations is None else stations
    for station, own in prices.groupby("station", sort=False):
        for column, name, dash in columns:
            price, colour = own[column].round(5), looks[station].colour
            drawing.add_trace(steps(own.period, price, name.format(station), colour, dash=dash))
    return over_periods(drawing, period_min)


def storage(devices: Frame, units: Sequence[Mapping[str, Any]], period_min: float) -> Figure:
    """Return the energy in each storage or V2G charger within its limits, and the power that moves it.

    *units* have a name, and where limits are known soc_min, soc_max, capacity_kwh and maybe connected_pu.
    """
    names = [unit["name"] for unit in units]
    if len(units) > STORES_APART:
        return _stores_together(devices[devices.device.isin(names)], len(names), period_min)
    titles = ("energy at the<br>end [kWh]", "discharge [kW]")
    drawing = _stores(titles, period_min, columns=len(units), column_titles=names if len(names) > 1 else None)
    for column, unit in enumerate(units, start=1):
        own = devices[devices.device == unit["name"]]
        place = {"row": 1, "col": column}
        drawing.add_trace(_energy(own, "energy", GREEN, width=2.2, marker={}), **place)
        for share in [unit[key] for key in ("soc_min", "soc_max") if key in unit]:
            limit_kwh = (
                share * unit["capacity_kwh"] * np.broadcast_to(unit.get("connected_pu", 1.0), len(own))
            )
            name, look = f"SOC {share:g}", {"width": 1.4, "dash": "dash", "showlegend": False}
            drawing.add_trace(steps(own.period, limit_kwh.round(3), name, LIMIT, **look), **place)
            note = {"text": name, "font": {"color": LIMIT, "size": 11}, "showarrow": False}
            drawing.add_annotation(x=1, y=limit_kwh[0], xanchor="left", yanchor="bottom", **note, **place)
        drawing.add_trace(bars(own.period, own.p_kw.round(3), None, GREEN), row=2, col=column)
    return drawing.update_layout(margin={"t": 40})


def _stores_together(stores: Frame, count: int, period_min: float) -> Figure:
    """Return the energy of many stores as thin lines, and what all give and take."""
    drawing = _stores((f"energy of each<br>of {count} [kWh]", "discharge<br>of all [kW]"), period_min)
    for name, own in stores.groupby("device", sort=False):
        drawing.add_trace(_energy(own, name, ONE_OF_MANY_STORES, width=1.2), row=1, col=1)
    total = stores.groupby("period").p_kw.sum()
    return drawing.add_trace(bars(total.index, total.round(3), None, GREEN), row=2, col=1)


def _stores(titles: tuple[str, str], period_min: float, **options: Any) -> Figure:
    drawing = stacked(400, period_min, titles, row_heights=[0.62, 0.38], **options)
    return drawing.update_yaxes(rangemode="tozero", row=1, col=1)


def _energy(own: Frame, name: str, colour: str, **look: Any) -> Any:
    return line(own.period, own.stored_kwh.round(3), name, colour, showlegend=False, **look)


def forecast_error(purchase: Frame, period_min: float) -> Figure:
    """Return the planned and the realised purchase, and their difference."""
    titles = ("purchase [kW]", "realised \N{MINUS SIGN}<br>planned [kW]")
    drawing = stacked(400, period_min, titles, row_heights=[0.6, 0.4])
    period, planned, realised = purchase.period, purchase.purchase_planned_kw, purchase.purchase_kw
    drawing.add_trace(steps(period, realised.round(2), "realised", VERMILION), row=1, col=1)
    drawing.add_trace(steps(period, planned.round(2), "planned", BLUE, dash="dash"), row=1, col=1)
    return drawing.add_trace(bars(period, (realised - planned).round(2), None, MUTED), row=2, col=1)
