"""Whether a difference is more than chance: exact tests of counts, t-tests over replications, false discoveries.

Arrays of replications have the replications as first axis. A p-value that no test can give is NaN.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

from cosim.arrays import FloatArray

LEVEL = 0.05
"""False-discovery rate of a verdict: of runs in which nothing differs, one in twenty is called different."""
ALONE = 0.001
"""Rate at which one family of tests is counted by itself: what rejects here rejects among a dozen families, too."""
CHANCE = 0.01
"""Probability of what counts as beyond chance, of one indicator of a cause."""
POWER = 0.8
"""Probability with which the smallest shift that is told would have been found."""
CONFIDENCE = 0.95
"""Of the bands over replications."""
ROUNDING = 1e-9
"""What differs by less than this share is the same, up to the rounding of sums."""
SOLVER_DIGITS = 1e-6
"""Differences below this share of the larger value are within the tolerance of solvers, and mean nothing."""


def poisson_p_value(count: FloatArray, expected: FloatArray) -> FloatArray:
    """Return the two-sided mid-p-value of counts whose expectation is known.

    Counts of many EVs that each contribute little are Poisson distributed, whatever each of them does. 1 where
    nothing is expected and nothing was counted, 0 where something was counted that cannot be.
    """
    from scipy.stats import poisson

    return _mid_p_value(poisson(expected), np.rint(count))


def two_counts_p_value(
    count: FloatArray, other: FloatArray, exposure: float, other_exposure: float
) -> FloatArray:
    """Return the two-sided mid-p-value that two counts have one rate: given their sum, *other* is binomial.

    *exposure* is what each was counted over: the number of replicated days.
    """
    from scipy.stats import binom

    count, other = np.rint(count), np.rint(other)
    return _mid_p_value(binom(count + other, other_exposure / (exposure + other_exposure)), other)


def _mid_p_value(law: Any, count: FloatArray) -> FloatArray:
    """Return twice the smaller tail, with half the probability of *count* itself: small counts are not too timid."""
    here = law.pmf(count)
    p_value: FloatArray = 2 * np.minimum(law.cdf(count - 1) + here / 2, law.sf(count) + here / 2)
    return np.minimum(1.0, p_value)  # two tails of one half each may round to more


def t_p_value(differences: FloatArray) -> FloatArray:
    """Return the two-sided p-value of Student's t-test that differences have mean zero, along the first axis.

    The differences are those of paired replications, or of replications from a fixed value. NaN where
    all are the same: what shows no chance may be certain, or too rare to have occurred.
    """
    from scipy.stats import t

    replications = np.sum(np.isfinite(differences), axis=0)
    mean, error = _mean_and_error(differences)
    with np.errstate(divide="ignore", invalid="ignore"):
        p_value = 2 * t.sf(np.abs(mean) / error, replications - 1)
    return np.where(error > 0, p_value, np.nan)


def welch_p_value(reference: FloatArray, other: FloatArray) -> FloatArray:
    """Return the two-sided p-value of Welch's t-test of independent replications, along the first axis."""
    from scipy.stats import t

    (m1, e1), (m2, e2) = _mean_and_error(reference), _mean_and_error(other)
    n1, n2 = (np.sum(np.isfinite(values), axis=0) for values in (reference, other))
    error = np.hypot(e1, e2)
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = error**4 / (e1**4 / (n1 - 1) + e2**4 / (n2 - 1))
        p_value = 2 * t.sf(np.abs(m2 - m1) / error, freedom)
    return np.where(error > 0, p_value, np.nan)


def _mean_and_error(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and standard error along the first axis, of what is not NaN; NaN of no value, and of one alone."""
    there = np.isfinite(values)
    count = there.sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean = np.where(there, values, 0.0).sum(axis=0) / count
        squares = (np.where(there, values - mean, 0.0) ** 2).sum(axis=0)
        squares = np.where(np.sqrt(squares) <= ROUNDING * np.maximum(np.abs(mean), ROUNDING), 0.0, squares)
        return mean, np.sqrt(squares / (count - 1) / count)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estimate:
    """A mean with its standard error; without any where there is no chance."""

    value: float
    error: float = 0.0
    freedom: float = math.inf
    """Degrees of freedom of the error: infinite where its law is known."""
    is_within: bool = False
    """Whether the error is that within the days, and not of their scatter."""
    days: FloatArray | None = None
    """The values whose mean it is, one for each replication; None if there are no several."""


FEW_DAYS = 8
"""Below this many replications their scatter says little of the error: where each day knows its own, that counts."""


def estimate(days: FloatArray, errors: FloatArray | None = None, freedom: float = math.inf) -> Estimate:
    """Return the mean of replicated *days*, with the standard error of their scatter.

    Of fewer than eight days it is that of the *errors* within each, where they are known, with *freedom* degrees a
    day: the verdict on a day must not become weaker for a second one.
    """
    if errors is not None and days.size < FEW_DAYS:
        error = float(np.sqrt(np.mean(np.square(errors)) / days.size))
        return Estimate(
            value=float(days.mean()), error=error, freedom=freedom * days.size, is_within=True, days=days
        )
    if days.size == 1:
        return Estimate(value=float(days[0]), days=days)
    value, scatter = _mean_and_error(days)
    return Estimate(value=float(value), error=float(scatter), freedom=days.size - 1, days=days)


def share_of(counts: FloatArray, trials: FloatArray) -> Estimate:
    """Return the share of the trials of each day that count, with the binomial error of a day."""
    tried = np.maximum(trials, 1.0)
    shares = counts / tried
    return estimate(shares, np.sqrt(np.maximum(shares * (1 - shares), 0.0) / tried))


def count_of(days: FloatArray) -> Estimate:
    """Return the mean of counts of rare events, with the error of a Poisson count."""
    mean = float(days.mean())
    return Estimate(value=mean, error=math.sqrt(mean / days.size), days=days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """What chance does to the difference of two means."""

    beyond: float
    """What it exceeds once in a hundred times: t_{0.995} standard errors."""
    error: float = 0.0

    @property
    def detectable(self) -> float:
        """The difference that would have been found with power .8."""
        return self.beyond + normal_quantile(POWER) * self.error


def chance(reference: Estimate, other: Estimate, *, paired: bool) -> Chance:
    """Return the chance in the difference of two means.

    The degrees of freedom are Welch's, or of pairs, which differ by less, theirs. Days that share their draws and are
    the same have none.
    """
    from scipy.stats import t

    if paired and reference.days is not None and other.days is not None:
        apart = other.days - reference.days
        if not apart.any():
            return Chance(beyond=0.0)
        if apart.size > 1 and not (reference.is_within or other.is_within):
            own = estimate(apart)
            return Chance(beyond=float(t.ppf(1 - CHANCE / 2, own.freedom)) * own.error, error=own.error)
    variances = [(one.error**2, one.freedom) for one in (reference, other) if one.error > 0]
    if not variances:
        return Chance(beyond=0.0)
    total, spread = sum(v for v, _ in variances), sum(v**2 / freedom for v, freedom in variances)
    freedom = total**2 / spread if spread > 0 else math.inf
    error = math.sqrt(total)
    return Chance(beyond=float(t.ppf(1 - CHANCE / 2, freedom)) * error, error=error)


def half_width(values: FloatArray) -> FloatArray:
    """Return half the width of the t-based 95 % band of the mean, t_{0.975, R-1} s / sqrt(R), along the first axis."""
    from scipy.stats import t

    replications = np.sum(np.isfinite(values), axis=0)
    quantile = t.ppf((1 + CONFIDENCE) / 2, replications - 1)
    width: FloatArray = quantile * _mean_and_error(values)[1]
    return width


def normal_p_value(deviate: float) -> float:
    """Return the two-sided p-value of a standard normal deviate."""
    return math.erfc(abs(deviate) / math.sqrt(2))


def normal_quantile(probability: float) -> float:
    """Return the quantile of the standard normal distribution."""
    return NormalDist().inv_cdf(probability)


def adjusted(p_value: FloatArray, dependence: Literal["none", "any"]) -> FloatArray:
    """Return p-values adjusted for the false-discovery rate of their family; NaN stays NaN.

    Benjamini and Hochberg (1995) where the tests are independent, as G-tests of different choices are;
    Benjamini and Yekutieli (2001) under *any* dependence, as of flows on links that share vehicles.
    """
    from scipy.stats import false_discovery_control

    result = np.full(p_value.shape, np.nan)
    tested = np.isfinite(p_value)
    if tested.any():
        method = "bh" if dependence == "none" else "by"
        result[tested] = false_discovery_control(p_value[tested], method=method)
    return result


def adjusted_by_family(p_value: FloatArray, family: Any) -> FloatArray:
    """Return p-values adjusted by Benjamini and Hochberg among those of the same *family*, a name for each."""
    result = np.full(p_value.shape, np.nan)
    for name in np.unique(family):
        result[family == name] = adjusted(p_value[family == name], "none")
    return result
