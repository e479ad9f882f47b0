"""The chargers without a process for each vehicle (batch resolution): worked out in stretches of constant power."""

from collections.abc import Callable, Sequence

from agents.clock import Clock
from agents.site import Site, Vehicles
from cosim.ev.queue import FifoQueue, LookAhead
from cosim.ev.session import Session
from cosim.periods import PeriodOfDay


class ReckonedPlugs:
    """c chargers and one queue, moved on by the fleet."""

    def __init__(self, site: Site, clock: Clock, present: Sequence[Session] = ()) -> None:
        """Begin with the vehicles that charge, wait or are coming, in order of arrival."""
        self.site, self.clock = site, clock
        self.queue = FifoQueue(site.data.chargers)
        self.queue.load(present, clock.now_s)
        site.keep(self.queue.plugged.values(), self.queue.waiting)
        self.before_change: Callable[[], None] = lambda: None
        self.power_kw = 0.0
        self._new_power_from_s: int | None = clock.now_s

    @property
    def plugged(self) -> Vehicles:
        """Vehicles that charge."""
        return self.queue.plugged.values()

    @property
    def waiting(self) -> Vehicles:
        """Vehicles that wait."""
        return self.queue.waiting

    def after_limit(self) -> None:
        """Remember that there is a new limit from this second on."""
        self._new_power_from_s = self.clock.now_s

    def resume(self, period: PeriodOfDay) -> None:
        """Bring a new power into force, on vehicles that are charging too; who is full by then, is full."""
        changed_s, self._new_power_from_s = self._new_power_from_s, None
        if changed_s is None:
            return
        self.power_kw = self.site.charger_power_kw(period)
        for session in self.plugged:
            if session.full_s() > changed_s:
                if session.since_s < changed_s:
                    self.site.read_off(session, changed_s)
                session.draw(self.power_kw)

    def look_ahead(self, before_s: int, last_s: int) -> LookAhead:
        """Return what happens up to *last_s* with the vehicles that come before *before_s*; changes nothing."""
        return self.queue.look_ahead(self.power_kw, before_s, last_s)

    def serve(self, ahead: LookAhead, before_s: int) -> None:
        """Carry out what was looked ahead, and write it into the books."""
        arrived = self.queue.serve(ahead, self.power_kw, before_s)
        self._count(arrived, ahead)
        for _, session in ahead.starts:
            self.site.begin(session)
        for end_s, session in ahead.ends:
            session.end_s = end_s
            self.site.read_off(session, end_s)

    def _count(self, arrived: list[Session], ahead: LookAhead) -> None:
        """Count who arrives and who waits, in order of time; a charger falls free before others arrive."""
        book = self.site.book
        book.arrivals += len(arrived)
        joins = [
            (session.arrival_s, 1, book.join) for session in arrived if session.start_s != session.arrival_s
        ]
        leaves = [
            (start_s, 0, book.leave) for start_s, session in ahead.starts if start_s > session.arrival_s
        ]
        for second, _, count in sorted(joins + leaves, key=lambda event: event[:2]):
            count(second)

    def read_all(self, boundary_s: int) -> None:
        """Read off all who charge as a period ends; the next one may bring another power."""
        for session in self.plugged:
            self.site.read_off(session, boundary_s)
        self._new_power_from_s = boundary_s
