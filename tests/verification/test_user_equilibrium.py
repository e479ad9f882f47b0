"""Wardrop's principles against closed forms and networks whose answer everybody knows."""

from dataclasses import replace

import numpy as np
import pytest

from cosim.road.latency import link_time_min
from cosim.road.network import Network
from cosim.road.paths import UserClass, find_paths
from cosim.road.user_equilibrium import solve_so, solve_ue
from tests.cosim.road.cases import nguyen_dupuis, small_network, trips

ROADS = nguyen_dupuis()


def linear(rows: list[tuple[str, str, str, float, float]]) -> Network:
    """Return a network of (link, from, to, t0, minutes per vehicle) rows with linear times."""
    network = small_network([(name, tail, head, t0) for name, tail, head, t0, _ in rows])
    t0, slope = np.array([row[3] for row in rows]), np.array([row[4] for row in rows])
    return replace(network, alpha=slope / t0 * network.capacity_veh_h, beta=np.ones(len(rows)))


BRAESS = [
    ("a", "1", "2", 1e-6, 0.01),
    ("b", "2", "4", 50.0, 0.001),
    ("c", "1", "3", 50.0, 0.001),
    ("d", "3", "4", 1e-6, 0.01),
]


def test_a_new_road_makes_everybody_slower() -> None:
    """Braess: 6000 trips take 83 min; with a link of 10 min between, 92 min; the optimum leaves it at 83."""
    without = linear(BRAESS)
    od = trips(without, ("1", "4", 6000.0))
    before = solve_ue(without, od, tolerance=1e-9)
    assert before.total_cost / 6000 == pytest.approx(83.0, rel=1e-6)
    with_road = linear([*BRAESS, ("new", "2", "3", 10.0, 0.001)])
    after = solve_ue(with_road, od, tolerance=1e-9)
    assert after.total_cost / 6000 == pytest.approx(92.0, rel=1e-6)
    assert after.link_flow_veh_h == pytest.approx([4000, 2000, 2000, 4000, 2000], abs=0.1)


def test_pigous_price_of_anarchy_is_four_thirds() -> None:
    """One road takes 1, the other x: all take the second, half should; the toll that does it is half."""
    network = linear([("fixed", "1", "2", 1.0, 0.0), ("shared", "1", "2", 1e-9, 1.0)])
    od = trips(network, ("1", "2", 1.0))
    equilibrium, optimum = (solve(network, od, tolerance=1e-10) for solve in (solve_ue, solve_so))
    assert equilibrium.total_cost / optimum.total_cost == pytest.approx(4 / 3, rel=1e-6)
    assert optimum.toll_min == pytest.approx([0.0, 0.5], abs=1e-6)


def test_tolls_make_the_optimum_an_equilibrium() -> None:
    optimum = solve_so(ROADS.network, ROADS.od, tolerance=1e-9)
    tolled = replace(ROADS.network, fixed_cost_min=optimum.toll_min)
    equilibrium = solve_ue(tolled, ROADS.od, tolerance=1e-9)
    assert equilibrium.link_flow_veh_h == pytest.approx(optimum.link_flow_veh_h, abs=0.05)
    plain = solve_ue(ROADS.network, ROADS.od, tolerance=1e-9)
    assert optimum.total_cost < 0.999 * plain.total_cost


def test_nobody_has_a_cheaper_path_among_all_paths() -> None:
    """Checked on every loop-free path, which the search has not listed."""
    answer = solve_ue(ROADS.network, ROADS.od, tolerance=1e-10)
    assert answer.converged
    every = find_paths(ROADS.network, ROADS.od, [UserClass("cars")])
    cost = link_time_min(ROADS.network, answer.link_flow_veh_h)
    least = every.groups.minimum(every.time_min(cost))
    used = answer.path_flow_veh_h > 0.01
    excess = answer.paths.time_min(cost) - answer.paths.groups.expand(least)
    assert np.all(excess[used] < 1e-4)
    gap = (answer.link_flow_veh_h @ cost - ROADS.od.demand_veh_h @ least) / (answer.link_flow_veh_h @ cost)
    assert answer.relative_gap == pytest.approx(gap, abs=1e-12)


def test_the_equilibrium_has_the_least_beckmann_objective() -> None:
    """Fifty other ways of meeting the demand, seeded, have more."""
    answer = solve_ue(ROADS.network, ROADS.od, tolerance=1e-10)
    every, rng = find_paths(ROADS.network, ROADS.od, [UserClass("cars")]), np.random.default_rng(1)
    network, demand = ROADS.network, every.groups.expand(ROADS.od.demand_veh_h)
    for _ in range(50):
        weight = rng.exponential(size=every.count)
        other = every.link_flow_veh_h(demand * weight / every.groups.expand(every.groups.total(weight)))
        mixed = 0.95 * answer.link_flow_veh_h + 0.05 * other
        load = mixed / network.capacity_veh_h
        beckmann = np.sum(network.t0_min * mixed * (1 + network.alpha / 5 * load**4))
        assert beckmann > answer.beckmann
