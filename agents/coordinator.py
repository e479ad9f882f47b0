"""The coordinator: opens the periods, broadcasts what is announced to drivers, and counts the traffic."""

from collections.abc import Generator
from typing import Any

import mesa
import numpy as np
import simpy

from agents.clock import Clock, Phase
from agents.day_boundary import DayBoundary, Reports
from agents.population import Population
from agents.roads import Roads
from agents.traffic_information import TrafficInformation
from cosim.arrays import IntArray
from cosim.mailbox import PostOffice
from cosim.messages import Broadcast, DispatchIssued, PeriodOpened, TariffIssued, TripReported, TripsReported
from cosim.periods import PeriodOfDay
from cosim.results import Recorder
from cosim.scenario import DayAhead, Scenario, charging_price_cny_per_kwh


class Coordinator(mesa.Agent):
    """Brings the information of the two networks together."""

    name = "coordinator"

    def __init__(  # noqa: PLR0913, PLR0917  (the world it works in)
        self,
        model: mesa.Model,
        scenario: Scenario,
        day_ahead: DayAhead,
        roads: Roads,
        population: Population,
        clock: Clock,
        post: PostOffice,
        recorder: Recorder,
        start: DayBoundary | None,
    ) -> None:
        """Know the stations, operators and EVs; *start* is what it knows of the days before."""
        super().__init__(model)
        self.world, self.day_ahead, self.roads = scenario, day_ahead, roads
        self.clock, self.post, self.recorder = clock, post, recorder
        self.inbox = post.inbox(self.name)
        self.operators = [f"operator {case.feeder.name}" for case in scenario.feeders]
        self.stations = [station.name for station in scenario.stations]
        self.population, self.evs = population, population.addresses
        self.traffic = TrafficInformation(scenario, day_ahead, start.measured if start else None)
        self.late_reports = start.reports if start else Reports.none()
        self.undelivered = start.mail if start else ()
        """Broadcasts of the day before."""
        self.nodal_cny_per_kwh = day_ahead.nodal_price_cny_per_kwh.copy()
        """(periods of the day, stations): those of the day ahead, overwritten by what operators say."""
        self.price_cny_per_kwh = day_ahead.charging_price_cny_per_kwh.copy()
        """(periods of the day, stations): the charging prices that were valid, are, and are to come."""

    def start(self) -> None:
        """Begin to work."""
        self.clock.env.process(self.run())

    def run(self) -> Generator[simpy.Event, Any, None]:
        """Open each period as soon as the operators have dispatched it; count it when it ends."""
        patience_s = self.post.rules.dispatches_due_s
        for broadcast in self.undelivered:
            self.post.redeliver(*self.audience(broadcast), broadcast)
        while True:
            yield self.clock.until(self.clock.now_s, Phase.REPORT)
            now = self.clock.period
            dispatches = yield from self.inbox.collect(
                DispatchIssued, self.operators, (now.day, now.period), patience_s
            )
            self.take_prices(now, dispatches)
            self.issue_tariff(now)
            self.open_period(now)
            yield self.clock.end_of_period(Phase.CLOSE)
            self.close_period(now)

    def take_prices(self, now: PeriodOfDay, dispatches: dict[str, DispatchIssued]) -> None:
        """Take in the nodal prices; those of an operator that was not heard stay as they were."""
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
        """Bring the link times of the period into effect, and announce those of each information class."""
        self.traffic.learn(now)
        announced = self.traffic.announced_min(now)
        self.population.advance()
        prices = self.price_cny_per_kwh[now.period - 1]
        self.roads.open(now, self.traffic.effective_min(now), announced, prices)
        for name, times_min in announced.items():
            self.tell(
                PeriodOpened(
                    **self.clock.envelope(self.name),
                    information_class=name,
                    link_time_min=tuple(times_min.tolist()),
                )
            )

    def tell(self, message: Broadcast) -> None:
        """Broadcast a message, if anybody is to receive it."""
        receivers, group = self.audience(message)
        if receivers:
            self.post.broadcast(receivers, group, message)

    def audience(self, message: Broadcast) -> tuple[list[str], str]:
        """Return the receivers of a message, and what they are called."""
        if isinstance(message, TariffIssued):
            return [*self.stations, *self.evs], "stations and EVs"
        drivers = self.population.addresses_by_class[message.information_class]
        if drivers == self.evs:
            return [*self.stations, *self.operators, *drivers], "all"
        return drivers, f"EVs that know {message.information_class}"

    def on_its_way(self) -> tuple[Broadcast, ...]:
        """Return the broadcasts that will arrive later than now."""
        said = [entry.message for entry in self.post.ledger]
        delay_s, now_s = self.post.rules.delay_s, self.clock.now_s
        return tuple(one for one in said if isinstance(one, Broadcast) and one.sent_s + delay_s > now_s)

    def read_reports(self, now: PeriodOfDay) -> tuple[IntArray, IntArray]:
        """Return the trips on each path whose reports have come, and the seconds they spent at a station."""
        departed_s, path, trips, spent_s = self.reports_that_have_come()
        periods, number = np.unique(departed_s // self.clock.periods.seconds, return_inverse=True)
        shape = (periods.size, self.day_ahead.paths.count)
        counts, spent = np.zeros((2, *shape), dtype=np.int64)
        np.add.at(counts, (number, path), trips)
        np.add.at(spent, (number, path), spent_s)
        self.traffic.count(now, periods * self.clock.periods.seconds, counts, spent)
        return counts.sum(axis=0), spent.sum(axis=0)

    def reports_that_have_come(self) -> IntArray:
        """Return rows of: second of departure, path, trips, seconds at a station."""
        late = self.late_reports
        come = late.delivered_s <= self.clock.now_s
        rows = [np.array([late.departed_s, late.path, np.ones_like(late.path), late.spent_s])[:, come]]
        single = self.inbox.read(TripReported)
        reported = [(trip.departure_s, trip.path, 1, trip.wait_s + trip.charge_s) for trip in single]
        rows.append(np.array(reported, dtype=np.int64).reshape(-1, 4).T)
        for fleet in self.inbox.read(TripsReported):
            trips, spent_s = np.array(fleet.trips), np.array(fleet.spent_s)
            some = np.flatnonzero(trips)
            rows.append(np.array([np.full(some.size, fleet.departed_s), some, trips[some], spent_s[some]]))
        self.late_reports = late.of(~come)
        return np.concatenate(rows, axis=1)

    def close_period(self, now: PeriodOfDay) -> None:
        """Measure the traffic of the period that ended, and record its prices."""
        trips, spent_s = self.read_reports(now)
        self.traffic.close(now, trips, spent_s, self.roads.periods[now].car_veh_h)
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
