"""The grid operator: plans the rest of the day at every period, and checks the plan and the realised operation."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import mesa
import numpy as np
import simpy

from agents.clock import Clock, Phase
from agents.meter import Meter
from cosim.arrays import FloatArray
from cosim.grid.dispatch import fallback_dispatch, solve_dispatch
from cosim.grid.in_service import InService
from cosim.grid.operation import (
    Operation,
    as_it_was,
    planned_operation,
    setpoint_kw,
    with_realised_load,
)
from cosim.grid.operation_tables import record_operation
from cosim.grid.problem import DispatchState, Horizon
from cosim.mailbox import PostOffice
from cosim.messages import (
    DispatchIssued,
    FaultCleared,
    FaultReported,
    LoadForecast,
    PeriodOpened,
    PowerLimit,
    StationLoad,
)
from cosim.periods import PeriodOfDay
from cosim.results import Recorder
from cosim.scenario import DayAhead, FeederCase, Station

SHED_TOLERANCE_KW = 0.1
"""Unserved station load [kW] up to which it is the solver's rounding."""


class GridOperator(mesa.Agent):
    """Operates one feeder: shrinking horizon, SOCP, AC verification."""

    def __init__(
        self,
        model: mesa.Model,
        case: FeederCase,
        stations: tuple[Station, ...],
        day_ahead: DayAhead,
        clock: Clock,
        post: PostOffice,
        meter: Meter,
        recorder: Recorder,
    ) -> None:
        """Start at the day-ahead forecast."""
        super().__init__(model)
        self.case, self.feeder, self.name = case, case.feeder, f"operator {case.feeder.name}"
        self.all_stations = stations
        self.stations = [station for station in stations if station.feeder == case.feeder.name]
        self.day_ahead = day_ahead
        self.clock, self.post, self.meter, self.recorder = clock, post, meter, recorder
        self.inbox = post.inbox(self.name)
        self.forecast_kw: FloatArray = day_ahead.station_load_kw.copy()
        """(periods of the day, all stations): the day-ahead forecast, overwritten by what stations report."""
        self.state: DispatchState | None = None
        self.reported: set[tuple[int, int]] = set()
        """The sudden events that were reported to it, by day and number."""
        self.undelivered_kwh: dict[tuple[PeriodOfDay, str], float] = {}
        """Energy that each device was to exchange in a period and did not, for it had failed."""
        self.unserved_kwh: dict[PeriodOfDay, float] = {}
        """Load apart from stations that was cut off in a period."""
        self.plan: Operation | None = None
        """The plan of the last period that was dispatched."""
        self.is_out = False
        """Whether an event keeps it from answering."""
        self.excused: PeriodOfDay | None = None
        """Last period that it did not dispatch because of that."""

    def start(self) -> None:
        """Register the operator's process, and that of its feeder, on the clock."""
        self.clock.begin(self.name, self.run(), is_brief=False)
        self.clock.env.process(self.operate())

    def run(self) -> Generator[simpy.Event, Any, None]:
        """In each period collect the forecasts, dispatch the rest of the day, and tell stations and coordinator."""
        while True:
            yield self.clock.until(self.clock.now_s, Phase.REPORT)
            if self.is_out:
                self.excused = self.clock.period
            else:
                yield from self.plan_period(self.clock.period)
            yield self.clock.end_of_period(Phase.CLOSE)

    def plan_period(self, period: PeriodOfDay) -> Generator[simpy.Event, Any, None]:
        """Collect the forecasts of a period, and dispatch."""
        timeout_s, senders = self.post.settings.report_timeout_s, [station.name for station in self.stations]
        forecasts = yield from self.inbox.collect(
            LoadForecast, senders, (period.day, period.period), timeout_s
        )
        # broadcast to everybody; the operator plans by forecasts and its meters, and must not pile them up
        self.inbox.discard(StationLoad, PeriodOpened, FaultCleared)
        self.reported |= {(report.day, report.event) for report in self.inbox.take(FaultReported)}
        self.update_forecasts(period, forecasts)
        self.plan = self.dispatch(period)
        self.issue(self.plan)
        self.limit_stations(self.plan)

    def operate(self) -> Generator[simpy.Event, Any, None]:
        """Close each period: with its plan, or in the fallback operation where nobody has dispatched."""
        while True:
            period = self.clock.period
            yield self.clock.end_of_period(Phase.CLOSE)
            if self.plan is None or self.plan.now != period:
                if self.excused != period:
                    self.clock.tell_silent(self.name)
                self.update_forecasts(period, {})
                self.plan = self.dispatch(
                    period, f"{period}: {self.name} does not answer: nobody dispatches."
                )
            self.close_period(self.plan)

    def update_forecasts(self, period: PeriodOfDay, forecasts: dict[str, LoadForecast]) -> None:
        """Overwrite the forecasts from this period on; a station without one in time keeps its last.

        As a day begins, all are reset to the day-ahead forecast, and the devices to their initial state.
        """
        if period.period == 1:
            self.forecast_kw = self.day_ahead.expected_load_kw(period).copy()
            self.state = None
        for station in self.stations:
            if station.name in forecasts:
                self.forecast_kw[period.row :, station.number] = forecasts[station.name].load_kw

    def dispatch(self, period: PeriodOfDay, undone: str = "") -> Operation:
        """Return the plan for the rest of the day, with its AC check in this period.

        Where nobody dispatches, *undone* says why, and it is the fallback operation.
        """
        row = period.row
        load = self.case.load(self.all_stations, self.forecast_kw[row:], period.period)
        load = replace(load, in_service=self.expected(period, undone=undone))
        price = self.day_ahead.tariff_cny_per_kwh[row:]
        horizon = Horizon(first_period=period.period, period_h=self.clock.periods.hours, state=self.state)
        given = self.feeder, self.case.devices, load, price, horizon
        dispatch = fallback_dispatch(*given, undone) if undone else solve_dispatch(*given, self.case.rules)
        export = self.case.rules.export
        return planned_operation(
            self.feeder, self.case.devices, dispatch, load, float(price[0]), period, export=export
        )

    def expected(self, period: PeriodOfDay, *, undone: str = "") -> InService:
        """Return what the operator knows to be in service in the rest of the day; where nobody acts, what is."""
        outages, day = self.case.outages, period.day
        reported = {event for on, event in self.reported if on == day}
        known = outages.actual(day) if undone else outages.known(reported, day)
        return known.between(period.row, self.clock.periods.count)

    def issue(self, plan: Operation) -> None:
        """Send the set-points, prices and certificate of this period."""
        dispatch, row = plan.dispatch, plan.row
        prices = dispatch.price_cny_per_kwh[row:]
        nodal = {s.name: tuple(prices[:, self.feeder.bus_index(s.bus)].tolist()) for s in self.stations}
        message = DispatchIssued(
            **self.clock.envelope(self.name),
            status=dispatch.status,
            setpoint_kw=setpoint_kw(plan, dispatch),
            nodal_price_cny_per_kwh=nodal,
            voltage_min_pu=float(plan.planned.voltage_pu.min()),
            relaxation_error_max=float(dispatch.relaxation_error[row].max(initial=0.0)),
            ac_mismatch_max_pu=plan.voltage_mismatch_pu,
        )
        self.post.broadcast(
            ["coordinator", *(s.name for s in self.stations)], "coordinator, stations", message
        )

    def limit_stations(self, plan: Operation) -> None:
        """Cap the stations whose load cannot be served in this period."""
        planned_kw = plan.load.station_kw[plan.row]
        shed_kw = (
            plan.dispatch.station_shed_kw[plan.row] - plan.cut_off_kw
        )  # chargers without supply have stopped
        for station in self.stations:
            bus = self.feeder.bus_index(station.bus)
            if shed_kw[bus] <= SHED_TOLERANCE_KW:
                continue
            served_kw = max(planned_kw[bus] - shed_kw[bus], 0.0)
            served_share = served_kw / planned_kw[bus] if served_kw > SHED_TOLERANCE_KW else 0.0
            limit_kw = served_share * self.forecast_kw[plan.now.row, station.number]
            self.post.send(station.name, PowerLimit(**self.clock.envelope(self.name), limit_kw=limit_kw))

    def close_period(self, plan: Operation) -> None:
        """Run the AC power flow with the realised load, record the period, keep the state of the devices."""
        drawn_kw = np.zeros(self.feeder.bus_count)
        for station in self.stations:
            energy_kwh = self.meter.energy_kwh(station.name, plan.now)
            drawn_kw[self.feeder.bus_index(station.bus)] += energy_kwh / self.clock.periods.hours
        actual = self.case.outages.actual(plan.now.day)
        remaining = actual.between(plan.now.row, self.clock.periods.count)
        done = with_realised_load(as_it_was(plan, self.feeder, remaining), drawn_kw)
        record_operation(self.recorder, done)
        self.note_undelivered(plan, done)
        self.state = done.carried_out.state_after(plan.now.period)

    def note_undelivered(self, plan: Operation, done: Operation) -> None:
        """Note what devices that failed were to exchange and did not."""
        planned_kw = setpoint_kw(plan, plan.dispatch)
        lost = 1.0 - done.supplied
        if lost.any():
            self.unserved_kwh[plan.now] = float(plan.load.base_kw[plan.row] @ lost) * self.clock.periods.hours
        for name, p_kw in setpoint_kw(done, done.carried_out).items():
            if p_kw != planned_kw[name]:
                self.undelivered_kwh[plan.now, name] = abs(p_kw - planned_kw[name]) * self.clock.periods.hours
