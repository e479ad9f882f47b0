"""Goodness of fit of a Markov chain to the days it was fitted to."""

from dataclasses import dataclass

import numpy as np

from cosim.arrays import FloatArray
from cosim.ev.diary_table import ObservedDays, as_observed
from cosim.ev.exact import markov_day
from cosim.ev.fitting import FittedChain, dwell_h, parked_share, trips_per_day
from cosim.ev.mobility import sample_diaries
from cosim.ev.transitions import ACTIVITIES, HOME

PURPOSE = "goodness of fit"
"""Name of the random streams."""
SIMULATED_DAYS = 50_000
"""EV-days simulated for the distributions that are not computed exactly."""
MAX_TRIPS = 100
"""Length of the table of the number of trips of a day, at least."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Goodness:
    """Differences between observed days and the fitted chain; 0 is a perfect fit."""

    places_largest_difference: float
    """Largest difference of the share of EVs at any place and slot boundary, observed against exact."""
    trips_per_day_observed: float
    trips_per_day_exact: float
    trips_per_day_distance: float
    """Total variation distance of the distributions of the number of trips of a day."""
    length_ks: float
    """Kolmogorov-Smirnov distance of the distributions of the trip length."""
    duration_error: float
    """Root mean square of ln(observed time / time at the fitted speed)."""
    dwell_ks: dict[str, float]
    """Kolmogorov-Smirnov distance of the stays between two trips, by activity; the chain has no memory of arrivals."""
    thin_cells: float
    """Share of (slot, activity) cells with fewer parked EVs than the weight of the prior."""
    same_slot_share: float
    """Share of departures in the slot of the arrival, which the chain moves to a later one."""


def goodness_of_fit(fitted: FittedChain, days: ObservedDays) -> Goodness:
    """Return the differences between the days observed and the fitted chain, exact or simulated."""
    day = markov_day(fitted.model)
    exact = day.occupancy(_initial_distribution(days, day.at_home()))
    simulated = as_observed(sample_diaries(fitted.model, SIMULATED_DAYS, 0, PURPOSE))
    midpoints = (np.arange(SIMULATED_DAYS) + 0.5) / SIMULATED_DAYS
    time_h = (days.arrival_s - days.departure_s) / 3600
    is_positive = time_h > 0
    log_ratio = np.log(time_h[is_positive] * fitted.model.diary_speed_km_h / days.length_km[is_positive])
    return Goodness(
        places_largest_difference=float(np.abs(parked_share(days) - exact.share).max()),
        trips_per_day_observed=days.day.size / days.n_days,
        trips_per_day_exact=float(exact.departures_per_ev.sum()),
        trips_per_day_distance=_total_variation(days, simulated),
        length_ks=ks_distance(days.length_km, fitted.model.length_km.quantile(midpoints)),
        duration_error=float(np.sqrt((log_ratio**2).mean())) if is_positive.any() else 0.0,
        dwell_ks=_dwell_distances(days, simulated),
        thin_cells=float((fitted.exposure < fitted.prior_evs).mean()),
        same_slot_share=fitted.same_slot_share,
    )


def _initial_distribution(days: ObservedDays, at_home: FloatArray) -> FloatArray:
    """Return the distribution at the start of the day: where the first trips start, at home on days without trips."""
    away = np.zeros_like(at_home)
    starts = np.bincount(days.from_activity[days.first_rows], minlength=4) / days.n_days
    away[:4] = np.where(np.arange(4) == HOME, 0.0, starts)
    initial: FloatArray = away + (1 - away.sum()) * at_home
    return initial


def ks_distance(one: FloatArray, other: FloatArray) -> float:
    """Return the Kolmogorov-Smirnov distance of two samples; 1 if one is empty."""
    if not (one.size and other.size):
        return float(one.size != other.size)
    points = np.concatenate((one, other))
    cdfs = [np.searchsorted(np.sort(sample), points, side="right") / sample.size for sample in (one, other)]
    return float(np.abs(cdfs[0] - cdfs[1]).max())


def _total_variation(days: ObservedDays, simulated: ObservedDays) -> float:
    shares = [
        np.bincount(trips_per_day(sample), minlength=MAX_TRIPS) / sample.n_days
        for sample in (days, simulated)
    ]
    length = max(share.size for share in shares)
    one, other = (np.pad(share, (0, length - share.size)) for share in shares)
    return float(np.abs(one - other).sum() / 2)


def _dwell_distances(days: ObservedDays, simulated: ObservedDays) -> dict[str, float]:
    (observed_h, observed_at), (simulated_h, simulated_at) = dwell_h(days), dwell_h(simulated)
    return {
        name: ks_distance(observed_h[observed_at == activity], simulated_h[simulated_at == activity])
        for activity, name in enumerate(ACTIVITIES)
        if (observed_at == activity).any()
    }
