"""What a forecast error costs: the day planned ahead, dispatched anew every period, and known beforehand.

All three serve the realised load. In each period the set-points of the plan in force are held and the slack bus
takes the difference, so that costs and voltages can be set side by side. The day ahead was planned by the equilibrium,
and the agents' operators dispatched it anew: only what nobody has solved yet is solved here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np

from cosim.arrays import FloatArray, Frame, IntArray
from cosim.errors import SolverError
from cosim.grid.device import DemandResponse, Device, Storage
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder
from cosim.grid.flow import PowerFlow
from cosim.grid.operation import period_cost_cny
from cosim.grid.problem import Horizon
from cosim.grid.solution import Dispatch
from cosim.grid.sweep import sweep_power_flow
from cosim.results import Recorder
from cosim.scenario import FeederCase, Scenario

PLANS = ("day_ahead", "re_dispatch", "perfect_foresight")
VOLTAGE_TOLERANCE_PU = 1e-6
"""Less than this outside a limit is rounding."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loads:
    """Station loads of a day [kW], (periods, stations), and the tariff it is dispatched at."""

    day_ahead_kw: FloatArray
    """Expected the day before."""
    realised_kw: FloatArray
    tariff_cny_per_kwh: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Realised:
    """The periods of a feeder's day under one plan, with the realised load: one value for each."""

    status: tuple[str, ...]
    cost_cny: FloatArray
    purchase_kw: FloatArray
    losses_kw: FloatArray
    voltage_min_pu: FloatArray
    voltage_max_pu: FloatArray
    outside_limits: IntArray
    """Buses whose voltage is outside its limits."""


def real_time_table(
    scenario: Scenario, loads: Loads, day_ahead: tuple[Dispatch, ...], operated: Mapping[str, Frame]
) -> Frame:
    """Return the table ``real_time``: each feeder's day under each plan, and under the best one without some units.

    *day_ahead* are the dispatches that were planned for the feeders; *operated* are the tables of those who
    dispatched anew.
    """
    recorder = Recorder()
    for case, planned in zip(scenario.feeders, day_ahead, strict=True):
        add = partial(_record, recorder, scenario, case)
        add("day_ahead", realise(scenario, case, loads, planned, loads.day_ahead_kw))
        add("re_dispatch", as_operated(case.feeder, operated))
        for without, reduced in variants(case):
            known = foreseen(scenario, reduced, loads)
            add("perfect_foresight", realise(scenario, reduced, loads, known, loads.realised_kw), without)
    return recorder.frame("real_time")


def _record(
    recorder: Recorder, scenario: Scenario, case: FeederCase, plan: str, day: Realised, without: str = ""
) -> None:
    recorder.add(
        "real_time",
        day=1,
        period=np.arange(1, scenario.periods.count + 1),
        feeder=case.feeder.name,
        plan=plan,
        without=without,
        **{field.name: getattr(day, field.name) for field in fields(day)},
    )


def as_operated(feeder: Feeder, tables: Mapping[str, Frame]) -> Realised:
    """Return the feeder's first day as its operator made it, period by period, from the tables."""
    own, buses = (
        table[(table.day == 1) & (table.feeder == feeder.name)]
        for table in (tables["dispatch"], tables["buses"])
    )
    periods = len(own)
    return Realised(
        status=tuple(own.status),
        outside_limits=_outside_limits(feeder, buses.voltage_pu.to_numpy().reshape(periods, -1)),
        **{
            name: own[name].to_numpy()
            for name in ("cost_cny", "purchase_kw", "losses_kw", "voltage_min_pu", "voltage_max_pu")
        },
    )


def variants(case: FeederCase) -> Iterator[tuple[str, FeederCase]]:
    """Yield the feeder as it is, and without each of the units that shift energy in time, by name."""
    yield "", case
    kinds: dict[str, type[Device]] = {"storage": Storage, "demand response": DemandResponse}
    for name, kind in kinds.items():
        if case.devices.of(kind):
            yield name, replace(case, devices=case.devices.without(kind))


def realise(
    scenario: Scenario, case: FeederCase, loads: Loads, dispatch: Dispatch, expected_kw: FloatArray
) -> Realised:
    """Return the feeder's day if *dispatch*, planned on the station loads *expected_kw*, is carried out blindly."""
    realised_kw, planned_kw = (
        case.load(scenario.stations, kw).station_kw for kw in (loads.realised_kw, expected_kw)
    )
    before_stations_kw = dispatch.injection_kw + planned_kw - dispatch.station_shed_kw
    flow = _power_flow(case.feeder, before_stations_kw - realised_kw, dispatch.injection_kvar)
    bought_kw = flow.slack_kw if case.rules.export else np.maximum(flow.slack_kw, 0.0)
    return Realised(
        status=(dispatch.status,) * scenario.periods.count,
        cost_cny=np.array(
            [
                period_cost_cny(case.devices, dispatch, row, bought, price)
                for row, (bought, price) in enumerate(
                    zip(bought_kw.tolist(), loads.tariff_cny_per_kwh.tolist(), strict=True)
                )
            ]
        ),
        purchase_kw=flow.slack_kw,
        losses_kw=flow.losses_kw,
        voltage_min_pu=flow.voltage_pu.min(axis=1),
        voltage_max_pu=flow.voltage_pu.max(axis=1),
        outside_limits=_outside_limits(case.feeder, flow.voltage_pu),
    )


def foreseen(scenario: Scenario, case: FeederCase, loads: Loads) -> Dispatch:
    """Return the dispatch of the day with the realised load known beforehand."""
    load = case.load(scenario.stations, loads.realised_kw)
    horizon = Horizon(period_h=scenario.periods.hours)
    return solve_dispatch(case.feeder, case.devices, load, loads.tariff_cny_per_kwh, horizon, case.rules)


def _power_flow(feeder: Feeder, injection_kw: FloatArray, injection_kvar: FloatArray) -> PowerFlow:
    """Return the AC power flow of all periods; NaN in those that have none."""
    try:
        return sweep_power_flow(feeder, injection_kw, injection_kvar)
    except SolverError:
        rows = [_one_period(feeder, p, q) for p, q in zip(injection_kw, injection_kvar, strict=True)]
        names = [field.name for field in fields(PowerFlow)]
        return PowerFlow(**{name: np.array([getattr(row, name) for row in rows]) for name in names})


def _one_period(feeder: Feeder, injection_kw: FloatArray, injection_kvar: FloatArray) -> PowerFlow:
    try:
        return sweep_power_flow(feeder, injection_kw, injection_kvar)
    except SolverError:
        level = sweep_power_flow(feeder, 0.0 * injection_kw, 0.0 * injection_kvar)
        return PowerFlow(**{field.name: getattr(level, field.name) * np.nan for field in fields(PowerFlow)})


def _outside_limits(feeder: Feeder, voltage_pu: FloatArray) -> IntArray:
    outside_pu = np.maximum(feeder.voltage_min_pu - voltage_pu, voltage_pu - feeder.voltage_max_pu)
    outside_pu[:, feeder.slack_buses] = 0.0
    buses: IntArray = np.count_nonzero(outside_pu > VOLTAGE_TOLERANCE_PU, axis=1)
    return buses
