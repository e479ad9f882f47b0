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
from cosim.arrays import FloatArray, IntArray
from cosim.mailbox import LedgerEntry, PostOffice
from cosim.messages import (
    Broadcast,
    DispatchIssued,
    FaultCleared,
    FaultReported,
    PeriodOpened,
    TariffIssued,
    TripReported,
    TripsReported,
)
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
        roads: Roads,
        population: Population,
        day_ahead: DayAhead,
        clock: Clock,
        post: PostOffice,
        recorder: Recorder,
        start: DayBoundary | None,
    ) -> None:
        """Start at the day-ahead prices; *start* is the state at the day boundary, None on the first day."""
        super().__init__(model)
        self.scenario_case, self.day_ahead, self.roads = scenario, day_ahead, roads
        self.clock, self.post, self.recorder = clock, post, recorder
        self.inbox = post.inbox(self.name)
        self.operators = [f"operator {case.feeder.name}" for case in scenario.feeders]
        self.stations = [station.name for station in scenario.stations]
        self.population, self.evs = population, population.addresses
        self.traffic = TrafficInformation(scenario, day_ahead, start.measured if start else None)
        self.late_reports = start.reports if start else Reports.none()
        self.undelivered = start.mail if start else ()
        """Broadcasts of the day before, to be delivered on this one."""
        self.redelivered: list[LedgerEntry] = []
        self.is_out, self.tariff_is_due = False, False
        """Whether an event keeps it from answering; whether it has missed to issue the tariff of the day."""
        self.announced_min = self._announced_last(start)
        """Link times that each information class was told last."""
        self.told_last = start.station_tariff.last_messages() if start else []
        """Tariff that each station was told last on the days before."""
        self.nodal_cny_per_kwh = day_ahead.nodal_price_cny_per_kwh.copy()
        """(periods of the day, stations): the day-ahead prices, from a re-dispatch on those of the operators."""
        self.price_cny_per_kwh = day_ahead.charging_price_cny_per_kwh.copy()
        """(periods of the day, stations): the charging prices, past ones as they were valid."""

    def start(self) -> None:
        """Register the coordinator's process, and that of the traffic, on the clock."""
        self.story = self.clock.begin(self.name, self.run())
        self.clock.env.process(self.keep_traffic())

    @property
    def answers(self) -> bool:
        """Whether it announces link times and tariffs."""
        return not self.is_out and self.story.is_alive

    def run(self) -> Generator[simpy.Event, Any, None]:
        """Open each period as soon as the operators have dispatched it."""
        timeout_s = self.post.settings.dispatch_timeout_s
        for broadcast in self.undelivered:
            self.redelivered.append(self.post.redeliver(*self.recipients(broadcast), broadcast))
        while True:
            yield self.clock.until(self.clock.now_s, Phase.REPORT)
            period = self.clock.period
            if not self.is_out:
                dispatches = yield from self.inbox.collect(
                    DispatchIssued, self.operators, (period.day, period.period), timeout_s
                )
                if period.period == 1 or self.tariff_is_due:
                    self.reset_to_day_ahead()
                self.update_nodal_prices(period, dispatches)
                self.issue_tariff(period)
                self.open_period(period)
            yield self.clock.end_of_period(Phase.CLOSE)

    def keep_traffic(self) -> Generator[simpy.Event, Any, None]:
        """Measure the traffic of each period when it ends; a period that nobody opens begins all the same."""
        while True:
            yield self.clock.until(self.clock.now_s, Phase.REPORT, order=1)
            period = self.clock.period
            if not self.answers:
                self.open_unannounced(period)
            yield self.clock.end_of_period(Phase.CLOSE)
            if period not in self.roads.periods:
                self.clock.tell_silent(self.name)
                self.open_unannounced(period)
            self.close_period(period)

    def open_unannounced(self, period: PeriodOfDay) -> None:
        """Open a period, if it is not, in which all act on what they were told last."""
        if period in self.roads.periods:
            return
        self.inbox.discard(DispatchIssued)
        if period.period == 1:
            self.keep_last_prices()
        self.open_period(period, announced=False)

    def _announced_last(self, start: DayBoundary | None) -> dict[str, FloatArray]:
        """Return the link times that each information class was told last on the days before; before: free flow."""
        told = start.opened.messages if start else []
        last = {message.information_class: message.link_time_min for message in told}
        t0_min = self.day_ahead.paths.network.t0_min
        times = {name: np.array(last.get(name, t0_min)) for name in self.traffic.shares}
        return {name: np.where(np.isfinite(told_min), told_min, t0_min) for name, told_min in times.items()}

    def keep_last_prices(self) -> None:
        """Set the charging prices of the day to those that each station was told last, until the tariff is issued."""
        self.tariff_is_due = True
        for number, told in enumerate(self.told_last):
            if told is not None:
                self.price_cny_per_kwh[:, number] = told.price_cny_per_kwh[self.stations[number]][-1]

    def reset_to_day_ahead(self) -> None:
        """Set the nodal and charging prices of all periods back to the day-ahead ones, as a day begins."""
        self.nodal_cny_per_kwh = self.day_ahead.nodal_price_cny_per_kwh.copy()
        self.price_cny_per_kwh = self.day_ahead.charging_price_cny_per_kwh.copy()

    def update_nodal_prices(self, period: PeriodOfDay, dispatches: dict[str, DispatchIssued]) -> None:
        """Overwrite the nodal prices from this period on; those of an operator without a dispatch in time stay."""
        for dispatch in dispatches.values():
            for station, prices in dispatch.nodal_price_cny_per_kwh.items():
                self.nodal_cny_per_kwh[period.row :, self.stations.index(station)] = prices

    def issue_tariff(self, period: PeriodOfDay) -> None:
        """Send the charging prices to stations and drivers as a day begins; with nodal pricing in every period."""
        nodal = self.scenario_case.config.tariff.charging_price == "nodal"
        if period.period > 1 and not (nodal or self.tariff_is_due):
            return
        self.tariff_is_due = False
        coming = slice(period.row, None)
        self.price_cny_per_kwh[coming] = charging_price_cny_per_kwh(
            self.scenario_case, self.day_ahead.tariff_cny_per_kwh[coming], self.nodal_cny_per_kwh[coming]
        )
        prices = {
            station: tuple(self.price_cny_per_kwh[coming, number].tolist())
            for number, station in enumerate(self.stations)
        }
        self.broadcast(TariffIssued(**self.clock.envelope(self.name), price_cny_per_kwh=prices))

    def open_period(self, period: PeriodOfDay, *, announced: bool = True) -> None:
        """Bring the link times of the period into effect, and announce those of each information class, if at all."""
        self.traffic.learn(period)
        if announced:
            self.announced_min = self.traffic.announced_min(period)
        self.population.advance()
        prices = self.price_cny_per_kwh[period.row]
        self.roads.open(period, self.traffic.full_min(period), self.announced_min, prices)
        closed = self.reported_closed()
        for name, times_min in self.announced_min.items() if announced else ():
            told_min = times_min.copy()
            told_min[closed] = np.inf
            self.broadcast(
                PeriodOpened(
                    **self.clock.envelope(self.name),
                    information_class=name,
                    link_time_min=tuple(told_min.tolist()),
                )
            )

    def reported_closed(self) -> IntArray:
        """Return the charging arcs of the stations that were last reported closed, since the period before opened."""
        reports: list[FaultReported | FaultCleared] = [
            *self.inbox.take(FaultReported),
            *self.inbox.take(FaultCleared),
        ]
        last = {
            (report.event, report.name): report
            for report in sorted(reports, key=lambda report: report.sent_s)
        }
        closed = {
            report.name
            for report in last.values()
            if isinstance(report, FaultReported) and report.kind == "station"
        }
        arcs = self.day_ahead.paths.network.charging_arcs
        return arcs[[name in closed for name in self.stations]]

    def broadcast(self, message: Broadcast) -> None:
        """Send a message to its recipients, if it has any."""
        addresses, group = self.recipients(message)
        if addresses:
            self.post.broadcast(addresses, group, message)

    def recipients(self, message: Broadcast) -> tuple[list[str], str]:
        """Return the addresses a message goes to, and the name of that group."""
        if isinstance(message, TariffIssued):
            return [*self.stations, *self.evs], "stations and EVs"
        drivers = self.population.addresses_by_class[message.information_class]
        if drivers == self.evs:
            return [*self.stations, *self.operators, *drivers], "all"
        return drivers, f"EVs that know {message.information_class}"

    def in_transit(self) -> tuple[Broadcast, ...]:
        """Return the broadcasts sent and not yet delivered to all whom they will reach."""
        entries = [*self.redelivered, *self.post.ledger]
        return tuple(
            entry.message
            for entry in entries
            if isinstance(entry.message, Broadcast) and entry.reached_after(self.clock.now_s)
        )

    def count_reported_trips(self, period: PeriodOfDay) -> tuple[IntArray, IntArray]:
        """Count the trips reported in this period; return their number and their seconds at a station, by path."""
        departed_s, path, trips, spent_s = self.take_delivered_reports()
        periods, row = np.unique(departed_s // self.clock.periods.seconds, return_inverse=True)
        shape = (periods.size, self.day_ahead.paths.count)
        counts, spent = np.zeros((2, *shape), dtype=np.int64)
        np.add.at(counts, (row, path), trips)
        np.add.at(spent, (row, path), spent_s)
        self.traffic.count(period, periods * self.clock.periods.seconds, counts, spent)
        return counts.sum(axis=0), spent.sum(axis=0)

    def take_delivered_reports(self) -> IntArray:
        """Remove the reports delivered so far and return them, (4, reports).

        Rows: second of departure, path, number of trips, their seconds at a station.
        """
        late = self.late_reports
        delivered = late.delivered_s <= self.clock.now_s
        reports = [
            np.array([late.departed_s, late.path, np.ones_like(late.path), late.spent_s])[:, delivered]
        ]
        of_evs = self.inbox.take(TripReported)
        reported = [(trip.departure_s, trip.path, 1, trip.wait_s + trip.charge_s) for trip in of_evs]
        reports.append(np.array(reported, dtype=np.int64).reshape(-1, 4).T)
        for fleet in self.inbox.take(TripsReported):
            trips, spent_s = np.array(fleet.trips), np.array(fleet.spent_s)
            path = np.flatnonzero(trips)
            reports.append(np.array([np.full(path.size, fleet.departed_s), path, trips[path], spent_s[path]]))
        self.late_reports = late.select(~delivered)
        return np.concatenate(reports, axis=1)

    def close_period(self, period: PeriodOfDay) -> None:
        """Measure the traffic of the period that ended, and record its prices."""
        trips, spent_s = self.count_reported_trips(period)
        self.traffic.close(period, trips, spent_s, self.roads.periods[period].car_veh_h)
        self.recorder.add(
            "prices",
            day=period.day,
            period=period.period,
            station=self.stations,
            tariff_cny_per_kwh=self.day_ahead.tariff_cny_per_kwh[period.row],
            nodal_price_cny_per_kwh=self.nodal_cny_per_kwh[period.row],
            charging_price_cny_per_kwh=self.price_cny_per_kwh[period.row],
            published_cny_per_kwh=self.day_ahead.charging_price_cny_per_kwh[period.row],
        )
