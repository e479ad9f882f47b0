"""Runs that drew the same random numbers: who changed path, and whether the changes cancel out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, kstest

from agents.model import CoSimModel
from cosim.arrays import IntArray
from cosim.scenario import DayAhead, load_scenario
from experiments.compare.comparison import Comparison, compare_samples
from experiments.compare.route_switchers import crosstab, joined_and_left, stuart_maxwell, switching_p_value
from experiments.compare.sample import Sample
from experiments.run.many_days import recorded

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.fixture(scope="module")
def days(paper_ahead: DayAhead) -> dict[tuple[float, int], Sample]:
    """Days of the paper's agents, by the theta they choose by and their seed."""
    return {
        (theta, seed): _sample(paper_ahead, theta, seed) for theta, seed in ((0.2, 1), (0.12, 1), (0.2, 2))
    }


def _sample(ahead: DayAhead, theta_per_min: float, seed: int) -> Sample:
    settings = ["population.resolution=batch", f"population.theta_per_min={theta_per_min:g}"]
    scenario = replace(load_scenario(CONFIGS / "paper.toml", settings), feeders=())
    read = recorded(CoSimModel(scenario, ahead, seed).simulate())
    return Sample(
        name=f"theta {theta_per_min}", model="agents", days=(read,), seeds=(seed,), config=scenario.config
    )


@pytest.fixture(scope="module")
def lowered(days: dict[tuple[float, int], Sample]) -> Comparison:
    """The paper's drivers, and the same with the same draws and .6 of their theta."""
    return compare_samples([days[0.2, 1], days[0.12, 1]], seed=1)


def test_two_paths_give_mcnemars_statistic() -> None:
    assert stuart_maxwell(np.array([[0, 12], [5, 0]])) == pytest.approx((12 - 5) ** 2 / 17)


def test_a_path_left_out_gives_stuarts_statistic_as_of_the_textbook() -> None:
    """V without the last row and column is regular, and the statistic is the same."""
    table = np.array([[0, 7, 2, 1], [3, 0, 9, 0], [4, 1, 0, 6], [2, 2, 0, 0]])
    came, left = table.sum(axis=0), table.sum(axis=1)
    difference, both_ways = (came - left)[:3], (np.diag(came + left) - table - table.T)[:3, :3]
    assert stuart_maxwell(table) == pytest.approx(difference @ np.linalg.solve(both_ways, difference))


def test_who_moved_is_counted_by_where_from_and_where_to() -> None:
    trips = pd.DataFrame({"reference": ["a", "a", "b", "c", "a"], "other": ["b", "b", "a", "c", "a"]})
    assert crosstab(trips).tolist() == [[0, 2], [1, 0]]


def test_nobody_moved_is_certain() -> None:
    assert switching_p_value(np.zeros((0, 0), dtype=np.int64), np.random.default_rng(1)) == 1


@pytest.mark.parametrize("moves", [1, 5, 40])
def test_p_values_are_uniform_if_each_move_is_as_likely_as_its_opposite(moves: int) -> None:
    rng = np.random.default_rng(moves)
    p_values = np.array([switching_p_value(_symmetric(moves, rng), rng) for _ in range(1500)])
    assert kstest(p_values, "uniform").pvalue > 0.001
    assert binomtest(int((p_values <= 0.01).sum()), 1500, 0.01).pvalue > 0.001


def _symmetric(moves: int, rng: np.random.Generator) -> IntArray:
    table = np.zeros((3, 3), dtype=np.int64)
    pairs = np.array([(0, 1), (0, 2), (1, 2)])[rng.choice(3, size=moves, p=[0.7, 0.2, 0.1])]
    back = rng.random(moves) < 0.5
    pairs[back] = pairs[back, ::-1]
    np.add.at(table, (pairs[:, 0], pairs[:, 1]), 1)
    return table


@pytest.mark.parametrize("moves", [20, 40, 400])
def test_all_moves_one_way_are_at_most_as_improbable_as_a_coin_says(moves: int) -> None:
    """2 x 2^-moves, and Chernoff's bound above it, within its factor of about sqrt(moves)."""
    p_value = switching_p_value(np.array([[0, moves], [0, 0]]), np.random.default_rng(1))
    assert 2 * 0.5**moves <= p_value <= min(1e-3, 5 * np.sqrt(moves) * np.exp(-moves / 2))


def test_moved_trips_account_for_every_difference_of_the_flows(lowered: Comparison) -> None:
    differences = lowered.tables["differences"].query("quantity == 'ev_veh_h' and kind != 'bus'")
    hours = lowered.samples[0].hours
    for kind, rows in differences.groupby("kind"):
        moved = joined_and_left(kind, *lowered.samples).reindex(
            pd.MultiIndex.from_frame(rows[["period", "item"]]), fill_value=0
        )
        assert (moved.joined - moved.left).to_numpy() == pytest.approx(rows.difference.to_numpy() * hours)
        assert rows.p_value.notna().all()


def test_another_theta_is_seen_through_the_same_draws(lowered: Comparison) -> None:
    """Taken for independent, the counts of the two are so much alike that chance explains them."""
    (verdict,) = lowered.verdicts
    assert not verdict.flows_agree
    assert verdict.families[0].name == "Stuart-Maxwell tests of route switching"
    assert verdict.families[0].rejected > 0
    assert verdict.families[1].p_value < 1e-10
    assert "g_tests" not in lowered.tables


def test_the_same_drivers_with_the_same_draws_do_not_move(days: dict[tuple[float, int], Sample]) -> None:
    comparison = compare_samples([days[0.2, 1], days[0.2, 1]], seed=1)
    assert comparison.tables["route_switchers"].switched.sum() == 0
    assert comparison.verdicts[0].headline == "agrees within sampling error"


def test_the_same_draws_without_single_trips_are_not_tested_and_never_agree(
    days: dict[tuple[float, int], Sample],
) -> None:
    first, second = (_without_trips(days[theta, 1]) for theta in (0.2, 0.12))
    differing, same = (compare_samples([first, other], seed=1).verdicts[0] for other in (second, first))
    assert not differing.flows_agree
    assert "were not tested: both runs drew the same random numbers" in differing.sentence
    assert "within sampling error" not in differing.sentence + same.sentence
    assert same.headline == "agrees: the same flows"
    assert differing.families == ()


def _without_trips(sample: Sample) -> Sample:
    (read,) = sample.days
    return replace(sample, days=(lambda table: read(table).head(0 if table == "trips" else None),))


def test_runs_with_draws_of_their_own_are_tested_as_such(days: dict[tuple[float, int], Sample]) -> None:
    comparison = compare_samples([days[0.2, 1], days[0.2, 2]], seed=1)
    assert comparison.verdicts[0].families[0].name == "G-tests of route choice"
    assert comparison.verdicts[0].flows_agree
