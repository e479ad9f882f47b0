"""Departures of the Markov model that follow a profile: its hazards scaled by one factor in each period.

A parked EV leaves in a slot with probability 1 - (1 - p)^k instead of p, k the factor of the period, and where it goes
is left as it is. The factors are found one after another, each so that the exact distribution (``cosim.ev.exact``) has
the expected departures of the profile. So the diaries drawn from the new table follow the profile by themselves.
"""

from dataclasses import replace

import numpy as np

from cosim.arrays import FloatArray
from cosim.ev.exact import MarkovDay, markov_day
from cosim.ev.markov import MAX_DEPARTURE_PROBABILITY, SLOTS, MarkovModel

MAX_FACTOR = 1e12
"""Factor at which all parked EVs have left, where any of them could."""
PERIODIC_TOLERANCE = 1e-10
"""Change of the distribution at the day boundary at which it is periodic."""
MAX_ROUNDS = 100


class UnreachableProfileError(ValueError):
    """In one period too few EVs are parked, or none of them ever leaves, for the departures of the profile."""


def follow_profile(model: MarkovModel, share: FloatArray, *, carried: bool) -> MarkovModel:
    """Return *model* with as many trips a day, of which the *share* (periods,) starts in each period.

    The day begins with all EVs at home, or where it is *carried* over, as the day before ended. A period must be whole
    slots. Raises UnreachableProfileError.
    """
    day = markov_day(model)
    start = day.periodic_state() if carried else day.at_home()
    trips = float(day.occupancy(start).departures_per_ev.sum())
    target = trips * share / share.sum()
    for _ in range(MAX_ROUNDS):
        found = _scaled_day(day, start, target)
        if not carried:
            break
        before, start = start, found.periodic_state()
        if np.abs(start - before).max() < PERIODIC_TOLERANCE:
            break
    return found.model


def _scaled_day(day: MarkovDay, start: FloatArray, target: FloatArray) -> MarkovDay:
    """Return the day from *start* with the *target* departures of each period, (periods,)."""
    table, distribution = np.empty_like(day.model.departure), day.travelling(start)
    slots = SLOTS // target.size
    for period, wanted in enumerate(target):
        rows = slice(period * slots, (period + 1) * slots)
        table[rows] = _scaled_period(day, day.model.departure[rows], distribution, wanted, period + 1)
        for leaving in table[rows]:
            distribution = day.after(distribution, leaving)
    return replace(day, model=replace(day.model, departure=table))


def _scaled_period(
    day: MarkovDay, table: FloatArray, start: FloatArray, wanted: float, period: int
) -> FloatArray:
    """Return the rows of a period, (slots, 4 from, 4 to), scaled to the departures *wanted* per EV."""
    from scipy.optimize import brentq  # takes 0.2 s to import, and is not always needed

    def excess(log_factor: float) -> float:
        distribution, departures = start, 0.0
        for leaving in _scaled(table, np.exp(log_factor)):
            departures += float(leaving.sum(axis=1) @ distribution[:4])
            distribution = day.after(distribution, leaving)
        return departures - wanted

    bounds = -np.log(MAX_FACTOR), np.log(MAX_FACTOR)
    if excess(bounds[0]) >= 0:
        return np.zeros_like(table)
    if excess(bounds[1]) < 0:
        most = excess(bounds[1]) + wanted
        msg = f"in period {period} {wanted:.3g} trips per EV should start, but at most {most:.3g} can"
        raise UnreachableProfileError(msg)
    return _scaled(table, np.exp(brentq(excess, *bounds, xtol=1e-14, rtol=1e-14)))


def _scaled(table: FloatArray, factor: float) -> FloatArray:
    """Return the rows with their hazards times *factor*; the shares of the destinations stay."""
    leaves = table.sum(axis=-1, keepdims=True)
    hazard = -np.log1p(-np.minimum(leaves, MAX_DEPARTURE_PROBABILITY))
    scaled: FloatArray = table / np.where(leaves > 0, leaves, 1.0) * -np.expm1(-factor * hazard)
    return scaled
