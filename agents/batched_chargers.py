"""Batched chargers (batch resolution): no process for each vehicle, but intervals of constant power."""

from collections.abc import Sequence

from agents.clock import Clock
from agents.station_records import StationRecords, Vehicles
from cosim.ev.queue import FifoQueue, LookAhead
from cosim.ev.session import Session
from cosim.periods import PeriodOfDay


class BatchedChargers:
    """c chargers and one queue, advanced by the fleet."""

    def __init__(
        self,
        records: StationRecords,
        clock: Clock,
        present: Sequence[Session],
        in_service: int,
    ) -> None:
        """Start with the vehicles that charge, wait or are on the way, in order of arrival."""
        self.records, self.clock = records, clock
        self.queue = FifoQueue(in_service)
        self.queue.load(present, clock.now_s)
        records.carry_over(self.queue.plugged.values(), self.queue.waiting)
        self.power_kw = 0.0
        self._power_changed_s: int | None = clock.now_s
        """Second of a change of power that sessions have not followed yet; None without one."""

    def start(self) -> None:
        """Do nothing: the fleet advances the chargers."""

    @property
    def plugged(self) -> Vehicles:
        """Vehicles that charge."""
        return self.queue.plugged.values()

    @property
    def waiting(self) -> Vehicles:
        """Vehicles that wait."""
        return self.queue.waiting

    @property
    def in_service(self) -> int:
        """Chargers in service."""
        return self.queue.chargers

    def set_in_service(self, chargers: int) -> list[Session]:
        """Change the chargers in service; return the vehicles that lost their place."""
        now_s = self.clock.now_s
        stopped, left = self.queue.set_chargers(chargers, now_s)
        for session in stopped:
            self.records.stop(session, now_s)
        for _ in left:
            self.records.queue_record.leave(now_s)
        return [*stopped, *left]

    def on_limit_changed(self) -> None:
        """Note that the power limit changed."""
        self._power_changed_s = self.clock.now_s

    def resume(self, period: PeriodOfDay) -> None:
        """Apply a changed power, also to sessions under way, unless they complete by then."""
        changed_s, self._power_changed_s = self._power_changed_s, None
        if changed_s is None:
            return
        self.power_kw = self.records.charger_power_kw(period)
        for session in self.plugged:
            if session.completion_s() > changed_s:
                if session.metered_until_s < changed_s:
                    self.records.read_meter(session, changed_s)
                session.set_power(self.power_kw)

    def look_ahead(self, before_s: int, last_s: int) -> LookAhead:
        """Return the starts and ends of sessions up to *last_s* (``FifoQueue.look_ahead``); changes nothing."""
        return self.queue.look_ahead(self.power_kw, before_s, last_s)

    def serve(self, look_ahead: LookAhead, before_s: int) -> None:
        """Update the queue by a look-ahead, and record it."""
        arrived = self.queue.serve(look_ahead, self.power_kw, before_s)
        self._count(arrived, look_ahead)
        for _, session in look_ahead.starts:
            self.records.begin(session)
        for end_s, session in look_ahead.ends:
            session.end_s = end_s
            self.records.read_meter(session, end_s)

    def _count(self, arrived: list[Session], look_ahead: LookAhead) -> None:
        """Count arrivals and waits in order of time; within a second, waits end before vehicles arrive."""
        queue = self.records.queue_record
        queue.arrivals += len(arrived)
        joins = [
            (session.arrival_s, 1, queue.join) for session in arrived if session.start_s != session.arrival_s
        ]
        leaves = [
            (start_s, 0, queue.leave) for start_s, session in look_ahead.starts if start_s > session.arrival_s
        ]
        for second, _, count in sorted(joins + leaves, key=lambda event: event[:2]):
            count(second)

    def read_all(self, boundary_s: int) -> None:
        """Read the meters of all sessions as a period ends; the next period may have another power."""
        for session in self.plugged:
            self.records.read_meter(session, boundary_s)
        self._power_changed_s = boundary_s
