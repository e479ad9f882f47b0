"""G-tests of route choice: whether the trips of a class, OD and period are draws from the reference's shares.

Counts come from the table ``paths``, so they need no table of single trips.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from cosim.arrays import FloatArray, Frame, IntArray
from cosim.randomness import stream
from cosim.results import Recorder
from experiments.compare.quantities import path_names
from experiments.compare.sides import Side
from experiments.compare.significance import adjusted

SIMULATED = 999
"""Samples behind each Monte Carlo p-value."""
FEWEST_TRIPS = 2
GROUP = ["period", "user_class", "origin", "destination"]
"""Who chooses among the same paths at the same costs."""

Draw = Callable[[int], FloatArray]
"""Returns so many samples of the G-statistic under the null hypothesis."""


def g_statistic(observed: IntArray, expected_share: FloatArray) -> FloatArray:
    """Return 2 sum O ln(O / E) over the last axis, E = share * sum O; infinite if what cannot be was chosen."""
    observed = np.asarray(observed, dtype=np.float64)
    expected = expected_share * observed.sum(axis=-1, keepdims=True)
    chosen, possible = observed > 0, expected > 0
    ratio = np.divide(observed, expected, out=np.ones_like(observed), where=chosen & possible)
    statistic = 2 * np.sum(observed * np.log(ratio), axis=-1)
    return np.where((chosen & ~possible).any(axis=-1), np.inf, statistic)[()]


def two_sample_g(reference: IntArray, other: IntArray) -> FloatArray:
    """Return the G-statistic of homogeneity of two rows of counts, over the last axis."""
    share = (reference + other) / np.maximum((reference + other).sum(axis=-1, keepdims=True), 1)
    return g_statistic(reference, share) + g_statistic(other, share)


def randomised_p_value(observed: IntArray, share: FloatArray, rng: np.random.Generator) -> float:
    """Return the Monte Carlo p-value of a G-test, ties broken at random: exactly uniform under the null.

    *observed* counts and *share* have one entry per alternative. Counts of a few trips make
    few different statistics; without the random tie-break the test would reject too seldom.
    """
    statistic = float(g_statistic(observed, share))
    if np.isinf(statistic):
        return 1 / (SIMULATED + 1)
    total = int(observed.sum())
    return _monte_carlo(statistic, lambda n: g_statistic(rng.multinomial(total, share, size=n), share), rng)


def two_sample_p_value(reference: IntArray, other: IntArray, rng: np.random.Generator) -> float:
    """Return the Monte Carlo p-value that two rows of counts are draws from the same shares.

    Given both sums, the second row is multivariate hypergeometric, whatever the shares.
    """
    together, drawn = reference + other, int(other.sum())

    def draw(n: int) -> FloatArray:
        second = rng.multivariate_hypergeometric(together, drawn, size=n)
        return two_sample_g(together - second, second)

    return _monte_carlo(float(two_sample_g(reference, other)), draw, rng)


def _monte_carlo(statistic: float, draw: Draw, rng: np.random.Generator) -> float:
    simulated = draw(SIMULATED)
    slack = 1e-9 * max(1.0, abs(statistic))
    above = np.count_nonzero(simulated > statistic + slack)
    tied = np.count_nonzero(np.abs(simulated - statistic) <= slack)
    return float((above + rng.random() * (tied + 1)) / (SIMULATED + 1))


def compare_choices(recorder: Recorder, pair: int, reference: Side, other: Side, seed: int) -> None:
    """Write ``g_tests``: the EVs' paths of each class, OD and period against the reference's.

    Against an equilibrium its shares are given; against agents, both rows of counts are chance. Replications
    are counted together.
    """
    if not other.is_random:
        return
    rng = stream(seed, "g-test", pair)
    both = path_counts(other).to_frame("other")
    first = path_counts(reference) if reference.is_random else path_share(reference)
    both = both.join(first.rename("reference"), how="inner").fillna(0)
    rows = []
    for group, choices in both.groupby(level=GROUP, sort=True):
        counts = choices.other.to_numpy().astype(np.int64)
        row = (
            _against_counts(choices.reference.to_numpy().astype(np.int64), counts, rng)
            if reference.is_random
            else _against_shares(choices.reference.to_numpy(), counts, rng)
        )
        if row is not None:
            rows.append({**dict(zip(GROUP, group, strict=True)), **row, "alternatives": counts.size})
    if rows:
        columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        recorder.add("g_tests", pair=pair, day=1, **columns, p_adjusted=adjusted(columns["p_value"], "none"))


def _against_shares(share: FloatArray, counts: IntArray, rng: np.random.Generator) -> dict[str, float] | None:
    if counts.sum() < FEWEST_TRIPS or (share > 0).sum() < 2:
        return None
    return {
        "trips": int(counts.sum()),
        "g_statistic": float(g_statistic(counts, share)),
        "p_value": randomised_p_value(counts, share / share.sum(), rng),
    }


def _against_counts(first: IntArray, counts: IntArray, rng: np.random.Generator) -> dict[str, float] | None:
    if min(first.sum(), counts.sum()) < FEWEST_TRIPS or ((first + counts) > 0).sum() < 2:
        return None
    return {
        "trips": int(first.sum() + counts.sum()),
        "g_statistic": float(two_sample_g(first, counts)),
        "p_value": two_sample_p_value(first, counts, rng),
    }


def path_counts(side: Side) -> Frame:
    """Return the EVs on each path, over all replications, by group and path."""
    counts = [_by_path(frame, np.rint(frame.flow_veh_h * side.hours)) for frame in _evs_of(side)]
    return pd.concat(counts).groupby(level=[*GROUP, "item"]).sum()


def path_share(side: Side) -> Frame:
    """Return the share of each path in its group, of an equilibrium."""
    (frame,) = _evs_of(side)
    return _by_path(frame, frame.share)


def _evs_of(side: Side) -> list[Frame]:
    return [frame[frame.user_class != "car"] for frame in side.tables("paths")]


def _by_path(frame: Frame, figure: Frame) -> Frame:
    keys = [*(frame[key] for key in GROUP), path_names(frame)]
    return pd.Series(figure.to_numpy(), index=pd.MultiIndex.from_arrays(keys, names=[*GROUP, "item"]))


def pooled_p_values(tests: Frame) -> dict[str, float]:
    """Return Fisher's combined p-value of each class: -2 sum ln p is chi-squared with 2 m degrees of freedom."""
    from scipy.stats import combine_pvalues

    return {
        user_class: float(combine_pvalues(group.p_value, method="fisher").pvalue)
        for user_class, group in tests.groupby("user_class")
    }
