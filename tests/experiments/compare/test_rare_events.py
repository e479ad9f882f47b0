"""Rare-event p-values: those of complete enumeration, and never too small too often."""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.stats import binomtest

from cosim.arrays import IntArray
from experiments.compare.choices import (
    g_statistic,
    log_hypergeometric,
    log_multinomial,
    p_values_of_counts,
    p_values_of_shares,
    two_sample_g,
)
from experiments.compare.rare_events import rare_event_p_values
from experiments.compare.significance import adjusted


def every_count(trips: int, alternatives: int) -> IntArray:
    def rows(left: int, columns: int) -> Iterator[tuple[int, ...]]:
        if columns == 1:
            yield (left,)
            return
        for first in range(left + 1):
            yield from ((first, *rest) for rest in rows(left - first, columns - 1))

    return np.array(list(rows(trips, alternatives)))


@pytest.mark.parametrize(
    ("counts", "share"),
    [
        ([0, 0, 0, 60], [0.5, 0.3, 0.15, 0.05]),  # 1e-78
        ([15, 25, 10, 10], [0.5, 0.3, 0.15, 0.05]),  # 1e-4
        ([60, 0], [0.5, 0.5]),
        ([0, 2], [0.999, 0.001]),
        ([5, 2, 0], [0.999, 0.0005, 0.0005]),
    ],
)
def test_the_tail_of_a_g_test_is_that_of_all_counts_there_are(counts: list[int], share: list[float]) -> None:
    observed, expected = np.array(counts), np.array(share)
    every = every_count(observed.sum(), observed.size)
    beyond = g_statistic(every, expected) >= g_statistic(observed, expected) - 1e-9
    exact = np.exp(log_multinomial(every[beyond], expected)).sum()
    p_values = rare_event_p_values(
        np.tile(observed, (20, 1)),
        np.tile(expected, (20, 1)),
        lambda n: g_statistic(n, expected),
        lambda n: log_multinomial(n, expected),
        np.random.default_rng(1),
    )
    apart = np.abs(np.log(np.median(p_values)) - np.log(exact))
    assert apart < 0.3 - 0.02 * np.log(exact)  # of the logarithm: 1e-78 to within a factor of 40


@pytest.mark.parametrize(
    ("first", "second"), [([10, 0, 0], [0, 20, 30]), ([12, 5, 3], [2, 15, 20]), ([30, 4], [4, 30])]
)
def test_the_tail_of_two_rows_is_that_of_all_urns_there_are(first: list[int], second: list[int]) -> None:
    observed, together = np.array(first), np.add(first, second)
    every = every_count(observed.sum(), observed.size)
    every = every[(every <= together).all(axis=1)]
    beyond = two_sample_g(together - every, every) >= two_sample_g(observed, np.array(second)) - 1e-9
    probability = np.exp(log_hypergeometric(every, together))
    rows = [np.tile(row, (20, 1)) for row in (first, second)]
    p_values = p_values_of_counts(rows[0], rows[1], np.random.default_rng(2))
    assert probability.sum() == pytest.approx(1)
    assert 0.7 < np.median(p_values) / probability[beyond].sum() < 1.5


@pytest.mark.parametrize("trips", [2, 7, 60])
@pytest.mark.parametrize("share", [[0.5, 0.3, 0.15, 0.05], [0.9, 0.09, 0.0095, 0.0005]])
def test_small_p_values_are_no_more_frequent_than_they_say(trips: int, share: list[float]) -> None:
    rng, shares = np.random.default_rng(trips), np.tile(share, (8000, 1))
    one = p_values_of_shares(rng.multinomial(trips, shares), shares, rng)
    two = p_values_of_counts(rng.multinomial(trips, shares), rng.multinomial(3 * trips, shares), rng)
    for p_value in (one, two):
        assert binomtest(int((p_value <= 1e-3).sum()), p_value.size, 1e-3).pvalue > 1e-3
        for level in (3e-4, 1e-4, 1e-5):
            found = int((p_value <= level).sum())
            assert binomtest(found, p_value.size, level, alternative="greater").pvalue > 1e-3


def test_one_deviating_choice_among_many_that_fit_is_found_with_hardly_a_false_alarm() -> None:
    """Of 152 choices of 60 trips; the false-discovery rate bounds the false ones to 1 % of all found."""
    share, found, false = np.tile([0.5, 0.3, 0.15, 0.05], (152, 1)), 0, 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        counts = rng.multinomial(60, share)
        counts[7] = [12, 25, 10, 13]
        rejected = adjusted(p_values_of_shares(counts, share, rng), "none") <= 0.01
        found, false = found + rejected[7], false + np.delete(rejected, 7).sum()
    assert found == 20
    assert false <= 2
