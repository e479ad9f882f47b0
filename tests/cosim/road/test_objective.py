"""Objectives whose minima are equilibria, by hand on two parallel links."""

from dataclasses import replace

import numpy as np
import pytest

from cosim.road.assignment import solve_sue
from cosim.road.build_problem import build_problem
from cosim.road.network import Network, OdTable
from cosim.road.objective import beckmann_objective, fisk_at_equilibrium, fisk_objective
from cosim.road.problem import AssignmentProblem
from tests.cosim.road.cases import small_network, trips

THETA = 0.5


def two_links() -> tuple[Network, OdTable]:
    """Links of 10 and 12 min with a capacity of 100 veh/h, BPR 0.15 and 4, and 150 trips."""
    network = small_network([("a", "1", "2", 10.0), ("b", "1", "2", 12.0)])
    return network, trips(network, ("1", "2", 150.0))


def test_beckmanns_objective_is_the_area_under_the_link_times() -> None:
    """The integral of t0 (1 + 0.15 (x / c)^4) is t0 (x + 0.15 x^5 / (5 c^4)); of marginal costs it is x t."""
    network, _ = two_links()
    network = replace(network, fixed_cost_min=np.array([1.0, 0.0]))
    flow = np.array([100.0, 50.0])
    areas = 10 * (100 + 0.15 * 100 / 5) + 100 * 1.0 + 12 * (50 + 0.15 * 50**5 / (5 * 100**4))
    assert beckmann_objective(network, flow) == pytest.approx(areas, rel=1e-12)
    spent = 100 * (10 * 1.15 + 1) + 50 * 12 * (1 + 0.15 / 16)
    assert beckmann_objective(replace(network, marginal=True), flow) == pytest.approx(spent, rel=1e-12)


def test_fisks_objective_adds_the_entropy_of_the_path_flows() -> None:
    network, od = two_links()
    problem = build_problem(network, od, THETA, paths="all")
    assert isinstance(problem, AssignmentProblem)
    flow = np.array([100.0, 50.0])
    entropy = (100 * np.log(100) + 50 * np.log(50)) / THETA
    by_hand = beckmann_objective(network, problem.paths.link_flow_veh_h(flow)) + entropy
    assert fisk_objective(problem, flow) == pytest.approx(by_hand, rel=1e-12)
    assert fisk_objective(problem, np.array([150.0, 0.0])) < np.inf  # 0 ln 0 is 0


def test_bushes_have_the_objective_of_their_paths_without_listing_any() -> None:
    network, od = two_links()
    listed, bush = (build_problem(network, od, THETA, paths=paths) for paths in ("all", "bush"))
    objectives = [
        fisk_at_equilibrium(problem, solve_sue(problem, tolerance=1e-10)) for problem in (listed, bush)
    ]
    assert objectives[0] == pytest.approx(objectives[1], rel=1e-9)
