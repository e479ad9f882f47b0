"""Thresholds: crossings by hand, exact intervals against binomial sums, and campaigns simulated to see them cover."""

import numpy as np
import pytest
from scipy import stats

from cosim.errors import ConfigError
from experiments.sweep.answers.runs import Runs
from experiments.sweep.answers.thresholds import (
    Counts,
    crossings,
    exact_levels,
    isotonic_level,
    median_interval,
    thresholds,
)
from tests.experiments.sweep.answers.made_up import CHARGERS, EV, noise, runs_of

X = np.array([0.2, 0.4, 0.8])


@pytest.mark.parametrize(
    ("curve", "place"),
    [
        ([0.98, 0.96, 0.94], 0.6),
        ([0.96, 0.94, 0.90], 0.3),
        ([0.94, 0.93, 0.90], -np.inf),
        ([0.98, 0.97, 0.96], np.inf),
        ([0.98, 0.96, 0.95], np.inf),
        ([0.96, 0.94, 0.99], 0.3),
    ],
)
def test_a_curve_crosses_where_it_first_goes_below(curve: list[float], place: float) -> None:
    assert crossings(X, np.array([curve]), 0.95, falls=True) == pytest.approx([place])
    mirrored = 2 * 0.95 - np.array([curve])
    assert crossings(X, mirrored, 0.95, falls=False) == pytest.approx([place])


@pytest.mark.parametrize("n", [6, 7, 10, 30, 101])
def test_order_statistics_are_those_of_the_sign_test(n: int) -> None:
    median, low, high, confidence = median_interval(np.arange(1.0, n + 1))
    k = int(low)
    assert high == n + 1 - k
    assert median == (n + 1) / 2
    assert confidence == pytest.approx(stats.binom.cdf(n - k, n, 0.5) - stats.binom.cdf(k - 1, n, 0.5))
    assert confidence >= 0.95 > stats.binom.cdf(n - k - 1, n, 0.5) - stats.binom.cdf(k, n, 0.5)


def test_below_six_seeds_no_interval_of_a_median_has_95_percent() -> None:
    assert np.isnan(median_interval(np.arange(5.0))[1:]).all()


def test_the_median_interval_covers_a_skewed_median() -> None:
    draws = np.random.default_rng(1).exponential(size=(400, 11))
    ends = np.array([median_interval(row)[1:3] for row in draws])
    covered = np.mean((ends[:, 0] <= np.log(2)) & (np.log(2) <= ends[:, 1]))
    assert covered == pytest.approx(median_interval(draws[0])[3], abs=0.03)


def falling(seeds: int, spread: float = 0.01) -> Runs:
    """Return runs whose voltage falls by 0.1 a unit of EV share, below 0.95 at 0.5 + 10 x spread x noise."""

    def figures(ev: float, seed: int) -> dict[str, float | bool]:
        voltage = 1.0 - 0.1 * ev + spread * noise(7, seed)
        return {"voltage_min_pu": voltage, "limits_broken": voltage < 0.95}

    return runs_of({EV: [0.2, 0.4, 0.6, 0.8]}, figures, seeds)


def test_a_threshold_is_the_median_of_the_crossings_of_all_seeds() -> None:
    (row,) = thresholds(falling(9), "voltage_min_pu", 0.95, EV).itertuples()
    places = sorted(0.5 + 0.1 * noise(7, seed) for seed in range(1, 10))
    assert (row.estimate, row.low, row.high) == pytest.approx((places[4], places[1], places[7]))
    assert (row.direction, row.n, row.crossed, row.again) == ("falls below", 9, 9, 0)


def test_seeds_that_do_not_cross_in_the_range_studied_are_told_and_counted() -> None:
    (row,) = thresholds(falling(30, spread=0.06), "voltage_min_pu", 0.95, EV).itertuples()
    places = np.array([0.5 + 0.6 * noise(7, seed) for seed in range(1, 31)])
    assert (row.before, row.after) == (np.sum(places < 0.2), np.sum(places > 0.8))
    assert row.crossed == 30 - row.before - row.after
    assert row.estimate == pytest.approx(np.median(places))
    assert f"not crossed between 0.2 and 0.8 on {row.before + row.after} of them" in row.sentence


def test_nothing_is_said_outside_the_range_studied() -> None:
    (row,) = thresholds(falling(10), "voltage_min_pu", 0.5, EV).itertuples()
    assert np.isnan([row.estimate, row.low, row.high]).all()
    assert (row.after, row.crossed) == (10, 0)
    assert "falls below 0.5 at population.ev_share above 0.8" in row.sentence


def test_each_combination_of_the_other_fields_has_a_threshold() -> None:
    runs = runs_of(
        {EV: [0.0, 1.0], CHARGERS: [2, 4]}, lambda ev, chargers, _: {"wait_min": ev * 8 / chargers}, 1
    )
    found = thresholds(runs, "wait_min", 1.0, EV)
    assert found[[CHARGERS, "estimate"]].to_numpy().tolist() == [[2, 0.25], [4, 0.5]]
    assert "1 seeds, too few for an interval (six or more)" in found.sentence[0]


def test_a_field_of_texts_has_no_threshold() -> None:
    runs = runs_of({"tariff.kind": ["table", "dynamic"]}, lambda _k, _s: {"wait_min": 1.0}, 1)
    with pytest.raises(
        ConfigError, match=r"tariff\.kind is no field of numbers that is varied; there are: none"
    ):
        thresholds(runs, "wait_min", 1.0, "tariff.kind")


def test_isotonic_regression_pools_neighbours_that_fall() -> None:
    counts = Counts(np.array([0.0, 1, 2, 3]), np.array([0.0, 6, 2, 10]), np.full(4, 10.0))
    assert isotonic_level(counts, 0.2) == pytest.approx(0.5)
    assert isotonic_level(counts, 0.7) == pytest.approx(2.5)
    assert isotonic_level(counts, 0.05) == pytest.approx(0.125)
    assert isotonic_level(Counts(counts.x, np.array([0.0, 0, 1, 2]), counts.n), 0.5) == np.inf


def test_where_a_limit_is_broken_too_often_is_covered_at_95_of_100() -> None:
    """300 campaigns of 20 seeds whose crossings are normal, mean 5.3, sd 1.5: the probability of 0.2 is known."""
    x, truth = np.arange(11.0), stats.norm.ppf(0.2, 5.3, 1.5)
    seeds = np.random.default_rng(3).normal(5.3, 1.5, size=(300, 20))
    found = [
        exact_levels(Counts(x, (row[:, None] < x).sum(axis=0).astype(float), np.full(11, 20.0)), 0.2)
        for row in seeds
    ]
    assert np.mean([low <= truth <= high for low, high in found]) >= 0.95
    assert np.mean([high - low for low, high in found]) < 4


def test_a_probability_threshold_is_told_with_its_interval_and_what_was_seen() -> None:
    (row,) = thresholds(falling(30), "limits_broken", 0.5, EV).itertuples()
    assert (row.low, row.high) == (0.4, 0.6)
    assert 0.4 < row.estimate < 0.6
    assert "95 % interval: 0.4 to 0.6; 0% at 0.2, 100% at 0.8" in row.sentence


def test_a_probability_that_falls_is_read_from_the_right() -> None:
    def figures(chargers: float, seed: int) -> dict[str, bool]:
        return {"limits_broken": chargers < 5 + noise(seed)}

    (row,) = thresholds(
        runs_of({CHARGERS: [1, 3, 5, 7, 9]}, figures, 30), "limits_broken", 0.5, CHARGERS
    ).itertuples()
    assert (row.direction, row.low, row.high) == ("falls below", 3, 7)
    assert 3 < row.estimate < 7


def test_a_range_without_broken_limits_says_so() -> None:
    runs = runs_of({EV: [0.2, 0.4]}, lambda _ev, _s: {"limits_broken": False}, 30)
    (row,) = thresholds(runs, "limits_broken", 0.2, EV).itertuples()
    assert row.low == 0.4  # 0 of 30: below 0.116
    assert np.isnan(row.high)
    assert "0.4 to above 0.4" in row.sentence
