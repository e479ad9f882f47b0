"""Path sizes by hand, and what they do to the shares."""

from dataclasses import replace

import numpy as np
import pytest

from cosim.road.assignment import solve_sue
from cosim.road.path_size import path_size_cost_min, path_sizes
from cosim.road.paths import UserClass, find_paths
from cosim.road.problem import AssignmentProblem
from tests.cosim.road.cases import cars_only, paper_paths, small_network, trips

CARS = UserClass("cars")


def test_two_paths_that_share_most_of_their_way_count_as_little_more_than_one() -> None:
    """The red bus and the blue bus: 9 of 10 min shared give .55 each, the third path 1; shares .25, .25, .5."""
    rows = [("trunk", "1", "2", 9.0), ("a", "2", "3", 1.0), ("b", "2", "3", 1.0), ("other", "1", "3", 10.0)]
    network = small_network(rows, capacity=1e9)
    paths = find_paths(network, trips(network, ("1", "3", 10.0)), [CARS])
    size = path_sizes(paths)
    assert sorted(size) == pytest.approx([0.55, 0.55, 1.0])
    theta = np.array([0.4])
    problem = AssignmentProblem(
        paths=paths,
        demand_veh_h=np.array([10.0]),
        theta_per_min=theta,
        extra_cost_min=path_size_cost_min(paths, theta),
    )
    assert solve_sue(problem).path_share == pytest.approx(size / size.sum())


def test_paths_without_overlap_keep_their_logit_shares() -> None:
    network = small_network([("a", "1", "2", 3.0), ("b", "1", "2", 5.0)])
    paths = find_paths(network, trips(network, ("1", "2", 1.0)), [CARS])
    assert path_sizes(paths) == pytest.approx([1.0, 1.0])


def test_a_station_two_pairs_share_is_no_overlap() -> None:
    """A pair's size is that of its roads: the same path with two stations counts half each."""
    paths = paper_paths()
    alone = np.unique(paths.station[paths.groups.members(8)], return_counts=True)
    assert alone[1].sum() == 12
    assert np.all(path_sizes(paths) <= 1 + 1e-12)
    assert np.all(path_sizes(paths) > 0)


def test_the_equilibrium_with_path_sizes_converges_to_other_flows() -> None:
    problem = cars_only()
    corrected = replace(problem, extra_cost_min=path_size_cost_min(problem.paths, problem.theta_per_min))
    plain, sized = solve_sue(problem, tolerance=1e-10), solve_sue(corrected, tolerance=1e-10)
    assert sized.converged
    assert np.abs(sized.link_flow_veh_h - plain.link_flow_veh_h).max() > 5
