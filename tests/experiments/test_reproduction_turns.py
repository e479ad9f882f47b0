"""Every statement that counts as evidence turns: a listed change of the case, or of its results, gives another verdict.

A statement turns if a judgement is no longer the recorded one; what can no longer be measured has turned, too.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from experiments.reproduce.cases import Reproduction, reproduce
from experiments.reproduce.grid_case import VARIANTS, GridCase
from experiments.reproduce.od_case import OdCase
from experiments.reproduce.statements import CHAPTERS, traffic
from experiments.reproduce.statements.shifting import TABLE_1_CNY_PER_KWH

FIRST = VARIANTS[0]
EVIDENCE = {own.id: own for chapter in CHAPTERS.values() for own in chapter if not own.claim.constraint}
Change = Callable[[Reproduction, pytest.MonkeyPatch], Reproduction]


@pytest.fixture(scope="module")
def case() -> Reproduction:
    """The case at preset A and the dynamic tariff."""
    return reproduce(variants=[FIRST])


def with_grid(case: Reproduction, **parts: object) -> Reproduction:
    """Return the case with parts of the feeder's day put in the place of what would be computed."""
    grid = replace(case.preset_a)
    vars(grid).update(parts)
    return replace(case, grid={FIRST: grid})


def at_prices(case: Reproduction, price: Callable[[np.ndarray], np.ndarray]) -> GridCase:
    """Return the feeder as it is dispatched at other prices."""
    grid = case.preset_a
    return replace(grid, day=replace(grid.day, tariff_cny_per_kwh=price(grid.price_cny_per_kwh)))


def prices_upside_down(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    return with_grid(case, dispatch=at_prices(case, lambda own: own.max() + own.min() - own).dispatch)


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
    return with_grid(case, dispatch=still)


def no_storage_and_demand_response(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    return with_grid(case, dispatch=case.preset_a.without_flexibility)


def no_storage(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    return with_grid(case, dispatch=case.preset_a.without_storage)


def storage_does_both(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    dispatch = case.preset_a.dispatch
    both = {**dispatch.setpoints, "discharge_kw": dispatch.setpoints["charge_kw"]}
    return with_grid(case, dispatch=replace(dispatch, setpoints=both))


def nobody_charges(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    load = case.preset_a.load
    return with_grid(case, load=replace(load, station_kw=0 * load.station_kw))


def a_third_of_the_load(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    load = case.preset_a.load
    return with_grid(case, load=replace(load, base_kw=load.base_kw / 3, base_kvar=load.base_kvar / 3))


def changed(*settings: str, variants: int = 1) -> Change:
    """Return the change of the scenario by these settings."""
    return lambda _case, _patch: reproduce(settings, variants=VARIANTS[:variants])


def cold_start(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    return replace(case, roads=replace(case.roads, warm_start=False))


def the_same_trips_all_day(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    roads = replace(case.roads)
    vars(roads)["problems"] = (case.roads.problems[16],) * 24
    return replace(case, roads=roads)


def counts_of_one_day(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    trips = OdCase(case.trips.scenario)
    vars(trips)["counts"] = tuple(
        replace(counts, flow_veh_h=counts.flow_veh_h[:2]) for counts in case.trips.counts
    )
    return replace(case, trips=trips)


def least_squares_know_the_trips(case: Reproduction, _: pytest.MonkeyPatch) -> Reproduction:
    trips = OdCase(case.trips.scenario)
    vars(trips)["least_squares_veh_h"] = 1.001 * case.trips.demand_veh_h[np.newaxis, :]
    return replace(case, trips=trips)


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
    counts_of_one_day: {"trips-found-from-counts"},
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
    changed("road.theta_per_min=5", "road.demand_scale=0.1"): {
        "not-all-on-the-cheapest-path",
        "all-paths-of-od-1-are-used",
    },
    changed("road.paths_per_od=5", "population.estimate_diaries=1000"): {
        "od-1-has-eight-paths",
        "charging-share-is-known",
    },
    changed("road.demand_scale=0.1"): {"cold-start-needs-tens"},
    changed("mobility.price_sensitivity=1", "population.estimate_diaries=5000", variants=2): {
        "tariff-moves-the-traffic"
    },
}


def has_turned(name: str, case: Reproduction) -> bool:
    return not all(own.as_recorded for own in EVIDENCE[name].judge(case))


@pytest.mark.parametrize(
    ("change", "names"), TURNED_BY.items(), ids=[getattr(change, "__name__", "") for change in TURNED_BY]
)
def test_a_change_of_the_case_turns_its_statements(
    change: Change, names: set[str], case: Reproduction, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = change(case, monkeypatch)
    assert {name for name in names if not has_turned(name, other)} == set()


def test_every_statement_that_counts_as_evidence_is_turned_by_a_listed_change() -> None:
    assert set().union(*TURNED_BY.values()) == set(EVIDENCE)
