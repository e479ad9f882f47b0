"""Batched chargers (batch resolution): no process for each vehicle, but stretches of constant power."""

from collections.abc import Sequence

from agents.clock import Clock
from agents.station_records import StationRecords, Vehicles
from cosim.ev.queue import FifoQueue, LookAhead
from cosim.ev.session import Session
from cosim.periods import PeriodOfDay


class BatchedChargers:
    """c chargers and one queue, moved on by the fleet."""

    def __init__(self, records: StationRecords, clock: Clock, present: Sequence[Session] = ()) -> None:
        """Begin with the vehicles that charge, wait or are coming, in order of arrival."""
        self.records, self.clock = records, clock
        self.queue = FifoQueue(records.data.chargers)
        self.queue.load(present, clock.now_s)
        records.carry_over(self.queue.plugged.values(), self.queue.waiting)
        self.power_kw = 0.0
        self._new_power_from_s: int | None = clock.now_s

    def start(self) -> None:
        """Do nothing: the fleet moves the chargers on."""

    @property
    def plugged(self) -> Vehicles:
        """Vehicles that charge."""
        return self.queue.plugged.values()

    @property
    def waiting(self) -> Vehicles:
        """Vehicles that wait."""
        return self.queue.waiting

    def on_limit_changed(self) -> None:
        """Note that the power limit changed."""
        self._new_power_from_s = self.clock.now_s

    def resume(self, period: PeriodOfDay) -> None:
        """Apply a new power, to vehicles that are charging too; those that are full by then are full."""
        changed_s, self._new_power_from_s = self._new_power_from_s, None
        if changed_s is None:
            return
        self.power_kw = self.records.charger_power_kw(period)
        for session in self.plugged:
            if session.full_s() > changed_s:
                if session.since_s < changed_s:
                    self.records.read_meter(session, changed_s)
                session.draw(self.power_kw)

    def look_ahead(self, before_s: int, last_s: int) -> LookAhead:
        """Return what happens up to *last_s* with the vehicles that come before *before_s*; changes nothing."""
        return self.queue.look_ahead(self.power_kw, before_s, last_s)

    def serve(self, ahead: LookAhead, before_s: int) -> None:
        """Carry out what was looked ahead, and record it."""
        arrived = self.queue.serve(ahead, self.power_kw, before_s)
        self._count(arrived, ahead)
        for _, session in ahead.starts:
            self.records.begin(session)
        for end_s, session in ahead.ends:
            session.end_s = end_s
            self.records.read_meter(session, end_s)

    def _count(self, arrived: list[Session], ahead: LookAhead) -> None:
        """Count arrivals and waits, in order of time; a charger falls free before others arrive."""
        queue = self.records.queue_record
        queue.arrivals += len(arrived)
        joins = [
            (session.arrival_s, 1, queue.join) for session in arrived if session.start_s != session.arrival_s
        ]
        leaves = [
            (start_s, 0, queue.leave) for start_s, session in ahead.starts if start_s > session.arrival_s
        ]
        for second, _, count in sorted(joins + leaves, key=lambda event: event[:2]):
            count(second)

    def read_all(self, boundary_s: int) -> None:
        """Read the meters of all that charge as a period ends; the next one may bring another power."""
        for session in self.plugged:
            self.records.read_meter(session, boundary_s)
        self._new_power_from_s = boundary_s
