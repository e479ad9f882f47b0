"""The exact distribution of the dwell model: arrivals and departures as densities over the day.

An arrival is followed by a departure after a dwell time of known distribution, a departure by an arrival after a trip
of known distribution: two convolutions, computed forwards on a grid of 15 s. It is an analytical benchmark for the
diaries, and shares no code with their sampling.
"""

from dataclasses import dataclass
from itertools import count

import numpy as np

from cosim.arrays import FloatArray
from cosim.ev.distributions import Distribution, quadrature
from cosim.ev.dwell import DwellModel
from cosim.ev.markov import SLOT_S, SLOTS
from cosim.ev.occupancy import BOUNDARIES, PLACES, Occupancy
from cosim.ev.transitions import HOME
from cosim.periods import SECONDS_PER_DAY

GRID_S = 15
"""Length of a grid cell."""
CELLS_PER_DAY = SECONDS_PER_DAY // GRID_S
CELLS_PER_SLOT = SLOT_S // GRID_S
N_QUADRATURE_POINTS = 1 << 17
"""Quantiles in the discretisation of a distribution."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayStart:
    """Distribution of the EVs as a day begins: shares of all EVs."""

    parked: FloatArray
    """(4 activities,): parked."""
    arriving: FloatArray
    """(4 activities, cells after the day boundary): on the way, by cell of arrival."""


def cell_probabilities(distribution: Distribution, unit_s: float) -> FloatArray:
    """Return the probability of each grid cell of a time in units of *unit_s*; cell j is centred at j times 15 s."""
    uniform, weight = quadrature(N_QUADRATURE_POINTS)
    cell = np.rint(distribution.quantile(uniform) * unit_s / GRID_S).astype(np.int64)
    probability: FloatArray = np.bincount(np.minimum(cell, 2 * CELLS_PER_DAY), weights=weight).astype(
        np.float64
    )
    return probability


def all_at_home() -> DayStart:
    """Return the start of a day with all EVs at home."""
    return DayStart(parked=np.eye(4)[HOME], arriving=np.zeros((4, 1)))


def renewal_day(model: DwellModel, start: DayStart) -> tuple[Occupancy, DayStart]:
    """Return the occupancy of a day, and the start of the next one."""
    trip = cell_probabilities(model.length_km, 3600 / model.diary_speed_km_h)
    stays = [(stay, cell_probabilities(stay.dwell_h, 3600)) for stay in model.stays()]
    overhang = trip.size + max(dwell.size for _, dwell in stays)
    departures, arrivals = np.zeros((2, 4, CELLS_PER_DAY + overhang))
    _first_departures(model, start, departures)
    arrivals[:, : start.arriving.shape[1]] = start.arriving
    started = np.zeros_like(arrivals)  # arrivals of trips that start on this day: they have a dwell time
    for cell in range(CELLS_PER_DAY):
        second = cell * GRID_S
        to = departures[:, cell] @ model.transition[:, second // 3600]
        started[:, cell : cell + trip.size] += to[:, np.newaxis] * trip
        for stay, dwell in stays:
            arriving = started[stay.activity, cell]
            if arriving and stay.from_s <= second < stay.to_s:
                is_evening = stay.activity == HOME and second >= model.evening_from_h * 3600
                share = 1 - model.share_evening_at_home if is_evening else 1.0
                departures[stay.activity, cell : cell + dwell.size] += share * arriving * dwell
    arrivals += started
    return _occupancy(departures[:, :CELLS_PER_DAY], arrivals, start)


def _first_departures(model: DwellModel, start: DayStart, departures: FloatArray) -> None:
    """Add the first departures of the day: of the EVs at home a share, of those away from home all."""
    first = cell_probabilities(model.first_departure_min, 60)[:CELLS_PER_DAY]
    travels = start.parked * np.where(np.arange(4) == HOME, model.travel_share, 1.0)
    departures[:, : first.size] += travels[:, np.newaxis] * first
    for activity, cell in np.argwhere(start.arriving > 0):
        earliest = int(cell) + round(model.shortest_stay_h * 3600 / GRID_S)
        delayed = first.copy()
        delayed[:earliest] = 0.0
        delayed[earliest] += first[:earliest].sum()
        departures[activity, : first.size] += start.arriving[activity, cell] * delayed


def _occupancy(departures: FloatArray, arrivals: FloatArray, start: DayStart) -> tuple[Occupancy, DayStart]:
    """Return the occupancy: initial state plus arrivals less departures; half of a boundary's cell is before it."""
    change = arrivals[:, :CELLS_PER_DAY] - departures
    cumulative = np.zeros((4, CELLS_PER_DAY + 1))
    cumulative[:, 1:] = change.cumsum(axis=1)
    half_cell = np.append(change, np.zeros((4, 1)), axis=1) / 2
    parked = (start.parked[:, np.newaxis] + cumulative + half_cell)[:, ::CELLS_PER_SLOT].T
    share = np.empty((BOUNDARIES, len(PLACES)))
    share[:, :4] = parked
    share[:, 4] = 1 - parked.sum(axis=1)
    by_slot = departures.reshape(4, SLOTS, CELLS_PER_SLOT).sum(axis=2).T
    last = np.flatnonzero(arrivals.any(axis=0)).max(initial=CELLS_PER_DAY) + 1
    next_start = DayStart(
        parked=start.parked + cumulative[:, -1],
        arriving=arrivals[:, CELLS_PER_DAY : max(last, CELLS_PER_DAY + 1)],
    )
    return Occupancy(share=share, departures_per_ev=by_slot), next_start


def renewal_days(model: DwellModel, days: int, tolerance: float = 1e-10) -> Occupancy:
    """Return the occupancy of day number *days*, the first with all EVs at home; or earlier once it is periodic."""
    start = all_at_home()
    for day in count(1):
        occupancy, end = renewal_day(model, start)
        if day == days or np.abs(end.parked - start.parked).max() < tolerance:
            return occupancy
        start = end
    raise AssertionError  # unreachable: the loop ends at *days*
