"""How many EVs are where at each slot boundary: counted in diaries, with the band that an exact share allows."""

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
BOUNDARIES = SLOTS + 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Occupancy:
    """Shares of all EVs at the 97 slot boundaries of a day, both midnights included."""

    share: FloatArray
    """(97 boundaries, 5 places: the activities, driving). Who charges is where it charges."""
    departures_per_ev: FloatArray
    """Trips that start in each slot, (96 slots, 4 activities left)."""


def count_places(diaries: Diaries, state: EVState | None = None) -> IntArray:
    """Return the number of EVs at each place as planned, (97 boundaries, 5 places).

    At boundary T an EV drives whose departure is before T and whose arrival is not.
    """
    midnight_s = (diaries.day - 1) * SECONDS_PER_DAY
    parked = arrived_less_left(diaries, midnight_s)
    if state is None:
        parked[:, HOME] += diaries.n_ev
    else:
        parked += _so_far_at_each(state.activity, state.parked_since_s - midnight_s)
    return np.column_stack((parked, diaries.n_ev - parked.sum(axis=1)))


def arrived_less_left(trips: Diaries | ObservedDays, midnight_s: int = 0) -> IntArray:
    """Return how many more EVs have come to each activity than have left it, (97 boundaries, 4 activities)."""
    come = _so_far_at_each(trips.to_activity, trips.arrival_s - midnight_s)
    return come - _so_far_at_each(trips.from_activity, trips.departure_s - midnight_s)


def count_activity_states(line: Timeline) -> IntArray:
    """Return the number of EVs by what they do, (97 boundaries, 7: parked idle, driving, charging)."""
    start, end = _boundary(line.start_s), _boundary(line.end_s)
    kinds = [line.activity_state == kind for kind in range(len(ACTIVITY_STATES))]
    return np.stack([_so_far(start[kind]) - _so_far(end[kind]) for kind in kinds], axis=1)


def count_departures(diaries: Diaries) -> IntArray:
    """Return the trips that start in each slot, (96 slots, 4 activities left)."""
    slot = diaries.departure_s % SECONDS_PER_DAY // SLOT_S
    cell = np.bincount(slot * 4 + diaries.from_activity, minlength=SLOTS * 4)
    return cell.reshape(SLOTS, 4)


def soc_at_boundaries(line: Timeline) -> FloatArray:
    """Return the state of charge of every EV at every slot boundary, (EVs, 97); it is linear in an interval."""
    start, end = _boundary(line.start_s), _boundary(line.end_s)
    length = end - start
    row = np.repeat(np.arange(line.ev.size), length)
    boundary = np.arange(row.size) - np.repeat(np.cumsum(length) - length, length) + start[row]
    span = np.where(np.isfinite(line.end_s - line.start_s), line.end_s - line.start_s, 1.0)
    slope = np.where(np.isfinite(line.end_s), line.soc_end - line.soc_start, 0.0) / span
    soc = np.full((line.n_ev, BOUNDARIES), np.nan)
    since_s = boundary * SLOT_S - line.start_s[row]
    soc[line.ev[row], boundary] = line.soc_start[row] + slope[row] * since_s
    return soc


def band(share: FloatArray, n_ev: int, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Return the counts among *n_ev* EVs between which all cells of *share* lie with probability *level* at least.

    Each cell of a multinomial count is binomial; Bonferroni's rule makes the band hold for all cells at once.
    """
    from scipy.stats import binom

    tail = (1 - level) / 2 / share.size
    probability = np.clip(share, 0.0, 1.0)
    return binom.ppf(tail, n_ev, probability), binom.isf(tail, n_ev, probability)


def inside_band(counts: IntArray, share: FloatArray, n_ev: int, level: float = 0.95) -> BoolArray:
    """Return which counts the exact *share* allows."""
    low, high = band(share, n_ev, level)
    inside: BoolArray = (counts >= low) & (counts <= high)
    return inside


def _boundary(time_s: IntArray | FloatArray) -> IntArray:
    """Return the first boundary that lies after each time; 0 for times before midnight, 97 for none."""
    slot = np.floor_divide(np.clip(time_s, -SLOT_S, SECONDS_PER_DAY), SLOT_S).astype(np.int64)
    return slot + 1


def _so_far_at_each(activity: ActivityArray, time_s: IntArray) -> IntArray:
    boundary = _boundary(time_s)
    return np.stack([_so_far(boundary[activity == place]) for place in range(len(ACTIVITIES))], axis=1)


def _so_far(boundary: IntArray) -> IntArray:
    return np.bincount(boundary, minlength=BOUNDARIES + 1)[:BOUNDARIES].cumsum()
