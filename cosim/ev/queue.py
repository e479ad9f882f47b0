"""A station's queue without a clock: c chargers, first come, first served, simulated interval by interval.

In order of arrival, a vehicle plugs in as soon as a charger is free: the recursion of Kiefer and Wolfowitz (1955) for
the G/G/c queue. The power of the chargers is constant in an interval.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heapify, heapreplace

from cosim.ev.session import Session


@dataclass(frozen=True, slots=True)
class LookAhead:
    """Starts and ends of sessions in an interval: second and session of each."""

    starts: list[tuple[int, Session]]
    """In order of arrival."""
    ends: list[tuple[int, Session]]


class FifoQueue:
    """Vehicles at the chargers of one station, and on the way to them."""

    def __init__(self, chargers: int) -> None:
        """Start empty."""
        self.chargers = chargers
        """Chargers in service; 0 while the station is closed."""
        self.free_from_s = 0
        """Second from which idle chargers can be used: that of the last change."""
        self.plugged: dict[int, Session] = {}
        """Vehicles that charge, by the number of the EV."""
        self.waiting: deque[Session] = deque()
        """Vehicles that wait, in order of arrival; within a second by EV number."""
        self._coming: list[Session] = []

    @property
    def is_empty(self) -> bool:
        """Whether no vehicle is at the station, or on the way to it."""
        return not (self.plugged or self.waiting or self._coming)

    @property
    def vehicles(self) -> list[Session]:
        """Vehicles that charge, wait or are on the way, in order of arrival."""
        vehicles = [*self.plugged.values(), *self.waiting, *self._coming]
        return sorted(vehicles, key=lambda vehicle: (vehicle.arrival_s, vehicle.ev))

    def load(self, vehicles: Iterable[Session], now_s: int) -> None:
        """Add vehicles, in order of arrival, in their state at the start of second *now_s*."""
        for vehicle in vehicles:
            if vehicle.start_s >= 0:
                self.plugged[vehicle.ev] = vehicle
            elif vehicle.arrival_s < now_s:
                self.waiting.append(vehicle)
            else:
                self._coming.append(vehicle)

    def announce(self, vehicles: list[Session]) -> None:
        """Add vehicles on the way to the station."""
        self._coming = sorted(self._coming + vehicles, key=lambda vehicle: (vehicle.arrival_s, vehicle.ev))

    def set_chargers(self, chargers: int, now_s: int) -> tuple[list[Session], list[Session]]:
        """Change the chargers in service; return the vehicles that lose theirs, longest in use first, and the queue.

        The queue leaves only where no charger remains.
        """
        self.chargers, self.free_from_s = chargers, now_s
        by_start = sorted(self.plugged.values(), key=lambda vehicle: (vehicle.start_s, vehicle.ev))
        stopped = by_start[: max(0, len(by_start) - chargers)]
        for vehicle in stopped:
            del self.plugged[vehicle.ev]
        left = list(self.waiting) if not chargers else []
        if not chargers:
            self.waiting.clear()
        return stopped, left

    def take_arriving(self, before_s: int) -> list[Session]:
        """Remove the vehicles on the way that arrive before *before_s* and do not stay come what may; return them."""
        taken = [vehicle for vehicle in self._coming if vehicle.arrival_s < before_s and not vehicle.stays]
        self._coming = (
            [vehicle for vehicle in self._coming if vehicle not in taken] if taken else self._coming
        )
        return taken

    def look_ahead(self, power_kw: float, before_s: int, last_s: int) -> LookAhead:
        """Return the starts and ends of sessions up to second *last_s* at *power_kw* per charger; changes nothing.

        Vehicles that arrive before *before_s* take part. Within a second, sessions end before vehicles arrive.
        """
        plugged = [(vehicle.completion_s(), vehicle) for vehicle in self.plugged.values()]
        starts = list(self._starts([end_s for end_s, _ in plugged], power_kw, before_s, last_s))
        started = [(start_s + vehicle.duration_s(power_kw), vehicle) for start_s, vehicle in starts]
        return LookAhead(
            starts, [(end_s, vehicle) for end_s, vehicle in plugged + started if end_s <= last_s]
        )

    def _starts(
        self, busy_until_s: list[int], power_kw: float, before_s: int, last_s: int
    ) -> Iterator[tuple[int, Session]]:
        if not self.chargers:
            return
        free_s = busy_until_s + [self.free_from_s] * (self.chargers - len(busy_until_s))
        heapify(free_s)
        for vehicle in self._in_order(before_s):
            start_s = max(free_s[0], vehicle.arrival_s)
            if start_s > last_s:
                return
            heapreplace(free_s, start_s + vehicle.duration_s(power_kw))
            yield start_s, vehicle

    def _in_order(self, before_s: int) -> Iterator[Session]:
        """Yield the vehicles that wait, then those that arrive before *before_s*."""
        yield from self.waiting
        for vehicle in self._coming:
            if vehicle.arrival_s >= before_s:
                return
            yield vehicle

    def serve(self, look_ahead: LookAhead, power_kw: float, before_s: int) -> list[Session]:
        """Update the queue by a look-ahead and return the vehicles that arrived; ended sessions are not yet metered."""
        arrived = [vehicle for vehicle in self._coming if vehicle.arrival_s < before_s]
        self._coming = self._coming[len(arrived) :]
        self.waiting.extend(arrived)
        for start_s, vehicle in look_ahead.starts:
            self.waiting.popleft()
            vehicle.plug_in(start_s)
            vehicle.set_power(power_kw)
            self.plugged[vehicle.ev] = vehicle
        for _, vehicle in look_ahead.ends:
            del self.plugged[vehicle.ev]
        return arrived
