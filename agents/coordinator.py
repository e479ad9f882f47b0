"""The coordinator: opens the periods, broadcasts what drivers may know, and counts the traffic."""

from collections.abc import Generator
from typing import Any

import mesa
import numpy as np
import simpy

from agents.clock import Clock, Phase
from agents.knowledge import Knowledge
from agents.midnight import Midnight, Reports
from agents.roads import Roads
from cosim.arrays import IntArray
from cosim.mailbox import PostOffice
from cosim.messages import Broadcast, DispatchIssued, PeriodOpened, TariffIssued, TripReported, TripsReported
from cosim.periods import PeriodOfDay
from cosim.results import Recorder
from cosim.scenario import DayAhead, Scenario, charging_price_cny_per_kwh


class Coordinator(mesa.Agent):
    """Brings the two networks' news together."""

    name = "coordinator"

    def __init__(
        self,
        model: mesa.Model,
        scenario: Scenario,
        day_ahead: DayAhead,
        roads: Roads,
        clock: Clock,
        post: PostOffice,
        recorder: Recorder,
        start: Midnight | None,
    ) -> None:
        """Start the coordinator's process; *start* is what it knows of the days before."""
        super().__init__(model)
        self.world, self.day_ahead, self.roads = scenario, day_ahead, roads
        self.clock, self.post, self.recorder = clock, post, recorder
        self.inbox = post.inbox(self.name)
        self.operators = [f"operator {case.feeder.name}" for case in scenario.feeders]
        self.stations = [station.name for station in scenario.stations]
        self.evs: list[str] = []
        """Addresses of all drivers."""
        self.drivers: dict[str, list[str]] = {}
        """Addresses of the drivers who have each kind of knowledge."""
        self.knowledge = Knowledge(scenario, day_ahead, start.measured if start else None)
        self.late_reports = start.reports if start else Reports.none()
        self.mail_of_yesterday = start.mail if start else ()
        self.nodal_cny_per_kwh = day_ahead.nodal_price_cny_per_kwh.copy()
        """(periods of the day, stations): those of the day ahead, overwritten by what operators say."""
        self.price_cny_per_kwh = day_ahead.charging_price_cny_per_kwh.copy()
        """(periods of the day, stations): the charging prices that were in force, are, and are to come."""
        clock.env.process(self.run())

    def run(self) -> Generator[simpy.Event, Any, None]:
        """Open each period as soon as the operators have dispatched it; count it when it ends."""
        patience_s = self.post.rules.dispatches_due_s
        for news in self.mail_of_yesterday:
            self.post.redeliver(*self.audience(news), news)
        while True:
            yield self.clock.until(self.clock.now_s, Phase.REPORT)
            now = self.clock.period
            dispatches = yield from self.inbox.collect(
                DispatchIssued, self.operators, (now.day, now.period), patience_s
            )
            self.hear(now, dispatches)
            self.issue_tariff(now)
            self.open_period(now)
            yield self.clock.end_of_period(Phase.CLOSE)
            self.close_period(now)

    def hear(self, now: PeriodOfDay, dispatches: dict[str, DispatchIssued]) -> None:
        """Take in the nodal prices; an operator that was not heard leaves its last ones."""
        if now.period == 1:
            self.nodal_cny_per_kwh = self.day_ahead.nodal_price_cny_per_kwh.copy()
            self.price_cny_per_kwh = self.day_ahead.charging_price_cny_per_kwh.copy()
        for dispatch in dispatches.values():
            for station, prices in dispatch.nodal_price_cny_per_kwh.items():
                self.nodal_cny_per_kwh[now.period - 1 :, self.stations.index(station)] = prices

    def issue_tariff(self, now: PeriodOfDay) -> None:
        """Send the charging prices to stations and drivers when they change.

        That is as each day begins; with nodal pricing at every re-dispatch, as operators make them known.
        """
        nodal = self.world.config.tariff.charging_price == "nodal"
        if now.period > 1 and not nodal:
            return
        coming = slice(now.period - 1, None)
        self.price_cny_per_kwh[coming] = charging_price_cny_per_kwh(
            self.world, self.day_ahead.tariff_cny_per_kwh[coming], self.nodal_cny_per_kwh[coming]
        )
        prices = {
            station: tuple(self.price_cny_per_kwh[coming, number].tolist())
            for number, station in enumerate(self.stations)
        }
        tariff = TariffIssued(**self.clock.envelope(self.name), price_cny_per_kwh=prices)
        self.tell(tariff)

    def open_period(self, now: PeriodOfDay) -> None:
        """Bring the link times of the period into force, and tell everyone what they may know."""
        self.knowledge.learn(now)
        told = self.knowledge.announced_min(now)
        self.roads.open(now, self.knowledge.effective_min(now), told, self.price_cny_per_kwh[now.period - 1])
        for kind, times_min in told.items():
            self.tell(
                PeriodOpened(
                    **self.clock.envelope(self.name), knowledge=kind, link_time_min=tuple(times_min.tolist())
                )
            )

    def tell(self, news: Broadcast) -> None:
        """Broadcast *news*, if there is anybody whom it is for."""
        receivers, group = self.audience(news)
        if receivers:
            self.post.broadcast(receivers, group, news)

    def audience(self, news: Broadcast) -> tuple[list[str], str]:
        """Return whom *news* is for, and what they are called."""
        if isinstance(news, TariffIssued):
            return [*self.stations, *self.evs], "stations and EVs"
        drivers = self.drivers[news.knowledge]
        if drivers == self.evs:
            return [*self.stations, *self.operators, *drivers], "all"
        return drivers, f"EVs that know {news.knowledge}"

    def on_its_way(self) -> tuple[Broadcast, ...]:
        """Return the broadcasts that will arrive later than now."""
        said = [entry.message for entry in self.post.ledger]
        delay_s = self.post.rules.delay_s
        return tuple(
            news for news in said if isinstance(news, Broadcast) and news.sent_s + delay_s > self.clock.now_s
        )

    def read_reports(self, now: PeriodOfDay) -> tuple[IntArray, IntArray]:
        """Return the trips on each path whose reports have come, and the seconds they spent at a station."""
        departed_s, path, trips, spent_s = self.reports_that_have_come()
        periods, number = np.unique(departed_s // self.clock.periods.seconds, return_inverse=True)
        shape = (periods.size, self.day_ahead.paths.count)
        counts, spent = np.zeros((2, *shape), dtype=np.int64)
        np.add.at(counts, (number, path), trips)
        np.add.at(spent, (number, path), spent_s)
        self.knowledge.count(now, periods * self.clock.periods.seconds, counts, spent)
        return counts.sum(axis=0), spent.sum(axis=0)

    def reports_that_have_come(self) -> IntArray:
        """Return rows of: second of departure, path, trips, seconds at a station."""
        late = self.late_reports
        come = late.delivered_s <= self.clock.now_s
        rows = [np.array([late.departed_s, late.path, np.ones_like(late.path), late.spent_s])[:, come]]
        single = self.inbox.read(TripReported)
        told = [(trip.departure_s, trip.path, 1, trip.wait_s + trip.charge_s) for trip in single]
        rows.append(np.array(told, dtype=np.int64).reshape(-1, 4).T)
        for fleet in self.inbox.read(TripsReported):
            trips, spent_s = np.array(fleet.trips), np.array(fleet.spent_s)
            some = np.flatnonzero(trips)
            rows.append(np.array([np.full(some.size, fleet.departed_s), some, trips[some], spent_s[some]]))
        self.late_reports = late.of(~come)
        return np.concatenate(rows, axis=1)

    def close_period(self, now: PeriodOfDay) -> None:
        """Measure the traffic of the period that ended, and write down its prices."""
        trips, spent_s = self.read_reports(now)
        self.knowledge.close(now, trips, spent_s, self.roads.books[now].car_veh_h)
        self.recorder.add(
            "prices",
            day=now.day,
            period=now.period,
            station=self.stations,
            tariff_cny_per_kwh=self.day_ahead.tariff_cny_per_kwh[now.period - 1],
            nodal_price_cny_per_kwh=self.nodal_cny_per_kwh[now.period - 1],
            charging_price_cny_per_kwh=self.price_cny_per_kwh[now.period - 1],
            published_cny_per_kwh=self.day_ahead.charging_price_cny_per_kwh[now.period - 1],
        )
