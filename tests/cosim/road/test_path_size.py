"""Path sizes by hand, and what they do to the shares."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from cosim.road.assignment import solve_sue
from cosim.road.path_size import path_size_cost_min, path_sizes
from cosim.road.paths import UserClass, find_paths
from cosim.road.problem import AssignmentProblem
from cosim.road.user_equilibrium import solve_so, solve_ue
from tests.cosim.road.cases import cars_only, nguyen_dupuis, paper_paths, paper_problem, small_network, trips

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


def sized(problem: AssignmentProblem, theta: float | None = None) -> AssignmentProblem:
    """Return the problem with path sizes in it."""
    by_group = problem.theta_per_min if theta is None else np.full(problem.paths.groups.count, theta)
    correction = path_size_cost_min(problem.paths, by_group)
    return replace(problem, theta_per_min=by_group, extra_cost_min=correction)


def test_the_equilibrium_with_path_sizes_converges_to_other_flows() -> None:
    problem = cars_only()
    plain, corrected = (solve_sue(asked, tolerance=1e-10) for asked in (problem, sized(problem)))
    assert corrected.converged
    assert np.abs(corrected.link_flow_veh_h - plain.link_flow_veh_h).max() > 5


@pytest.mark.parametrize(("method", "tolerance"), [("sra", 1e-8), ("mswa", 1e-5), ("msa", 1e-4)])
@pytest.mark.parametrize("marginal", [False, True])
def test_every_method_finds_the_equilibrium_with_path_sizes(
    method: str, tolerance: float, marginal: bool
) -> None:
    """Three classes and stations, paths by overlap: each ends where Newton's method does."""
    problem = sized(paper_problem(0.35))
    network = replace(problem.network, marginal=marginal)
    problem = replace(problem, paths=replace(problem.paths, network=network))
    answer = solve_sue(problem, method=method, tolerance=tolerance)
    assert answer.converged
    known = solve_sue(problem, tolerance=1e-11)
    distance = np.abs(answer.path_flow_veh_h - known.path_flow_veh_h).max()
    assert distance < 10 * tolerance * problem.demand_veh_h.max()


@pytest.mark.parametrize("solve", [solve_ue, solve_so])
def test_wardrops_links_do_not_feel_path_sizes(solve: object) -> None:
    """Ln PS / theta is nothing in the limit, whatever the paths begin with."""
    roads = nguyen_dupuis()
    plain, one, three = (
        solve(roads.network, roads.od, tolerance=1e-11, path_size=weight) for weight in (0.0, 1.0, 3.0)
    )
    for other in (one, three):
        assert other.converged
        assert other.link_flow_veh_h == pytest.approx(plain.link_flow_veh_h, abs=0.02)
        assert other.total_cost == pytest.approx(plain.total_cost, rel=1e-8)


def test_path_sized_equilibria_tend_to_wardrops() -> None:
    """Ten times the theta brings the links with path sizes several times nearer to the user equilibrium."""
    problem = cars_only()
    limit = solve_ue(problem.network, problem.paths.od, tolerance=1e-11).link_flow_veh_h
    away = []
    for theta in (0.2, 2.0, 20.0, 200.0):
        flow = solve_sue(sized(problem, theta), tolerance=1e-9).link_flow_veh_h
        away.append(np.abs(flow - limit).max())
    assert away[0] > 50
    assert all(far > 4 * near for far, near in pairwise(away))
