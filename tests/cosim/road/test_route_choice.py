"""Strategies of choice: their shares, and that a row is answered alike alone and among others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from cosim.road.choice import Groups, cumulative_probabilities, logit_shares
from cosim.road.network import OdTable
from cosim.road.path_size import path_sizes
from cosim.road.paths import PathSet, UserClass, find_paths
from cosim.road.route_choice import (
    BUILT_IN,
    PROBIT_DRAWS,
    Alternatives,
    Cheapest,
    Logit,
    PathSizeLogit,
    Probit,
)
from cosim.scenario import Scenario
from tests.cosim.road.cases import small_network, trips

THETA = 0.3
TWO_ERRORS = 2 * np.sqrt(0.25 / PROBIT_DRAWS)


@pytest.fixture(scope="module")
def overlapping(paper: Scenario) -> PathSet:
    """The paths of the paper's first OD: eight that share links."""
    od = paper.paths.od
    first = OdTable(origin=od.origin[:1], dest=od.dest[:1], demand_veh_h=od.demand_veh_h[:1])
    return find_paths(paper.network, first, [UserClass("vehicles")])


def among(paths: PathSet, cost_min: np.ndarray) -> Alternatives:
    """Return rows of the first paths of a set; infinite costs are no paths."""
    path = np.where(np.isinf(cost_min), -1, np.arange(cost_min.shape[1]))
    return Alternatives(cost_min=cost_min, theta_per_min=THETA, path=path, paths=paths)


rows = st.lists(st.lists(st.floats(0, 1e4), min_size=8, max_size=8), min_size=1, max_size=5).map(np.array)


def test_logit_is_that_of_the_equilibrium(overlapping: PathSet) -> None:
    cost = np.array([30.0, 31, 29, 40, 55, 33, 33, 90])
    groups = Groups(np.array([0, 8]))
    weight = Logit().weights(among(overlapping, cost[np.newaxis]))[0]
    assert weight / weight.sum() == pytest.approx(logit_shares(cost, groups, np.array([THETA])))


def test_path_size_logit_is_logit_at_the_costs_of_the_equilibrium_with_path_sizes(
    overlapping: PathSet,
) -> None:
    cost = np.full(8, 30.0)
    size = path_sizes(overlapping)
    groups = Groups(np.array([0, 8]))
    weight = PathSizeLogit().weights(among(overlapping, cost[np.newaxis]))[0]
    expected = logit_shares(cost - np.log(size) / THETA, groups, np.array([THETA]))
    assert weight / weight.sum() == pytest.approx(expected)
    assert np.ptp(weight) > 0.05, "paths do overlap"


def test_the_cheapest_is_taken_and_ties_are_shared(overlapping: PathSet) -> None:
    cost = np.array([[3.0, 2, 2, 5, 9, 9, 9, np.inf], [1.0, 2, 2, 5, 9, 9, 9, 9]])
    chances = np.diff(cumulative_probabilities(Cheapest().weights(among(overlapping, cost))), prepend=0.0)
    assert chances.tolist() == [[0, 0.5, 0.5, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0]]


def probit_shares(links: list[tuple[str, str, str, float]], cost_min: list[float]) -> dict[str, float]:
    """Return the probit shares of the paths from 1 to 3, by their last link."""
    network = small_network(links)
    paths = find_paths(network, trips(network, ("1", "3", 1.0)), [UserClass("vehicles")])
    weight = Probit().weights(among(paths, np.array([cost_min])))[0]
    last = [network.links[paths.links_of(path)[-1]] for path in range(paths.count)]
    return dict(zip(last, weight / PROBIT_DRAWS, strict=True))


@pytest.mark.parametrize(("t0_min", "dearer_min"), [(10.0, 0.0), (10.0, 3.0), (20.0, 3.0), (40.0, -8.0)])
def test_probit_shares_of_two_separate_paths_are_those_of_the_normal_distribution(
    t0_min: float, dearer_min: float
) -> None:
    """The difference of the errors has variance pi^2 / (6 theta^2) (1 + t0 / 10 min)."""
    shares = probit_shares([("one", "1", "3", 10.0), ("other", "1", "3", t0_min)], [30.0, 30.0 + dearer_min])
    deviation = np.pi / np.sqrt(6) / THETA * np.sqrt(1 + t0_min / 10)
    assert shares["one"] == pytest.approx(norm.cdf(dearer_min / deviation), abs=TWO_ERRORS)


def test_probit_takes_two_paths_that_share_most_of_their_way_for_little_more_than_one() -> None:
    """The red bus and the blue bus: the third path wins in an orthant, 1/4 + arcsin(19/20) / 2 pi, not in 1/3."""
    rows = [
        ("trunk", "1", "2", 9.0),
        ("red", "2", "3", 1.0),
        ("blue", "2", "3", 1.0),
        ("car", "1", "3", 10.0),
    ]
    shares = probit_shares(rows, [30.0, 30.0, 30.0])
    assert shares["car"] == pytest.approx(0.25 + np.arcsin(19 / 20) / (2 * np.pi), abs=TWO_ERRORS)
    assert shares["red"] == pytest.approx(shares["blue"], abs=2 * TWO_ERRORS)


@pytest.mark.parametrize("name", BUILT_IN)
@given(cost=rows)
def test_a_row_is_answered_alike_alone_and_among_others_padded_or_not(
    overlapping: PathSet, name: str, cost: np.ndarray
) -> None:
    choice = BUILT_IN[name]
    together = cumulative_probabilities(choice.weights(among(overlapping, cost)))
    padded = np.hstack([cost, np.full((len(cost), 2), np.inf)])
    wider = cumulative_probabilities(choice.weights(among(overlapping, padded)))
    for number, row in enumerate(cost):
        alone = cumulative_probabilities(choice.weights(among(overlapping, row[np.newaxis])))[0]
        assert together[number].tobytes() == alone.tobytes() == wider[number, :8].tobytes()
        assert together[number, -1] == 1.0
