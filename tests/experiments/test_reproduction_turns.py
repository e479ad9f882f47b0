"""Every statement that counts as evidence turns: a listed change of the case, or of its results, gives another verdict.

A statement turns if a judgement is no longer the recorded one; what can no longer be measured has turned, too.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cosim.grid.problem import Load
from cosim.grid.solution import Dispatch
from cosim.road.assignment import solve_sue
from cosim.scenario import load_scenario
from experiments.reproduce import chain_case
from experiments.reproduce.cases import Reproduction, reproduce
from experiments.reproduce.chain_case import SPEED_ERROR, ChainCase
from experiments.reproduce.grid_case import VARIANTS, GridCase
from experiments.reproduce.od_case import OdCase
from experiments.reproduce.road_case import FIRST_PERIOD
from experiments.reproduce.statements import CHAPTERS, traffic
from experiments.reproduce.statements.shifting import TABLE_1_CNY_PER_KWH
from experiments.reproduce.topology_case import TopologyCase
from tests.computed_once import case_of_the_paper

FIRST = VARIANTS[0]
EVIDENCE = {own.id: own for chapter in CHAPTERS.values() for own in chapter if own.claim.kind == "evidence"}
Change = Callable[[Reproduction, pytest.MonkeyPatch], Reproduction]


@pytest.fixture(scope="module")
def case(store: Path) -> Reproduction:
    return case_of_the_paper(store)


def with_dispatch(case: Reproduction, dispatch: Dispatch) -> Reproduction:
    """Return the case at preset A and the dynamic tariff with another dispatch, and all else as it is computed."""
    grid = replace(case.preset_a)
    vars(grid).update(vars(case.preset_a) | {"dispatch": dispatch})
    return replace(case, grid={FIRST: grid})


def with_load(case: Reproduction, load: Load) -> Reproduction:
    """Return the case at preset A and the dynamic tariff with other loads."""
    grid = replace(case.preset_a)
    vars(grid)["load"] = load
    return replace(case, grid={FIRST: grid})


def with_trips(case: Reproduction, **parts: object) -> OdCase:
    """Return the OD estimation with parts put in the place of what would be computed."""
    trips = OdCase(case.trips.scenario)
    vars(trips).update({"paths": case.trips.paths, "truth": case.trips.truth} | parts)
    return trips


def at_prices(case: Reproduction, price: Callable[[np.ndarray], np.ndarray]) -> GridCase:
    """Return the feeder as it is dispatched at other prices."""
    grid = case.preset_a
    return replace(grid, day=replace(grid.day, tariff_cny_per_kwh=price(grid.price_cny_per_kwh)))


def prices_upside_down(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    return with_dispatch(case, at_prices(case, lambda own: own.max() + own.min() - own).dispatch)


def prices_of_table_1(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    return replace(case, grid={FIRST: at_prices(case, lambda _: np.array(TABLE_1_CNY_PER_KWH))})


def the_same_price_all_day(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    return replace(case, grid={FIRST: at_prices(case, lambda own: np.full_like(own, own.mean()))})


def devices_stand_still(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    grid = case.preset_a
    flow = grid.bare
    idle = {name: 0 * values for name, values in grid.dispatch.setpoints.items()}
    bought = replace(grid.dispatch.cost, purchase_cny=grid.purchase_cny(flow), device_cny={})
    still = replace(
        grid.dispatch,
        setpoints=idle,
        purchase_kw=flow.slack_kw,
        voltage_pu=flow.voltage_pu,
        cost=bought,
    )
    return with_dispatch(case, still)


def no_storage_and_demand_response(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    return with_dispatch(case, case.preset_a.without_flexibility)


def no_storage(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    return with_dispatch(case, case.preset_a.without_storage)


def storage_does_both(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    dispatch = case.preset_a.dispatch
    both = {**dispatch.setpoints, "discharge_kw": dispatch.setpoints["charge_kw"]}
    return with_dispatch(case, replace(dispatch, setpoints=both))


def nobody_charges(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    load = case.preset_a.load
    return with_load(case, replace(load, station_kw=0 * load.station_kw))


def half_of_the_charging(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    load = case.preset_a.load
    return with_load(case, replace(load, station_kw=load.station_kw / 2))


def a_third_of_the_load(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    load = case.preset_a.load
    return with_load(case, replace(load, base_kw=load.base_kw / 3, base_kvar=load.base_kvar / 3))


def drivers_mind_the_price(_case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    one_start = 'coupling.starts=["tariff"]'
    settings = ["mobility.price_sensitivity=1", "population.estimate_diaries=1000", one_start]
    return reproduce(settings, variants=VARIANTS[:2])


def few_diaries(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    """The intervals of p_t are twice as wide, as those of a quarter of the diaries are."""
    day = case.roads.day
    charging = day.demand.charging
    share, low, high = charging.charging_share, charging.charging_share_low, charging.charging_share_high
    wide = replace(charging, charging_share_low=2 * low - share, charging_share_high=2 * high - share)
    roads = replace(case.roads, day=replace(day, demand=replace(day.demand, charging=wide)))
    return replace(case, roads=roads)


def five_paths_per_od(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    scenario = load_scenario("paper", ["road.paths_per_od=5"])
    day = replace(case.roads.day, paths=scenario.paths)
    return replace(case, roads=replace(case.roads, scenario=scenario, day=day))


def sure_drivers_on_empty_roads(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    """Theta is 25 times as large, and a fifth of the trips is made."""
    own = case.roads.problems[FIRST_PERIOD - 1]
    problem = replace(own, theta_per_min=25 * own.theta_per_min, demand_veh_h=own.demand_veh_h / 5)
    roads = replace(case.roads, day=replace(case.roads.day, periods=(solve_sue(problem),) * 24))
    vars(roads)["problems"] = (problem,) * FIRST_PERIOD
    return replace(case, roads=roads)


def a_fifth_of_the_trips(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    own = case.roads.problems[FIRST_PERIOD - 1]
    roads = replace(case.roads, warm_start=False)
    vars(roads)["problems"] = (replace(own, demand_veh_h=own.demand_veh_h / 5),) * FIRST_PERIOD
    return replace(case, roads=roads)


def cold_start(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    return replace(case, roads=replace(case.roads, warm_start=False))


def the_same_trips_all_day(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    roads = replace(case.roads)
    vars(roads)["problems"] = (case.roads.problems[FIRST_PERIOD - 1],) * 3
    return replace(case, roads=roads)


def counts_of_two_days(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    counts = [replace(own, flow_veh_h=own.flow_veh_h[:2]) for own in case.trips.counts[:5]]
    return replace(case, trips=with_trips(case, counts=tuple(counts)))


def least_squares_know_the_trips(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    found = 1.001 * case.trips.demand_veh_h[np.newaxis, :]
    return replace(case, trips=with_trips(case, estimates=case.trips.estimates, least_squares_veh_h=found))


def speeds_six_times_as_noisy(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    trips = with_trips(case, counts=case.trips.counts[:5])
    return replace(case, chain=ChainCase(trips, speed_error=6 * SPEED_ERROR))


def speeds_wrong_alike_on_all_days(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    chain = ChainCase(with_trips(case, counts=case.trips.counts[:5]))
    told = chain.speeds_km_h
    vars(chain)["speeds_km_h"] = np.repeat(told[:, :1], told.shape[1], axis=1)
    return replace(case, chain=chain)


def free_flow_at_20_km_h(case: Reproduction, patch: pytest.MonkeyPatch) -> Reproduction:
    patch.setattr(chain_case, "FREE_SPEED_KM_H", 20.0)
    return replace(case, chain=ChainCase(with_trips(case, counts=case.trips.counts[:5])))


def two_stations_exchanged(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    first, second, third = case.topology.scenario.stations
    stations = (
        replace(first, road_node=second.road_node),
        replace(second, road_node=first.road_node),
        third,
    )
    return replace(case, topology=TopologyCase(replace(case.topology.scenario, stations=stations)))


def capacities_one_percent_off(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    day = case.roads.day
    network = replace(day.paths.network, capacity_veh_h=1.01 * day.paths.network.capacity_veh_h)
    return replace(
        case, roads=replace(case.roads, day=replace(day, paths=replace(day.paths, network=network)))
    )


def roads_full_to_capacity(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    day = case.roads.day
    network = day.paths.network
    full = replace(
        day.periods[0],
        link_flow_veh_h=network.capacity_veh_h,
        link_time_min=np.where(network.is_charging, 0.0, network.t0_min * (1 + network.alpha)),
    )
    return replace(case, roads=replace(case.roads, day=replace(day, periods=(full,))))


def no_load_but_at_the_four_buses(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    grid = case.preset_a
    feeder = grid.feeder.feeder
    own = np.isin(np.arange(feeder.load_kw.size), [feeder.bus_index(bus) for bus in ("7", "8", "24", "25")])
    other = replace(grid.feeder, feeder=replace(feeder, load_kw=np.where(own, feeder.load_kw, 0.0)))
    scenario = replace(grid.scenario, feeders=(other,))
    return replace(case, grid={FIRST: replace(grid, scenario=scenario)})


def no_theta_is_small_or_large(case: Reproduction, patch: pytest.MonkeyPatch) -> Reproduction:
    patch.setattr(traffic, "LOW_THETA_FACTOR", 1.0)
    patch.setattr(traffic, "HIGH_THETA_FACTOR", 1.0)
    return case


def eq_8_with_the_term_it_lacks(case: Reproduction, patch: pytest.MonkeyPatch) -> Reproduction:
    right = traffic.sheffi_powell
    patch.setattr(traffic, "sheffi_powell", lambda *given: replace(right(*given), printed=right(*given).true))
    return case


def one_station_has_no_load(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    day = case.roads.day
    load_kw = day.load.load_kw * np.array([1.0, 0.0, 1.0])
    load = replace(day.load, load_kw=load_kw)
    return replace(case, roads=replace(case.roads, day=replace(day, load=load)))


PRICED = {
    "load-returns-when-energy-is-cheap",
    "load-returns-at-7-and-8",
    "storage-fills-when-energy-is-cheap",
}
TURNED_BY: dict[Change, set[str]] = {
    prices_upside_down: PRICED
    | {
        "taken-in-when-pv-and-wind-are-strong",
        "load-is-cut-in-the-evening",
        "load-returns-when-little-is-charged",
        "storage-empties-at-the-peak",
        "storage-lowers-the-purchase-at-the-peak",
        "storage-lifts-the-lowest-voltage",
        "peak-to-valley-is-less",
        "coordination-lowers-the-peak",
    },
    the_same_price_all_day: PRICED | {"evening-is-at-the-high-price"},
    prices_of_table_1: {"dynamic-tariff-is-table-1"},
    devices_stand_still: {
        "less-is-bought",
        "operation-costs-less",
        "storage-lowers-the-purchase-of-the-day",
    },
    no_storage_and_demand_response: {"coordination-costs-less", "more-pv-and-wind-is-used"},
    no_storage: {"storage-lowers-the-cost"},
    storage_does_both: {"storage-never-does-both"},
    nobody_charges: {"charging-stacks-on-the-peak", "charging-raises-the-bill"},
    a_third_of_the_load: {"voltage-falls-too-low", "charging-is-the-cause"},
    cold_start: {"two-steps-are-mostly-enough", "warm-start-is-faster"},
    the_same_trips_all_day: {"adjacent-periods-are-alike", "two-steps-are-always-enough"},
    counts_of_two_days: {"trips-found-from-counts"},
    least_squares_know_the_trips: {"likelihood-beats-least-squares"},
    capacities_one_percent_off: {"flow-from-exact-times"},
    no_theta_is_small_or_large: {
        "unfamiliar-drivers-spread-evenly",
        "familiar-drivers-find-the-cheapest-path",
    },
    eq_8_with_the_term_it_lacks: {"equilibrium-is-optimal-for-eq-8"},
    roads_full_to_capacity: {"flow-from-times-in-seconds"},
    no_load_but_at_the_four_buses: {"demand-responds-at-the-largest-loads"},
    one_station_has_no_load: {"every-station-is-used"},
    speeds_six_times_as_noisy: {
        "flows-follow-from-speeds",
        "theta-is-found",
        "trips-follow-from-flows",
        "assignment-has-the-flows",
        "assignment-has-the-speeds",
    },
    speeds_wrong_alike_on_all_days: {"noise-of-the-speeds-is-found"},
    free_flow_at_20_km_h: {"whole-km-h-are-enough"},
    two_stations_exchanged: {"nearest-bus-feeds-the-station"},
    half_of_the_charging: {"some-sigma-makes-18-to-22-high"},
    sure_drivers_on_empty_roads: {"not-all-on-the-cheapest-path", "all-paths-of-od-1-are-used"},
    five_paths_per_od: {"od-1-has-eight-paths"},
    few_diaries: {"charging-share-is-known"},
    a_fifth_of_the_trips: {"cold-start-needs-tens"},
    drivers_mind_the_price: {"tariff-moves-the-traffic"},
}


def has_turned(name: str, case: Reproduction) -> bool:
    return not all(own.as_recorded for own in EVIDENCE[name].judge(case))


@pytest.mark.parametrize(
    ("change", "names"), TURNED_BY.items(), ids=[change.__name__ for change in TURNED_BY]
)
def test_a_change_of_the_case_turns_its_statements(
    change: Change, names: set[str], case: Reproduction, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = change(case, monkeypatch)
    assert {name for name in names if not has_turned(name, other)} == set()


def test_every_statement_that_counts_as_evidence_is_turned_by_a_listed_change() -> None:
    assert set(EVIDENCE) == set().union(*TURNED_BY.values())
