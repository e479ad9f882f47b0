"""The Markov model estimated from observed days: counts over exposure, drawn towards a stated prior.

P(an EV parked at the start of slot s at a leaves for b in it) is a multinomial share. With n leaving for b out of
N parked, and a Dirichlet prior of k EVs that behave as all EVs at a do over the day, the estimate is
(n + k p0) / (N + k): many observations drown the prior, an empty cell is the prior.
"""

from dataclasses import dataclass

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.ev.diary_table import ObservedDays
from cosim.ev.distributions import LogNormal
from cosim.ev.markov import SLOT_S, SLOTS, MarkovModel
from cosim.ev.occupancy import arrived_less_left
from cosim.ev.transitions import ACTIVITIES, FALLBACK, HOME

PRIOR_EVS = 5.0
"""Weight of the prior, in EVs parked for one slot."""
EM_TOLERANCE = 1e-9
LOG_DEVIATION_BOUNDS = (1e-3, 10.0)
"""Bounds of the fitted log-normal: of trips that are all alike the likeliest deviation would be 0."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedChain:
    """The estimate, and what it rests on."""

    model: MarkovModel
    leaving: IntArray
    """Departures observed, (96 slots, 4 from, 4 to)."""
    exposure: FloatArray
    """EVs parked at the start of each slot, (96 slots, 4 activities), on days on which they travel."""
    hourly: FloatArray
    """Where drivers go next by hour of departure, (4, 24, 4): the transition matrix of the dwell model."""
    same_slot_share: float
    """Departures in the very slot of the arrival, which the chain cannot have: it puts them into the next."""
    prior_evs: float


def fit_markov(days: ObservedDays, prior_evs: float = PRIOR_EVS) -> FittedChain:
    """Return the chain that observed days are estimated to follow; types and chargers stay at their defaults."""
    slot = days.departure_s // SLOT_S
    cell = (slot * 4 + days.from_activity) * 4 + days.to_activity
    leaving = np.bincount(cell, minlength=SLOTS * 16).reshape(SLOTS, 4, 4)
    seen, same_slot = _exposure(days)
    share, departure, exposure = _with_idle_days(days, leaving, seen, prior_evs)
    hours = days.length_km.sum() / max((days.arrival_s - days.departure_s).sum() / 3600, 1e-9)
    model = MarkovModel(
        departure=departure,
        travel_share=share,
        length_km=fit_lengths(days.length_km),
        diary_speed_km_h=float(hours),
    )
    return FittedChain(
        model=model,
        leaving=leaving,
        exposure=exposure,
        hourly=_hourly(leaving, prior_evs),
        same_slot_share=same_slot,
        prior_evs=prior_evs,
    )


def _with_idle_days(
    days: ObservedDays, leaving: IntArray, seen: IntArray, prior_evs: float
) -> tuple[float, FloatArray, FloatArray]:
    """Return the share that travels, the table, and the exposure, by expectation and maximisation.

    On a day without a trip an EV does not travel, or travels by the chain and happens never to leave. With S the chance
    of the latter, q S / (1 - q + q S) of these days are days of the chain, parked at home for every slot. What tells
    the two apart is who leaves home again after having come back.
    """
    from_home = int((days.from_activity[days.first] == HOME).sum())
    idle = days.n_days - days.first.size
    share = from_home / max(from_home + idle, 1)
    of_the_chain = 0.0
    while True:
        exposure = seen + np.eye(4)[HOME] * of_the_chain
        departure = (leaving + prior_evs * _prior(leaving, exposure)) / (exposure + prior_evs)[
            :, :, np.newaxis
        ]
        never = share * float(np.prod(1 - departure[:, HOME].sum(axis=1)))
        before, of_the_chain = of_the_chain, idle * never / (1 - share + never) if idle else 0.0
        share = (from_home + of_the_chain) / max(from_home + idle, 1)
        if abs(of_the_chain - before) <= EM_TOLERANCE * days.n_days:
            return share, departure, exposure


def _exposure(days: ObservedDays) -> tuple[IntArray, float]:
    """Return how many EVs that have a trip on the day are parked at the start of each slot, by activity.

    Who left in the slot of the arrival was parked at no boundary; it counts as parked at the start of that slot, so
    that departures never outnumber those who could leave.
    """
    exposure = _parked(days)[:SLOTS]
    later = np.flatnonzero(np.append(False, days.day[1:] == days.day[:-1])[: days.day.size])
    at_once = later[days.departure_s[later] // SLOT_S < days.arrival_s[later - 1] // SLOT_S + 1]
    np.add.at(exposure, (days.departure_s[at_once] // SLOT_S, days.from_activity[at_once]), 1)
    return exposure, float(at_once.size / days.day.size)


def _prior(leaving: IntArray, exposure: FloatArray) -> FloatArray:
    """Return how often EVs leave each activity, over the whole day, and whereto; with one EV that goes home."""
    home = np.eye(4)[HOME] * (np.arange(4) != HOME)[:, np.newaxis] / SLOTS
    prior: FloatArray = (leaving.sum(axis=0) + home) / (exposure.sum(axis=0) + 1)[:, np.newaxis]
    return prior


def _hourly(leaving: IntArray, prior_evs: float) -> FloatArray:
    """Return the shares of the next activities by hour of departure, drawn towards those of the whole day."""
    by_hour = leaving.reshape(24, SLOTS // 24, 4, 4).sum(axis=1)
    fallback = np.array([FALLBACK[name] for name in ACTIVITIES])
    day = by_hour.sum(axis=0) + fallback
    prior = day / day.sum(axis=1, keepdims=True)
    hourly = by_hour + prior_evs * prior
    shares: FloatArray = (hourly / hourly.sum(axis=2, keepdims=True)).transpose(1, 0, 2)
    return shares


def fit_lengths(length_km: FloatArray, low: float = 1.0, high: float = 100.0) -> LogNormal:
    """Return the log-normal of greatest likelihood; lengths at or beyond the bounds count as beyond them.

    Its log-deviation lies within LOG_DEVIATION_BOUNDS, so that no chance of a length beyond a bound is ever exactly 0.
    """
    from scipy.optimize import minimize
    from scipy.special import log_ndtr

    inside = (length_km > low) & (length_km < high)
    logs = np.log(length_km[inside])
    below, above = int((length_km <= low).sum()), int((length_km >= high).sum())

    def cost(parameters: FloatArray) -> float:
        mean, deviation = parameters[0], np.exp(parameters[1])
        likelihood = -0.5 * (((logs - mean) / deviation) ** 2).sum() - logs.size * parameters[1]
        likelihood += below * log_ndtr((np.log(low) - mean) / deviation)
        likelihood += above * log_ndtr((mean - np.log(high)) / deviation)
        return float(-likelihood / length_km.size)

    start = [np.log(length_km).mean(), np.log(max(np.log(length_km).std(), 0.05))]
    found = minimize(
        cost,
        start,
        method="Nelder-Mead",
        bounds=[(None, None), np.log(LOG_DEVIATION_BOUNDS)],
        options={"xatol": 1e-7, "fatol": 1e-12},
    )
    return LogNormal(float(found.x[0]), float(np.exp(found.x[1])), low, high)


def dwell_h(days: ObservedDays) -> tuple[FloatArray, IntArray]:
    """Return how long each stay between two trips of a day lasted, and at which activity."""
    row = np.flatnonzero(days.day[1:] == days.day[:-1])
    hours: FloatArray = (days.departure_s[row + 1] - days.arrival_s[row]) / 3600
    return hours, days.to_activity[row].astype(np.int64)


def trips_per_day(days: ObservedDays) -> IntArray:
    """Return the number of trips of each EV-day observed."""
    return np.bincount(days.day, minlength=days.n_days)


def parked_share(days: ObservedDays) -> FloatArray:
    """Return the share of all EV-days parked at each activity, or driving, at the 97 boundaries."""
    parked = _parked(days)
    parked[:, HOME] += days.n_days - days.first.size
    return np.column_stack((parked, days.n_days - parked.sum(axis=1))) / days.n_days


def _parked(days: ObservedDays) -> IntArray:
    """Return how many EVs that have a trip on the day are parked at each activity, (97 boundaries, 4)."""
    return np.bincount(days.from_activity[days.first], minlength=4) + arrived_less_left(days)
