"""The grid operator: plans the rest of the day at every period, and checks the plan and the realised operation."""

from collections.abc import Generator
from typing import Any

import mesa
import numpy as np
import simpy

from agents.clock import Clock, Phase
from agents.meter import Meter
from cosim.arrays import FloatArray
from cosim.grid.dispatch import fallback_dispatch, solve_dispatch
from cosim.grid.operation import (
    Operation,
    planned_operation,
    setpoint_kw,
    with_realised_load,
)
from cosim.grid.operation_tables import record_operation
from cosim.grid.problem import DispatchState, Horizon
from cosim.mailbox import PostOffice
from cosim.messages import DispatchIssued, LoadForecast, PeriodOpened, PowerLimit, StationLoad
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
        self.inbox.discard(StationLoad, PeriodOpened)
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
        price = self.day_ahead.tariff_cny_per_kwh[row:]
        horizon = Horizon(first_period=period.period, period_h=self.clock.periods.hours, state=self.state)
        given = self.feeder, self.case.devices, load, price, horizon
        dispatch = fallback_dispatch(*given, undone) if undone else solve_dispatch(*given, self.case.rules)
        export = self.case.rules.export
        return planned_operation(
            self.feeder, self.case.devices, dispatch, load, float(price[0]), period, export=export
        )

    def issue(self, plan: Operation) -> None:
        """Send the set-points, prices and certificate of this period."""
        dispatch, row = plan.dispatch, plan.row
        prices = dispatch.price_cny_per_kwh[row:]
        nodal = {s.name: tuple(prices[:, self.feeder.bus_index(s.bus)].tolist()) for s in self.stations}
        message = DispatchIssued(
            **self.clock.envelope(self.name),
            status=dispatch.status,
            setpoint_kw=setpoint_kw(plan),
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
        shed_kw, planned_kw = plan.dispatch.station_shed_kw[plan.row], plan.load.station_kw[plan.row]
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
        record_operation(self.recorder, with_realised_load(plan, drawn_kw))
        self.state = plan.dispatch.state_after(plan.now.period)
