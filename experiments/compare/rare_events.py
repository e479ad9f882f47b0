"""Probabilities far out in the tail of a test of counts, where plain simulation finds nothing.

Samples come from a proposal that scatters more than the null hypothesis, and weigh what they are less likely under
it. Harrison (2012), Conservative hypothesis tests and confidence intervals using importance sampling, Biometrika 99:
with the weight of the observation itself added, (w(x) + sum w(y) 1{T(y) >= T(x)}) / (n + 1) is a p-value for any
proposal that does not look at the observation: it rejects at any level no more often than it says.
"""

from collections.abc import Callable

import numpy as np

from cosim.arrays import FloatArray, IntArray

SAMPLES = 299
SPREADS = np.arange(1, 6) / 6
"""Powers of the number of trips by which the proposals' variances exceed the multinomial's, up to nearly all of it."""

Statistic = Callable[[IntArray], FloatArray]
LogLikelihood = Callable[[IntArray], FloatArray]
"""Returns the logarithm of the probability of counts under the null hypothesis; minus infinity if impossible."""


def rare_event_p_values(
    observed: IntArray,
    share: FloatArray,
    statistic: Statistic,
    log_null: LogLikelihood,
    rng: np.random.Generator,
) -> FloatArray:
    """Return p-values of tests whose *observed* counts (tests, alternatives) are expected in the proportions *share*.

    *statistic* and *log_null* take counts with samples as the first axis, before tests and alternatives.
    """
    trips, concentration = observed.sum(axis=-1), _concentrations(observed.sum(axis=-1), share)
    samples = _draw(trips, concentration, rng)
    every = np.concatenate(
        [observed[np.newaxis], samples]
    )  # the observation counts, so nothing is without a chance
    value = statistic(every)
    beyond = value >= value[0] - 1e-9 * np.maximum(1.0, np.abs(value[0]))
    weight = np.exp(log_null(every) - _log_proposal(every, concentration))
    p_value: FloatArray = np.where(beyond, weight, 0.0).sum(axis=0) / (SAMPLES + 1)
    return p_value


def _concentrations(trips: IntArray, share: FloatArray) -> FloatArray:
    """Return the Dirichlet parameters of the proposals (proposals, tests, alternatives).

    Dirichlet-multinomial counts of concentration A have (N + A) / (1 + A) times the multinomial's variance. One
    more proposal makes all counts equally likely, so that also what is rare comes up.
    """
    spread = np.maximum(trips, 2) ** SPREADS[:, np.newaxis]
    total = (np.maximum(trips, 2) - spread) / (spread - 1)
    centred = np.maximum(total[..., np.newaxis] * share, np.finfo(np.float64).tiny)
    return np.concatenate([centred, np.ones_like(share)[np.newaxis]])


def _draw(trips: IntArray, concentration: FloatArray, rng: np.random.Generator) -> IntArray:
    """Return counts (samples, tests, alternatives), each sample by a proposal drawn at random."""
    which = rng.integers(len(concentration), size=SAMPLES)
    gamma = rng.standard_gamma(concentration[which])
    counts: IntArray = rng.multinomial(trips, gamma / gamma.sum(axis=-1, keepdims=True))
    return counts


def _log_proposal(counts: IntArray, concentration: FloatArray) -> FloatArray:
    """Return the logarithm of the probability of counts under the mixture of all proposals."""
    from scipy.special import gammaln, logsumexp

    trips = counts.sum(axis=-1)
    orders = gammaln(trips + 1) - gammaln(counts + 1).sum(axis=-1)
    each = []
    for own in concentration:
        total, choices = own.sum(axis=-1), gammaln(counts + own) - gammaln(own)
        each.append(choices.sum(axis=-1) + gammaln(total) - gammaln(trips + total))
    mixed: FloatArray = orders + logsumexp(each, axis=0) - np.log(len(concentration))
    return mixed
