"""Path sets that grow: which path is added, and where growing ends."""

from dataclasses import replace

import numpy as np
import pytest

from cosim.errors import ConfigError
from cosim.road.assignment import solve_sue
from cosim.road.columns import shortest_paths, solve_sue_adding_paths, with_cheaper_paths
from cosim.road.paths import UserClass, find_paths
from cosim.road.problem import AssignmentProblem
from tests.cosim.road.cases import cars_only, nguyen_dupuis, paper_paths, small_network, trips

CARS = UserClass("cars")
ROADS = nguyen_dupuis()


def test_the_first_path_is_the_first_of_all() -> None:
    every, first = find_paths(ROADS.network, ROADS.od, [CARS]), shortest_paths(ROADS.network, ROADS.od)
    assert first.count == 4
    for od in range(4):
        cost = every.time_min(ROADS.network.t0_min)[every.groups.members(od)]
        assert first.time_min(ROADS.network.t0_min)[od] == pytest.approx(cost.min())


@pytest.mark.parametrize("seed", range(4))
def test_the_cheapest_path_of_all_is_added_where_it_was_missing(seed: int) -> None:
    cost = ROADS.network.t0_min * np.random.default_rng(seed).uniform(0.3, 3, 19)
    every = find_paths(ROADS.network, ROADS.od, [CARS])
    listed = find_paths(ROADS.network, ROADS.od, [CARS], k=2)
    extended = with_cheaper_paths(listed, cost)
    least = every.groups.minimum(every.time_min(cost))
    assert extended.paths.groups.minimum(extended.paths.time_min(cost)) == pytest.approx(least)
    assert extended.cheapest_cost_min == pytest.approx(least)
    kept = extended.previous_index >= 0
    assert extended.previous_index[kept].tolist() == list(range(listed.count))
    for new, old in zip(np.flatnonzero(kept), extended.previous_index[kept], strict=True):
        assert extended.paths.links_of(new).tolist() == listed.links_of(old).tolist()
    assert with_cheaper_paths(extended.paths, cost).added == 0


def test_paths_may_be_left_out_and_pairs_stay() -> None:
    paths = paper_paths()
    keep = np.ones(paths.count, dtype=bool)
    keep[[1, 30]] = False
    extended = with_cheaper_paths(paths, paths.network.t0_min, keep)
    assert extended.added == 0
    assert extended.paths.count == paths.count - 2
    assert [extended.paths.pair_name(k) for k in range(extended.paths.count)] == [
        paths.pair_name(k) for k in np.flatnonzero(keep)
    ]
    assert extended.paths.station.tolist() == paths.station[keep].tolist()


def test_growing_ends_with_every_cheapest_path_listed() -> None:
    """The peak jams the two paths it begins with; the answer is the equilibrium of its own path set."""
    few = find_paths(ROADS.network, ROADS.od, [CARS], k=1)
    problem = AssignmentProblem(
        paths=few, demand_veh_h=2 * ROADS.od.demand_veh_h, theta_per_min=np.full(4, 1.0)
    )
    extended = solve_sue_adding_paths(problem, tolerance=1e-9)
    answer, paths = extended.equilibrium, extended.problem.paths
    assert answer.converged
    assert paths.count > few.count
    assert extended.complete
    every = find_paths(ROADS.network, ROADS.od, [CARS])
    least = every.groups.minimum(every.time_min(answer.link_time_min))
    assert paths.groups.minimum(answer.path_cost_min) == pytest.approx(least)
    again = solve_sue(extended.problem, tolerance=1e-9)
    assert again.link_flow_veh_h == pytest.approx(answer.link_flow_veh_h, abs=1e-5)


def test_extra_costs_of_listed_paths_do_not_fit_new_ones() -> None:
    problem = replace(cars_only(), extra_cost_min=np.zeros(25))
    with pytest.raises(ValueError, match="path by path"):
        solve_sue_adding_paths(problem)


def test_every_od_without_a_path_is_named() -> None:
    network = small_network([("a", "1", "2", 1.0), ("b", "3", "2", 1.0)])
    with pytest.raises(ConfigError) as caught:
        shortest_paths(network, trips(network, ("2", "1", 1.0), ("1", "2", 1.0), ("1", "3", 1.0)))
    assert [str(problem)[:7] for problem in caught.value.problems] == ["OD 2-1:", "OD 1-3:"]
