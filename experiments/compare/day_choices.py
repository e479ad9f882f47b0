"""Tests of the day's choices: of all periods together, whether drivers chose as the reference says.

Given how many trips of a class and OD set out in each period, their choices are draws of their own, so the law of the
day's sums is known: with shares s of n trips in a period, d = sum of (chosen - n s) has mean 0 and the covariance
V = sum of n (diag(s) - s s'), and d' V^-1 d is chi-squared. Of two rows of counts, s is that of both together and n is
n1 n2 / (n1 + n2 - 1): the test of Cochran, Mantel and Haenszel (Landis et al. 1978), with the periods as strata. A
small bias of the same sign in each period adds up here, where no period alone shows it.
"""

import math
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from cosim.arrays import FloatArray, Frame
from cosim.randomness import stream
from cosim.results import Recorder
from experiments.compare.choices import GROUP, path_counts, path_share
from experiments.compare.perception import FittedTheta, fitted_theta
from experiments.compare.route_switchers import TRIP, crosstab, keeps_trips, switching_p_value, trips_of
from experiments.compare.sample import Sample, are_paired
from experiments.compare.significance import adjusted_by_family, normal_p_value

STATIONS, ROUTES, THETA = "station shares", "route shares of the day", "theta of path choices"
"""The families of these tests."""
AT_STATION = r" @ (.*?)(?: \(\d+\))?$"
"""The station in the name of a path."""
FEWEST_EXPECTED = 5.0
"""Alternatives of which fewer trips are expected are put together: the law is chi-squared only for more."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stratified:
    """Choices among some alternatives, summed over strata."""

    difference: FloatArray
    """Trips that chose each alternative, less those expected."""
    covariance: FloatArray
    expected: FloatArray

    def test(self) -> tuple[float, int]:
        """Return the p-value of all differences together and its degrees of freedom; NaN, 0 if there is no choice."""
        from scipy.stats import chi2

        few = self.expected < FEWEST_EXPECTED
        together = np.vstack([np.eye(few.size)[~few], few[np.newaxis].astype(np.float64)])
        difference, covariance = together @ self.difference, together @ self.covariance @ together.T
        rank = int(np.linalg.matrix_rank(covariance, hermitian=True))
        if not rank:
            return math.nan, 0
        statistic = float(difference @ np.linalg.pinv(covariance, hermitian=True) @ difference)
        return float(chi2.sf(statistic, rank)), rank

    @property
    def log_odds_error(self) -> float:
        """The largest standard error of the logarithm of the odds of one alternative, among those that are chosen."""
        variance = np.diag(self.covariance)[self.expected >= FEWEST_EXPECTED]
        return float(variance.min() ** -0.5) if variance.size and variance.min() > 0 else math.inf


def stratified(reference: FloatArray, other: FloatArray, *, is_random: bool) -> Stratified:
    """Return the sums over strata of two arrays (strata, alternatives): counts, or shares of the *reference*."""
    trips, total = other.sum(axis=1), reference.sum(axis=1)
    used = (trips > 0) & (total > 0)
    reference, other, trips, total = reference[used], other[used], trips[used], total[used]
    if is_random:
        share = (reference + other) / (total + trips)[:, np.newaxis]
        weight = trips * total / np.maximum(trips + total - 1, 1)
    else:
        share, weight = reference / total[:, np.newaxis], trips
    expected = trips @ share
    covariance = np.diag(weight @ share) - (share * weight[:, np.newaxis]).T @ share
    return Stratified(difference=other.sum(axis=0) - expected, covariance=covariance, expected=expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    family: str
    item: str
    p_value: float
    error: float = math.nan
    """Standard error of the logarithm of the odds of an alternative, or of theta relative to the reference's."""
    reference: float = math.nan
    other: float = math.nan
    freedom: int = 1
    """Degrees of freedom of the chi-squared law."""


def compare_day_choices(recorder: Recorder, pair: int, reference: Sample, other: Sample, seed: int) -> None:
    """Write to ``day_tests``: the shares of stations, the route shares of each class and OD, and theta.

    Of runs with the same draws, who switched station is tested, if trips were kept; their routes are in
    ``route_switchers``.
    """
    paired = are_paired(reference, other)
    if not other.is_random or (paired and not (keeps_trips(reference) and keeps_trips(other))):
        return
    tests = _theta(fitted_theta(reference), fitted_theta(other))
    if not paired:
        tests += _shares(reference, other)
    else:
        tests.append(_station_switchers(reference, other, stream(seed, "stations", pair)))
    if tests:
        columns = {
            field.name: np.array([getattr(own, field.name) for own in tests]) for field in fields(_Test)
        }
        corrected = adjusted_by_family(columns["p_value"], columns["family"])
        recorder.add("day_tests", pair=pair, day=other.day, kind="choice", **columns, p_adjusted=corrected)


def _shares(reference: Sample, other: Sample) -> list[_Test]:
    """Return the tests of the stations' shares, and of the routes of each class and OD."""
    first = path_counts(reference) if reference.is_random else path_share(reference)
    both = path_counts(other).to_frame("other").join(first.rename("reference"), how="outer").fillna(0.0)
    both = both.reset_index()
    station = both.item.str.extract(AT_STATION, expand=False)
    tests = [_tested(STATIONS, "all", both.assign(item=station)[station.notna()], reference)]
    return tests + [
        _tested(ROUTES, " ".join(map(str, names)), own, reference) for names, own in both.groupby(GROUP[1:])
    ]


def _tested(family: str, item: str, choices: Frame, reference: Sample) -> _Test:
    """Return the test of choices that have a row for each stratum and item."""
    counts = choices.groupby([*GROUP, "item"])[["reference", "other"]].sum()
    wide = counts.pivot_table(index=GROUP, columns="item", fill_value=0.0)
    if not len(wide):
        return _Test(family=family, item=item, p_value=math.nan)
    sums = stratified(wide.reference.to_numpy(), wide.other.to_numpy(), is_random=reference.is_random)
    p_value, freedom = sums.test()
    return _Test(
        family=family, item=item, p_value=p_value, error=sums.log_odds_error, freedom=max(freedom, 1)
    )


def _station_switchers(reference: Sample, other: Sample, rng: np.random.Generator) -> _Test:
    """Return the test that as many trips left each station as came to it from another."""
    charged = [
        trips[trips.station != ""].set_index(TRIP).station for trips in map(trips_of, (reference, other))
    ]
    table = crosstab(pd.concat(charged, axis=1, join="inner", keys=["reference", "other"]))
    return _Test(family=STATIONS, item="all", p_value=switching_p_value(table, rng))


def _theta(first: FittedTheta, second: FittedTheta) -> list[_Test]:
    """Return the test that both choose by one theta, where their choices tell it."""
    error = math.hypot(first.error_per_min, second.error_per_min)
    if not (first.error_per_min < math.inf and 0 < error < math.inf):
        return []
    p_value = normal_p_value((second.theta_per_min - first.theta_per_min) / error)
    return [
        _Test(
            family=THETA,
            item="theta",
            p_value=p_value,
            error=error / first.theta_per_min,
            reference=first.theta_per_min,
            other=second.theta_per_min,
        )
    ]
