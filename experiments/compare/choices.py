"""G-tests of route choice: whether the trips of a class, OD and period are draws from the reference's shares.

Counts come from the table ``paths``, so they need no table of single trips.
"""

from typing import Any

import numpy as np
import pandas as pd

from cosim.arrays import BoolArray, FloatArray, Frame, IntArray
from cosim.randomness import stream
from cosim.results import Recorder
from experiments.compare.monte_carlo import sequential_p_values
from experiments.compare.quantities import path_names
from experiments.compare.rare_events import rare_event_p_values
from experiments.compare.sample import Sample, are_paired
from experiments.compare.significance import adjusted

FEWEST_TRIPS = 2
AT_ONCE = 20_000
"""Tests whose samples are in memory together."""
GROUP = ["period", "user_class", "origin", "destination"]
"""Who chooses among the same paths at the same costs."""


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


def p_values_of_shares(observed: IntArray, share: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return the Monte Carlo p-values of G-tests that the rows of *observed* are drawn from those of *share*."""
    trips, share = observed.sum(axis=-1), share / share.sum(axis=-1, keepdims=True)

    def draw(tests: IntArray, samples: int) -> FloatArray:
        counts = rng.multinomial(trips[tests], share[tests], size=(samples, tests.size))
        return g_statistic(counts, share[tests])

    def tail(tests: IntArray) -> FloatArray:
        own = share[tests]
        return rare_event_p_values(
            observed[tests], own, lambda n: g_statistic(n, own), lambda n: log_multinomial(n, own), rng
        )

    return sequential_p_values(g_statistic(observed, share), draw, tail, rng)


def p_values_of_counts(reference: IntArray, other: IntArray, rng: np.random.Generator) -> FloatArray:
    """Return the Monte Carlo p-values that the rows of both are draws from the same shares.

    Given both sums, the second row is multivariate hypergeometric, whatever the shares.
    """
    together, drawn = reference + other, other.sum(axis=-1)

    def draw(tests: IntArray, samples: int) -> FloatArray:
        second = hypergeometric(together[tests], drawn[tests], samples, rng)
        return two_sample_g(together[tests] - second, second)

    def tail(tests: IntArray) -> FloatArray:
        # of the smaller row less is impossible: it leaves enough for the other
        both, smaller = together[tests], np.where(fewer, other, reference)[tests]
        share = both / both.sum(axis=-1, keepdims=True)
        return rare_event_p_values(
            smaller,
            share,
            lambda n: two_sample_g(np.maximum(both - n, 0), n),
            lambda n: log_hypergeometric(n, both),
            rng,
        )

    fewer = (2 * drawn <= together.sum(axis=-1))[:, np.newaxis]
    return sequential_p_values(two_sample_g(reference, other), draw, tail, rng)


def log_multinomial(counts: IntArray, share: FloatArray) -> FloatArray:
    """Return the logarithm of the probability of counts that are draws from *share*, over the last axis."""
    from scipy.special import gammaln, xlogy

    orders = gammaln(counts.sum(axis=-1) + 1) - gammaln(counts + 1).sum(axis=-1)
    logarithm: FloatArray = orders + xlogy(counts, share).sum(axis=-1)
    return logarithm


def log_hypergeometric(counts: IntArray, together: IntArray) -> FloatArray:
    """Return the logarithm of the probability of counts drawn from *together* without putting back."""
    orders = _log_binomial(together, counts).sum(axis=-1)
    logarithm: FloatArray = orders - _log_binomial(together.sum(axis=-1), counts.sum(axis=-1))
    return logarithm


def _log_binomial(items: IntArray, drawn: IntArray) -> FloatArray:
    """Return ln C(items, drawn), minus infinity if more are drawn than there are."""
    from scipy.special import gammaln

    logarithm: FloatArray = gammaln(items + 1) - gammaln(drawn + 1) - gammaln(items - drawn + 1)
    return logarithm


def hypergeometric(together: IntArray, drawn: IntArray, samples: int, rng: np.random.Generator) -> IntArray:
    """Return samples of what *drawn* of each row's items are, alternative by alternative."""
    left = np.broadcast_to(drawn, (samples, drawn.size))
    counts = np.empty((samples, *together.shape), dtype=np.int64)
    behind = together.sum(axis=-1, keepdims=True) - np.cumsum(together, axis=-1)
    for column in range(together.shape[1]):
        counts[..., column] = rng.hypergeometric(together[:, column], behind[:, column], left)
        left = left - counts[..., column]
    return counts


def compare_choices(recorder: Recorder, pair: int, reference: Sample, other: Sample, seed: int) -> None:
    """Write ``g_tests``: the EVs' paths of each class, OD and period against the reference's.

    Against an equilibrium its shares are given; against agents, both rows of counts are chance. Replications
    are counted together. A path that only one sample has is one that nobody chose in the other. Counts that share
    their random numbers are not independent: see ``route_switchers``.
    """
    if not other.is_random or are_paired(reference, other):
        return
    both = path_counts(other).to_frame("other")
    first = path_counts(reference) if reference.is_random else path_share(reference)
    both = both.join(first.rename("reference"), how="outer").fillna(0).sort_index(level=GROUP, kind="stable")
    number = both.groupby(level=GROUP, sort=True).ngroup().to_numpy()
    start = np.flatnonzero(np.diff(number, prepend=-1))
    tests = _tests(both, start, reference, stream(seed, "g-test", pair))
    if len(tests["p_value"]):
        keys = both.index[start[tests.pop("group")]]
        columns = {name: keys.get_level_values(name).to_numpy() for name in GROUP} | tests
        recorder.add(
            "g_tests", pair=pair, day=other.day, **columns, p_adjusted=adjusted(columns["p_value"], "none")
        )


def _tests(both: Frame, start: IntArray, reference: Sample, rng: np.random.Generator) -> dict[str, Any]:
    """Return the tests of the groups that begin at the rows *start*, those of equal size together."""
    alternatives = np.diff(start, append=len(both))
    found: list[dict[str, Any]] = []
    first, counts = both.reference.to_numpy(), both.other.to_numpy().astype(np.int64)
    for size in np.unique(alternatives).tolist():
        every = np.flatnonzero(alternatives == size)
        for groups in np.array_split(every, 1 + every.size // AT_ONCE):
            rows = start[groups, None] + np.arange(size)
            tested, figures = _tested(first[rows], counts[rows], rng, is_random=reference.is_random)
            found.append({**figures, "group": groups[tested], "alternatives": np.full(tested.sum(), size)})
    columns = {name: np.concatenate([part[name] for part in found]) for name in found[0]} if found else {}
    order = np.argsort(columns["group"], kind="stable") if found else slice(0)
    return {name: column[order] for name, column in columns.items()} or {"p_value": np.array([])}


def _tested(
    first: FloatArray, counts: IntArray, rng: np.random.Generator, *, is_random: bool
) -> tuple[BoolArray, dict[str, FloatArray]]:
    """Return which rows can be tested at all, and the figures of those; *first* are shares, or counts by chance."""
    trips, total = counts.sum(axis=1), first.sum(axis=1)
    fewest = np.minimum(total, trips) if is_random else np.where(total > 0, trips, 0)
    tested = (fewest >= FEWEST_TRIPS) & ((first + counts > 0).sum(axis=1) >= 2)
    first, counts = first[tested], counts[tested]
    if not is_random:
        statistic, p_value = g_statistic(counts, first), p_values_of_shares(counts, first, rng)
        return tested, {"trips": trips[tested], "g_statistic": statistic, "p_value": p_value}
    reference = first.astype(np.int64)
    return tested, {
        "trips": (reference + counts).sum(axis=1),
        "g_statistic": two_sample_g(reference, counts),
        "p_value": p_values_of_counts(reference, counts, rng),
    }


def path_counts(sample: Sample) -> Frame:
    """Return the EVs on each path, over all replications, by group and path."""
    counts = [_by_path(frame, np.rint(frame.flow_veh_h * sample.hours)) for frame in _evs_of(sample)]
    return pd.concat(counts).groupby(level=[*GROUP, "item"]).sum()


def path_share(sample: Sample) -> Frame:
    """Return the share of each path in its group, of an equilibrium."""
    (frame,) = _evs_of(sample)
    return _by_path(frame, frame.share)


def _evs_of(sample: Sample) -> list[Frame]:
    return [frame[frame.user_class != "car"] for frame in sample.tables("paths")]


def _by_path(frame: Frame, figure: Frame) -> Frame:
    keys = [*(frame[key] for key in GROUP), path_names(frame)]
    return pd.Series(figure.to_numpy(), index=pd.MultiIndex.from_arrays(keys, names=[*GROUP, "item"]))


def pooled_p_values(tests: Frame) -> dict[str, float]:
    """Return Fisher's combined p-value of each class: -2 sum ln p is chi-squared with 2 m degrees of freedom."""
    from scipy.stats import combine_pvalues

    with np.errstate(divide="ignore"):  # one choice that cannot be makes all of them impossible
        return {
            user_class: float(combine_pvalues(group.p_value, method="fisher").pvalue)
            for user_class, group in tests.groupby("user_class")
        }
