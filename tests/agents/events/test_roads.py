"""A road is closed, or has less capacity: vehicles under way drive around it, others do not choose it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.checkpoint import load_boundary, save_boundary
from agents.days import simulate_days
from agents.model import CoSimModel
from cosim.arrays import Frame
from cosim.scenario import Scenario, load_scenario
from tests.agents.two_stations import plain_day_ahead, toy_with_links

NOON_S, ONE_S = 12 * 3600, 13 * 3600
CLOSED = {"kind": "road", "from": "12:00", "until": "13:00"}
Build = Callable[..., Scenario]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Return what builds the toy with the shortcut and stations S at node 2 and R at node 3, without its feeder."""
    file = toy_with_links(tmp_path)
    two = [
        {"name": "S", "road_node": 2, "bus": 4, "chargers": 2, "charger_kw": 60.0},
        {"name": "R", "road_node": 3, "bus": 4, "chargers": 2, "charger_kw": 60.0},
    ]

    def built(*events: dict[str, Any], **settings: Any) -> Scenario:
        own = {"stations": two, "events": list(events), "population.resolution": "batch"} | settings
        return replace(load_scenario(file, own), feeders=())

    return built


def tables_of(scenario: Scenario, n_ev: int = 1500) -> dict[str, Frame]:
    return CoSimModel(scenario, plain_day_ahead(scenario, n_ev), seed=1).simulate()


def told(tables: dict[str, Frame], event: int = 1, day: int = 1) -> dict[str, float]:
    rows = tables["events"].query(f"event == {event} and day == {day}")
    return dict(zip(rows.effect, rows.amount, strict=True))


def trips_by(tables: dict[str, Frame], nodes: str) -> Frame:
    """Return the trips without a charge that chose a path."""
    paths = tables["paths"].query("period == 1 and day == 1")
    chosen = paths.path[paths.nodes == nodes]
    trips = tables["trips"]
    return trips[trips.path.isin(chosen) & (trips.user_class == "not_charging")]


def test_vehicles_finish_the_link_they_are_on_and_drive_around_what_is_closed(build: Build) -> None:
    """On 1-2-4 link 2 takes the second 6 min of 12; around it 2-3-4 takes 1 + 6 min."""
    tables = tables_of(build({**CLOSED, "name": "2"}))
    trips = trips_by(tables, "1-2-4")
    departure_s, drive_min = trips.departure_s, trips.drive_min
    on_link_1 = (departure_s > NOON_S - 360) & (departure_s < NOON_S)
    assert on_link_1.sum() > 3
    assert set(drive_min[on_link_1]) == {13.0}
    assert set(drive_min[~on_link_1]) == {12.0}
    assert told(tables)["vehicles that take another way"] >= on_link_1.sum()
    assert not ((departure_s >= NOON_S) & (departure_s < ONE_S)).any(), "it is not chosen while it is closed"
    assert (departure_s >= ONE_S).any()
    assert "violations" not in tables


def test_a_vehicle_without_an_open_way_waits_at_the_next_node_until_there_is_one(build: Build) -> None:
    tables = tables_of(build({**CLOSED, "links": ["2", "5"]}))
    trips = trips_by(tables, "1-2-4")
    on_link_1 = (trips.departure_s > NOON_S - 360) & (trips.departure_s < NOON_S)
    assert on_link_1.sum() > 3
    assert set(trips.arrival_s[on_link_1]) == {ONE_S + 360}
    assert told(tables)["vehicles that wait for a road to open"] >= on_link_1.sum()


def test_who_leaves_a_station_drives_around_what_has_been_closed_meanwhile(build: Build) -> None:
    tables = tables_of(build({**CLOSED, "name": "2"}))
    charged = tables["trips"].query("status == 'arrived' and station == 'S'")
    left_s = charged.arrival_s - 60 * (charged.drive_min - 6)
    meanwhile = (left_s >= NOON_S) & (left_s < ONE_S) & (charged.departure_s < NOON_S)
    assert meanwhile.any()
    assert set(charged.drive_min[meanwhile]) == {13.0}


def test_nobody_sets_out_where_every_path_is_closed_and_the_cars_are_told(build: Build) -> None:
    scenario = build({**CLOSED, "links": ["1", "3"]})
    ahead = plain_day_ahead(scenario, 1500)
    cars = ahead.paths.class_of_group[ahead.paths.groups.group_of_path] == 0
    ahead.car_path_veh_h[:, cars] = 50.0
    tables = CoSimModel(scenario, ahead, seed=1).simulate()
    stranded = tables["trips"].query("status == 'stranded'")
    meanwhile = (stranded.departure_s >= NOON_S) & (stranded.departure_s < ONE_S)
    assert told(tables)["trips stranded meanwhile"] == meanwhile.sum() > 3
    assert told(tables)["cars without a path"] == pytest.approx(50.0)  # one OD, one hour
    by_period = tables["links"].query("link in ['1', '3'] and day == 1").groupby("period").car_veh_h.sum()
    assert by_period[5] == pytest.approx(50 * 2 / 3)  # open in two of its three hours
    assert by_period[4] == pytest.approx(50)


def test_less_capacity_lengthens_the_trips_that_set_out_meanwhile(build: Build) -> None:
    """On the path over node 3 a delay of 3 min at full capacity is one of 3 (1 / 0.5)^4 min at half of it."""
    scenario = build({**CLOSED, "name": "3", "capacity": 0.5})
    ahead = plain_day_ahead(scenario, 1500)
    ahead.link_time_min[:, ahead.paths.network.links.index("3")] = 9.0
    trips = trips_by(CoSimModel(scenario, ahead, seed=1).simulate(), "1-3-4")
    second = trips.departure_s % 86_400  # some set out on the day after
    meanwhile = (second >= NOON_S) & (second < ONE_S)
    assert set(trips.drive_min[meanwhile]) == {6 + 3 * 2**4 + 6.0}
    assert set(trips.drive_min[~meanwhile]) == {15.0}


def test_both_resolutions_agree_over_midnight_and_from_a_checkpoint(build: Build, tmp_path: Path) -> None:
    events = [
        {**CLOSED, "from_node": 1, "to_node": 3, "from": "16:00", "until": "18:10"},
        {**CLOSED, "links": ["2", "5"], "from": "17:55:20", "until": "24:00", "day": 1},
        {**CLOSED, "links": ["2", "4"], "from": "00:00", "until": "03:00", "day": 2},
        {"kind": "station", "name": "S", "from": "17:10", "until": "18:00"},
    ]
    own = {"days": 2, "mobility.battery_kwh": 12.0, "population.information": "last_period"}
    fleet = build(*events, **own)
    ahead = plain_day_ahead(fleet, 100, days=2)
    first, second = simulate_days(fleet, ahead, seed=1)
    one, two = simulate_days(build(*events, **own, **{"population.resolution": "individual"}), ahead, seed=1)
    assert first.boundary is not None
    assert first.boundary.drives, "vehicles are on other ways as the day ends"
    save_boundary(tmp_path / "boundary", first.boundary)
    (again,) = simulate_days(fleet, ahead, seed=1, start=load_boundary(tmp_path / "boundary"))
    for left, right in ((first, one), (second, two), (second, again)):
        for name in left.tables.keys() - {"messages"}:
            assert left.tables[name].equals(right.tables[name]), name
    kinds = [table["violations"].kind for table in (first.tables, second.tables) if "violations" in table]
    assert not any(kind.str.startswith("invariant").any() for kind in kinds)


def test_a_closing_is_reported_to_the_coordinator_and_again_when_it_ends(build: Build) -> None:
    messages = tables_of(build({**CLOSED, "name": "2"}), n_ev=1)["messages"]
    reports = messages[messages.sender == "road 2"].query("day == 1")
    assert reports.kind.tolist() == ["FaultReported", "FaultCleared"]
    assert reports.sent_s.tolist() == [NOON_S, ONE_S]


def test_links_have_the_capacity_that_the_events_leave_them(build: Build) -> None:
    links = tables_of(
        build({**CLOSED, "name": "2"}, {**CLOSED, "name": "3", "from": "09:00", "until": "15:00"}), 1
    )
    capacity = links["links"].query("day == 1").set_index(["link", "period"]).capacity_veh_h
    assert capacity["2"].tolist()[3:6] == pytest.approx([100, 200 / 3, 100])
    assert capacity["3"].tolist()[2:6] == pytest.approx([100, 0, 0, 100])
    assert np.isfinite(links["links"].effective_min).all()
