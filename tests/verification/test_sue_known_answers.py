"""The equilibrium against answers found without this program's method."""

import numpy as np
import pytest
from scipy.optimize import brentq

from cosim.road.assignment import solve_sue
from cosim.road.choice import expected_minimum_cost_min
from cosim.road.network import Network, OdTable
from cosim.road.objective import fisk_objective
from cosim.road.paths import UserClass, find_paths
from cosim.road.problem import AssignmentProblem, total_travel_time_veh_min
from tests.cosim.road.cases import cars_only, paper_problem
from tests.verification.cone_programmes import path_flows_by_cones


@pytest.mark.parametrize(("scale", "charging"), [(0.5, 0.0555), (0.5, 0.09), (0.8, 0.06)])
def test_three_classes_and_stations_agree_with_fisks_programme(scale: float, charging: float) -> None:
    """Every path flow to .01 veh/h, with a price that differs by station and one theta per class."""
    problem = paper_problem(scale, charging=charging)
    price_min = np.append([8.0, 0.0, 3.0], 0.0)[problem.paths.station]
    theta = np.repeat([0.1, 0.2, 0.3], 4)
    problem = AssignmentProblem(
        paths=problem.paths, demand_veh_h=problem.demand_veh_h, theta_per_min=theta, extra_cost_min=price_min
    )
    answer = solve_sue(problem, tolerance=1e-8, max_iterations=50_000)
    assert answer.converged
    oracle = path_flows_by_cones(problem)
    assert np.abs(answer.path_flow_veh_h - oracle).max() < 0.01
    assert fisk_objective(problem, oracle) == pytest.approx(
        fisk_objective(problem, answer.path_flow_veh_h), rel=1e-9
    )


def test_total_travel_time_of_the_full_peak_hour() -> None:
    """84 901.9 veh min at theta .2, from an independent prototype; flows by Fisk's programme as well."""
    problem = cars_only()
    answer = solve_sue(problem, tolerance=1e-7)
    total = total_travel_time_veh_min(answer.link_flow_veh_h, answer.link_time_min, hours=1.0)
    assert total == pytest.approx(84_901.9, abs=0.05)
    assert np.abs(answer.path_flow_veh_h - path_flows_by_cones(problem)).max() < 0.01


def test_two_links_agree_with_the_closed_form() -> None:
    """x1 = 468.191536561 veh/h: the root of q / (1 + exp(theta (t1 - t2))) - x1."""
    network = Network(
        nodes=("1", "2"),
        links=("a", "b"),
        from_node=np.array([0, 0]),
        to_node=np.array([1, 1]),
        t0_min=np.array([10.0, 12.0]),
        capacity_veh_h=np.array([300.0, 400.0]),
        alpha=np.full(2, 0.15),
        beta=np.full(2, 4.0),
        davidson_j=np.zeros(2),
    )
    od = OdTable(origin=np.array([0]), dest=np.array([1]), demand_veh_h=np.array([1000.0]))
    paths = find_paths(network, od, [UserClass("cars")])
    problem = AssignmentProblem(paths=paths, demand_veh_h=od.demand_veh_h, theta_per_min=np.array([0.1]))

    def surplus(x: float) -> float:
        t1, t2 = 10 * (1 + 0.15 * (x / 300) ** 4), 12 * (1 + 0.15 * ((1000 - x) / 400) ** 4)
        return 1000 / (1 + np.exp(0.1 * (t1 - t2))) - x

    found = solve_sue(problem, tolerance=1e-13, max_iterations=2_000).path_flow_veh_h[0]
    assert found == pytest.approx(468.191536561, abs=1e-9)
    assert found == pytest.approx(brentq(surplus, 0, 1000, xtol=1e-12), abs=1e-9)


def test_drivers_who_know_nothing_split_equally() -> None:
    answer = solve_sue(cars_only(theta=1e-9))
    assert answer.path_share[:8] == pytest.approx(np.full(8, 1 / 8))


def test_drivers_who_know_all_use_only_the_fastest_paths() -> None:
    """Wardrop's limit: at theta 20 no used path is more than a few tenths of a minute above the fastest."""
    problem = cars_only(theta=20.0)
    answer = solve_sue(problem, tolerance=1e-6, max_iterations=100_000)
    assert answer.converged
    groups = problem.paths.groups
    excess = answer.path_cost_min - groups.expand(groups.minimum(answer.path_cost_min))
    used = answer.path_flow_veh_h > 1.0
    assert excess[used].max() < np.log(800) / 20 + 1e-6
    expected = expected_minimum_cost_min(answer.path_cost_min, groups, problem.theta_per_min)
    assert np.all(groups.minimum(answer.path_cost_min) - expected < np.log(8) / 20 + 1e-9)
