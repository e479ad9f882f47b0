"""Cost budgets, the k cheapest routes, closed zones, tolls; against all routes of a small network."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.errors import ConfigError
from cosim.road import path_search
from cosim.road.network import Network
from cosim.road.paths import PathSet, UserClass, find_paths
from cosim.road.shortest import costs_to, trees_from
from tests.cosim.road.cases import nguyen_dupuis, small_network, station, trips

CARS, CHARGING = UserClass("cars"), UserClass("EVs charging", charges=True)
ROADS = nguyen_dupuis()
ALL = find_paths(ROADS.network, ROADS.od, [CARS])


def costs(paths: PathSet) -> np.ndarray:
    return paths.time_min(paths.network.free_flow_cost_min)


def names(paths: PathSet, group: int) -> list[list[str]]:
    members = paths.groups.members(group)
    return [
        [paths.network.links[link] for link in paths.links_of(k)] for k in range(members.start, members.stop)
    ]


def grid(rng: np.random.Generator, size: int = 4) -> Network:
    """Return a two-way grid with whole minutes, so that many routes tie."""
    nodes = [(row, column) for row in range(size) for column in range(size)]
    ends = [(a, b) for a in nodes for b in nodes if abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1]
    rows = [(f"{a}{b}", str(a), str(b), float(rng.integers(1, 4))) for a, b in ends]
    return small_network([rows[row] for row in rng.permutation(len(rows))])


@pytest.mark.parametrize("budget", [1.0, 1.2, 1.6, 10.0])
def test_a_budget_keeps_exactly_the_paths_it_allows(budget: float) -> None:
    kept = find_paths(ROADS.network, ROADS.od, [CARS], budget=budget)
    for od in range(4):
        cost = costs(ALL)[ALL.groups.members(od)]
        allowed = cost <= budget * cost.min() + 1e-9
        assert names(kept, od) == [name for name, keep in zip(names(ALL, od), allowed, strict=True) if keep]


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 40))
def test_the_k_cheapest_are_the_first_k_of_all(seed: int, k: int) -> None:
    """Ties at the k-th place are broken by link names, as everywhere."""
    network = grid(np.random.default_rng(seed), size=3)
    od = trips(network, ("(0, 0)", "(2, 2)", 1.0), ("(1, 1)", "(0, 2)", 1.0))
    everything = find_paths(network, od, [CARS])
    cheapest = find_paths(network, od, [CARS], k=k)
    for group in range(2):
        assert names(cheapest, group) == names(everything, group)[:k]


@pytest.mark.parametrize("choice", [{"budget": 1.3}, {"k": 7}])
def test_the_order_of_links_in_the_file_does_not_matter(choice: dict[str, float]) -> None:
    found = []
    for order in (1, 2):
        network = grid(np.random.default_rng(8))
        shuffle = np.random.default_rng(order).permutation(len(network.links))
        arrays = ("from_node", "to_node", "t0_min", "capacity_veh_h", "alpha", "beta", "davidson_j")
        network = replace(
            network,
            links=tuple(network.links[link] for link in shuffle),
            **{column: getattr(network, column)[shuffle] for column in arrays},
        )
        paths = find_paths(network, trips(network, ("(0, 0)", "(3, 3)", 1.0)), [CARS], **choice)
        found.append(names(paths, 0))
    assert found[0] == found[1]


def test_pairs_are_those_of_the_paths_within_the_budget() -> None:
    network = ROADS.network.with_charging_arcs([station("6"), station("9"), station("11")])
    paths = find_paths(network, ROADS.od, [CARS, CHARGING], k=3)
    assert np.diff(paths.groups.start)[:4].tolist() == [3, 3, 3, 3]
    for od in range(4):
        roads = {tuple(name) for name in names(paths, od)}
        assert {tuple(link for link in name if link[0] != "S") for name in names(paths, od + 4)} <= roads


def test_no_trip_passes_a_closed_zone_but_trips_begin_and_end_there() -> None:
    """1 -> Z -> 2 is the fast way, but Z is a zone; 1 -> 3 -> 2 is the only path."""
    network = small_network([("a", "1", "Z", 1), ("b", "Z", "2", 1), ("c", "1", "3", 5), ("d", "3", "2", 5)])
    network = replace(network, through=np.array([name != "Z" for name in network.nodes]))
    od = trips(network, ("1", "2", 1), ("1", "Z", 1), ("Z", "2", 1))
    for choice in ({}, {"budget": 2.0}, {"k": 5}):
        paths = find_paths(network, od, [CARS], **choice)
        assert [paths.pair_name(k) for k in range(paths.count)] == ["1-3-2", "1-Z", "Z-2"]
    one, two, zone = (network.node_index(name) for name in ("1", "2", "Z"))
    tree = trees_from(network, network.t0_min, np.array([one, zone]))
    assert tree.cost_min[:, two].tolist() == [10.0, 1.0]
    assert costs_to(network, network.t0_min, np.array([two]))[0, [one, zone]].tolist() == [10.0, 1.0]


def test_a_toll_counts_in_the_budget_and_in_the_order() -> None:
    network = small_network([("free", "1", "2", 4.0), ("tolled", "1", "2", 1.0)])
    network = replace(network, fixed_cost_min=np.array([0.0, 6.0]))
    od = trips(network, ("1", "2", 1))
    assert names(find_paths(network, od, [CARS]), 0) == [["free"], ["tolled"]]
    assert names(find_paths(network, od, [CARS], budget=1.5), 0) == [["free"]]


def test_trees_take_the_cheaper_of_parallel_links() -> None:
    network = small_network([("slow", "1", "2", 2.0), ("fast", "1", "2", 1.0), ("on", "2", "3", 0.0)])
    tree = trees_from(network, network.t0_min, np.array([0]))
    assert tree.cost_min[0].tolist() == [0.0, 1.0, 1.0]
    assert tree.link[0].tolist() == [-1, 1, 2]


def test_all_paths_together_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path_search, "MAX_LINKS", 60)
    with pytest.raises(ConfigError, match="more than 60 links in total"):
        find_paths(ROADS.network, ROADS.od, [CARS])


def test_a_search_for_the_cheapest_gives_up_too() -> None:
    with pytest.raises(ConfigError, match="limit of 2 paths"):
        find_paths(ROADS.network, ROADS.od, [CARS], k=500, path_limit=2)


@pytest.mark.parametrize("choice", [{"budget": 0.9}, {"k": 0}, {"budget": 2.0, "k": 3}])
def test_choices_that_cannot_be_are_refused(choice: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"1 or more|not both"):
        find_paths(ROADS.network, ROADS.od, [CARS], **choice)
