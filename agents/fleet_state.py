"""Where each EV of a fleet stands in its day: one value per EV, counted from 0."""

from dataclasses import dataclass

import numpy as np

from agents.plans import DayPlan
from cosim.arrays import FloatArray, IntArray
from cosim.ev.session import NEVER_S


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where some EVs stood, to roll back what they did after it."""

    ev: IntArray
    row: IntArray
    soc: FloatArray
    parked_since_s: IntArray
    departure_s: IntArray


class FleetState:
    """EVs and the rows of their next trips."""

    def __init__(self, plan: DayPlan, soc: FloatArray, parked_since_s: IntArray) -> None:
        """Park EVs with *soc*, except those on trips that have begun already."""
        self.trips, self._end_row = plan.trips, plan.first_row[1:]
        self.row = plan.first_row[:-1].copy()
        """The next trip, or the one under way to a station."""
        self.soc = soc.copy()
        """After the last trip that has begun."""
        self.parked_since_s = parked_since_s.copy()
        """Second of the last arrival, be it in the future."""
        self.departure_s = self._next_departure_s(np.arange(soc.size), np.zeros_like(self.row))
        """Of the next trip; about never if there is none, or while at or before a station."""
        begun = np.flatnonzero(plan.trips.has_begun)
        self.departure_s[plan.trips.ev[begun] - 1] = NEVER_S
        known = begun[plan.trips.has_arrived[begun]]
        self.arrive(plan.trips.ev[known] - 1, plan.trips.arrival_s[known])

    def _next_departure_s(self, ev: IntArray, arrival_s: IntArray) -> IntArray:
        """Return when EVs leave again: as planned, but not before they are there."""
        has_trip = self.row[ev] < self._end_row[ev]
        planned_s = self.trips.planned_s
        next_s = planned_s[np.where(has_trip, self.row[ev], 0)] if planned_s.size else 0
        return np.where(has_trip, np.maximum(next_s, arrival_s), NEVER_S)

    def set_out(self, ev: IntArray, soc_arrival: FloatArray) -> None:
        """Let EVs leave on their next trip; none leaves again before ``arrive``, a stranded one never."""
        self.departure_s[ev] = NEVER_S
        self.soc[ev] = soc_arrival

    def arrive(self, ev: IntArray, arrival_s: IntArray) -> None:
        """Let EVs park at the end of their trip."""
        self.trips.arrival_s[self.row[ev]] = self.parked_since_s[ev] = arrival_s
        self.row[ev] += 1
        self.departure_s[ev] = self._next_departure_s(ev, arrival_s)

    def snapshot(self, ev: IntArray) -> Snapshot:
        """Return where EVs stand."""
        return Snapshot(ev, self.row[ev], self.soc[ev], self.parked_since_s[ev], self.departure_s[ev])

    def roll_back(self, to: Snapshot) -> None:
        """Put EVs back to where they stood, and forget their trips after it."""
        ends = np.minimum(self.row[to.ev] + 1, self._end_row[to.ev])
        for row, end in zip(to.row.tolist(), ends.tolist(), strict=True):
            self.trips.arrival_s[row:end] = -1
            self.trips.departure_s[row + 1 : end] = -1
        self.row[to.ev], self.soc[to.ev] = to.row, to.soc
        self.parked_since_s[to.ev], self.departure_s[to.ev] = to.parked_since_s, to.departure_s

    def anyone_out(self, now_s: int) -> bool:
        """Tell whether an EV that is at no station still drives at *now_s*, or will."""
        return bool((self.departure_s < NEVER_S).any() or (self.trips.arrival_s >= now_s).any())
