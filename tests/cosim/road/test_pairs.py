"""The cheapest (path, station) pair against all pairs listed one by one, and path sets that grow by pairs."""

from dataclasses import replace

import numpy as np
import pytest

from cosim.arrays import FloatArray
from cosim.errors import ConfigError, InfeasibleError
from cosim.road import pairs
from cosim.road.assignment import solve_sue
from cosim.road.columns import shortest_paths, solve_sue_adding_paths, with_cheaper_paths
from cosim.road.network import Network, OdTable
from cosim.road.pairs import PairSearch
from cosim.road.paths import PathSet, UserClass, find_paths
from cosim.road.problem import AssignmentProblem
from tests.cosim.road.cases import small_network, station, trips

CLASSES = (UserClass("cars"), UserClass("EVs charging", charges=True))
EVS = CLASSES[1:]


def town(seed: int, stations: tuple[str, ...] = ("5", "6", "12")) -> tuple[Network, OdTable]:
    """Return a two-way grid of 3 x 4 nodes and seven ODs."""
    rng = np.random.default_rng(seed)
    rows = [(a, b) for a in range(12) for b in range(12) if b - a == 4 or (b - a == 1 and b % 4)]
    ends = [*rows, *((b, a) for a, b in rows)]
    network = small_network([(f"{a}-{b}", f"{a + 1}", f"{b + 1}", float(rng.uniform(1, 4))) for a, b in ends])
    network = network.with_charging_arcs([station(node) for node in stations if node in network.nodes])
    ods = (("1", "12"), ("12", "1"), ("5", "7"), ("2", "6"), ("3", "9"), ("12", "11"), ("4", "2"))
    return network, trips(network, *((a, b, 30.0) for a, b in ods))


def random_costs(network: Network, seed: int) -> FloatArray:
    return network.t0_min * np.random.default_rng(seed).uniform(0.3, 3, len(network.links))


@pytest.mark.parametrize("seed", range(12))
def test_the_cheapest_pair_is_that_of_all_pairs(seed: int) -> None:
    """Stations at an origin, at a destination and between; many cheapest ways there and on meet."""
    network, od = town(seed)
    every, cost = find_paths(network, od, EVS), random_costs(network, seed)
    least = every.groups.minimum(every.time_min(cost))
    search = PairSearch(network, cost)
    for number, (origin, dest) in enumerate(zip(od.origin.tolist(), od.dest.tolist(), strict=True)):
        found = search.cheapest(origin, dest)
        assert found is not None
        assert found[0] == pytest.approx(least[number], rel=1e-12)
        listed = [tuple(every.links_of(k)) for k in range(*every.groups.members(number).indices(every.count))]
        assert found[1] in listed
        assert search.cheapest(origin, dest, least[number] * 1.001) == found
        assert search.cheapest(origin, dest, least[number] * 0.999) is None


def test_most_cheapest_ways_by_a_station_meet() -> None:
    """The claim of the test above that it asks for loop-free ways is not empty."""
    met = 0
    for seed in range(12):
        network, od = town(seed)
        search = PairSearch(network, random_costs(network, seed))
        for origin, dest in zip(od.origin.tolist(), od.dest.tolist(), strict=True):
            met += sum(not search._is_loop_free(search._joined(origin, dest, s)) for s in range(3))
    assert met > 12 * 7


def test_nobody_charges_in_a_closed_zone_on_the_way() -> None:
    """The station in Z serves trips from Z and to Z alone, as it does on listed pairs."""
    rows = [("a", "1", "Z", 1.0), ("b", "Z", "2", 1.0), ("c", "1", "3", 5.0), ("d", "3", "2", 5.0)]
    network = small_network(rows).with_charging_arcs([station("Z"), station("3")])
    network = replace(network, through=np.array([name != "Z" for name in network.nodes]))
    od = trips(network, ("1", "2", 7.0), ("1", "Z", 5.0), ("Z", "2", 3.0))
    cheapest, every = shortest_paths(network, od, EVS), find_paths(network, od, EVS)
    assert [cheapest.pair_name(k) for k in range(3)] == ["1-3-2 @ S3", "1-Z @ SZ", "Z-2 @ SZ"]
    assert [every.pair_name(k) for k in range(3)] == ["1-3-2 @ S3", "1-Z @ SZ", "Z-2 @ SZ"]


def test_an_od_that_passes_no_station_is_named() -> None:
    network = small_network([("a", "1", "2", 1.0), ("b", "2", "3", 1.0)]).with_charging_arcs([station("3")])
    with pytest.raises(ConfigError) as caught:
        shortest_paths(network, trips(network, ("1", "2", 1.0), ("2", "3", 1.0)), EVS)
    assert tuple(map(str, caught.value.problems)) == ("OD 1-2: no path passes a station.",)


def test_a_search_that_exceeds_its_limit_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The only station lies at the end of a lane: no loop-free way leads by it, however long one looks."""
    rows = [(f"{a}{b}", str(a), str(b), 1.0) for a in range(7) for b in range(7) if a != b]
    network = small_network([*rows, ("in", "3", "end", 1.0), ("out", "end", "3", 1.0)])
    network = network.with_charging_arcs([station("end")])
    monkeypatch.setattr(pairs, "MAX_PARTIAL_PATHS", 100)
    search = PairSearch(network, network.t0_min)
    with pytest.raises(ConfigError, match="by station Send exceeded its limit"):
        search.cheapest(0, 1)
    assert search.cheapest(0, 1, limit_min=20.0) is None  # a session alone takes longer


def problem_on(paths: PathSet, *, charging: float = 5.0, theta: float = 0.5) -> AssignmentProblem:
    ods = paths.od.origin.size
    parts = [charging if klass.charges else 80.0 for klass in paths.classes]
    return AssignmentProblem(
        paths=paths,
        demand_veh_h=np.repeat(parts, ods),
        theta_per_min=np.full(paths.groups.count, theta),
    )


@pytest.mark.parametrize("theta", [0.3, 3.0])
def test_growing_ends_with_every_cheapest_pair_listed(theta: float) -> None:
    """Checked on all pairs; the answer is the equilibrium of its own path set."""
    network, od = town(3)
    grown = solve_sue_adding_paths(
        problem_on(shortest_paths(network, od, CLASSES), theta=theta), tolerance=1e-9
    )
    answer, paths = grown.equilibrium, grown.problem.paths
    assert answer.converged
    assert grown.complete
    added = paths.groups.start - np.arange(15)
    assert added[-1] - added[7] > 3  # pairs, not only paths
    every = find_paths(network, od, CLASSES)
    least = every.groups.minimum(every.time_min(answer.link_time_min))
    assert paths.groups.minimum(answer.path_cost_min) == pytest.approx(least)
    again = solve_sue(grown.problem, tolerance=1e-9)
    assert again.link_flow_veh_h == pytest.approx(answer.link_flow_veh_h, abs=1e-5)


def test_drivers_who_know_the_costs_well_are_where_they_are_on_all_pairs() -> None:
    """The pairs that growing leaves out are dearer: at theta 30 hardly anybody takes them."""
    network, od = town(3)
    few, every = (
        problem_on(paths, theta=30.0)
        for paths in (shortest_paths(network, od, CLASSES), find_paths(network, od, CLASSES))
    )
    grown, full = solve_sue_adding_paths(few, tolerance=1e-9), solve_sue(every, tolerance=1e-9)
    assert grown.problem.paths.count < 0.6 * every.paths.count
    assert grown.equilibrium.link_flow_veh_h == pytest.approx(full.link_flow_veh_h, abs=1.0)


def test_where_every_pair_becomes_the_cheapest_the_answer_is_that_of_all_pairs() -> None:
    """Three roads, a station on each; from one pair grow all three, and the equilibrium of the enumeration."""
    rows = [
        (f"{way}{leg}", tail, head, 1.0)
        for way in "abc"
        for leg, tail, head in (("in", "1", way), ("out", way, "2"))
    ]
    network = small_network(rows, capacity=20.0).with_charging_arcs([station(way, 3) for way in "abc"])
    od = trips(network, ("1", "2", 100.0))
    for path_size in (0.0, 1.0):
        few, every = (
            problem_on(paths, charging=15.0)
            for paths in (shortest_paths(network, od, CLASSES), find_paths(network, od, CLASSES))
        )
        grown = solve_sue_adding_paths(few, tolerance=1e-11, path_size=path_size)
        full = solve_sue(every, tolerance=1e-11)
        assert grown.problem.paths.count == 6
        names = [grown.problem.paths.pair_name(k) for k in range(6)]
        order = [names.index(every.paths.pair_name(k)) for k in range(6)]
        assert grown.equilibrium.path_flow_veh_h[order] == pytest.approx(full.path_flow_veh_h, abs=1e-7)


def test_pairs_are_added_until_the_stations_can_take_all() -> None:
    """The listed station takes 6.6 veh/h of 12; the next ones are minutes away and not listed at first."""
    rows = [
        (f"{way}{leg}", tail, head, time)
        for way, time in (("a", 1.0), ("b", 9.0), ("c", 15.0))
        for leg, tail, head in (("in", "1", way), ("out", way, "2"))
    ]
    network = small_network(rows).with_charging_arcs([station(way, 3) for way in "abc"])
    od = trips(network, ("1", "2", 100.0))
    few = problem_on(shortest_paths(network, od, EVS), charging=12.0)
    with pytest.raises(InfeasibleError):
        solve_sue(few)
    grown = solve_sue_adding_paths(few)
    assert grown.equilibrium.converged
    assert {grown.problem.paths.pair_name(k) for k in range(2)} == {"1-a-2 @ Sa", "1-b-2 @ Sb"}
    with pytest.raises(InfeasibleError, match="stations Sa, Sb, Sc together"):
        solve_sue_adding_paths(replace(few, demand_veh_h=np.array([20.0])))
    extended = solve_sue_adding_paths(replace(few, demand_veh_h=np.array([20.0]), overload="extend"))
    assert extended.equilibrium.overloaded.any()


def test_a_price_at_stations_is_a_cost_of_their_arcs() -> None:
    """Who must charge drives on to the station that is cheaper by more than the way takes."""
    rows = [("a", "1", "2", 2.0), ("b", "2", "3", 2.0), ("c", "1", "4", 3.0), ("d", "4", "3", 3.0)]
    network = small_network(rows).with_charging_arcs([station("2"), station("4")])
    od = trips(network, ("1", "3", 1.0))
    for price, name in ((0.0, "1-2-3 @ S2"), (5.0, "1-4-3 @ S4")):
        priced = replace(network, fixed_cost_min=np.array([0.0, 0, 0, 0, price, 0]))
        assert shortest_paths(priced, od, EVS).pair_name(0) == name
        grown = with_cheaper_paths(shortest_paths(network, od, EVS), priced.free_flow_cost_min)
        assert grown.paths.pair_name(grown.paths.count - 1) == name
