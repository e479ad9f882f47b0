"""The dwell model without a random number: arrivals and departures as densities over the day.

Whoever arrives leaves after a dwell time of known distribution, whoever leaves arrives after a trip of known
distribution: two convolutions, computed forwards on a grid of 15 s. This is an analytical benchmark for the
diaries, written from the description alone.
"""

from dataclasses import dataclass
from itertools import count

import numpy as np

from cosim.arrays import FloatArray
from cosim.ev.distributions import Distribution, quadrature
from cosim.ev.dwell import MIN_STAY_S, DwellModel
from cosim.ev.markov import SLOT_S, SLOTS
from cosim.ev.occupancy import BOUNDARIES, PLACES, Occupancy
from cosim.ev.transitions import HOME
from cosim.periods import SECONDS_PER_DAY

GRID_S = 15
CELLS_PER_DAY = SECONDS_PER_DAY // GRID_S
CELLS_PER_SLOT = SLOT_S // GRID_S
N_QUADRATURE_POINTS = 1 << 17


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayStart:
    """Where EVs are when a day begins: shares of all EVs."""

    parked: FloatArray
    """By activity."""
    arriving: FloatArray
    """(4 activities, cells after midnight): on the way at midnight."""


def cell_probabilities(distribution: Distribution, unit_s: float) -> FloatArray:
    """Return the probability of each grid cell for times of so many *unit_s*; cell j is centred at j times 15 s."""
    uniform, weight = quadrature(N_QUADRATURE_POINTS)
    cell = np.rint(distribution.quantile(uniform) * unit_s / GRID_S).astype(np.int64)
    mass: FloatArray = np.bincount(np.minimum(cell, 2 * CELLS_PER_DAY), weights=weight).astype(np.float64)
    return mass


def all_at_home() -> DayStart:
    """Return the start of a day on which everybody is at home."""
    return DayStart(parked=np.eye(4)[HOME], arriving=np.zeros((4, 1)))


def renewal_day(model: DwellModel, start: DayStart) -> tuple[Occupancy, DayStart]:
    """Return where EVs are at every boundary of the day, and the next midnight."""
    trip = cell_probabilities(model.length_km, 3600 / model.diary_speed_km_h)
    stays = [
        (kind, from_h, to_h, cell_probabilities(dwell, 3600)) for kind, from_h, to_h, dwell in model.stays()
    ]
    longest = trip.size + max(mass.size for *_, mass in stays)
    departures, arrivals = np.zeros((4, CELLS_PER_DAY + longest)), np.zeros((4, CELLS_PER_DAY + longest))
    _first_departures(model, start, departures)
    arrivals[:, : start.arriving.shape[1]] = start.arriving
    started = np.zeros_like(arrivals)  # arrivals of trips that start today: they have a dwell time
    for cell in range(CELLS_PER_DAY):
        second = cell * GRID_S
        to = departures[:, cell] @ model.transition[:, second // 3600]
        started[:, cell : cell + trip.size] += to[:, np.newaxis] * trip
        for kind, from_h, to_h, mass in stays:
            if started[kind, cell] and from_h * 3600 <= second < to_h * 3600:
                evening = kind == HOME and second >= model.evening_from_h * 3600
                goes_on = 1 - model.share_evening_at_home if evening else 1.0
                departures[kind, cell : cell + mass.size] += goes_on * started[kind, cell] * mass
    arrivals += started
    return _summed(departures[:, :CELLS_PER_DAY], arrivals, start)


def _first_departures(model: DwellModel, start: DayStart, departures: FloatArray) -> None:
    """Add the first departures of the day: of those at home a share, of all others everybody."""
    first = cell_probabilities(model.first_departure_min, 60)[:CELLS_PER_DAY]
    travels = start.parked * np.where(np.arange(4) == HOME, model.travel_share, 1.0)
    departures[:, : first.size] += travels[:, np.newaxis] * first
    for kind, cell in np.argwhere(start.arriving > 0):
        earliest = int(cell) + MIN_STAY_S // GRID_S
        later = first.copy()
        later[:earliest] = 0.0
        later[earliest] += first[:earliest].sum()
        departures[kind, : first.size] += start.arriving[kind, cell] * later


def _summed(departures: FloatArray, arrivals: FloatArray, start: DayStart) -> tuple[Occupancy, DayStart]:
    """Return the occupancy: who has come so far less who has left; half of a boundary's cell lies before it."""
    today = arrivals[:, :CELLS_PER_DAY]
    course = np.zeros((4, CELLS_PER_DAY + 1))
    change = today - departures
    course[:, 1:] = change.cumsum(axis=1)
    half = np.append(change, np.zeros((4, 1)), axis=1) / 2
    parked = (start.parked[:, np.newaxis] + course + half)[:, ::CELLS_PER_SLOT].T
    share = np.empty((BOUNDARIES, len(PLACES)))
    share[:, :4] = parked
    share[:, 4] = 1 - parked.sum(axis=1)
    leaves = departures.reshape(4, SLOTS, CELLS_PER_SLOT).sum(axis=2).T
    last = np.flatnonzero(arrivals.any(axis=0)).max(initial=CELLS_PER_DAY) + 1
    midnight = DayStart(
        parked=start.parked + course[:, -1],
        arriving=arrivals[:, CELLS_PER_DAY : max(last, CELLS_PER_DAY + 1)],
    )
    return Occupancy(share=share, departures_per_ev=leaves), midnight


def renewal_days(model: DwellModel, days: int, tolerance: float = 1e-10) -> Occupancy:
    """Return the occupancy of the last of so many days, the first begun at home; or once days are all alike."""
    start = all_at_home()
    for day in count(1):
        occupancy, end = renewal_day(model, start)
        if day == days or np.abs(end.parked - start.parked).max() < tolerance:
            return occupancy
        start = end
    raise AssertionError  # days are counted until there are enough
