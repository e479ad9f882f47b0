"""Whether a difference is more than chance: exact tests of counts, t-tests over replications, false discoveries.

Arrays of replications have the replications as first axis. A p-value that no test can give is NaN.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from cosim.arrays import FloatArray

LEVEL = 0.01
"""False-discovery rate of a verdict: among agreeing runs, one in a hundred is called different per family."""
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
    days: FloatArray | None = None
    """The values whose mean it is, one for each replication; None if there are no several."""


def estimate(days: FloatArray, error_of_one_day: float = 0.0, freedom: float = math.inf) -> Estimate:
    """Return the mean of replicated *days*; a day alone has the error that is known of it."""
    if days.size == 1:
        return Estimate(value=float(days[0]), error=error_of_one_day, freedom=freedom)
    value, error = _mean_and_error(days)
    return Estimate(value=float(value), error=float(error), freedom=days.size - 1, days=days)


def share_of(counts: FloatArray, trials: FloatArray) -> Estimate:
    """Return the share of the trials of each day that count; the error of a day alone is that of the binomial law."""
    shares = counts / np.maximum(trials, 1)
    share, tried = float(shares[0]), max(float(trials[0]), 1.0)
    return estimate(shares, math.sqrt(max(share * (1 - share), 0.0) / tried))


def chance(reference: Estimate, other: Estimate, *, paired: bool) -> float:
    """Return the difference of two means that chance exceeds once in a hundred times: t_{0.995} standard errors.

    The degrees of freedom are those of the pairs, or Welch's. Days that share their draws differ by less.
    """
    from scipy.stats import t

    if paired and reference.days is not None and other.days is not None:
        own = estimate(other.days - reference.days)
        return float(t.ppf(1 - LEVEL / 2, own.freedom)) * own.error
    variances = [(one.error**2, one.freedom) for one in (reference, other) if one.error > 0]
    if not variances:
        return 0.0
    total, spread = sum(v for v, _ in variances), sum(v**2 / freedom for v, freedom in variances)
    freedom = total**2 / spread if spread > 0 else math.inf
    return float(t.ppf(1 - LEVEL / 2, freedom)) * math.sqrt(total)


def half_width(values: FloatArray) -> FloatArray:
    """Return half the width of the t-based 95 % band of the mean, t_{0.975, R-1} s / sqrt(R), along the first axis."""
    from scipy.stats import t

    replications = np.sum(np.isfinite(values), axis=0)
    quantile = t.ppf((1 + CONFIDENCE) / 2, replications - 1)
    width: FloatArray = quantile * _mean_and_error(values)[1]
    return width


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
