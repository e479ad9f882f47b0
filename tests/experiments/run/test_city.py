"""The city of a million EVs: its data are what the generator says, and a day of it is one that could be."""

import runpy
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cosim.arrays import Frame
from cosim.coupling import EquilibriumDay, equilibrium_tables, solve_equilibrium_day
from cosim.csv_tables import read_table
from cosim.scenario import CAR, CHARGING, Scenario, load_scenario

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.fixture(scope="module")
def city() -> Scenario:
    return load_scenario(CONFIGS / "city.toml")


@pytest.fixture(scope="module")
def day(city: Scenario) -> EquilibriumDay:
    return solve_equilibrium_day(city)


@pytest.fixture(scope="module")
def tables(city: Scenario, day: EquilibriumDay) -> dict[str, Frame]:
    return equilibrium_tables(city, day)


def test_the_generator_writes_the_files_that_are_there_byte_by_byte(tmp_path: Path) -> None:
    make: Callable[[Path], None] = runpy.run_path(str(CONFIGS / "city" / "make_city.py"))["main"]
    make(tmp_path)
    made = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert made == {file.name: file.read_bytes() for file in (CONFIGS / "city").glob("*.csv")}


def test_the_roads_are_of_sioux_falls_size_and_lead_from_every_zone_to_every_other(city: Scenario) -> None:
    network, od = city.network, city.paths.od
    road = ~network.is_charging
    tail, head = network.from_node[road], network.to_node[road]
    assert (len(network.nodes), tail.size, od.origin.size) == (24, 76, 552)
    assert set(zip(tail, head, strict=True)) == set(zip(head, tail, strict=True))
    links = coo_array((np.ones(tail.size), (tail, head)), shape=(24, 24))
    assert connected_components(links, connection="strong")[0] == 1


def test_an_od_pair_has_its_six_cheapest_paths_and_every_hub_on_them(city: Scenario) -> None:
    paths = city.paths
    names = {paths.pair_name(path).partition(" @ ")[0] for path in _paths_of(city, CHARGING, 100)}
    cars = [paths.pair_name(path) for path in _paths_of(city, CAR, 100)]
    time_min = paths.time_min(city.network.free_flow_cost_min)[_paths_of(city, CAR, 100)]
    assert len(cars) == city.config.road.paths_per_od == 6
    assert names == set(cars)
    assert (np.diff(time_min) >= 0).all()


def _paths_of(city: Scenario, user_class: int, od: int) -> range:
    start = city.paths.groups.start
    group = city.group(user_class, od)
    return range(start[group], start[group + 1])


def test_no_two_roads_cross(city: Scenario) -> None:
    network = city.network
    assert network.node_xy is not None
    two_way = network.from_node < network.to_node
    roads = np.column_stack([network.from_node[two_way], network.to_node[two_way]])
    for first, second in combinations(roads, 2):
        if not set(first) & set(second):
            assert not _cross(network.node_xy[first], network.node_xy[second])


def _cross(first: np.ndarray, second: np.ndarray) -> bool:
    """Return whether the ends of either line lie on both sides of the other."""

    def sides(line: np.ndarray, points: np.ndarray) -> float:
        along, (to_a, to_b) = line[1] - line[0], points - line[0]
        side_a, side_b = (along[0] * to[1] - along[1] * to[0] for to in (to_a, to_b))
        return float(np.sign(side_a) * np.sign(side_b))

    return sides(first, second) < 0 and sides(second, first) < 0


def test_as_many_trips_end_in_a_zone_as_begin_there_and_most_are_to_or_from_business(city: Scenario) -> None:
    od = city.paths.od
    begin, end = (np.bincount(zones, od.demand_veh_h) for zones in (od.origin, od.dest))
    np.testing.assert_allclose(begin, end, rtol=1e-4)
    zones = (CONFIGS / "city" / "zones.csv").read_text(encoding="utf-8").splitlines()[2:]
    business = np.array(["business" in zone for zone in zones])
    assert begin[business].min() > begin[~business].max()


def test_a_million_evs_make_the_evs_share_of_all_trips(city: Scenario, day: EquilibriumDay) -> None:
    ev_trips = day.demand.n_ev * day.demand.charging.trips_per_ev
    assert day.demand.n_ev == 1_000_000
    # the share was set for trips drawn one by one; those who chain them never drive from home to home
    assert ev_trips == pytest.approx(city.config.population.ev_share * city.daily_trips, rel=5e-3)


def test_one_trip_in_a_hundred_fast_charges_for_tens_of_megawatts(day: EquilibriumDay) -> None:
    assert day.demand.charging.mean_charging_share == pytest.approx(0.01, abs=0.001)
    assert 50 < day.load.load_kw.sum(axis=1).max() / 1e3 < 100


def test_the_busiest_roads_are_as_full_as_those_of_a_congested_city(day: EquilibriumDay) -> None:
    network = day.paths.network
    road = ~network.is_charging
    saturation = np.array([p.link_flow_veh_h[road] / network.capacity_veh_h[road] for p in day.periods])
    assert day.residual_max <= 1e-6
    assert 1.0 < saturation.max() < 1.3
    assert 0.7 < np.median(saturation.max(axis=0)) < 1.0


def test_hubs_serve_at_least_99_percent_of_the_energy_within_the_day(day: EquilibriumDay) -> None:
    arcs = day.paths.network.charging_arcs
    arrivals = np.array([period.link_flow_veh_h[arcs] for period in day.periods])
    waits = np.array([p.link_time_min[arcs] - day.paths.network.t0_min[arcs] for p in day.periods])
    assert not day.shortfall
    assert day.load.load_kw.sum() >= 0.99 * arrivals.sum() * day.demand.session_kwh
    assert waits.max() < 5
    assert (waits * arrivals).sum() / arrivals.sum() < 1


def test_fast_charging_is_10_to_40_percent_of_the_peak_of_each_network(tables: dict[str, Frame]) -> None:
    load = tables["buses"].groupby(["feeder", "period"])[["load_kw", "station_kw"]].sum()
    peak = load.loc[load.sum(axis=1).groupby("feeder").idxmax()]
    share = peak.station_kw / peak.sum(axis=1)
    assert len(share) == 8
    assert share.between(0.10, 0.40).all()


def test_every_dispatch_is_certified_and_within_the_limits(city: Scenario, tables: dict[str, Frame]) -> None:
    dispatch, buses = tables["dispatch"], tables["buses"]
    assert dispatch.relaxation_error_max.max() <= 1e-6
    assert dispatch.ac_mismatch_max_pu.max() <= 1e-6
    assert buses.voltage_pu.between(0.95, 1.05).all()
    assert "violations" not in tables
    branches = tables["branches"].groupby(["feeder", "branch"], sort=False).current_a.max()
    for feeder in city.config.grid.feeders:
        limits = read_table(CONFIGS / str(feeder.branches), ("branch", "current_max_a"), optional=None)
        assert (branches[feeder.name][limits.names("branch")] <= limits.numbers("current_max_a")).all()
