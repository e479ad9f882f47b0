"""Bushes against the same paths listed one by one: loading, derivative, residual, equilibrium, stations."""

from dataclasses import replace

import numpy as np
import pytest

from cosim.errors import ConfigError, InfeasibleError
from cosim.road.assignment import Equilibrium, solve_sue
from cosim.road.bush_problem import BushProblem
from cosim.road.bushes import find_bushes
from cosim.road.network import Network, OdTable
from cosim.road.paths import PathSet, UserClass, find_paths, path_set
from cosim.road.problem import AssignmentProblem
from cosim.road.shortest import trees_from
from tests.cosim.road.cases import small_network, station, trips

CLASSES = (UserClass("cars"), UserClass("EVs charging", charges=True))
THETA = np.array([0.3, 0.15])


def town(seed: int = 0, size: int = 4) -> tuple[Network, OdTable]:
    """Return a two-way grid with two stations, and seven ODs of which no two are alike."""
    rng = np.random.default_rng(seed)
    nodes = [(row, column) for row in range(size) for column in range(size)]
    ends = [(a, b) for a in nodes for b in nodes if abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1]
    network = small_network([(f"{a}{b}", str(a), str(b), float(rng.uniform(1, 4))) for a, b in ends])
    network = network.with_charging_arcs([station("(1, 1)", 4), station("(2, 2)", 6)])
    rows = [("(0, 0)", "(3, 3)"), ("(3, 3)", "(0, 0)"), ("(0, 1)", "(3, 3)"), ("(0, 0)", "(2, 3)")]
    return network, trips(network, *((a, b, 60.0 + 20 * number) for number, (a, b) in enumerate(rows)))


def listed(network: Network, od: OdTable, classes: tuple[UserClass, ...] = CLASSES) -> PathSet:
    """Return the paths of the bushes, found by leaving the others out of all paths."""
    every = find_paths(network, od, classes)
    cost = trees_from(network, network.free_flow_cost_min, od.origin).cost_min
    start, end = network.from_node, network.to_node
    groups = []
    for group in range(every.groups.count):
        away = cost[every.od_of_group[group]]
        members = range(*every.groups.members(group).indices(every.count))
        routes = [every.links_of(k) for k in members]
        groups.append(
            [tuple(r) for r in routes if np.all((away[start[r]] < away[end[r]]) | network.is_charging[r])]
        )
    return path_set(network, od, classes, groups)


def both(seed: int = 0, charging: float = 5.0) -> tuple[BushProblem, AssignmentProblem]:
    network, od = town(seed)
    demand = np.concatenate([od.demand_veh_h, np.full(od.origin.size, charging)])
    bushes = find_bushes(network, od, CLASSES)
    price_min = np.array([4.0, 0.0])
    paths = listed(network, od)
    return (
        BushProblem(bushes=bushes, demand_veh_h=demand, theta_per_min=THETA, station_cost_min=price_min),
        AssignmentProblem(
            paths=paths,
            demand_veh_h=demand,
            theta_per_min=np.repeat(THETA, od.origin.size),
            extra_cost_min=np.append(price_min, 0.0)[paths.station],
        ),
    )


@pytest.mark.parametrize("seed", range(5))
def test_bushes_load_as_their_paths_do(seed: int) -> None:
    bush, path = both(seed)
    time = bush.network.t0_min * np.random.default_rng(seed).uniform(1, 3, bush.network.t0_min.size)
    by_bush, by_path = bush.load(time), path.load(time)
    assert path.paths.count > 4 * 8
    assert by_bush.link_flow_veh_h == pytest.approx(by_path.link_flow_veh_h, rel=1e-12, abs=1e-12)
    direction = np.random.default_rng(seed + 9).normal(size=time.size)
    assert by_bush.response(direction) == pytest.approx(by_path.response(direction), abs=1e-9)


@pytest.mark.parametrize("method", ["newton", "sra"])
def test_the_equilibrium_on_bushes_is_that_of_their_paths(method: str) -> None:
    bush, path = both()
    by_bush = solve_sue(bush, tolerance=1e-8, method=method)
    by_path = solve_sue(path, tolerance=1e-11)
    assert by_bush.converged
    assert by_bush.link_flow_veh_h == pytest.approx(by_path.link_flow_veh_h, rel=1e-6)
    assert by_bush.expected_cost_min == pytest.approx(by_path.expected_cost_min, rel=1e-6)


def test_the_residual_of_bushes_is_never_less_than_that_of_their_paths() -> None:
    bush, path = both()
    rng = np.random.default_rng(3)
    for spread in (1e-6, 1e-3, 0.1, 3.0):
        before = bush.network.t0_min * rng.uniform(1, 2, bush.network.t0_min.size)
        after = before * (1 + spread * rng.random(before.size))
        bound = bush.residual_at(bush.load(before), after)
        true = path.residual_at(path.load(before), after)
        assert 0 < true <= bound
        assert bound < 100 * true or bound > 0.5


def test_costs_of_a_thousand_hours_underflow_nowhere() -> None:
    bush, _ = both()
    answer = bush.load(bush.network.t0_min * 60_000)
    assert np.all(np.isfinite(answer.link_flow_veh_h))
    ends = np.concatenate([bush.bushes.od.dest] * 2)
    arriving = np.bincount(bush.network.to_node, answer.link_flow_veh_h * ~bush.network.is_charging, 16)
    assert np.all(arriving[ends] >= 5)


def test_stations_too_small_are_named_as_they_are_for_listed_paths() -> None:
    messages = []
    for problem in both(charging=20.0):
        with pytest.raises(InfeasibleError) as caught:
            solve_sue(problem)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_stations_near_capacity_are_solved_on_bushes() -> None:
    bush, path = both(charging=5.45)
    by_bush, by_path = solve_sue(bush, tolerance=1e-6), solve_sue(path, tolerance=1e-9)
    arcs = bush.network.charging_arcs
    use = by_path.link_flow_veh_h[arcs] / bush.network.capacity_veh_h[arcs]
    assert 0.95 < use.max() < 1
    assert by_bush.converged
    assert by_bush.link_flow_veh_h == pytest.approx(by_path.link_flow_veh_h, rel=1e-5)


def test_every_od_without_a_path_on_bushes_is_named() -> None:
    network = small_network([("a", "1", "2", 1.0), ("b", "2", "3", 1.0)]).with_charging_arcs([station("2")])
    od = trips(network, ("1", "3", 1.0), ("3", "1", 1.0), ("1", "2", 1.0))
    with pytest.raises(ConfigError) as caught:
        find_bushes(network, od, CLASSES)
    assert [str(problem)[:22] for problem in caught.value.problems] == [
        "OD 3-1, cars: no path ",
        "OD 3-1, EVs charging: ",
    ]


def test_connectors_that_take_no_time_are_on_the_bush() -> None:
    network = small_network([("in", "1", "2", 0.0), ("on", "2", "3", 4.0), ("out", "3", "4", 0.0)])
    od = trips(network, ("1", "4", 10.0))
    bushes = find_bushes(network, od, CLASSES[:1])
    problem = BushProblem(bushes=bushes, demand_veh_h=od.demand_veh_h, theta_per_min=THETA[:1])
    assert problem.load(network.t0_min).link_flow_veh_h == pytest.approx([10.0, 10.0, 10.0])


def test_nobody_passes_a_closed_zone_on_a_bush() -> None:
    network = small_network(
        [("a", "1", "Z", 1.0), ("b", "Z", "2", 1.0), ("c", "1", "3", 5.0), ("d", "3", "2", 5.0)]
    )
    network = replace(network, through=np.array([name != "Z" for name in network.nodes]))
    od = trips(network, ("1", "2", 7.0), ("1", "Z", 5.0), ("Z", "2", 3.0))
    bushes = find_bushes(network, od, CLASSES[:1])
    problem = BushProblem(bushes=bushes, demand_veh_h=od.demand_veh_h, theta_per_min=THETA[:1])
    assert problem.load(network.t0_min).link_flow_veh_h == pytest.approx([5, 3, 7, 7])


def test_arrays_that_do_not_fit_bushes_are_refused() -> None:
    bush, _ = both()
    with pytest.raises(ValueError, match="8 groups"):
        replace(bush, demand_veh_h=np.ones(3))
    with pytest.raises(ValueError, match="2 classes"):
        replace(bush, theta_per_min=np.ones(8))
    with pytest.raises(ValueError, match="negative"):
        replace(bush, demand_veh_h=-np.ones(8))
    with pytest.raises(ValueError, match="theta is not above 0"):
        replace(bush, theta_per_min=np.zeros(2))


def test_the_answer_on_bushes_lists_no_paths() -> None:
    answer = solve_sue(both()[0])
    assert isinstance(answer, Equilibrium)
    assert answer.path_flow_veh_h.size == 0
    assert answer.residuals[-1] == answer.residual


@pytest.mark.parametrize("factor", [3.0, 1 / 60, 0.1])
def test_costs_that_tie_tie_in_every_unit_of_time(factor: float) -> None:
    """Of .1 + .2 and .3 one is the larger in rounding, and not always the same one: neither road leads away."""
    rows = [("a", "1", "2", 0.1), ("b", "2", "3", 0.2), ("c", "1", "4", 0.3), ("d", "3", "4", 1.0)]
    rows += [("e", "4", "3", 1.0), ("f", "3", "5", 1.0), ("g", "4", "5", 1.0)]
    for scale in (1.0, factor):
        network = small_network([(name, tail, head, scale * time) for name, tail, head, time in rows])
        bushes = find_bushes(network, trips(network, ("1", "5", 10.0)), [UserClass("cars")])
        assert sorted(network.links[link] for link in bushes.link) == ["a", "b", "c", "f", "g"]
