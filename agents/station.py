"""The agent of a charging station: reports its load, applies power limits and tariffs."""

import math
from collections.abc import Callable, Generator
from enum import Enum
from typing import Any

import mesa
import simpy

from agents.clock import Clock, Phase
from agents.station_records import Chargers, StationRecords
from cosim.mailbox import PostOffice
from cosim.messages import DispatchIssued, LoadForecast, PeriodOpened, PowerLimit, StationLoad, TariffIssued
from cosim.periods import PeriodOfDay
from cosim.scenario import DayAhead


class Reading(Enum):
    """What a station knows of its own load."""

    TRUE = "true"
    FROZEN = "frozen"
    """The last values before."""
    MISSING = "missing"


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
        self.reading = Reading.TRUE
        self.read_kwh: float | None = None
        self.present_kwh: float | None = None
        """Readings taken last: energy of a period, and of the vehicles present; None before the first."""

    def start(self) -> None:
        """Register the station's processes on the clock."""
        self.chargers.start()
        self.clock.env.process(self.record())
        for steps in (self.report(), self.obey_limits(), self.follow_prices()):
            self.clock.begin(self.name, steps)

    def report(self) -> Generator[simpy.Event, Any, None]:
        """At each period boundary send the reports."""
        while True:
            yield self.clock.until(self.clock.now_s, Phase.REPORT)
            self.send_reports()
            yield self.clock.end_of_period(Phase.CLOSE)

    def record(self) -> Generator[simpy.Event, Any, None]:
        """Record each period that ends, with what was expected of it; NaN where nothing was."""
        while True:
            period = self.clock.period
            yield self.clock.end_of_period(Phase.CLOSE)
            expected_kw, self.forecast_kw = self.forecast_kw, math.nan
            if math.isnan(expected_kw):
                self.clock.tell_silent(self.name)
            self.records.record_period(period, expected_kw, self.chargers)

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

    def send_reports(self) -> None:
        """Send the operator the energy of the period that ended, and the forecast of the rest of the day."""
        # broadcast to everybody; a station acts on limits and tariffs, and must not pile them up
        self.inbox.discard(DispatchIssued, PeriodOpened)
        index = self.clock.periods.index(self.clock.period)
        if index > 0 and self.reading is not Reading.MISSING:
            if self.reading is Reading.TRUE or self.read_kwh is None:
                self.read_kwh = self.records.meter.energy_kwh(self.name, self.clock.periods.nth(index - 1))
            self.post.send(self.operator, StationLoad(**self._envelope(), energy_kwh=self.read_kwh))
        load_kw = self.expected_load_kw()
        self.forecast_kw = load_kw[0]
        self.post.send(self.operator, LoadForecast(**self._envelope(), load_kw=load_kw))

    def expected_load_kw(self) -> tuple[float, ...]:
        """Return the load expected in this and each later period of the day [kW].

        In this period: energy of the vehicles present, and the part of the day-ahead forecast that arriving vehicles
        draw in their period of arrival. Later periods, and without readings: the day-ahead forecast.
        """
        period = self.clock.period
        first, *later = self.day_ahead.expected_load_kw(period)[:, self.data.number].tolist()
        hours = self.clock.periods.hours
        max_kwh = self.data.charger_power_kw * hours
        if self.reading is Reading.TRUE or self.present_kwh is None:
            present_kwh = math.fsum(min(one.remaining_kwh, max_kwh) for one in self.chargers.plugged)
            self.present_kwh = present_kwh + math.fsum(one.energy_kwh for one in self.chargers.waiting)
        limit_kw = self.data.limit_kw * self.chargers.in_service / self.data.chargers
        if self.reading is Reading.MISSING:
            return (min(first, limit_kw), *later)
        expected_kw = first * self.day_ahead.share_drawn_on_arrival + self.present_kwh / hours
        return (min(expected_kw, limit_kw), *later)

    def _envelope(self) -> dict[str, Any]:
        return self.clock.envelope(self.name)
