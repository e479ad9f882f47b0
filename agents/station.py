"""The charging station: c chargers, one queue, a load to report."""

import math
from collections.abc import Generator
from typing import Any

import mesa
import simpy

from agents.clock import Clock, Phase
from agents.site import Plugs, Site
from cosim.mailbox import PostOffice
from cosim.messages import DispatchIssued, LoadForecast, PeriodOpened, PowerLimit, StationLoad, TariffIssued
from cosim.periods import PeriodOfDay
from cosim.scenario import DayAhead


class Station(mesa.Agent):
    """A fast-charging station: what it hears and says; its plugs serve the vehicles, its site keeps the books."""

    def __init__(
        self,
        model: mesa.Model,
        site: Site,
        plugs: Plugs,
        day_ahead: DayAhead,
        clock: Clock,
        post: PostOffice,
    ) -> None:
        """Open the station and start its processes."""
        super().__init__(model)
        self.data, self.name, self.operator = site.data, site.name, f"operator {site.data.feeder}"
        self.site, self.plugs, self.day_ahead = site, plugs, day_ahead
        self.clock, self.post = clock, post
        self.inbox = post.inbox(self.name)
        self.forecast_kw = math.nan
        clock.env.process(self.keep_the_books())
        clock.env.process(self.obey_limits())
        clock.env.process(self.follow_prices())

    def keep_the_books(self) -> Generator[simpy.Event, Any, None]:
        """At each boundary report what was drawn and what is expected; write down each period that ends."""
        while True:
            yield self.clock.until(self.clock.now_s, Phase.REPORT)
            self.report()
            now = self.clock.period
            yield self.clock.end_of_period(Phase.CLOSE)
            self.site.write_down(now, self.forecast_kw, self.plugs)

    def obey_limits(self) -> Generator[simpy.Event, Any, None]:
        """Bring each power limit into force at once, also on vehicles that are charging."""
        while True:
            heard = yield self.inbox.next(PowerLimit)
            self.plugs.before_change()
            self.site.limits_kw[PeriodOfDay(heard.day, heard.period)] = heard.limit_kw
            self.plugs.after_limit()

    def follow_prices(self) -> Generator[simpy.Event, Any, None]:
        """Bring each tariff into force; energy is paid at the price known when it is read off."""
        while True:
            tariff = yield self.inbox.next(TariffIssued)
            self.plugs.before_change()
            self.site.hear(tariff)

    def report(self) -> None:
        """Tell the operator what was drawn in the period that ended, and what to expect."""
        self.inbox.read(DispatchIssued)
        self.inbox.read(PeriodOpened)
        index = self.clock.periods.index(self.clock.period)
        if index > 0:
            ended = self.clock.periods.nth(index - 1)
            drawn = StationLoad(**self._envelope(), energy_kwh=self.site.meter.energy_kwh(self.name, ended))
            self.post.send(self.operator, drawn)
        load_kw = self.expected_load_kw()
        self.forecast_kw = load_kw[0]
        self.post.send(self.operator, LoadForecast(**self._envelope(), load_kw=load_kw))

    def expected_load_kw(self) -> tuple[float, ...]:
        """Return the load expected in this and each later period of the day.

        Later periods are the day-ahead forecast. In this one, what the vehicles present will draw is known; of
        those yet to come, some will charge on after its end.
        """
        now = self.clock.period
        first, *later = self.day_ahead.expected_load_kw(now)[:, self.data.number].tolist()
        hours = self.clock.periods.hours
        most_kwh = self.data.charger_power_kw * hours
        present_kwh = math.fsum(min(session.remaining_kwh, most_kwh) for session in self.plugs.plugged)
        present_kwh += math.fsum(session.energy_kwh for session in self.plugs.waiting)
        expected_kw = first * self.day_ahead.share_drawn_on_arrival + present_kwh / hours
        return (min(expected_kw, self.data.limit_kw), *later)

    def _envelope(self) -> dict[str, Any]:
        return self.clock.envelope(self.name)
