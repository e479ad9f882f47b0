"""Number of EVs at each place at the slot boundaries, counted in diaries, with the band of an exact share."""

from dataclasses import dataclass

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.diary_table import ObservedDays
from cosim.ev.markov import SLOT_S, SLOTS
from cosim.ev.mobility import Diaries, EVState
from cosim.ev.timeline import ACTIVITY_STATES, Timeline
from cosim.ev.transitions import ACTIVITIES, HOME, ActivityArray
from cosim.periods import SECONDS_PER_DAY

PLACES = (*ACTIVITIES, "driving")
"""Columns of an occupancy: parked at an activity, charging or not, or driving."""
BOUNDARIES = SLOTS + 1
"""Slot boundaries of a day, both ends included."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Occupancy:
    """Shares of all EVs at the 97 slot boundaries of a day, both day boundaries included."""

    share: FloatArray
    """(97 boundaries, 5 places: the activities, driving)."""
    departures_per_ev: FloatArray
    """Trips that start in each slot, (96 slots, 4 activities left)."""


def count_places(diaries: Diaries, state: EVState | None = None) -> IntArray:
    """Return the number of EVs at each place as planned, (97 boundaries, 5 places).

    At boundary T an EV drives if its departure is before T and its arrival is not.
    """
    day_start_s = (diaries.day - 1) * SECONDS_PER_DAY
    parked = arrivals_less_departures(diaries, day_start_s)
    if state is None:
        parked[:, HOME] += diaries.n_ev
    else:
        parked += _cumulative_by_activity(state.activity, state.parked_since_s - day_start_s)
    return np.column_stack((parked, diaries.n_ev - parked.sum(axis=1)))


def arrivals_less_departures(trips: Diaries | ObservedDays, day_start_s: int = 0) -> IntArray:
    """Return arrivals less departures of each activity before each boundary, (97 boundaries, 4 activities)."""
    arrivals = _cumulative_by_activity(trips.to_activity, trips.arrival_s - day_start_s)
    return arrivals - _cumulative_by_activity(trips.from_activity, trips.departure_s - day_start_s)


def count_activity_states(line: Timeline) -> IntArray:
    """Return the number of EVs in each activity state, (97 boundaries, 7 states)."""
    start, end = _next_boundary(line.start_s), _next_boundary(line.end_s)
    in_state = [line.activity_state == state for state in range(len(ACTIVITY_STATES))]
    return np.stack([_cumulative(start[rows]) - _cumulative(end[rows]) for rows in in_state], axis=1)


def count_departures(diaries: Diaries) -> IntArray:
    """Return the trips that start in each slot, (96 slots, 4 activities left)."""
    slot = diaries.departure_s % SECONDS_PER_DAY // SLOT_S
    cell = np.bincount(slot * 4 + diaries.from_activity, minlength=SLOTS * 4)
    return cell.reshape(SLOTS, 4)


def soc_at_boundaries(line: Timeline) -> FloatArray:
    """Return the state of charge of every EV at every slot boundary, (EVs, 97); it is linear in an interval."""
    start, end = _next_boundary(line.start_s), _next_boundary(line.end_s)
    length = end - start
    row = np.repeat(np.arange(line.ev.size), length)
    boundary = np.arange(row.size) - np.repeat(np.cumsum(length) - length, length) + start[row]
    span = np.where(np.isfinite(line.end_s - line.start_s), line.end_s - line.start_s, 1.0)
    slope = np.where(np.isfinite(line.end_s), line.soc_end - line.soc_start, 0.0) / span
    soc = np.full((line.n_ev, BOUNDARIES), np.nan)
    elapsed_s = boundary * SLOT_S - line.start_s[row]
    soc[line.ev[row], boundary] = line.soc_start[row] + slope[row] * elapsed_s
    return soc


def band(share: FloatArray, n_ev: int, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Return bounds within which the counts of all cells of *share* among *n_ev* EVs lie with probability >= *level*.

    Each cell of a multinomial count is binomial; the Bonferroni correction makes the band simultaneous.
    """
    from scipy.stats import binom

    tail = (1 - level) / 2 / share.size
    probability = np.clip(share, 0.0, 1.0)
    return binom.ppf(tail, n_ev, probability), binom.isf(tail, n_ev, probability)


def inside_band(counts: IntArray, share: FloatArray, n_ev: int, level: float = 0.95) -> BoolArray:
    """Return whether each count is within the band of the exact *share*."""
    low, high = band(share, n_ev, level)
    inside: BoolArray = (counts >= low) & (counts <= high)
    return inside


def _next_boundary(time_s: IntArray | FloatArray) -> IntArray:
    """Return the first boundary after each time; 0 for times before the day, 97 for times after its last boundary."""
    slot = np.floor_divide(np.clip(time_s, -SLOT_S, SECONDS_PER_DAY), SLOT_S).astype(np.int64)
    return slot + 1


def _cumulative_by_activity(activity: ActivityArray, time_s: IntArray) -> IntArray:
    boundary = _next_boundary(time_s)
    counts = [_cumulative(boundary[activity == index]) for index in range(len(ACTIVITIES))]
    return np.stack(counts, axis=1)


def _cumulative(boundary: IntArray) -> IntArray:
    """Return the number of events before each of the 97 boundaries."""
    return np.bincount(boundary, minlength=BOUNDARIES + 1)[:BOUNDARIES].cumsum()
