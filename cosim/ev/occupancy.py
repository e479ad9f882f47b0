"""How many EVs are where at each slot boundary: counted in diaries, with the band that an exact share allows."""

from dataclasses import dataclass

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.markov import SLOT_S, SLOTS
from cosim.ev.mobility import Diaries, EVState
from cosim.ev.timeline import DOINGS, Timeline
from cosim.ev.transitions import ACTIVITIES, HOME
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
    day_s = (diaries.day - 1) * SECONDS_PER_DAY
    left = _boundary(diaries.departure_s - day_s)
    come = _boundary(diaries.arrival_s - day_s)
    counts = np.zeros((BOUNDARIES, len(PLACES)), dtype=np.int64)
    for place in range(4):
        counts[:, place] = _so_far(come[diaries.to_activity == place])
        counts[:, place] -= _so_far(left[diaries.from_activity == place])
    if state is None:
        counts[:, HOME] += diaries.n_ev
    else:
        for place in range(4):
            counts[:, place] += _so_far(_boundary(state.parked_since_s[state.activity == place] - day_s))
    counts[:, 4] = diaries.n_ev - counts[:, :4].sum(axis=1)
    return counts


def count_doings(line: Timeline) -> IntArray:
    """Return the number of EVs by what they do, (97 boundaries, 7: parked idle, driving, charging)."""
    start, end = _boundary(line.start_s), _boundary(line.end_s)
    kinds = [line.doing == kind for kind in range(len(DOINGS))]
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


def _so_far(boundary: IntArray) -> IntArray:
    return np.bincount(boundary, minlength=BOUNDARIES + 1)[:BOUNDARIES].cumsum()
