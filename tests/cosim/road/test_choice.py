"""Logit shares and draws: known values, invariances, the edges of a draw."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.road.choice import (
    Groups,
    choose,
    choose_in_rows,
    cumulative_probabilities,
    expected_minimum_cost_min,
    logit_shares,
    padded_members,
)

GROUPS = Groups(np.array([0, 2, 5, 6]))
THETA = np.array([5.0, 0.2, 1.0])


def cumulative_logit(cost_min: np.ndarray, theta_per_min: float) -> np.ndarray:
    """Return the logit shares summed up in each row."""
    return cumulative_probabilities(
        np.exp(-theta_per_min * (cost_min - cost_min.min(axis=-1, keepdims=True)))
    )


costs = st.lists(st.floats(0, 1e4), min_size=6, max_size=6).map(np.array)


def test_equal_costs_share_the_trips_equally() -> None:
    share = logit_shares(np.full(6, 7.0), GROUPS, THETA)
    assert share == pytest.approx([1 / 2, 1 / 2, 1 / 3, 1 / 3, 1 / 3, 1])


def test_two_paths_follow_the_logistic_curve() -> None:
    share = logit_shares(np.array([10.0, 10.4, 0, 0, 0, 0]), GROUPS, THETA)
    assert share[0] == pytest.approx(1 / (1 + np.exp(-2.0)))


def test_far_dearer_path_is_left_unused() -> None:
    """A cost gap of 10 000 min neither overflows nor divides zero by zero."""
    assert logit_shares(np.array([1e4, 2e4, 0, 0, 0, 0]), GROUPS, THETA)[:2].tolist() == [1.0, 0.0]


@given(cost=costs, shift=st.floats(-1e3, 1e3))
def test_shares_sum_to_one_and_see_only_differences(cost: np.ndarray, shift: float) -> None:
    share = logit_shares(cost, GROUPS, THETA)
    assert GROUPS.total(share) == pytest.approx([1, 1, 1])
    assert logit_shares(cost + shift, GROUPS, THETA) == pytest.approx(share, abs=1e-8)


def test_the_periods_may_lead() -> None:
    cost = np.arange(12.0).reshape(2, 6)
    together = logit_shares(cost, GROUPS, THETA)
    np.testing.assert_array_equal(together, [logit_shares(row, GROUPS, THETA) for row in cost])


def test_a_choice_is_worth_more_than_its_best_path() -> None:
    """Two paths of 10 min at theta 0.2 are worth 10 - ln 2 / 0.2."""
    groups, theta = Groups(np.array([0, 2])), np.array([0.2])
    expected = expected_minimum_cost_min(np.array([10.0, 10.0]), groups, theta)
    assert expected == pytest.approx([10 - np.log(2) / 0.2])


@given(cost=costs, uniforms=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=20))
def test_one_draw_and_many_draws_choose_alike(cost: np.ndarray, uniforms: list[float]) -> None:
    share = logit_shares(cost, GROUPS, THETA)
    for group in range(GROUPS.count):
        members = GROUPS.members(group)
        cumulative = cumulative_logit(cost[members], THETA[group])
        chosen = choose(cumulative, np.array(uniforms))
        assert [int(choose(cumulative, uniform)) for uniform in uniforms] == chosen.tolist()
        assert np.all(share[members][chosen] > 0)


def test_the_edges_belong_to_the_next_path() -> None:
    cumulative = np.array([0.25, 0.25, 0.75, 1.0])
    uniforms = np.array([0.0, 0.2499, 0.25, 0.75, np.nextafter(1.0, 0.0)])
    assert choose(cumulative, uniforms).tolist() == [0, 0, 2, 3, 3]


def test_rounding_never_draws_a_path_that_is_not_there() -> None:
    """The sum of ten rounded shares is not 1; what is missing belongs to nobody."""
    cumulative = cumulative_logit(0.1 * np.arange(10), 0.7)
    assert cumulative[-1] == 1.0
    assert choose(cumulative, np.nextafter(1.0, 0.0)) == 9


def test_draws_approach_the_shares() -> None:
    """20 000 drivers land within 4 standard errors."""
    share = np.array([0.6, 0.3, 0.1])
    cumulative = cumulative_logit(-np.log(share), 1.0)
    drawn = np.bincount(choose(cumulative, np.random.default_rng(7).random(20_000))) / 20_000
    assert np.all(np.abs(drawn - share) < 4 * np.sqrt(share * (1 - share) / 20_000))


@given(
    st.lists(st.lists(st.floats(0.0, 60.0), min_size=1, max_size=9), min_size=1, max_size=6),
    st.floats(0, 0.999),
)
def test_choices_of_many_in_padded_rows_are_to_the_bit_those_of_each_alone(
    costs: list[list[float]], uniform: float
) -> None:
    groups = Groups(np.cumsum([0, *(len(row) for row in costs)]))
    cost_min = np.append(np.concatenate([np.array(row) for row in costs]), np.inf)
    rows = cumulative_logit(cost_min[padded_members(groups, slice(None))], 0.7)
    places = choose_in_rows(rows, np.full(len(costs), uniform))
    for row, place, own in zip(rows, places, costs, strict=True):
        alone = cumulative_logit(np.array(own), 0.7)
        assert row[: alone.size].tobytes() == alone.tobytes()
        assert place == choose(alone, uniform)
        assert alone == pytest.approx(np.cumsum(shares_of(own, 0.7)), abs=1e-12)


def test_a_draw_on_an_edge_belongs_to_the_next_place_of_its_row() -> None:
    rows = np.array([[0.25, 0.75, 1.0], [0.5, 1.0, 1.0]])
    assert choose_in_rows(rows, np.array([0.25, 0.5])).tolist() == [1, 1]
    assert choose_in_rows(rows, np.array([0.2499, 0.0])).tolist() == [0, 0]


def test_groups_know_their_paths_and_paths_their_groups() -> None:
    groups = Groups(np.array([0, 2, 5, 6]))
    assert [groups.members(group) for group in range(3)] == [slice(0, 2), slice(2, 5), slice(5, 6)]
    assert groups.group_of_path.tolist() == [0, 0, 1, 1, 1, 2]
    assert padded_members(groups, slice(1, 3)).tolist() == [[2, 3, 4], [5, -1, -1]]
    assert padded_members(groups, slice(0, 0)).shape == (0, 0)


def shares_of(cost_min: list[float], theta: float) -> list[float]:
    """Return exp(-theta c) over its sum."""
    weight = [math.exp(-theta * cost) for cost in cost_min]
    return [one / sum(weight) for one in weight]
