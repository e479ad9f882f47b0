"""Stations and classes at Wardrop's two principles, and the stochastic optimum, against convex programmes."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from cosim.arrays import FloatArray
from cosim.errors import InfeasibleError
from cosim.road.assignment import solve_sue
from cosim.road.latency import link_time_min
from cosim.road.network import Network
from cosim.road.objective import fisk_objective
from cosim.road.path_size import path_size_cost_min
from cosim.road.paths import UserClass, find_paths
from cosim.road.problem import AssignmentProblem
from cosim.road.user_equilibrium import solve_so, solve_ue
from tests.cosim.road.cases import CLASSES, cars_only, paper_problem, small_network, trips
from tests.verification.cone_programmes import path_flows_by_cones


def priced(problem: AssignmentProblem, *, marginal: bool) -> AssignmentProblem:
    """Return the problem with stations that differ in size and price, and one theta per class."""
    network = problem.network
    capacity, price = network.capacity_veh_h.copy(), np.zeros(len(network.links))
    capacity[network.charging_arcs] *= [1.0, 0.7, 1.3]
    price[network.charging_arcs] = [8.0, 0.0, 3.0]
    network = replace(network, capacity_veh_h=capacity, fixed_cost_min=price, marginal=marginal)
    return replace(
        problem,
        paths=replace(problem.paths, network=network),
        theta_per_min=np.repeat([0.1, 0.2, 0.3], 4),
    )


def spent(network: Network, flow: FloatArray) -> float:
    """Return sum x c of a network without tolls."""
    return float(flow @ network.cost_min(link_time_min(replace(network, marginal=False), flow)))


@pytest.mark.parametrize("charging", [0.0555, 0.1])
@pytest.mark.parametrize("marginal", [False, True])
def test_stations_and_classes_agree_with_beckmanns_programme(charging: float, marginal: bool) -> None:
    """Both principles: the objective to 1e-8, every link to .05 veh/h; stations up to nine tenths full."""
    problem = priced(paper_problem(0.5, charging=charging), marginal=marginal)
    network = problem.network
    solve = solve_so if marginal else solve_ue
    answer = solve(
        replace(network, marginal=False),
        problem.paths.od,
        classes=CLASSES,
        demand_veh_h=problem.demand_veh_h,
        tolerance=1e-9,
    )
    oracle = problem.paths.link_flow_veh_h(path_flows_by_cones(problem, entropy=False))
    assert answer.converged
    assert np.abs(answer.link_flow_veh_h - oracle).max() < 0.05
    if marginal:
        assert answer.total_cost == pytest.approx(spent(network, oracle), rel=1e-8)
        time = link_time_min(network, answer.link_flow_veh_h)
        assert answer.link_time_min + answer.toll_min == pytest.approx(time)
    assert answer.paths.groups.total(answer.path_flow_veh_h) == pytest.approx(problem.demand_veh_h)


def test_wardrop_refuses_stations_that_cannot_take_all() -> None:
    problem = paper_problem(0.5, charging=0.12)
    for solve in (solve_ue, solve_so):
        with pytest.raises(InfeasibleError, match=r"6\.06593 veh/h too many"):
            solve(problem.network, problem.paths.od, classes=CLASSES, demand_veh_h=problem.demand_veh_h)


@pytest.mark.parametrize("path_size", [0.0, 1.0])
def test_the_stochastic_optimum_agrees_with_its_programme(path_size: float) -> None:
    """Least sum x t + sum f ln(f / PS) / theta: every path flow to .01 veh/h."""
    problem = priced(paper_problem(0.5, charging=0.09), marginal=True)
    sizes = path_size_cost_min(problem.paths, problem.theta_per_min, path_size)
    problem = replace(problem, extra_cost_min=sizes)
    answer = solve_sue(problem, tolerance=1e-8)
    assert answer.converged
    oracle = path_flows_by_cones(problem)
    assert np.abs(answer.path_flow_veh_h - oracle).max() < 0.01
    found = fisk_objective(problem, answer.path_flow_veh_h)
    assert found == pytest.approx(fisk_objective(problem, oracle), rel=1e-9)
    flow, theta = answer.path_flow_veh_h, problem.paths.groups.expand(problem.theta_per_min)
    perceived = spent(problem.network, answer.link_flow_veh_h) + np.sum(
        flow * np.log(flow) / theta + flow * sizes
    )
    assert found == pytest.approx(perceived, rel=1e-12)


@pytest.mark.parametrize("method", ["newton", "sra", "mswa", "msa"])
def test_two_roads_share_the_stochastic_optimum_of_a_line_search(method: str) -> None:
    """One road takes 10 min, the other 5 + x / 20: the least total of what 100 travellers perceive."""
    network = small_network([("fixed", "1", "2", 10.0), ("shared", "1", "2", 5.0)])
    network = replace(network, alpha=np.array([0.0, 1.0]), beta=np.ones(2), marginal=True)
    od = trips(network, ("1", "2", 100.0))
    problem = AssignmentProblem(
        paths=find_paths(network, od, [UserClass("cars")]),
        demand_veh_h=od.demand_veh_h,
        theta_per_min=np.array([0.5]),
    )

    def perceived(x: float) -> float:
        return (100 - x) * 10 + x * (5 + x / 20) + 2 * ((100 - x) * np.log(100 - x) + x * np.log(x))

    least = minimize_scalar(perceived, bounds=(1, 99), method="bounded", options={"xatol": 1e-9}).x
    answer = solve_sue(problem, method=method, tolerance=1e-7)
    assert answer.link_flow_veh_h[1] == pytest.approx(least, abs=1e-4)
    assert answer.toll_min == pytest.approx([0.0, least / 20], abs=1e-5)
    assert answer.link_time_min == pytest.approx([10.0, 5 + least / 20], abs=1e-5)


def test_tolls_make_the_stochastic_optimum_an_equilibrium() -> None:
    problem = priced(paper_problem(0.5, charging=0.09), marginal=True)
    optimum = solve_sue(problem, tolerance=1e-10)
    plain = replace(problem.network, marginal=False)
    price = plain.cost_min(np.zeros(len(plain.links)))
    tolled = replace(plain, fixed_cost_min=price + optimum.toll_min)
    equilibrium = solve_sue(replace(problem, paths=replace(problem.paths, network=tolled)), tolerance=1e-10)
    assert equilibrium.path_flow_veh_h == pytest.approx(optimum.path_flow_veh_h, abs=1e-5)
    assert equilibrium.link_time_min == pytest.approx(optimum.link_time_min)
    assert not equilibrium.toll_min.any()


def test_the_stochastic_optimum_tends_to_the_system_optimum() -> None:
    """As theta grows, total travel time falls to the system optimum's."""
    problem = cars_only()
    od, network = problem.paths.od, problem.network
    least = solve_so(network, od, tolerance=1e-9)
    marginal = replace(problem.paths, network=replace(network, marginal=True))
    excess = []
    for theta in (0.1, 1.0, 10.0):
        asked = replace(problem, paths=marginal, theta_per_min=np.full(4, theta))
        answer = solve_sue(asked, tolerance=1e-9)
        excess.append(spent(network, answer.link_flow_veh_h) / least.total_cost - 1)
    assert 1e-3 < excess[0] < 0.5
    assert 0 < excess[1] < 0.1 * excess[0]
    assert 0 < excess[2] < 0.1 * excess[1]
