"""What planned events leave open in each period, and who sets out there."""

from functools import cache
from typing import Any

import numpy as np
import pytest

from cosim.coupling import equilibrium_tables, solve_equilibrium_day
from cosim.coupling.day import RoadDay, road_day
from cosim.coupling.planned import open_in_periods
from cosim.road.latency import fit_davidson_j
from cosim.scenario import CAR, CHARGING, NOT_CHARGING, Scenario, load_scenario

NINE_TO_NOON = {"from": "09:00", "until": "12:00", "planned": True}
PERIOD = 3
"""Row of the period from 9 to 12."""
FEW = {"population.estimate_diaries": 1_000}


def toy(*events: dict[str, Any], **settings: Any) -> Scenario:
    return load_scenario("toy", {"events": list(events)} | FEW | settings)


def day(scenario: Scenario) -> RoadDay:
    return road_day(scenario, np.ones((scenario.periods.count, len(scenario.stations))))


@cache
def without_events() -> RoadDay:
    return day(toy())


def flow(day: RoadDay, link: str) -> Any:
    return day.link_flow_veh_h[:, day.paths.network.links.index(link)]


def test_a_closed_road_has_no_flow_and_all_its_demand_takes_the_other_path() -> None:
    solved = day(toy({"kind": "road", "name": "3", **NINE_TO_NOON}))
    total = sum(flow(without_events(), link) for link in ("1", "3"))
    assert flow(solved, "3")[PERIOD] == 0
    assert flow(solved, "1")[PERIOD] == pytest.approx(total[PERIOD])
    others = np.arange(8) != PERIOD
    assert flow(solved, "3")[others] == pytest.approx(flow(without_events(), "3")[others], rel=1e-4)
    assert all(period.converged for period in solved.periods)


def test_a_period_covered_in_part_has_the_mean_capacity_of_its_links_and_stations() -> None:
    scenario = toy(
        {"kind": "road", "name": "2", "from": "10:00", "until": "12:00", "planned": True},
        {"kind": "road", "name": "4", "from": "09:00", "until": "10:30", "capacity": 0.4, "planned": True},
        {"kind": "chargers", "name": "S", "from": "11:00", "until": "15:00", "chargers": 1, "planned": True},
        {"kind": "station", "name": "S", "from": "11:30", "until": "12:00", "planned": True},
        {"kind": "road", "name": "1", "from": "09:00", "until": "12:00"},  # sudden: no part of it
    )
    paths = scenario.with_session_energy(30.0)
    period = open_in_periods(scenario, paths)[PERIOD]
    assert period.capacity_share == pytest.approx([1, 1 / 3, 1, 0.7, (2 + 0.5 * 0.5) / 3])
    assert period.paths.network.capacity_veh_h == pytest.approx([100, 100 / 3, 100, 70, 4 * 0.75])
    assert period.is_open.all()
    assert period.paths.network.davidson_j[4] == fit_davidson_j(2)


def test_a_station_with_fewer_chargers_serves_no_more_than_these_can() -> None:
    one_left = {"kind": "chargers", "name": "S", "chargers": 1, **NINE_TO_NOON}
    solved = day(toy(one_left, **{"road.demand_scale": 3.0}))
    assert solved.load.load_kw[PERIOD] == pytest.approx(60)
    assert solved.load.load_kw[PERIOD - 1] > 60


def test_who_would_charge_where_no_station_is_open_makes_the_trip_without() -> None:
    solved = day(toy({"kind": "station", "name": "S", **NINE_TO_NOON}))
    demand = solved.demand.group_veh_h[PERIOD]
    sets_out = solved.open[PERIOD].demand_veh_h(demand)
    assert demand[CHARGING] > 0
    assert sets_out.tolist() == [demand[CAR], demand[NOT_CHARGING] + demand[CHARGING], 0.0]
    assert all(there.stays_veh_h(demand) == 0 for there in solved.open), "nothing is told of nothing"
    assert flow(solved, "S")[PERIOD] == solved.load.load_kw[PERIOD, 0] == 0
    assert flow(solved, "1")[PERIOD] + flow(solved, "3")[PERIOD] == pytest.approx(demand.sum())


def test_who_has_no_open_path_does_not_set_out_and_is_told() -> None:
    scenario = toy({"kind": "road", "links": ["1", "3"], **NINE_TO_NOON})
    solved = solve_equilibrium_day(scenario)
    tables = equilibrium_tables(scenario, solved)
    told = tables["violations"].query("kind == 'no_path'")
    assert told.period.tolist() == [PERIOD + 1]
    assert told.amount.tolist() == pytest.approx([solved.demand.group_veh_h[PERIOD].sum()])
    assert (solved.link_flow_veh_h[PERIOD] == 0).all()
    links = tables["links"].query(f"period == {PERIOD + 1}").set_index("link")
    assert links.capacity_veh_h.tolist() == pytest.approx([0, 100, 0, 100, links.capacity_veh_h["S"]])


@pytest.mark.parametrize("method", ["sra", "msa"])
def test_averages_find_the_flows_of_newton_with_a_road_that_closes_and_opens(method: str) -> None:
    events = [{"kind": "road", "name": "3", **NINE_TO_NOON}, {"kind": "station", "name": "S", **NINE_TO_NOON}]
    exact = day(toy(*events))
    loose = {"road.assignment.method": method, "road.assignment.tolerance": 1e-3}
    averaged = day(toy(*events, **loose))
    assert averaged.link_flow_veh_h == pytest.approx(exact.link_flow_veh_h, abs=0.2)
    assert flow(averaged, "3")[PERIOD] == 0
