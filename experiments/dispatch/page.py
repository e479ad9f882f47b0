"""The page of a dispatch: one file that opens without a network."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cosim.arrays import FloatArray, Frame
from cosim.grid.bus_words import at_bus
from cosim.grid.device import DemandResponse
from cosim.grid.radial import Feeder
from cosim.results import Recorder
from cosim.scenario.feeder_case import FeederCase
from experiments.dispatch.figures import by_bus, demand_response, one_line
from experiments.dispatch.input import DispatchInput
from experiments.dispatch.study import Dispatched
from experiments.figures import feeder
from experiments.figures.style import Figure
from experiments.page import drawn, embedded_all, rendered
from experiments.run.figures import accuracy

LINES_MAX = 120
"""Buses up to which each has its line among the voltages; of more only those at the edge are drawn."""
PRICED_BUSES = 5
LABELS = 24
NO_DEVICES = Recorder().frame("devices")


def page(answer: Dispatched, tables: Mapping[str, Frame]) -> str:
    """Return the page; the same tables give the same bytes."""
    feeders = []
    for case in answer.asked.cases:
        own = {
            name: frame[frame.feeder == case.feeder.name]
            for name, frame in tables.items()
            if name != "violations"
        }
        figures = figures_of(case, own, answer.asked)
        feeders.append((case.feeder, _limits(case.feeder), embedded_all(figures)))
    return rendered(
        "dispatch.html.jinja",
        answer=answer,
        facts=answer.as_json(),
        at_bus=at_bus,
        feeders=feeders,
        periods=len(answer.asked.price_cny_per_kwh),
    )


def _limits(own: Feeder) -> str:
    """Return the voltage limits in words."""
    low, high = own.voltage_min_pu, own.voltage_max_pu
    if isinstance(low, float) and isinstance(high, float):
        return f"the limits {low:g} and {high:g} p.u."
    return "its own limits"


def figures_of(case: FeederCase, own: Mapping[str, Frame], asked: DispatchInput) -> dict[str, Figure]:
    """Return the figures of one feeder; what it does not have is left out."""
    buses, devices, dispatch = own["buses"], own.get("devices", NO_DEVICES), own["dispatch"]
    figures, period_min = {}, 60 * asked.period_h
    if case.feeder.branch_count:
        figures["network"] = drawn(one_line, case.feeder, buses, own["branches"], devices)
    periods = len(dispatch)
    if periods == 1:
        figures["buses"] = drawn(by_bus, case.feeder, buses)
        return figures
    limits = {name: getattr(case.feeder, name) for name in ("voltage_min_pu", "voltage_max_pu")}
    limits = {name: limit if isinstance(limit, float) else None for name, limit in limits.items()}
    over_day = {
        "voltages": drawn(lambda: feeder.voltages(_edges(buses), limits, period_min)),
        "dispatch": drawn(feeder.dispatch, devices, dispatch, buses, period_min),
        "prices": drawn(lambda: feeder.prices(_priced(buses, asked.price_cny_per_kwh), period_min)),
    }
    if stores := _stores(case, periods):
        over_day["storage"] = drawn(feeder.storage, devices, stores, period_min)
    if case.devices.of(DemandResponse):
        over_day["demand_response"] = drawn(demand_response, devices, period_min)
    if "rolling" in own:
        over_day["rolling"] = drawn(feeder.forecast_error, own["rolling"], period_min)
    over_day["exactness"] = drawn(accuracy.exactness, dispatch, period_min)
    over_day["voltages"].update_yaxes(title_text="voltage [p.u.]")
    every = max(1, round(periods / LABELS))
    for drawing in over_day.values():
        drawing.update_xaxes(range=[0.5, periods + 0.5], dtick=every, tick0=every)
        drawing.update_xaxes(title_text=f"period ({period_min:g} min each)", selector=_has_title)
    return figures | over_day


def _stores(case: FeederCase, periods: int) -> list[dict[str, Any]]:
    """Return the devices that store energy with its limits; of vehicles, for the share that is connected."""
    keys = ("name", "soc_min", "soc_max", "capacity_kwh", "connected_pu")
    stores = [
        {key: getattr(device, key) for key in keys if hasattr(device, key)} for device in case.devices.stores
    ]
    for store in stores:
        store["connected_pu"] = store.get("connected_pu", np.ones(periods))[:periods]
    return stores


def _has_title(axis: Any) -> bool:
    return bool(axis.title.text)


def _edges(buses: Frame) -> Frame:
    """Return the buses to draw: all, or where there are many those that are lowest or highest at some time."""
    if buses.bus.nunique() <= LINES_MAX:
        return buses
    per_period = buses.reset_index(drop=True).groupby("period").voltage_pu
    edge = [*per_period.idxmin(), *per_period.idxmax()]
    named = set(buses.reset_index(drop=True).bus[edge]) | set(buses.bus[buses.station_kw > 0])
    return buses[buses.bus.isin(named)]


def _priced(buses: Frame, tariff_cny_per_kwh: FloatArray) -> Frame:
    """Return the prices of the buses with stations, or else of those with the highest and the lowest price."""
    served = buses.groupby("bus", sort=False).station_kw.max()
    named = served[served > 0].index.tolist()[:PRICED_BUSES]
    if not named:
        mean = buses.groupby("bus", sort=False).nodal_price_cny_per_kwh.mean()
        named = list(dict.fromkeys([mean.idxmax(), mean.idxmin()]))
    shown = buses[buses.bus.isin(named)]
    tariff = tariff_cny_per_kwh[shown.period - 1]
    return pd.DataFrame(
        {
            "period": shown.period,
            "station": shown.bus.map(at_bus),
            "tariff_cny_per_kwh": tariff,
            "nodal_price_cny_per_kwh": shown.nodal_price_cny_per_kwh,
            "charging_price_cny_per_kwh": tariff,
        }
    )
