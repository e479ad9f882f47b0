"""Shares of the variance, against sums of squares written down, paired tests and simulations."""

import numpy as np
import pytest
from scipy import stats

from cosim.errors import ConfigError
from experiments.sweep.answers.effects import effects, jackknife, parts, variance_shares
from experiments.sweep.answers.runs import Runs
from tests.experiments.sweep.answers.made_up import noise, runs_of, with_failed

NO_NOTE = pytest.fail


def shares(runs: Runs) -> dict[str, float]:
    table = effects(runs, "y", "agents", note=NO_NOTE)
    return dict(zip(table.effect, table.share, strict=True))


def test_shares_of_a_formula_without_chance_are_its_own() -> None:
    """The formula is a + 2 b + 3 a b over -1, 1: variances 1, 4 and 9 of 14."""
    runs = runs_of({"a": [-1, 1], "b": [-1, 1]}, lambda a, b, _: {"y": a + 2 * b + 3 * a * b}, 2)
    expected = {"a": 1 / 14, "b": 4 / 14, "a x b": 9 / 14, "seed": 0, "seed x setting": 0}
    assert shares(runs) == pytest.approx(expected)


def test_three_fields_have_what_all_three_add_in_one_row() -> None:
    values = {name: [-1, 1] for name in "abc"}
    found = shares(runs_of(values, lambda a, b, c, _: {"y": 3 * a + a * b * c}, 1))
    assert found["of three and more"] == pytest.approx(0.1)
    assert found["a"] == pytest.approx(0.9)


def with_chance(seeds: int, start: int = 0) -> Runs:
    """Return runs whose variance is 2/3 of a field of three values (sd 1), 1 of the seed and .25 of the rest."""
    return runs_of(
        {"a": [-1, 0, 1], "b": [1, 2]},
        lambda a, b, seed: {"y": a + noise(start, seed) + 0.5 * noise(start, seed, a + 1, b)},
        seeds,
    )


def test_sums_of_squares_are_those_of_a_randomised_block_design() -> None:
    runs = with_chance(6)
    y = runs.frame.y.to_numpy().reshape(3, 2, 6)
    of_a = 12 * np.sum((y.mean(axis=(1, 2)) - y.mean()) ** 2)
    a_by_seed = y.mean(axis=1) - y.mean(axis=(1, 2))[:, None] - y.mean(axis=(0, 1)) + y.mean()
    row = effects(runs, "y", "agents", note=NO_NOTE).iloc[0]
    assert row.f == pytest.approx((of_a / 2) / (2 * np.sum(a_by_seed**2) / 10))
    assert row.df == 2


def test_of_two_values_the_test_is_the_paired_t_test() -> None:
    runs = with_chance(8)
    b = runs.frame.groupby(["seed_number", "b"]).y.mean().unstack()
    row = effects(runs, "y", "agents", note=NO_NOTE).set_index("effect").loc["b"]
    assert row.p_value == pytest.approx(stats.ttest_rel(b[1], b[2]).pvalue)
    assert row.f == pytest.approx(stats.ttest_rel(b[1], b[2]).statistic ** 2)


def test_shares_are_unbiased_and_their_intervals_cover() -> None:
    """Of 60 campaigns of 10 seeds; variances are known: 2/3 of a, 1 + 1/24 of the mean over cells, 5/24 of the rest."""
    rng, names = np.random.default_rng(2), ["a", "b"]
    known = np.array([2 / 3, 0, 0, 1 + 0.25 / 6, 0.25 * 5 / 6]) / (2 / 3 + 1.25)
    found, covered = [], []
    for _ in range(60):
        days = (
            np.array([-1, 0, 1.0])[:, None] + rng.normal(size=(10, 1, 1)) + 0.5 * rng.normal(size=(10, 3, 2))
        )
        share = np.array(list(variance_shares(days, names).values()))
        low, high = jackknife(days, names, share)
        found.append(share)
        covered.append((low <= known) & (known <= high))
    assert np.mean(found, axis=0) == pytest.approx(known, abs=0.03)
    assert np.mean(covered, axis=0)[[0, 3, 4]].min() >= 0.88


def test_where_a_field_does_nothing_the_test_rejects_one_time_in_twenty() -> None:
    """Six levels whose noise grows from 1 to 6 times: without Greenhouse and Geisser it would be more."""
    rng = np.random.default_rng(4)
    days = rng.normal(size=(400, 8, 6)) * np.arange(1, 7)
    rejected = [next(iter(parts(one, ["a"]))).test()[1] < 0.05 for one in days]
    assert 0.02 < np.mean(rejected) < 0.075


def test_a_seed_with_a_failed_run_is_left_out_as_a_whole_and_named() -> None:
    runs, told = with_failed(with_chance(6), setting=2, seed=3), []
    table = effects(runs, "y", "agents", note=told.append)
    assert told == ["effects on y: seeds 3 have no value in some settings; they are left out as a whole"]
    without = Runs(runs.frame[runs.frame.seed_number != 3], runs.fields)
    assert table.equals(effects(without, "y", "agents", note=NO_NOTE))


def test_one_seed_has_shares_without_tests_and_intervals() -> None:
    table = effects(with_chance(1), "y", "agents", note=NO_NOTE)
    assert table[["low", "high", "p_value"]].isna().all(axis=None)
    assert table.share.sum() == pytest.approx(1)


def test_points_that_are_no_grid_are_refused() -> None:
    runs = with_chance(2)
    with pytest.raises(
        ConfigError, match="effects need all combinations of the values, 6 of them; these are 5"
    ):
        effects(Runs(runs.frame[runs.frame.setting != 4], runs.fields), "y", "agents")


def test_a_figure_that_does_not_vary_is_refused() -> None:
    with pytest.raises(ConfigError, match="y is the same in all runs"):
        effects(runs_of({"a": [1, 2]}, lambda _a, _s: {"y": 0.1 + 0.2}, 3), "y", "agents")
