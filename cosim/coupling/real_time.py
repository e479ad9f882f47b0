"""What a forecast error costs: the day planned ahead, dispatched anew every period, and known beforehand.

All three serve the load that came. In each period the set-points of the plan in force are held and the slack bus
takes the difference, so that costs and voltages can be set side by side.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np

from cosim.arrays import FloatArray, Frame, IntArray
from cosim.errors import SolverError
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder
from cosim.grid.operation import period_cost_cny
from cosim.grid.power_flow import PowerFlow
from cosim.grid.schedule import Dispatch, Horizon
from cosim.grid.sweep import sweep_power_flow
from cosim.results import Recorder
from cosim.scenario import FeederCase, Scenario

Plan = Literal["day_ahead", "re_dispatch", "perfect_foresight"]
PLANS: tuple[Plan, ...] = ("day_ahead", "re_dispatch", "perfect_foresight")
NOTICED_PU = 1e-6
"""Less than this outside a limit is rounding."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loads:
    """Station loads of a day [kW], (periods, stations), and the tariff it is dispatched at."""

    day_ahead_kw: FloatArray
    """Expected the day before."""
    at_opening_kw: FloatArray
    """Expected for a period when it opened; for later ones the day-ahead forecast stood."""
    came_kw: FloatArray
    tariff_cny_per_kwh: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Realised:
    """The periods of a feeder's day under one plan, with the load that came: one value for each."""

    status: tuple[str, ...]
    cost_cny: FloatArray
    purchase_kw: FloatArray
    losses_kw: FloatArray
    voltage_min_pu: FloatArray
    voltage_max_pu: FloatArray
    outside_limits: IntArray
    """Buses whose voltage is outside its limits."""


def real_time_table(scenario: Scenario, loads: Loads) -> Frame:
    """Return the table ``real_time``: each feeder's day under each plan, with all its units and without some."""
    recorder = Recorder()
    for case in scenario.feeders:
        for without, reduced in variants(case):
            for plan in PLANS:
                day = realise(scenario, reduced, loads, plan)
                recorder.add(
                    "real_time",
                    day=1,
                    period=np.arange(1, scenario.periods.count + 1),
                    feeder=case.feeder.name,
                    plan=plan,
                    without=without,
                    **{field.name: getattr(day, field.name) for field in fields(day)},
                )
    return recorder.frame("real_time")


def variants(case: FeederCase) -> Iterator[tuple[str, FeederCase]]:
    """Yield the feeder as it is, and without each of the units that shift energy in time, by name."""
    yield "", case
    if case.devices.storages:
        yield "storage", replace(case, devices=replace(case.devices, storages=()))
    if case.devices.demand_responses:
        yield "demand response", replace(case, devices=replace(case.devices, demand_responses=()))


def realise(scenario: Scenario, case: FeederCase, loads: Loads, plan: Plan) -> Realised:
    """Return the feeder's day if *plan* is carried out."""
    came_kw = case.load(scenario.stations, loads.came_kw).station_kw
    set_points = list(_set_points(scenario, case, loads, plan))
    injection_kw = np.array([point.injection_kw for point in set_points]) - came_kw
    injection_kvar = np.array([point.injection_kvar for point in set_points])
    flow = _power_flow(case.feeder, injection_kw, injection_kvar)
    bought_kw = flow.slack_kw if case.rules.export else np.maximum(flow.slack_kw, 0.0)
    return Realised(
        status=tuple(point.dispatch.status for point in set_points),
        cost_cny=np.array(
            [
                period_cost_cny(case.devices, point.dispatch, point.row, bought, price)
                for point, bought, price in zip(
                    set_points, bought_kw.tolist(), loads.tariff_cny_per_kwh.tolist(), strict=True
                )
            ]
        ),
        purchase_kw=flow.slack_kw,
        losses_kw=flow.losses_kw,
        voltage_min_pu=flow.voltage_pu.min(axis=1),
        voltage_max_pu=flow.voltage_pu.max(axis=1),
        outside_limits=_outside_limits(case.feeder, flow.voltage_pu),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _SetPoint:
    """What a dispatch orders for one period, in *row* of it."""

    dispatch: Dispatch
    row: int
    planned_kw: FloatArray
    """Station load of each bus it was planned with."""

    @property
    def injection_kw(self) -> FloatArray:
        """Injection of each bus before any station load: what does not depend on who comes."""
        shed_kw = self.dispatch.station_shed_kw[self.row]
        before: FloatArray = self.dispatch.injection_kw[self.row] + self.planned_kw - shed_kw
        return before

    @property
    def injection_kvar(self) -> FloatArray:
        """Reactive injection of each bus; stations charge at unity power factor."""
        injection: FloatArray = self.dispatch.injection_kvar[self.row]
        return injection


def _set_points(scenario: Scenario, case: FeederCase, loads: Loads, plan: Plan) -> Iterator[_SetPoint]:
    """Yield the set-points in force in each period."""
    if plan == "re_dispatch":
        yield from _rolling(scenario, case, loads)
        return
    expected_kw = loads.day_ahead_kw if plan == "day_ahead" else loads.came_kw
    dispatch = _dispatch(scenario, case, expected_kw, loads.tariff_cny_per_kwh, Horizon())
    planned_kw = case.load(scenario.stations, expected_kw).station_kw
    yield from (_SetPoint(dispatch, row, planned_kw[row]) for row in range(scenario.periods.count))


def _rolling(scenario: Scenario, case: FeederCase, loads: Loads) -> Iterator[_SetPoint]:
    """Yield the first set-points of the rest of the day, dispatched anew as each period opens.

    This is what the agents' operator does, with what it knew then.
    """
    horizon = Horizon()
    for row in range(scenario.periods.count):
        expected_kw = loads.day_ahead_kw[row:].copy()
        expected_kw[0] = loads.at_opening_kw[row]
        dispatch = _dispatch(scenario, case, expected_kw, loads.tariff_cny_per_kwh[row:], horizon)
        yield _SetPoint(dispatch, 0, case.load(scenario.stations, expected_kw[:1], row + 1).station_kw[0])
        horizon = replace(horizon, first_period=row + 2, state=dispatch.state_after(row + 1))


def _dispatch(
    scenario: Scenario, case: FeederCase, station_kw: FloatArray, price: FloatArray, horizon: Horizon
) -> Dispatch:
    load = case.load(scenario.stations, station_kw, horizon.first_period)
    horizon = replace(horizon, period_h=scenario.periods.hours)
    return solve_dispatch(case.feeder, case.devices, load, price, horizon, case.rules)


def _power_flow(feeder: Feeder, injection_kw: FloatArray, injection_kvar: FloatArray) -> PowerFlow:
    """Return the AC power flow of all periods; not a number in those that have none."""
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
    buses: IntArray = np.count_nonzero(outside_pu > NOTICED_PU, axis=1)
    return buses
