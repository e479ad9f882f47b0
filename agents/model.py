"""The agents' model of a day: Mesa holds the agents, SimPy is the only clock."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import mesa
import numpy as np
import simpy

from agents.clock import Clock, Phase
from agents.coordinator import Coordinator
from agents.counts import record_traffic
from agents.drivers import Drivers, since_midnight
from agents.ev import EV
from agents.ev_days import record_ev_days
from agents.fleet import Fleet
from agents.grid_operator import GridOperator
from agents.meter import Meter
from agents.midnight import (
    LastHeard,
    Midnight,
    Morning,
    Reports,
    Traffic,
    copy_of,
    evs_after,
)
from agents.plans import first_evening, knowledge_of_each, plan_day, plan_of_each
from agents.plugs import ClockedPlugs
from agents.price_list import TariffBook
from agents.reckoned_plugs import ReckonedPlugs
from agents.roads import PeriodBook, Roads
from agents.site import Site
from agents.station import Station
from agents.trip_log import TripLog
from cosim.arrays import Frame, IntArray
from cosim.ev.session import Session
from cosim.mailbox import MailRules, PostOffice
from cosim.periods import SECONDS_PER_DAY, PeriodOfDay
from cosim.results import Recorder
from cosim.scenario import DayAhead, Scenario

INDIVIDUAL_TABLES_UP_TO = 100_000
"""EVs up to which trips and sessions are written one by one, unless the scenario says otherwise."""
Progress = Callable[[PeriodOfDay], None]


class CoSimModel(mesa.Model):
    """A day of the agents: builds them, wires their mailboxes, and runs the clock from midnight to midnight."""

    def __init__(
        self, scenario: Scenario, day_ahead: DayAhead, seed: int, start: Midnight | None = None
    ) -> None:
        """Build the agents, who know the day ahead as the equilibrium expects it; *start*: what was before."""
        super().__init__(rng=seed)
        config, self.day = scenario.config, start.day if start else 1
        env = simpy.Environment(initial_time=(self.day - 1) * SECONDS_PER_DAY)
        self.world, self.day_ahead, self.start = (
            scenario,
            day_ahead,
            start,
        )  # Mesa has a `scenario` of its own
        self.clock = Clock(env, scenario.periods)
        rules = MailRules(**config.messages.model_dump(), seed=seed)
        self.post, self.meter, self.recorder = PostOffice(env, rules), Meter(), Recorder()
        self.roads = Roads(scenario, day_ahead, config.population.theta_per_min)
        if start:
            self.roads.set_times(start.yesterday.time_min[-1])
        self.tariffs = TariffBook(scenario.periods, day_ahead)
        common = (self.clock, self.post)
        self.coordinator = Coordinator(self, scenario, day_ahead, self.roads, *common, self.recorder, start)
        self.operators = [
            GridOperator(self, case, scenario.stations, day_ahead, *common, self.meter, self.recorder)
            for case in scenario.feeders
        ]
        self.sites = self._sites()
        self.morning = morning(scenario, day_ahead.n_ev, seed, start)
        self.plans = plan_day(scenario, day_ahead.n_ev, seed, self.day, start.evs if start else None)
        self.drivers = self._fleet() if config.population.resolution == "batch" else self._evs()

    def _sites(self) -> list[Site]:
        """Return the stations' books, with what is left of the day before."""
        sites = [
            Site(data, self.tariffs, self.world.periods, self.meter, self.recorder)
            for data in self.world.stations
        ]
        if self.start:
            tariffs = self.start.station_tariff.each()
            for site, tariff, drawn_kwh in zip(sites, tariffs, self.start.drawn_kwh.tolist(), strict=True):
                site.go_on(self.clock.now_s, tariff, drawn_kwh)
        return sites

    def _present(self, number: int) -> list[Session]:
        """Return the vehicles that charge at, wait at, or head for a station as the day begins."""
        return [copy_of(session) for session in self.start.sessions[number]] if self.start else []

    def _evs(self) -> Drivers:
        """Let every EV live alone, and every station serve vehicles as they come."""
        plugs = []
        for number, site in enumerate(self.sites):
            there = [session for session in self._present(number) if session.arrival_s < self.clock.now_s]
            plugs.append(ClockedPlugs(site, self.clock, self.post, there))
            Station(self, site, plugs[-1], self.day_ahead, self.clock, self.post)
        world = (self.world, self.roads, self.tariffs, self.clock, self.post)
        since = since_midnight(self.morning, self.plans, self.roads)
        evs = [
            EV(self, plan, *world, before)
            for plan, before in zip(plan_of_each(self.plans), since, strict=True)
        ]
        self.coordinator.evs = [ev.name for ev in evs]
        for number, kind in enumerate(self.world.config.population.information.shares()):
            members = np.flatnonzero(self.morning.knowledge == number)
            self.coordinator.drivers[kind] = [evs[member].name for member in members]
        return Drivers(evs, plugs, self.post)

    def _fleet(self) -> Fleet:
        """Let all EVs live as arrays, and reckon what happens at the stations."""
        plugs = [
            ReckonedPlugs(site, self.clock, self._present(number)) for number, site in enumerate(self.sites)
        ]
        for site, chargers in zip(self.sites, plugs, strict=True):
            Station(self, site, chargers, self.day_ahead, self.clock, self.post)
        world = (self.world, self.roads, self.tariffs, plugs, self.clock, self.post)
        fleet = Fleet(self, self.plans, *world, self.morning)
        self.coordinator.evs = [Fleet.name]
        self.coordinator.drivers = fleet.addresses()
        return fleet

    @property
    def is_last_day(self) -> bool:
        """Whether nobody has plans for the day after."""
        return self.day >= self.day_ahead.days

    def simulate(self, progress: Progress = lambda _: None) -> dict[str, Frame]:
        """Run the day, the last one on until every vehicle has arrived; return the result tables.

        On a day that is not the last, they hold links, paths, trips and EVs of the day before: its last trips have
        ended by now. *progress* is called as each period begins.
        """
        self.clock.env.process(self._announce(progress))
        self.clock.env.run(until=self.clock.env.process(self._until_the_end()))
        self._record()
        return self.recorder.frames()

    def _announce(self, progress: Progress) -> Any:
        while True:
            progress(self.clock.period)
            yield self.clock.end_of_period(Phase.RESUME)

    def _until_the_end(self) -> Any:
        """Wait for the end of the day, after the last one while someone is on the way, but at most another day."""
        for _ in range(self.clock.periods.count):
            yield self.clock.end_of_period(Phase.END)
        for _ in range(self.clock.periods.count if self.is_last_day else 0):
            if not self.drivers.anyone_out():
                return
            yield self.clock.end_of_period(Phase.END)

    def _record(self) -> None:
        """Write down trips, sessions and traffic: of yesterday, and if this is the last day, as it cuts them off."""
        record_messages(self.recorder, self.post)
        begun = self.drivers.trips().cut_at(self.clock.now_s)
        day_of_trip = begun.departure_s // SECONDS_PER_DAY + 1
        if self.start:
            late = begun.of(day_of_trip == self.day - 1)
            yesterday = self.start.yesterday
            recall_books(self.roads, self.start)
            log = TripLog.joined([yesterday.log, late])
            self.entering = self._record_trips(log, self.day - 1, yesterday.entering)
        else:
            self.entering = np.zeros(
                (self.clock.periods.count, len(self.world.network.links)), dtype=np.int64
            )
        self.today = begun.of(day_of_trip >= self.day)
        if self.is_last_day:
            self._record_trips(self.today, self.day, self.entering)
            self._flag_who_is_still_out(int(np.count_nonzero(begun.is_under_way)))
        if self._records_individuals:
            for site in self.sites:
                site.record_sessions(also_unfinished=self.is_last_day)

    def _record_trips(self, log: TripLog, day: int, entering: IntArray) -> IntArray:
        """Write down a day's traffic; return the EVs that enter links on the day after."""
        entering = record_traffic(self.recorder, self.world, self.roads, log, day, entering)
        log.record_totals(self.recorder, self.world, self.plans.battery, day)
        if self._records_individuals:
            log.record(self.recorder, self.world, self.plans.battery)
            record_ev_days(self.recorder, self.world, log, self.plans.battery)
        return entering

    @property
    def _records_individuals(self) -> bool:
        return records_individuals(self.world, self.day_ahead.n_ev)

    def midnight(self) -> Midnight:
        """Return what the day leaves to the next one."""
        now_s, periods = self.clock.now_s, self.clock.periods
        begun = self.drivers.trips()
        cut = begun.cut_at(now_s)
        under_way = self.drivers.under_way(np.flatnonzero(cut.is_under_way))
        last = periods.at(now_s - 1)
        state = self.morning.state
        return Midnight(
            day=self.day + 1,
            evs=None if state is None else evs_after(state, begun, self.world, now_s),
            under_way=under_way,
            sessions=self.drivers.at_stations(now_s),
            opened=self.drivers.opened(),
            tariff=self.drivers.tariff(),
            station_tariff=LastHeard.of_each([site.tariff.issued for site in self.sites]),
            mail=self.coordinator.on_its_way(),
            reports=self.drivers.reports(now_s)
            if self.world.config.population.information.needs_reports
            else Reports.none(),
            measured=self.coordinator.knowledge.measured(),
            drawn_kwh=np.array([self.meter.energy_kwh(site.name, last) for site in self.sites]),
            yesterday=self._traffic(self.today.of(~self.today.is_under_way)),
        )

    def _traffic(self, log: TripLog) -> Traffic:
        books = [self.roads.books[now] for now in sorted(self.roads.books) if now.day == self.day]
        return Traffic(
            log=log,
            entering=self.entering,
            **{
                field.name: np.array([getattr(book, field.name) for book in books])
                for field in fields(PeriodBook)
            },
        )

    def _flag_who_is_still_out(self, still_out: int) -> None:
        if still_out:
            ended = self.clock.periods.at(self.clock.now_s - 1)
            self.recorder.add_row(
                "violations",
                day=ended.day,
                period=ended.period,
                place="roads and stations",
                kind="on_the_way",
                amount=still_out,
                sentence=f"{still_out} EVs have not arrived by the end of {ended}: the stations could not "
                "charge them. Add chargers, or strengthen the feeder.",
            )


def records_individuals(scenario: Scenario, n_ev: int) -> bool:
    """Tell whether trips and sessions are written one by one: if asked for, or if they are not too many."""
    wanted = scenario.config.population.individual_tables
    return n_ev <= INDIVIDUAL_TABLES_UP_TO if wanted is None else wanted


def morning(scenario: Scenario, n_ev: int, seed: int, start: Midnight | None) -> Morning:
    """Return how the EVs' day begins."""
    state = start.evs if start else None
    if start is None and scenario.config.population.soc == "carried":
        state = first_evening(scenario, n_ev, seed)
    shares = scenario.config.population.information.shares()
    return Morning(state=state, knowledge=knowledge_of_each(shares, n_ev, seed), start=start)


def recall_books(roads: Roads, start: Midnight) -> None:
    """Lay the books of yesterday beside those of today."""
    names = [field.name for field in fields(PeriodBook)]
    columns = [getattr(start.yesterday, name) for name in names]
    for row, values in enumerate(zip(*columns, strict=True), start=1):
        roads.books[PeriodOfDay(start.day - 1, row)] = PeriodBook(**dict(zip(names, values, strict=True)))


def record_messages(recorder: Recorder, post: PostOffice) -> None:
    """Write down what was sent."""
    for entry in post.ledger:
        message = entry.message
        recorder.add_row(
            "messages",
            day=message.day,
            period=message.period,
            sent_s=message.sent_s,
            delivered_s=-1 if entry.delivered_s is None else entry.delivered_s,
            kind=type(message).__name__,
            sender=message.sender,
            receiver=entry.receiver,
            receivers=entry.receivers,
            lost=entry.lost,
            content=message.content(),
        )
