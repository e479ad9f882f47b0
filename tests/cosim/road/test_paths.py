"""Path sets: which paths there are, in which order, where they charge, and what is refused."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from cosim.errors import ConfigError
from cosim.road.network import Network
from cosim.road.paths import PathSet, UserClass, find_paths
from tests.cosim.road.cases import nguyen_dupuis, paper_paths, small_network, station, trips

CARS, CHARGING = UserClass("cars"), UserClass("EVs charging", charges=True)
DIAMOND = [("a", "1", "2", 1.0), ("b", "1", "3", 2.0), ("c", "2", "4", 2.0), ("d", "3", "4", 1.0)]


@pytest.fixture(scope="module")
def paths() -> PathSet:
    return paper_paths()


def shuffled(network: Network, order: list[int]) -> Network:
    per_link = ("from_node", "to_node", "t0_min", "capacity_veh_h", "alpha", "beta", "davidson_j")
    arrays = {column: getattr(network, column)[order] for column in per_link}
    return replace(network, links=tuple(network.links[link] for link in order), **arrays)


def test_nguyen_dupuis_has_25_paths_and_42_pairs(paths: PathSet) -> None:
    """8, 6, 5 and 6 loop-free paths; stations at nodes 6, 9 and 11."""
    assert np.diff(paths.groups.start).tolist() == [8, 6, 5, 6] * 2 + [12, 11, 9, 10]


def test_every_path_is_connected_and_loop_free(paths: PathSet) -> None:
    network = paths.network
    for path, group in enumerate(paths.groups.group_of_path):
        links = paths.links_of(path)
        assert all(network.to_node[here] == network.from_node[there] for here, there in pairwise(links))
        od = paths.od_of_group[group]
        assert network.from_node[links[0]] == paths.od.origin[od]
        assert network.to_node[links[-1]] == paths.od.dest[od]
        roads = links[~network.is_charging[links]]
        assert len({*network.from_node[roads], *network.to_node[roads]}) == roads.size + 1


def test_each_pair_charges_exactly_once_where_it_says(paths: PathSet) -> None:
    charging = np.array([paths.network.is_charging[paths.links_of(k)].sum() for k in range(paths.count)])
    assert charging.tolist() == [
        int(paths.classes[c].charges) for c in paths.class_of_group[paths.groups.group_of_path]
    ]
    pairs = np.flatnonzero(charging)
    arcs = paths.network.charging_arcs[paths.station[pairs]]
    assert paths.links[paths.charges_at[pairs]].tolist() == arcs.tolist()
    assert np.all(paths.station[charging == 0] == -1)


def test_no_pair_is_missing_and_none_is_twice(paths: PathSet) -> None:
    names = [paths.pair_name(k) for k in range(paths.count)]
    for od in range(4):
        routes, pairs = (names[paths.groups.members(group)] for group in (od, od + 8))
        expected = [f"{r} @ S{n}" for r in routes for n in ("6", "9", "11") if n in r.split("-")]
        assert pairs == expected


def test_legs_add_up_to_the_path(paths: PathSet) -> None:
    time = np.random.default_rng(1).uniform(1, 30, len(paths.network.links))
    legs = paths.legs(time)
    total = legs.before_min + legs.station_min + legs.after_min
    assert total == pytest.approx(paths.time_min(time))
    pair = paths.count - 1
    links, at = paths.links_of(pair), paths.charges_at[pair] - paths.indptr[pair]
    assert legs.before_min[pair] == pytest.approx(time[links[:at]].sum())
    assert legs.station_min[pair] == pytest.approx(time[links[at]])
    assert not legs.after_min[0]


def test_a_station_at_either_end_of_the_trip_is_on_the_path() -> None:
    network = small_network(DIAMOND).with_charging_arcs([station("1"), station("4")])
    paths = find_paths(network, trips(network, ("1", "4", 10)), [CHARGING])
    legs = paths.legs(network.t0_min)
    assert legs.before_min.tolist() == [0.0, 3.0] * 2
    assert legs.after_min.tolist() == [3.0, 0.0] * 2


def test_flow_and_cost_are_adjoint(paths: PathSet) -> None:
    """The sum of flow times cost is the same over paths and over links."""
    rng = np.random.default_rng(2)
    flow, time = rng.random(paths.count), rng.random(len(paths.network.links))
    assert flow @ paths.time_min(time) == pytest.approx(paths.link_flow_veh_h(flow) @ time)


def test_paths_are_ordered_by_time_then_by_link_names() -> None:
    """Both ways through the diamond take 3 min; the sums .1+.2 and .3 tie as well."""
    rows = [("10", "1", "2", 0.1), ("9", "1", "3", 0.3), ("c", "2", "4", 0.2), ("d", "3", "4", 0.0)]
    network = small_network(rows)
    paths = find_paths(network, trips(network, ("1", "4", 10)), [CARS])
    assert [paths.pair_name(k) for k in range(2)] == ["1-3-4", "1-2-4"]


def test_the_order_of_links_in_the_file_does_not_matter() -> None:
    roads = nguyen_dupuis()
    names = []
    for order in (np.arange(19), np.random.default_rng(3).permutation(19)):
        network = shuffled(roads.network, order.tolist())
        paths = find_paths(network, roads.od, [CARS])
        names.append([[network.links[link] for link in paths.links_of(k)] for k in range(paths.count)])
    assert names[0] == names[1]


def test_parallel_links_are_two_paths() -> None:
    network = small_network([("fast", "1", "2", 1.0), ("slow", "1", "2", 2.0)])
    paths = find_paths(network, trips(network, ("1", "2", 10)), [CARS])
    assert [network.links[link] for link in paths.links] == ["fast", "slow"]


def test_two_way_roads_do_not_make_loops() -> None:
    rows = DIAMOND + [(name.upper(), head, tail, t0) for name, tail, head, t0 in DIAMOND]
    network = small_network(rows)
    assert find_paths(network, trips(network, ("1", "4", 10)), [CARS]).count == 2


def test_every_od_without_a_path_is_named() -> None:
    network = small_network(DIAMOND)
    with pytest.raises(ConfigError) as caught:
        find_paths(network, trips(network, ("4", "1", 1), ("1", "4", 1), ("2", "3", 1)), [CARS])
    assert [str(problem)[:7] for problem in caught.value.problems] == ["OD 4-1:", "OD 2-3:"]


def test_charging_users_who_pass_no_station_are_named() -> None:
    network = small_network(DIAMOND).with_charging_arcs([station("2")])
    with pytest.raises(ConfigError, match="OD 3-4: no path passes a station, where class"):
        find_paths(network, trips(network, ("1", "4", 1), ("3", "4", 1)), [CARS, CHARGING])


def test_too_many_paths_are_refused_before_the_memory_is_full() -> None:
    """A two-way 7 x 7 grid has 575 780 564 loop-free paths from corner to corner."""
    size = 7
    nodes = [(row, column) for row in range(size) for column in range(size)]
    ends = [(a, b) for a in nodes for b in nodes if abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1]
    network = small_network([(f"{a}{b}", str(a), str(b), 1.0) for a, b in ends])
    with pytest.raises(ConfigError, match="limit of 1000 paths"):
        find_paths(network, trips(network, (str(nodes[0]), str(nodes[-1]), 1)), [CARS], path_limit=1000)


def test_a_wrong_station_is_named_with_all_its_faults() -> None:
    bad = replace(station("9"), node="99", capacity_veh_h=-1.0, davidson_j=np.nan)
    with pytest.raises(ConfigError) as caught:
        nguyen_dupuis().network.with_charging_arcs([station("6"), station("6"), bad])
    assert len(caught.value.problems) == 4
    assert "node '99'" in str(caught.value)
    assert "'S6' is given twice" in str(caught.value)
