"""Which paths a problem gets when it is built."""

import numpy as np
import pytest

from cosim.errors import ConfigError
from cosim.road import build_problem as module
from cosim.road.assignment import solve_sue
from cosim.road.build_problem import build_problem
from cosim.road.bush_problem import BushProblem
from cosim.road.path_size import path_size_cost_min
from cosim.road.paths import UserClass
from cosim.road.problem import AssignmentProblem
from tests.cosim.road.cases import cars_only, nguyen_dupuis, small_network, trips

ROADS = nguyen_dupuis()


def test_a_small_network_is_solved_on_all_its_paths() -> None:
    problem = build_problem(ROADS.network, ROADS.od, 0.2)
    assert isinstance(problem, AssignmentProblem)
    assert problem.paths.count == 25
    expected = solve_sue(cars_only(), tolerance=1e-10).link_flow_veh_h
    assert solve_sue(problem, tolerance=1e-10).link_flow_veh_h == pytest.approx(expected, abs=1e-6)


def test_a_network_with_too_many_paths_is_solved_on_those_within_the_budget() -> None:
    """A two-way 5 x 5 grid has 8,512 loop-free paths from corner to corner."""
    nodes = [(row, column) for row in range(5) for column in range(5)]
    ends = [(a, b) for a in nodes for b in nodes if abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1]
    network = small_network([(f"{a}{b}", str(a), str(b), 1.0) for a, b in ends])
    problem = build_problem(network, trips(network, ("(0, 0)", "(4, 4)", 9.0)), 0.2)
    assert isinstance(problem, AssignmentProblem)
    assert 70 < problem.paths.count <= 1000
    assert problem.paths.time_min(network.t0_min).max() <= 12.0


def test_many_ods_are_solved_on_bushes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LISTED_ODS", 3)
    assert isinstance(build_problem(ROADS.network, ROADS.od, 0.2), BushProblem)


def test_each_class_has_its_theta_and_its_demand() -> None:
    classes = (UserClass("cars"), UserClass("vans"))
    for paths in ("all", "k:3", "budget:1.4", "bush"):
        problem = build_problem(
            ROADS.network, ROADS.od, [0.1, 0.4], classes=classes, demand_veh_h=np.arange(8.0), paths=paths
        )
        assert problem.demand_veh_h.tolist() == list(range(8))
        assert np.unique(problem.theta_per_min).tolist() == [0.1, 0.4]
        assert solve_sue(problem).converged
    with pytest.raises(ConfigError, match="more than one class"):
        build_problem(ROADS.network, ROADS.od, 0.2, classes=classes)


@pytest.mark.parametrize("paths", ["best", "budget:0.5", "budget:x", "k:0", "k:", "bushes"])
def test_paths_that_mean_nothing_are_refused(paths: str) -> None:
    with pytest.raises(ConfigError, match="is unknown"):
        build_problem(ROADS.network, ROADS.od, 0.2, paths=paths)


def test_an_od_without_a_path_is_named_by_the_last_choice() -> None:
    network = small_network([("a", "1", "2", 1.0)])
    with pytest.raises(ConfigError, match="OD 2-1"):
        build_problem(network, trips(network, ("2", "1", 1.0)), 0.2)


def test_path_sizes_are_asked_for_by_their_weight_and_need_paths() -> None:
    sized = build_problem(ROADS.network, ROADS.od, 0.2, path_size=1.0)
    assert isinstance(sized, AssignmentProblem)
    expected = path_size_cost_min(sized.paths, sized.theta_per_min)
    np.testing.assert_array_equal(sized.extra_cost_min, expected)
    with pytest.raises(ConfigError, match="needs listed paths"):
        build_problem(ROADS.network, ROADS.od, 0.2, path_size=1.0, paths="bush")
