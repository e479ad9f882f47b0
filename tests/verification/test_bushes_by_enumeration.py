"""The stochastic equilibrium on bushes against every path of theirs, listed by a search of its own."""

from dataclasses import replace

import numpy as np
import pytest

from cosim.arrays import FloatArray
from cosim.road.assignment import solve_sue
from cosim.road.build_problem import build_problem
from cosim.road.network import Network
from cosim.road.paths import UserClass, path_set
from cosim.road.problem import AssignmentProblem
from tests.cosim.road.cases import town

CARS = (UserClass("cars"),)


def costs_from(network: Network, origin: int) -> FloatArray:
    """Return the least cost of every node, by Bellman and Ford."""
    cost = np.full(len(network.nodes), np.inf)
    cost[origin] = 0.0
    for _ in network.nodes:
        np.minimum.at(cost, network.to_node, cost[network.from_node] + network.t0_min)
    return cost


def paths_away(network: Network, origin: int) -> dict[int, list[tuple[int, ...]]]:
    """Return every path whose nodes are ever dearer to reach from the origin, by the node it ends at."""
    cost, found = costs_from(network, origin), {node: [] for node in range(len(network.nodes))}
    found[origin] = [()]
    for node in np.argsort(cost).tolist():
        for link in np.flatnonzero(
            (network.from_node == node) & (cost[network.to_node] > cost[node])
        ).tolist():
            found[int(network.to_node[link])] += [(*path, link) for path in found[node]]
    return found


@pytest.mark.parametrize("marginal", [False, True])
def test_bushes_of_552_ods_have_the_flows_of_all_their_paths(marginal: bool) -> None:
    """Links to 1e-8 of their flow, expected costs to 1e-9; roads loaded to more than twice their capacity."""
    network, od = town()
    network = replace(network, marginal=marginal)
    away = [paths_away(network, origin) for origin in range(24)]
    routes = [away[origin][dest] for origin, dest in zip(od.origin.tolist(), od.dest.tolist(), strict=True)]
    theta = np.full(od.origin.size, 0.5)
    listed = AssignmentProblem(
        paths=path_set(network, od, CARS, routes), demand_veh_h=od.demand_veh_h, theta_per_min=theta
    )
    assert listed.paths.count > 4 * od.origin.size
    bush = solve_sue(build_problem(network, od, 0.5, paths="bush"), tolerance=1e-10)
    known = solve_sue(listed, tolerance=1e-11)
    assert bush.converged
    assert known.converged
    assert bush.link_flow_veh_h == pytest.approx(known.link_flow_veh_h, rel=1e-8, abs=1e-6)
    assert bush.expected_cost_min == pytest.approx(known.expected_cost_min, rel=1e-9)
    assert (bush.link_flow_veh_h / network.capacity_veh_h).max() > 1
