"""The EVs as arrays: where each stands in its day, and what has come of its trips so far."""

from dataclasses import dataclass

import numpy as np

from agents.midnight import Reports, UnderWay
from agents.plans import DayPlans
from agents.trip_log import TripLog
from cosim.arrays import FloatArray, IntArray
from cosim.ev.charging import TripSoc
from cosim.ev.mobility import EVState
from cosim.ev.session import NEVER_S


@dataclass(frozen=True, slots=True)
class Memory:
    """Where some EVs stood, to take back what they did since."""

    ev: IntArray
    row: IntArray
    soc: FloatArray
    parked_s: IntArray
    departure_s: IntArray


class FleetState:
    """EVs are counted from 0; the row of a trip is that in the plans."""

    def __init__(self, plans: DayPlans, state: EVState | None, under_way: UnderWay | None) -> None:
        """Park all EVs where *state* says, or at home, except those on trips *under way*."""
        plans = plans if under_way is None else plans.after(under_way)
        n_ev, trips = plans.diaries.n_ev, plans.rows.ev.size
        self.plans, self.planned_s = plans, plans.rows.departure_s
        self.end_row = plans.first_row[1:]
        # one value per EV
        self.row = plans.first_row[:-1].copy()
        """The next trip, or the one under way to a station."""
        self.soc = (plans.diaries.soc_first if state is None else state.soc).copy()
        """After the last trip that has begun."""
        self.parked_s: IntArray = (
            np.zeros(n_ev, dtype=np.int64) if state is None else state.parked_since_s.copy()
        )
        """Second of the last arrival, be it in the future."""
        self.departure_s = self._next_departure_s(np.arange(n_ev), np.zeros(n_ev, dtype=np.int64))
        """Of the next trip; about never if there is none, or while at or before a station."""
        # one value per trip
        self.charges = np.zeros(trips, dtype=np.bool_)
        self.path, self.departed_s, self.arrival_s = np.full((3, trips), -1, dtype=np.int64)
        self.drive_s, self.after_s, self.wait_s, self.charge_s = np.zeros((4, trips), dtype=np.int64)
        self.soc_departure, self.soc_arrival, self.slow_kwh, self.fast_kwh, self.paid_cny = np.zeros(
            (5, trips)
        )
        if under_way is not None:
            self._go_on(under_way)

    def _go_on(self, under_way: UnderWay) -> None:
        """Put EVs on the trips that midnight interrupted."""
        log, ev = under_way.log, under_way.log.ev - 1
        row = self.row[ev]
        self.charges[row], self.path[row], self.departed_s[row] = log.charges, log.path, log.departure_s
        self.drive_s[row], self.after_s[row] = log.drive_s, under_way.after_s
        self.wait_s[row], self.charge_s[row], self.fast_kwh[row] = log.wait_s, log.charge_s, log.fast_kwh
        self.paid_cny[row] = log.paid_cny
        self.soc_departure[row], self.soc_arrival[row] = log.soc_departure, log.soc_arrival
        self.slow_kwh[row], self.departure_s[ev] = log.slow_kwh, NEVER_S
        known = log.arrival_s >= 0
        self.arrive(ev[known], log.arrival_s[known])

    def _next_departure_s(self, ev: IntArray, arrival_s: IntArray) -> IntArray:
        """Return when EVs leave again: as planned, but not before they are there."""
        has_trip = self.row[ev] < self.end_row[ev]
        planned_s = self.planned_s[np.where(has_trip, self.row[ev], 0)] if self.planned_s.size else 0
        return np.where(has_trip, np.maximum(planned_s, arrival_s), NEVER_S)

    def set_out(self, ev: IntArray, course: TripSoc, soc: FloatArray, slow_kwh: FloatArray) -> None:
        """Let EVs leave on their next trip; nobody leaves again before ``arrive``, the stranded never."""
        row = self.row[ev]
        self.departed_s[row], self.departure_s[ev] = self.departure_s[ev], NEVER_S
        self.soc_departure[row], self.slow_kwh[row] = soc, slow_kwh
        self.soc_arrival[row] = self.soc[ev] = course.soc_arrival

    def arrive(self, ev: IntArray, arrival_s: IntArray) -> None:
        """Let EVs park at the end of their trip."""
        self.arrival_s[self.row[ev]] = self.parked_s[ev] = arrival_s
        self.row[ev] += 1
        self.departure_s[ev] = self._next_departure_s(ev, arrival_s)

    def remember(self, ev: IntArray) -> Memory:
        """Return where EVs stand."""
        return Memory(ev, self.row[ev], self.soc[ev], self.parked_s[ev], self.departure_s[ev])

    def take_back(self, memory: Memory) -> None:
        """Put EVs back to where they stood, and forget their trips since."""
        ends = np.minimum(self.row[memory.ev] + 1, self.end_row[memory.ev])
        for row, end in zip(memory.row.tolist(), ends.tolist(), strict=True):
            self.arrival_s[row:end] = -1
            self.departed_s[row + 1 : end] = -1
        self.row[memory.ev], self.soc[memory.ev] = memory.row, memory.soc
        self.parked_s[memory.ev], self.departure_s[memory.ev] = memory.parked_s, memory.departure_s

    def anyone_out(self, now_s: int) -> bool:
        """Tell whether an EV that is at no station still drives at *now_s*, or will."""
        return bool((self.departure_s < NEVER_S).any() or (self.arrival_s >= now_s).any())

    def arrived(self, from_s: int, before_s: int, loss_probability: float) -> IntArray:
        """Return the rows of trips that arrived in these seconds, and whose report was not lost."""
        then = (self.arrival_s >= from_s) & (self.arrival_s < before_s)
        return np.flatnonzero(then & (self.plans.rows.report_uniform >= loss_probability))

    def reports(self, rows: IntArray, delay_s: int) -> Reports:
        """Return the reports of trips that have arrived."""
        return Reports(
            delivered_s=self.arrival_s[rows] + delay_s,
            departed_s=self.departed_s[rows],
            path=self.path[rows],
            spent_s=(self.wait_s + self.charge_s)[rows],
        )

    def under_way(self, rows: IntArray) -> UnderWay:
        """Return trips that midnight finds under way."""
        return UnderWay(
            log=self.log(rows),
            after_s=self.after_s[rows],
            report_uniform=self.plans.rows.report_uniform[rows],
        )

    @property
    def begun(self) -> IntArray:
        """Rows of the trips begun."""
        return np.flatnonzero(self.departed_s >= 0)

    def log(self, begun: IntArray) -> TripLog:
        """Return trips *begun*; arrivals may be to come."""
        every = slice(None) if begun.size == self.departed_s.size else begun
        rows = self.plans.rows
        return TripLog(
            ev=rows.ev[every] + 1,
            trip=rows.trip[every],
            from_activity=rows.from_activity[every],
            to_activity=rows.to_activity[every],
            od=rows.od[every],
            length_km=rows.length_km[every],
            charges=self.charges[every],
            path=self.path[every],
            departure_s=self.departed_s[every],
            arrival_s=self.arrival_s[every],
            drive_s=self.drive_s[every],
            wait_s=self.wait_s[every],
            charge_s=self.charge_s[every],
            soc_departure=self.soc_departure[every],
            soc_arrival=self.soc_arrival[every],
            slow_kwh=self.slow_kwh[every],
            fast_kwh=self.fast_kwh[every],
            paid_cny=self.paid_cny[every],
        )
