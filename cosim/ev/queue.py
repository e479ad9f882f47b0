"""A station's queue without a clock: c chargers, first come, first served, worked out for a stretch of time at once.

In order of arrival, a vehicle plugs in as soon as it is there and a charger is free (Kiefer and Wolfowitz 1955).
That holds as long as the power of the chargers is constant; where it changes, a new stretch begins.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heapify, heapreplace

from cosim.ev.session import Session


@dataclass(frozen=True, slots=True)
class LookAhead:
    """What happens at the chargers in a stretch of time."""

    starts: list[tuple[int, Session]]
    """Who plugs in, and when; in order of arrival."""
    ends: list[tuple[int, Session]]
    """Who is full, and when."""


class FifoQueue:
    """The vehicles at, and on the way to, the chargers of one station."""

    def __init__(self, chargers: int) -> None:
        """Stand empty."""
        self.chargers = chargers
        self.plugged: dict[int, Session] = {}
        """Vehicles that charge, by EV."""
        self.waiting: deque[Session] = deque()
        """In order of arrival; within a second by EV number."""
        self._coming: list[Session] = []

    @property
    def is_empty(self) -> bool:
        """Whether nobody is here, or on the way."""
        return not (self.plugged or self.waiting or self._coming)

    @property
    def vehicles(self) -> list[Session]:
        """All that charge, wait or are coming, in order of arrival."""
        everyone = [*self.plugged.values(), *self.waiting, *self._coming]
        return sorted(everyone, key=lambda vehicle: (vehicle.arrival_s, vehicle.ev))

    def load(self, vehicles: Iterable[Session], now_s: int) -> None:
        """Let vehicles, in order of arrival, charge, wait or come as they do at the start of the second *now_s*."""
        for vehicle in vehicles:
            if vehicle.start_s >= 0:
                self.plugged[vehicle.ev] = vehicle
            elif vehicle.arrival_s < now_s:
                self.waiting.append(vehicle)
            else:
                self._coming.append(vehicle)

    def announce(self, vehicles: list[Session]) -> None:
        """Expect vehicles that have set out for the station."""
        self._coming = sorted(self._coming + vehicles, key=lambda vehicle: (vehicle.arrival_s, vehicle.ev))

    def look_ahead(self, power_kw: float, before_s: int, last_s: int) -> LookAhead:
        """Return what happens up to the second *last_s*, if each charger gives *power_kw*; changes nothing.

        Vehicles arrive before *before_s*: those of a second come after those that are full in it.
        """
        plugged = [(vehicle.full_s(), vehicle) for vehicle in self.plugged.values()]
        starts = list(self._starts([full_s for full_s, _ in plugged], power_kw, before_s, last_s))
        begun = [(start_s + vehicle.duration_s(power_kw), vehicle) for start_s, vehicle in starts]
        return LookAhead(starts, [(end_s, vehicle) for end_s, vehicle in plugged + begun if end_s <= last_s])

    def _starts(
        self, busy_until_s: list[int], power_kw: float, before_s: int, last_s: int
    ) -> Iterator[tuple[int, Session]]:
        free_s = busy_until_s + [0] * (self.chargers - len(busy_until_s))
        heapify(free_s)
        for vehicle in self._in_order(before_s):
            start_s = max(free_s[0], vehicle.arrival_s)
            if start_s > last_s:
                return
            heapreplace(free_s, start_s + vehicle.duration_s(power_kw))
            yield start_s, vehicle

    def _in_order(self, before_s: int) -> Iterator[Session]:
        """Yield who waits, then who arrives before *before_s*."""
        yield from self.waiting
        for vehicle in self._coming:
            if vehicle.arrival_s >= before_s:
                return
            yield vehicle

    def serve(self, ahead: LookAhead, power_kw: float, before_s: int) -> list[Session]:
        """Carry out what was looked ahead; return who arrived. The meters of full vehicles are still to be read."""
        arrived = [vehicle for vehicle in self._coming if vehicle.arrival_s < before_s]
        self._coming = self._coming[len(arrived) :]
        self.waiting.extend(arrived)
        for start_s, vehicle in ahead.starts:
            self.waiting.popleft()
            vehicle.plug_in(start_s)
            vehicle.draw(power_kw)
            self.plugged[vehicle.ev] = vehicle
        for _, vehicle in ahead.ends:
            del self.plugged[vehicle.ev]
        return arrived
