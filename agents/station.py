"""The agent of a charging station: reports its load, applies power limits and tariffs."""

import math
from collections.abc import Callable, Generator
from typing import Any

import mesa
import simpy

from agents.clock import Clock, Phase
from agents.station_records import Chargers, StationRecords
from cosim.mailbox import PostOffice
from cosim.messages import DispatchIssued, LoadForecast, PeriodOpened, PowerLimit, StationLoad, TariffIssued
from cosim.periods import PeriodOfDay
from cosim.scenario import DayAhead


class StationAgent(mesa.Agent):
    """The messages of a fast-charging station; its chargers (``Chargers``) serve the vehicles."""

    def __init__(
        self,
        model: mesa.Model,
        records: StationRecords,
        chargers: Chargers,
        day_ahead: DayAhead,
        clock: Clock,
        post: PostOffice,
        advance: Callable[[], None],
    ) -> None:
        """Connect to mail; *advance* simulates up to now, and is called before prices or limits change."""
        super().__init__(model)
        self.data, self.name, self.operator = records.data, records.name, f"operator {records.data.feeder}"
        self.records, self.chargers, self.day_ahead = records, chargers, day_ahead
        self.advance = advance
        self.clock, self.post = clock, post
        self.inbox = post.inbox(self.name)
        self.forecast_kw = math.nan

    def start(self) -> None:
        """Register the station's processes on the clock."""
        self.chargers.start()
        for process in (self.report_and_record(), self.obey_limits(), self.follow_prices()):
            self.clock.env.process(process)

    def report_and_record(self) -> Generator[simpy.Event, Any, None]:
        """At each period boundary send the reports; record each period that ends."""
        while True:
            yield self.clock.until(self.clock.now_s, Phase.REPORT)
            self.report()
            period = self.clock.period
            yield self.clock.end_of_period(Phase.CLOSE)
            self.records.record_period(period, self.forecast_kw, self.chargers)

    def obey_limits(self) -> Generator[simpy.Event, Any, None]:
        """Apply each power limit at once, also on vehicles that are charging."""
        while True:
            limit = yield self.inbox.next(PowerLimit)
            self.advance()
            self.records.limits_kw[PeriodOfDay(limit.day, limit.period)] = limit.limit_kw
            self.chargers.on_limit_changed()

    def follow_prices(self) -> Generator[simpy.Event, Any, None]:
        """Apply each tariff; energy is paid at the price known when it is metered."""
        while True:
            tariff = yield self.inbox.next(TariffIssued)
            self.advance()
            self.records.receive(tariff)

    def report(self) -> None:
        """Send the operator the energy of the period that ended, and the forecast of the rest of the day."""
        # broadcast to everybody; a station acts on limits and tariffs, and must not pile them up
        self.inbox.discard(DispatchIssued, PeriodOpened)
        index = self.clock.periods.index(self.clock.period)
        if index > 0:
            ended = self.clock.periods.nth(index - 1)
            drawn = StationLoad(
                **self._envelope(), energy_kwh=self.records.meter.energy_kwh(self.name, ended)
            )
            self.post.send(self.operator, drawn)
        load_kw = self.expected_load_kw()
        self.forecast_kw = load_kw[0]
        self.post.send(self.operator, LoadForecast(**self._envelope(), load_kw=load_kw))

    def expected_load_kw(self) -> tuple[float, ...]:
        """Return the load expected in this and each later period of the day [kW].

        In this period: energy of the vehicles present, and the part of the day-ahead forecast that arriving vehicles
        draw in their period of arrival. Later periods: the day-ahead forecast.
        """
        period = self.clock.period
        first, *later = self.day_ahead.expected_load_kw(period)[:, self.data.number].tolist()
        hours = self.clock.periods.hours
        max_kwh = self.data.charger_power_kw * hours
        present_kwh = math.fsum(min(session.remaining_kwh, max_kwh) for session in self.chargers.plugged)
        present_kwh += math.fsum(session.energy_kwh for session in self.chargers.waiting)
        expected_kw = first * self.day_ahead.share_drawn_on_arrival + present_kwh / hours
        in_service = self.chargers.in_service / self.data.chargers
        return (min(expected_kw, self.data.limit_kw * in_service), *later)

    def _envelope(self) -> dict[str, Any]:
        return self.clock.envelope(self.name)
