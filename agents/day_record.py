"""The rows of a simulated day in the result tables.

Links, paths and trips of a day are recorded at the end of the next day, because by then its last trips have ended;
those of the last day at the end of the simulation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np

from agents.counts import entries_after, record_traffic
from agents.day_boundary import DayBoundary, DayTraffic
from agents.ev_days import record_ev_days
from agents.plans import EVAttributes
from agents.roads import RoadPeriod
from agents.trip_table import TripTable, record_totals, record_trips
from cosim.arrays import BoolArray, IntArray
from cosim.mailbox import PostOffice
from cosim.periods import SECONDS_PER_DAY, PeriodOfDay
from cosim.results import Recorder
from cosim.scenario import DayAhead, Scenario
from cosim.scenario.road_closures import RoadClosures

MAX_EVS_FOR_INDIVIDUAL_TABLES = 100_000
"""Number of EVs up to which trips and sessions are recorded one by one by default."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DayRecord:
    """State of a simulated day at its end."""

    scenario: Scenario
    day_ahead: DayAhead
    day: int
    end_s: int
    start: DayBoundary | None
    evs: EVAttributes
    trips: TripTable
    """Trips of the day, also those that have not begun."""
    roads: Mapping[PeriodOfDay, RoadPeriod]

    @property
    def is_last(self) -> bool:
        """Whether no day follows."""
        return self.day >= self.day_ahead.days

    @cached_property
    def at_end(self) -> TripTable:
        """Trips as known at the end of the day."""
        return self.trips.cut_at(self.end_s)

    @cached_property
    def yesterday(self) -> DayTraffic | None:
        """Traffic of the day before: its trips have ended, except those that take more than a day."""
        if self.start is None:
            return None
        before = self.start.yesterday
        carried_over = self.at_end.select(self._began_on(before.day))
        return replace(before, trips=TripTable.concatenate([before.trips, carried_over]))

    @cached_property
    def carried_over_entries(self) -> IntArray:
        """Number of EVs of the day before that enter each link on this day, (periods, links)."""
        if self.yesterday is not None:
            return entries_after(self.yesterday, self.scenario, self.day_ahead.paths)
        return np.zeros((self.scenario.periods.count, len(self.scenario.network.links)), dtype=np.int64)

    @cached_property
    def today(self) -> DayTraffic:
        """Traffic of the day."""
        periods = [self.roads[period] for period in sorted(self.roads)]
        columns = {
            field.name: np.array([getattr(period, field.name) for period in periods])
            for field in fields(RoadPeriod)
        }
        begun_before = self.trips.has_begun & (self.trips.departure_s < (self.day - 1) * SECONDS_PER_DAY)
        trips = self.at_end.select(~begun_before)
        return DayTraffic(
            day=self.day, trips=trips, carried_over_entries=self.carried_over_entries, **columns
        )

    @property
    def traffic_so_far(self) -> DayTraffic:
        """Traffic of the day, with what is recorded of the trips that have ended."""
        trips = self.today.trips
        ended = trips.select(trips.has_begun & ~trips.is_under_way)
        return replace(self.today, trips=ended.as_recorded(one_by_one=self.records_individuals))

    def _began_on(self, day: int) -> BoolArray:
        """Return whether each trip began on *day*."""
        began: BoolArray = self.trips.departure_s // SECONDS_PER_DAY + 1 == day
        return began

    @property
    def records_individuals(self) -> bool:
        """Whether trips and sessions are recorded one by one (``population.individual_tables``)."""
        configured = self.scenario.config.population.individual_tables
        return self.evs.count <= MAX_EVS_FOR_INDIVIDUAL_TABLES if configured is None else configured


def record_day(recorder: Recorder, record: DayRecord) -> None:
    """Write the traffic of the day before, and on the last day its own."""
    if record.yesterday is not None:
        _record_trips(recorder, record, record.yesterday)
    if record.is_last:
        _record_trips(recorder, record, record.today)
        _flag_evs_under_way(recorder, record)


def _record_trips(recorder: Recorder, record: DayRecord, traffic: DayTraffic) -> None:
    scenario, battery = record.scenario, record.evs.battery
    record_traffic(recorder, scenario, record.day_ahead, traffic)
    record_totals(recorder, scenario, traffic.trips, battery, traffic.day)
    if record.records_individuals:
        record_trips(recorder, scenario, traffic.trips, battery)
        record_ev_days(recorder, scenario, traffic.trips, record.evs)


def _flag_evs_under_way(recorder: Recorder, record: DayRecord) -> None:
    under_way = int(np.count_nonzero(record.at_end.is_under_way))
    if not under_way:
        return
    ended = record.scenario.periods.at(record.end_s - 1)
    closed = (
        RoadClosures(record.day_ahead.paths.network, record.scenario.events).closed(record.end_s - 1).any()
    )
    recorder.add_row(
        "violations",
        day=ended.day,
        period=ended.period,
        place="roads and stations",
        kind="on_the_way",
        amount=under_way,
        sentence=f"{under_way} EVs have not arrived by the end of {ended}: the stations could not charge them"
        + (", or a road is closed." if closed else ". Add chargers, or strengthen the feeder."),
    )


def record_messages(recorder: Recorder, post: PostOffice) -> None:
    """Write the ledger of messages."""
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
