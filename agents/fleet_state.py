"""State of the EVs of a fleet: one value per EV, counted from 0."""

from dataclasses import dataclass

import numpy as np

from agents.plans import DayPlan
from cosim.arrays import FloatArray, IntArray
from cosim.ev.session import NEVER_S


@dataclass(frozen=True, slots=True)
class Snapshot:
    """State of the EVs *ev*, to which they can be rolled back."""

    ev: IntArray
    row: IntArray
    soc: FloatArray
    parked_since_s: IntArray
    departure_s: IntArray


class FleetState:
    """State of charge, parking and next trip of all EVs."""

    def __init__(self, plan: DayPlan, soc: FloatArray, parked_since_s: IntArray) -> None:
        """Park EVs with *soc*, except those on trips that have begun already."""
        self.trips, self._end_row = plan.trips, plan.first_row[1:]
        self.row = plan.first_row[:-1].copy()
        """Row of the next trip, or of the one under way to a station."""
        self.soc = soc.copy()
        """State of charge after the last trip that has begun."""
        self.parked_since_s = parked_since_s.copy()
        """Second of the last arrival, which may be in the future."""
        self.departure_s = self._next_departure_s(np.arange(soc.size), np.zeros_like(self.row))
        """Second of the next departure; NEVER_S without one, and until the end of a session is known."""
        under_way = np.flatnonzero(plan.trips.has_begun)
        self.departure_s[plan.trips.ev[under_way] - 1] = NEVER_S
        arriving = under_way[plan.trips.has_arrived[under_way]]
        self.arrive(plan.trips.ev[arriving] - 1, plan.trips.arrival_s[arriving])

    def _next_departure_s(self, ev: IntArray, arrival_s: IntArray) -> IntArray:
        """Return the seconds of the next departures: as planned, but not before the arrival."""
        has_trip = self.row[ev] < self._end_row[ev]
        planned_s = self.trips.planned_s
        next_s = planned_s[np.where(has_trip, self.row[ev], 0)] if planned_s.size else 0
        return np.where(has_trip, np.maximum(next_s, arrival_s), NEVER_S)

    def set_out(self, ev: IntArray, soc_arrival: FloatArray) -> None:
        """Start the next trip of EVs; the next departure is set by ``arrive``, for a stranded EV never."""
        self.departure_s[ev] = NEVER_S
        self.soc[ev] = soc_arrival

    def arrive(self, ev: IntArray, arrival_s: IntArray) -> None:
        """End the trip of EVs at *arrival_s* and set their next departure."""
        self.trips.arrival_s[self.row[ev]] = self.parked_since_s[ev] = arrival_s
        self.row[ev] += 1
        self.departure_s[ev] = self._next_departure_s(ev, arrival_s)

    def arrive_instead(self, ev: int, arrival_s: int) -> None:
        """Let an EV on the road, whose arrival was another, arrive at *arrival_s*."""
        self.row[ev] -= 1
        self.arrive(np.array([ev]), np.array([arrival_s]))

    def snapshot(self, ev: IntArray) -> Snapshot:
        """Return the state of these EVs."""
        return Snapshot(ev, self.row[ev], self.soc[ev], self.parked_since_s[ev], self.departure_s[ev])

    def roll_back(self, to: Snapshot) -> None:
        """Set EVs back to a snapshot, and erase their trips after it."""
        ends = np.minimum(self.row[to.ev] + 1, self._end_row[to.ev])
        for row, end in zip(to.row.tolist(), ends.tolist(), strict=True):
            self.trips.arrival_s[row:end] = -1
            self.trips.departure_s[row + 1 : end] = -1
        self.row[to.ev], self.soc[to.ev] = to.row, to.soc
        self.parked_since_s[to.ev], self.departure_s[to.ev] = to.parked_since_s, to.departure_s

    def has_pending_trips(self, now_s: int) -> bool:
        """Whether an EV that is at no station drives at *now_s*, or departs later."""
        return bool((self.departure_s < NEVER_S).any() or (self.trips.arrival_s >= now_s).any())
