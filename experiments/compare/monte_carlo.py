"""Monte Carlo p-values of many tests at once, simulated only until each is known well enough.

Besag and Clifford (1991), Sequential Monte Carlo p-values, Biometrika 78: simulate until `EXCEEDANCES` samples
lie above the statistic; after l samples that is p = h / l. A test that is far from significant is settled after some
dozens of samples, one that matters has all `SIMULATED`. Ties between statistics, and the steps between possible
p-values, are broken at random, so that under the null hypothesis a p-value is exactly uniform, however few the trips.

Below 1 / 1000, where none of the samples lies above, they say no more: one bad fit among many good ones would drown
in the correction for many tests. There the p-value of the tail decides. It rejects no more often than it says,
so what is below 1 / 1000 does neither.
"""

from collections.abc import Callable

import numpy as np

from cosim.arrays import FloatArray, IntArray

SIMULATED = 999
"""Samples behind a p-value at most."""
EXCEEDANCES = 20
"""Samples above the statistic after which no more are drawn."""
ROUNDS = (49, 150, 300, 500)
"""Samples drawn at a time, `SIMULATED` in all."""

Draw = Callable[[IntArray, int], FloatArray]
"""Returns samples (rows) of the statistics of some tests (columns) under the null hypothesis."""
Tail = Callable[[IntArray], FloatArray]
"""Returns p-values of some tests far out in the tail."""
TAILS_AT_ONCE = 100
"""Tests whose samples of the tail are in memory together."""


def sequential_p_values(
    statistic: FloatArray, draw: Draw, tail: Tail, rng: np.random.Generator
) -> FloatArray:
    """Return the p-value of each statistic, uniform under the null; 0 of what cannot be, an infinite one."""
    tests = np.arange(statistic.size)
    stopped, above = np.full(tests.size, SIMULATED), np.zeros(tests.size, dtype=np.int64)
    tie_break, within_step = rng.random((2, tests.size))
    running, drawn = tests[np.isfinite(statistic)], 0
    for samples in ROUNDS:
        if not running.size:
            break
        observed = statistic[running]
        simulated = draw(running, samples)
        slack = 1e-9 * np.maximum(1.0, np.abs(observed))
        tied = np.abs(simulated - observed) <= slack
        exceeds = simulated > observed + slack
        exceeds[tied] = (rng.random(simulated.shape) < tie_break[running])[tied]
        so_far = above[running] + np.cumsum(exceeds, axis=0)
        enough = so_far[-1] >= EXCEEDANCES
        stopped[running[enough]] = drawn + 1 + np.argmax(so_far[:, enough] >= EXCEEDANCES, axis=0)
        above[running] = np.minimum(so_far[-1], EXCEEDANCES)
        running, drawn = running[~enough], drawn + samples
    p_value = _uniform_between_steps(above, stopped, within_step)
    p_value[np.isinf(statistic)] = 0.0
    extreme = np.flatnonzero(np.isfinite(statistic) & (above == 0))
    for part in np.array_split(extreme, 1 + extreme.size // TAILS_AT_ONCE):
        p_value[part] = np.minimum(tail(part), 1 / (SIMULATED + 1))
    return p_value


def _uniform_between_steps(above: IntArray, stopped: IntArray, within_step: FloatArray) -> FloatArray:
    """Return the p-values: between h / (l + 1) and h / l after l samples, (g, g + 1) / (n + 1) after all n."""
    enough = above >= EXCEEDANCES
    low = np.where(enough, EXCEEDANCES / (stopped + 1), above / (SIMULATED + 1))
    high = np.where(enough, EXCEEDANCES / stopped, (above + 1) / (SIMULATED + 1))
    p_value: FloatArray = low + within_step * (high - low)
    return p_value
