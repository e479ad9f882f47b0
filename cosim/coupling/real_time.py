"""The cost of a forecast error: a day under the day-ahead plan, under re-dispatch, and with perfect foresight.

All three serve the realised load. In each period the set-points of the plan are held and the slack bus balances the
difference, so that costs and voltages can be compared. The day-ahead plan is that of the equilibrium, the re-dispatch
that of the agents' operators; only the dispatch with perfect foresight is solved here.
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
from cosim.grid.in_service import ALL_IN_SERVICE, InService
from cosim.grid.operation import carried_out, period_cost_cny
from cosim.grid.problem import Horizon
from cosim.grid.solution import Dispatch
from cosim.grid.sweep import sweep_power_flow
from cosim.results import Recorder
from cosim.scenario import FeederCase, Scenario

PLANS = ("day_ahead", "re_dispatch", "perfect_foresight")
VOLTAGE_TOLERANCE_PU = 1e-6
"""Excess of a voltage over its limit that is rounding."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loads:
    """Station loads of a day [kW], (periods, stations), and the tariff it is dispatched at."""

    day_ahead_kw: FloatArray
    """Load expected by the day-ahead plan."""
    realised_kw: FloatArray
    tariff_cny_per_kwh: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Realised:
    """A feeder's day under one plan, with the realised load: one value for each period."""

    status: tuple[str, ...]
    cost_cny: FloatArray
    purchase_kw: FloatArray
    losses_kw: FloatArray
    voltage_min_pu: FloatArray
    voltage_max_pu: FloatArray
    outside_limits: IntArray
    """Number of buses whose voltage is outside its limits."""


def real_time_table(
    scenario: Scenario, loads: Loads, day_ahead: tuple[Dispatch, ...], operated: Mapping[str, Frame]
) -> Frame:
    """Return the table ``real_time``: each feeder's day under each plan, and with foresight without some devices.

    *day_ahead* are the day-ahead dispatches of the feeders, *operated* the tables of the agents.
    """
    recorder = Recorder()
    for case, planned in zip(scenario.feeders, day_ahead, strict=True):
        add = partial(_record, recorder, scenario, case)
        known = case.outages.planned()
        add("day_ahead", realise(scenario, case, loads, planned, loads.day_ahead_kw, known))
        add("re_dispatch", as_operated(case.feeder, operated))
        for without, reduced in variants(case):
            dispatch, known = foreseen(scenario, reduced, loads), reduced.outages.actual()
            day = realise(scenario, reduced, loads, dispatch, loads.realised_kw, known)
            add("perfect_foresight", day, without)
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
    """Return the feeder's first day under re-dispatch by its operator, from the tables of the agents."""
    dispatch, buses = (
        table[(table.day == 1) & (table.feeder == feeder.name)]
        for table in (tables["dispatch"], tables["buses"])
    )
    periods = len(dispatch)
    return Realised(
        status=tuple(dispatch.status),
        outside_limits=_outside_limits(feeder, buses.voltage_pu.to_numpy().reshape(periods, -1)),
        **{
            name: dispatch[name].to_numpy()
            for name in ("cost_cny", "purchase_kw", "losses_kw", "voltage_min_pu", "voltage_max_pu")
        },
    )


def variants(case: FeederCase) -> Iterator[tuple[str, FeederCase]]:
    """Yield the feeder as it is, then without each kind of device that shifts energy in time, with the kind's name."""
    yield "", case
    kinds: dict[str, type[Device]] = {"storage": Storage, "demand response": DemandResponse}
    for name, kind in kinds.items():
        if case.devices.of(kind):
            yield name, replace(case, devices=case.devices.without(kind))


def realise(
    scenario: Scenario,
    case: FeederCase,
    loads: Loads,
    dispatch: Dispatch,
    expected_kw: FloatArray,
    known: InService = ALL_IN_SERVICE,
) -> Realised:
    """Return the feeder's day with the set-points of *dispatch*, planned for the station loads *expected_kw*.

    Devices of which less is in service than was *known* keep a part of their set-points; the network is the actual one.
    """
    actual = case.outages.actual()
    planned = replace(case.load(scenario.stations, expected_kw), in_service=known)
    dispatch = carried_out(case.feeder, case.devices, dispatch, planned, actual)
    realised_kw, planned_kw = (
        case.load(scenario.stations, kw).station_kw for kw in (loads.realised_kw, expected_kw)
    )
    without_stations_kw = dispatch.injection_kw + planned_kw - dispatch.station_shed_kw
    flow = _flow_of_day(case.feeder, actual, without_stations_kw - realised_kw, dispatch.injection_kvar)
    purchase_kw = flow.slack_kw if case.rules.export else np.maximum(flow.slack_kw, 0.0)
    return Realised(
        status=(dispatch.status,) * scenario.periods.count,
        cost_cny=np.array(
            [
                period_cost_cny(case.devices, dispatch, row, purchase, price)
                for row, (purchase, price) in enumerate(
                    zip(purchase_kw.tolist(), loads.tariff_cny_per_kwh.tolist(), strict=True)
                )
            ]
        ),
        purchase_kw=flow.slack_kw,
        losses_kw=flow.losses_kw,
        voltage_min_pu=flow.voltage_pu.min(axis=1),
        voltage_max_pu=flow.voltage_pu.max(axis=1),
        outside_limits=_outside_limits(case.feeder, _where_supplied(actual, flow.voltage_pu)),
    )


def foreseen(scenario: Scenario, case: FeederCase, loads: Loads) -> Dispatch:
    """Return the dispatch of the day for the realised load: perfect foresight."""
    load = replace(case.load(scenario.stations, loads.realised_kw), in_service=case.outages.actual())
    horizon = Horizon(period_h=scenario.periods.hours)
    return solve_dispatch(case.feeder, case.devices, load, loads.tariff_cny_per_kwh, horizon, case.rules)


def _flow_of_day(
    feeder: Feeder, actual: InService, injection_kw: FloatArray, injection_kvar: FloatArray
) -> PowerFlow:
    """Return the AC power flow of all periods, each in its network."""
    if not any(actual.networks):
        return _power_flow(feeder, injection_kw, injection_kvar)
    parts = [
        _power_flow(actual.network(row, feeder), injection_kw[[row]], injection_kvar[[row]])
        for row in range(len(injection_kw))
    ]
    names = [field.name for field in fields(PowerFlow)]
    return PowerFlow(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def _where_supplied(actual: InService, voltage_pu: FloatArray) -> FloatArray:
    """Return the voltages, NaN at buses without supply."""
    known = voltage_pu.copy()
    for row, network in enumerate(actual.networks):
        if network is not None:
            known[row, list(network.cut_off)] = np.nan
    return known


def _power_flow(feeder: Feeder, injection_kw: FloatArray, injection_kvar: FloatArray) -> PowerFlow:
    """Return the AC power flow of all periods; NaN in periods without a solution."""
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
        no_load = sweep_power_flow(feeder, 0.0 * injection_kw, 0.0 * injection_kvar)
        return PowerFlow(**{field.name: getattr(no_load, field.name) * np.nan for field in fields(PowerFlow)})


def _outside_limits(feeder: Feeder, voltage_pu: FloatArray) -> IntArray:
    low, high = feeder.voltage_limits_pu
    outside_pu = np.maximum(low - voltage_pu, voltage_pu - high)
    outside_pu[:, feeder.slack_buses] = 0.0
    buses: IntArray = np.count_nonzero(outside_pu > VOLTAGE_TOLERANCE_PU, axis=1)
    return buses
