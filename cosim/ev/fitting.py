"""The Markov model estimated from observed days: departures over exposure, with a Dirichlet prior.

The probability that an EV parked at a at the start of slot s leaves for b in it is a multinomial share. With n leaving
for b out of N parked, and a prior of weight k with the share p0 of all EVs at a over the day, the estimate is the
posterior mean (n + k p0) / (N + k). It tends to n / N for large N, and is p0 in a cell without observations.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.ev.diary_table import ObservedDays
from cosim.ev.distributions import LogNormal
from cosim.ev.markov import SLOT_S, SLOTS, MarkovModel
from cosim.ev.occupancy import arrivals_less_departures
from cosim.ev.transitions import ACTIVITIES, FALLBACK, HOME

LENGTHS_KM = (1.0, 100.0)
"""Shortest and longest trip of a scenario that says nothing of it."""
PRIOR_EVS = 5.0
"""Weight of the prior, in EVs parked for one slot."""
EM_TOLERANCE = 1e-9
"""Change of the travelling days without a trip, as a share of all days, at which the EM iteration ends."""
LOG_DEVIATION_BOUNDS = (1e-3, 10.0)
"""Bounds of the fitted log-deviation: without them it would be 0 for trips of equal length."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedChain:
    """The estimated model, and the observations behind it."""

    model: MarkovModel
    departures: IntArray
    """Departures observed, (96 slots, 4 from, 4 to)."""
    exposure: FloatArray
    """EVs parked at the start of each slot, (96 slots, 4 activities), on days on which they travel."""
    hourly: FloatArray
    """Shares of the next activity by hour of departure, (4 from, 24, 4 to): a transition matrix of the dwell model."""
    same_slot_share: float
    """Share of departures in the slot of the arrival, which the chain cannot have: they are moved to the next slot."""
    prior_evs: float


def fit_markov(
    days: ObservedDays, prior_evs: float = PRIOR_EVS, lengths_km: tuple[float, float] = LENGTHS_KM
) -> FittedChain:
    """Return the chain estimated from observed days; types and shares of chargers have their default values.

    *lengths_km* are the shortest and the longest trip that it will have.
    """
    slot = days.departure_s // SLOT_S
    cell = (slot * 4 + days.from_activity) * 4 + days.to_activity
    departures = np.bincount(cell, minlength=SLOTS * 16).reshape(SLOTS, 4, 4)
    trip_exposure, same_slot_share = _exposure(days)
    estimate = _estimate(days, departures, trip_exposure, prior_evs)
    driving_h = (days.arrival_s - days.departure_s).sum() / 3600
    model = MarkovModel(
        departure=estimate.departure,
        travel_share=estimate.travel_share,
        length_km=fit_lengths(days.length_km, *lengths_km),
        diary_speed_km_h=float(days.length_km.sum() / max(driving_h, 1e-9)),
    )
    return FittedChain(
        model=model,
        departures=departures,
        exposure=estimate.exposure,
        hourly=_hourly(departures, prior_evs),
        same_slot_share=same_slot_share,
        prior_evs=prior_evs,
    )


class _Estimate(NamedTuple):
    travel_share: float
    departure: FloatArray
    """Departure probabilities, (96 slots, 4 from, 4 to)."""
    exposure: FloatArray
    """EVs parked at the start of each slot, (96 slots, 4)."""


def _estimate(
    days: ObservedDays, departures: IntArray, trip_exposure: IntArray, prior_evs: float
) -> _Estimate:
    """Return the travel share q and the departure probabilities by expectation maximisation.

    On a day without a trip an EV does not travel, or it travels and happens never to leave, which has probability S.
    Then q S / (1 - q + q S) of these days are travelling days, parked at home in every slot. The two are identified by
    the EVs that leave home again after having returned.
    """
    from_home = int((days.from_activity[days.first_rows] == HOME).sum())
    without_trips = days.days_without_trips
    travel_share = from_home / max(from_home + without_trips, 1)
    travelling = 0.0  # days without trips on which the EV travels
    while True:
        exposure = trip_exposure + np.eye(4)[HOME] * travelling
        weighted = departures + prior_evs * _prior(departures, exposure)
        departure = weighted / (exposure + prior_evs)[:, :, np.newaxis]
        never_leaves = travel_share * float(np.prod(1 - departure[:, HOME].sum(axis=1)))
        before = travelling
        travelling = (
            without_trips * never_leaves / (1 - travel_share + never_leaves) if without_trips else 0.0
        )
        travel_share = (from_home + travelling) / max(from_home + without_trips, 1)
        if abs(travelling - before) <= EM_TOLERANCE * days.n_days:
            return _Estimate(travel_share, departure, exposure)


def _exposure(days: ObservedDays) -> tuple[IntArray, float]:
    """Return the EVs with a trip on the day parked at the start of each slot, (96, 4), and the same-slot share.

    An EV that leaves in the slot of its arrival is parked at no boundary; it counts as parked at the start of that
    slot, so that departures never exceed the exposure.
    """
    exposure = _parked(days)[:SLOTS]
    later = np.flatnonzero(np.append(False, days.day[1:] == days.day[:-1])[: days.day.size])
    same_slot = later[days.departure_s[later] // SLOT_S < days.arrival_s[later - 1] // SLOT_S + 1]
    np.add.at(exposure, (days.departure_s[same_slot] // SLOT_S, days.from_activity[same_slot]), 1)
    return exposure, float(same_slot.size / days.day.size)


def _prior(departures: IntArray, exposure: FloatArray) -> FloatArray:
    """Return the departure probabilities of the whole day, (4 from, 4 to), with one more EV that goes home."""
    home = np.eye(4)[HOME] * (np.arange(4) != HOME)[:, np.newaxis] / SLOTS
    prior: FloatArray = (departures.sum(axis=0) + home) / (exposure.sum(axis=0) + 1)[:, np.newaxis]
    return prior


def _hourly(departures: IntArray, prior_evs: float) -> FloatArray:
    """Return the shares of the next activities by hour of departure, with those of the whole day as prior."""
    by_hour = departures.reshape(24, SLOTS // 24, 4, 4).sum(axis=1)
    fallback = np.array([FALLBACK[name] for name in ACTIVITIES])
    day = by_hour.sum(axis=0) + fallback
    prior = day / day.sum(axis=1, keepdims=True)
    hourly = by_hour + prior_evs * prior
    shares: FloatArray = (hourly / hourly.sum(axis=2, keepdims=True)).transpose(1, 0, 2)
    return shares


def fit_lengths(length_km: FloatArray, low: float, high: float) -> LogNormal:
    """Return the log-normal of maximum likelihood; lengths at or beyond the bounds are censored there.

    Its log-deviation lies within LOG_DEVIATION_BOUNDS, so that no probability beyond a bound is exactly 0.
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
    optimum = minimize(
        cost,
        start,
        method="Nelder-Mead",
        bounds=[(None, None), np.log(LOG_DEVIATION_BOUNDS)],
        options={"xatol": 1e-7, "fatol": 1e-12},
    )
    return LogNormal(float(optimum.x[0]), float(np.exp(optimum.x[1])), low, high)


def dwell_h(days: ObservedDays) -> tuple[FloatArray, IntArray]:
    """Return the duration of each stay between two trips of a day [h], and its activity."""
    row = np.flatnonzero(days.day[1:] == days.day[:-1])
    hours: FloatArray = (days.departure_s[row + 1] - days.arrival_s[row]) / 3600
    return hours, days.to_activity[row].astype(np.int64)


def trips_per_day(days: ObservedDays) -> IntArray:
    """Return the number of trips of each EV-day observed."""
    return np.bincount(days.day, minlength=days.n_days)


def parked_share(days: ObservedDays) -> FloatArray:
    """Return the share of all EV-days parked at each activity, or driving, at the 97 boundaries."""
    parked = _parked(days)
    parked[:, HOME] += days.days_without_trips
    return np.column_stack((parked, days.n_days - parked.sum(axis=1))) / days.n_days


def _parked(days: ObservedDays) -> IntArray:
    """Return the number of EVs with a trip on the day that are parked at each activity, (97 boundaries, 4)."""
    return np.bincount(days.from_activity[days.first_rows], minlength=4) + arrivals_less_departures(days)
