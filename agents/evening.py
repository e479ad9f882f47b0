"""The evening of a day of the agents: what is written down of it, and what it leaves to the next one."""

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from agents.counts import record_traffic
from agents.ev_days import record_ev_days
from agents.midnight import LastHeard, Midnight, Reports, Traffic, evs_after
from agents.roads import PeriodBook, Roads
from agents.trip_log import TripLog
from cosim.arrays import IntArray
from cosim.mailbox import PostOffice
from cosim.periods import SECONDS_PER_DAY, PeriodOfDay
from cosim.results import Recorder
from cosim.scenario import Scenario

if TYPE_CHECKING:
    from agents.model import CoSimModel

INDIVIDUAL_TABLES_UP_TO = 100_000
"""EVs up to which trips and sessions are written one by one, unless the scenario says otherwise."""


class Evening:
    """Reads the agents' books once the clock has stopped."""

    def __init__(self, model: "CoSimModel") -> None:
        """Of this day."""
        self.model = model
        self.individuals = records_individuals(model.world, model.day_ahead.n_ev)

    def record(self) -> None:
        """Write down trips, sessions and traffic: of yesterday, and if this is the last day, as it cuts them off."""
        model = self.model
        record_messages(model.recorder, model.post)
        begun = model.drivers.trips().cut_at(model.clock.now_s)
        day_of_trip = begun.departure_s // SECONDS_PER_DAY + 1
        self.entering = self._record_yesterday(begun.of(day_of_trip == model.day - 1))
        self.today = begun.of(day_of_trip >= model.day)
        if model.is_last_day:
            self._record_trips(self.today, model.day, self.entering)
            self._flag_who_is_still_out(int(np.count_nonzero(begun.is_under_way)))
        if self.individuals:
            for site in model.sites:
                site.record_sessions(also_unfinished=model.is_last_day)

    def _record_yesterday(self, late: TripLog) -> IntArray:
        """Write down the day before, whose *late* trips have ended by now; return its EVs that enter links today."""
        start = self.model.start
        if start is None:
            shape = (self.model.clock.periods.count, len(self.model.world.network.links))
            return np.zeros(shape, dtype=np.int64)
        recall_books(self.model.roads, start)
        log = TripLog.joined([start.yesterday.log, late])
        return self._record_trips(log, start.day - 1, start.yesterday.entering)

    def _record_trips(self, log: TripLog, day: int, entering: IntArray) -> IntArray:
        """Write down a day's traffic; return the EVs that enter links on the day after."""
        recorder, scenario, battery = self.model.recorder, self.model.world, self.model.plans.battery
        entering = record_traffic(recorder, scenario, self.model.roads, log, day, entering)
        log.record_totals(recorder, scenario, battery, day)
        if self.individuals:
            log.record(recorder, scenario, battery)
            record_ev_days(recorder, scenario, log, self.model.plans)
        return entering

    def _flag_who_is_still_out(self, still_out: int) -> None:
        if still_out:
            ended = self.model.clock.periods.at(self.model.clock.now_s - 1)
            self.model.recorder.add_row(
                "violations",
                day=ended.day,
                period=ended.period,
                place="roads and stations",
                kind="on_the_way",
                amount=still_out,
                sentence=f"{still_out} EVs have not arrived by the end of {ended}: the stations could not "
                "charge them. Add chargers, or strengthen the feeder.",
            )

    def midnight(self) -> Midnight:
        """Return what the day, once it is written down, leaves to the next one."""
        model, drivers, now_s = self.model, self.model.drivers, self.model.clock.now_s
        begun, state = drivers.trips(), model.morning.state
        last = model.clock.periods.at(now_s - 1)
        counts_reports = model.world.config.population.information.needs_reports
        return Midnight(
            day=model.day + 1,
            evs=None if state is None else evs_after(state, begun, model.world, now_s),
            under_way=drivers.under_way(np.flatnonzero(begun.cut_at(now_s).is_under_way)),
            sessions=drivers.at_stations(now_s),
            opened=drivers.opened(),
            tariff=drivers.tariff(),
            station_tariff=LastHeard.of_each([site.tariff.issued for site in model.sites]),
            mail=model.coordinator.on_its_way(),
            reports=drivers.reports(now_s) if counts_reports else Reports.none(),
            measured=model.coordinator.knowledge.measured(),
            drawn_kwh=np.array([model.meter.energy_kwh(site.name, last) for site in model.sites]),
            yesterday=self._traffic(),
        )

    def _traffic(self) -> Traffic:
        """Return the day itself as the next one will write it down."""
        books = self.model.roads.books
        of_today = [books[now] for now in sorted(books) if now.day == self.model.day]
        columns = {
            field.name: np.array([getattr(book, field.name) for book in of_today])
            for field in fields(PeriodBook)
        }
        return Traffic(log=self.today.of(~self.today.is_under_way), entering=self.entering, **columns)


def records_individuals(scenario: Scenario, n_ev: int) -> bool:
    """Tell whether trips and sessions are written one by one: if asked for, or if they are not too many."""
    wanted = scenario.config.population.individual_tables
    return n_ev <= INDIVIDUAL_TABLES_UP_TO if wanted is None else wanted


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
