"""How well a fitted chain tells the days it was fitted to, and where it cannot."""

from dataclasses import dataclass

import numpy as np

from cosim.arrays import FloatArray
from cosim.ev.diary_table import ObservedDays, observed
from cosim.ev.exact import markov_day
from cosim.ev.fitting import FittedChain, dwell_h, parked_share, trips_per_day
from cosim.ev.mobility import sample_diaries
from cosim.ev.transitions import ACTIVITIES, HOME

PURPOSE = "goodness of fit"
SIMULATED_DAYS = 50_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Goodness:
    """Differences between observed days and the fitted chain; 0 is a perfect fit."""

    places_largest_difference: float
    """Of the shares of EVs at any place and slot boundary, observed against exact."""
    trips_per_day_observed: float
    trips_per_day_exact: float
    trips_per_day_distance: float
    """Half the sum of the differences between the two distributions of the number of trips of a day."""
    length_ks: float
    """Largest difference between the distribution functions of the trip length."""
    duration_error: float
    """Root mean square of ln(observed time / time at the fitted speed)."""
    dwell_ks: dict[str, float]
    """The same for stays between two trips: a chain forgets when it arrived, people at work do not."""
    thin_cells: float
    """Share of (slot, activity) cells with fewer parked EVs than the prior weighs."""
    same_slot_share: float
    """Departures in the slot of the arrival, which the chain puts into a later one."""


def goodness_of_fit(fitted: FittedChain, days: ObservedDays) -> Goodness:
    """Return how far the fitted chain, exact or simulated, is from the days observed."""
    day = markov_day(fitted.model)
    exact = day.occupancy(_morning(days, day.at_home()))
    again = observed(sample_diaries(fitted.model, SIMULATED_DAYS, 0, PURPOSE))
    middle = (np.arange(SIMULATED_DAYS) + 0.5) / SIMULATED_DAYS
    time_h = (days.arrival_s - days.departure_s) / 3600
    some = time_h > 0
    ratio = np.log(time_h[some] * fitted.model.diary_speed_km_h / days.length_km[some])
    return Goodness(
        places_largest_difference=float(np.abs(parked_share(days) - exact.share).max()),
        trips_per_day_observed=days.day.size / days.n_days,
        trips_per_day_exact=float(exact.departures_per_ev.sum()),
        trips_per_day_distance=_total_variation(days, again),
        length_ks=ks_distance(days.length_km, fitted.model.length_km.quantile(middle)),
        duration_error=float(np.sqrt((ratio**2).mean())) if some.any() else 0.0,
        dwell_ks=_dwell_distances(days, again),
        thin_cells=float((fitted.exposure < fitted.prior_evs).mean()),
        same_slot_share=fitted.same_slot_share,
    )


def _morning(days: ObservedDays, at_home: FloatArray) -> FloatArray:
    """Return where EVs are in the morning: where the first trips start, or at home for days without."""
    away = np.zeros_like(at_home)
    starts = np.bincount(days.from_activity[days.first], minlength=4) / days.n_days
    away[:4] = np.where(np.arange(4) == HOME, 0.0, starts)
    morning: FloatArray = away + (1 - away.sum()) * at_home
    return morning


def ks_distance(one: FloatArray, other: FloatArray) -> float:
    """Return the largest difference between the distribution functions of two samples; 1 if one is empty."""
    if not (one.size and other.size):
        return float(one.size != other.size)
    points = np.concatenate((one, other))
    shares = [np.searchsorted(np.sort(own), points, side="right") / own.size for own in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())


def _total_variation(days: ObservedDays, again: ObservedDays) -> float:
    counts = [np.bincount(trips_per_day(own), minlength=100) / own.n_days for own in (days, again)]
    most = max(count.size for count in counts)
    shares = [np.pad(count, (0, most - count.size)) for count in counts]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _dwell_distances(days: ObservedDays, again: ObservedDays) -> dict[str, float]:
    (hours, place), (model_hours, model_place) = dwell_h(days), dwell_h(again)
    return {
        name: ks_distance(hours[place == number], model_hours[model_place == number])
        for number, name in enumerate(ACTIVITIES)
        if (place == number).any()
    }
