"""What must hold on any day of the agents, whatever they decide."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agents.model import CoSimModel
from agents.plans import plan_day
from cosim.arrays import Frame
from cosim.config import ScenarioConfig
from cosim.coupling import day_ahead, solve_equilibrium_day
from cosim.scenario import DayAhead, Scenario, load_scenario

Tables = Mapping[str, Frame]


def with_messages(scenario: Scenario, **rules: Any) -> Scenario:
    """Return the scenario with other rules for the mail."""
    tables = scenario.config.model_dump()
    tables["messages"] |= rules
    return replace(scenario, config=ScenarioConfig.model_validate(tables))


@pytest.fixture(params=["toy", "paper"])
def day(request: pytest.FixtureRequest) -> tuple[Scenario, DayAhead, Tables]:
    name = request.param
    return tuple(request.getfixturevalue(f"{name}{part}") for part in ("", "_ahead", "_tables"))


def test_energy_of_sessions_is_what_stations_drew_and_what_the_feeder_saw(
    day: tuple[Scenario, DayAhead, Tables],
) -> None:
    scenario, _, tables = day
    sessions = tables["sessions"].energy_kwh.sum()
    assert tables["stations"].energy_kwh.sum() == pytest.approx(sessions, rel=1e-9)
    assert tables["trips"].fast_charge_kwh.sum() == pytest.approx(sessions, rel=1e-9)
    seen = tables["buses"].station_kw.sum() * scenario.periods.hours
    assert seen == pytest.approx(sessions, rel=1e-9)


def test_the_ac_power_flow_balances_with_the_load_that_came(day: tuple[Scenario, DayAhead, Tables]) -> None:
    _, _, tables = day
    keys = ["day", "period", "feeder"]
    load = tables["buses"].groupby(keys)[["load_kw", "station_kw"]].sum().sum(axis=1)
    devices = tables["devices"].groupby(keys).p_kw.sum()
    dispatch = tables["dispatch"].set_index(keys)
    surplus = dispatch.purchase_kw + devices - load - dispatch.losses_kw
    assert surplus.to_numpy() == pytest.approx(0, abs=1e-4)


def test_the_load_that_came_is_not_the_load_that_was_planned(day: tuple[Scenario, DayAhead, Tables]) -> None:
    _, _, tables = day
    difference = tables["dispatch"].purchase_kw - tables["dispatch"].purchase_planned_kw
    assert difference.abs().max() > 1.0


def test_every_trip_that_was_planned_departs_and_arrives(day: tuple[Scenario, DayAhead, Tables]) -> None:
    scenario, ahead, tables = day
    trips = tables["trips"]
    plans = plan_day(scenario, ahead.n_ev, seed=1).trips
    planned = set(zip(plans.ev.tolist(), plans.trip.tolist(), strict=True))
    stranded = set(trips[trips.status == "stranded"].ev)
    told = set(zip(trips.ev, trips.trip, strict=True))
    assert told <= planned
    assert {ev for ev, _ in planned - told} <= stranded
    assert set(trips.status) <= {"arrived", "stranded"}
    made = trips[trips.status == "arrived"]
    assert (made.arrival_s > made.departure_s).all()
    paths = tables["paths"]
    evs = paths[paths.user_class != "car"].flow_veh_h.sum() * scenario.periods.hours
    assert evs == pytest.approx(len(made))
    assert len(tables["sessions"]) == (made.user_class == "charging").sum()
    spent_s = 60 * (made.drive_min + made.wait_min + made.charge_min)
    assert (made.arrival_s - made.departure_s).to_numpy() == pytest.approx(spent_s.to_numpy())
    assert trips.ev.max() <= ahead.n_ev


def test_an_ev_makes_one_trip_at_a_time(day: tuple[Scenario, DayAhead, Tables]) -> None:
    _, _, tables = day
    for _, trips in tables["trips"].groupby("ev"):
        assert (trips.departure_s.to_numpy()[1:] >= trips.arrival_s.to_numpy()[:-1]).all()
        assert trips.trip.tolist() == list(range(1, len(trips) + 1))


def test_the_state_of_charge_stays_between_empty_and_full_and_adds_up(
    day: tuple[Scenario, DayAhead, Tables],
) -> None:
    scenario, _, tables = day
    trips, battery = tables["trips"], scenario.battery
    soc = trips[["soc_departure", "soc_arrival"]].to_numpy()
    assert ((soc >= 0) & (soc <= 1)).all()
    gained = (trips.fast_charge_kwh * battery.charging_efficiency - trips.drive_kwh) / battery.battery_kwh
    assert (trips.soc_departure + gained).to_numpy() == pytest.approx(trips.soc_arrival.to_numpy(), abs=1e-9)
    before = trips.groupby("ev").soc_arrival.shift()
    slow = before + trips.slow_charge_kwh * battery.charging_efficiency / battery.battery_kwh
    parked = before.notna()
    assert slow[parked].to_numpy() == pytest.approx(trips.soc_departure[parked].to_numpy(), abs=1e-9)


def test_no_station_serves_more_vehicles_than_it_has_chargers(day: tuple[Scenario, DayAhead, Tables]) -> None:
    scenario, _, tables = day
    for station in scenario.stations:
        here = tables["sessions"].query("station == @station.name")
        for now_s in here.start_s:
            assert ((here.start_s <= now_s) & (here.end_s > now_s)).sum() <= station.chargers
        load = tables["stations"].query("station == @station.name")
        assert (load.load_kw <= load.limit_kw + 1e-9).all()


def test_queues_are_first_come_first_served(day: tuple[Scenario, DayAhead, Tables]) -> None:
    _, _, tables = day
    for _, here in tables["sessions"].groupby("station"):
        in_order = here.sort_values(["arrival_s", "ev"])
        assert in_order.start_s.is_monotonic_increasing


def test_every_link_carries_the_vehicles_of_its_paths_into_and_out_of_each_node(
    day: tuple[Scenario, DayAhead, Tables],
) -> None:
    scenario, _, tables = day
    links, paths = tables["links"].query("kind == 'road'"), tables["paths"]
    keys = ["day", "period"]
    for node in scenario.network.nodes:
        entering = links[links.to_node == node].groupby(keys).flow_veh_h.sum()
        leaving = links[links.from_node == node].groupby(keys).flow_veh_h.sum()
        starting = paths[paths.origin == node].groupby(keys).flow_veh_h.sum()
        ending = paths[paths.destination == node].groupby(keys).flow_veh_h.sum()
        balance = entering.add(starting, fill_value=0).sub(leaving, fill_value=0).sub(ending, fill_value=0)
        assert np.abs(balance).max() < 1e-9


def test_evs_enter_as_many_links_in_the_traversal_column_as_in_the_departure_column(
    day: tuple[Scenario, DayAhead, Tables],
) -> None:
    _, _, tables = day
    links = tables["links"]
    by_departure = links.ev_not_charging_veh_h.sum() + links.ev_charging_veh_h.sum()
    late = (
        tables["trips"].arrival_s.max() // 86_400
    )  # links entered after the last period are not in the table
    assert links.ev_traversal_veh_h.sum() == pytest.approx(by_departure, rel=1e-9 if not late else 0.01)


def test_an_ev_enters_each_link_of_its_path_when_it_gets_there(
    day: tuple[Scenario, DayAhead, Tables],
) -> None:
    """Counted EV by EV: who charges on the way enters the links after the station later by wait and charge."""
    scenario, ahead, tables = day
    seconds, network, paths = scenario.periods.seconds, ahead.paths.network, ahead.paths
    links = tables["links"]
    shape = (-1, len(network.links))
    time_min = links.effective_min.to_numpy().reshape(shape)
    entered = np.zeros((len(time_min) + 2, shape[1]))
    moved_by_the_charge = 0
    for trip in tables["trips"].itertuples():
        departed, passed_s, at_station_s = trip.departure_s // seconds, 0.0, 0.0
        for link in paths.links[paths.indptr[trip.path] : paths.indptr[trip.path + 1]]:
            now_s = trip.departure_s + passed_s + at_station_s
            entered[int(now_s // seconds), link] += 1
            moved_by_the_charge += (now_s - at_station_s) // seconds != now_s // seconds
            if network.is_charging[link]:
                at_station_s = 60 * (trip.wait_min + trip.charge_min)
            else:
                passed_s += 60 * time_min[departed, link]
    told = links.ev_traversal_veh_h.to_numpy().reshape(shape) * scenario.periods.hours
    assert moved_by_the_charge > 5
    assert told == pytest.approx(entered[: len(told)])


def test_the_same_seed_gives_the_same_tables_and_another_seed_other_trips(
    toy: Scenario, toy_ahead: DayAhead, toy_tables: Tables
) -> None:
    again = CoSimModel(toy, toy_ahead, seed=1).simulate()
    assert again.keys() == toy_tables.keys()
    for name, frame in again.items():
        assert frame.equals(toy_tables[name]), name
    other = CoSimModel(toy, toy_ahead, seed=2).simulate()
    assert other["trips"].columns.equals(toy_tables["trips"].columns)
    assert not other["trips"].equals(toy_tables["trips"])


def test_lost_and_late_messages_lose_information_and_nothing_else(toy: Scenario, toy_ahead: DayAhead) -> None:
    deaf = with_messages(toy, loss_probability=0.5, delay_s=45)
    tables = CoSimModel(deaf, toy_ahead, seed=1).simulate()
    assert tables["messages"].lost.sum() > 100
    sessions = tables["sessions"].energy_kwh.sum()
    assert tables["stations"].energy_kwh.sum() == pytest.approx(sessions, rel=1e-9)
    assert tables["buses"].station_kw.sum() * toy.periods.hours == pytest.approx(sessions, rel=1e-9)
    assert (tables["trips"].status == "arrived").all()
    assert len(tables["dispatch"]) == len(tables["dispatch"].drop_duplicates(["day", "period"]))


def test_a_day_that_cannot_charge_its_vehicles_ends_and_says_who_is_still_out(toy: Scenario) -> None:
    weak = load_scenario(toy.folder / "toy.toml", ["grid.base_kv=1.0"])
    tables = CoSimModel(weak, day_ahead(weak, solve_equilibrium_day(weak)), seed=1).simulate()
    out = tables["trips"].query("status == 'on_the_way'")
    assert len(out) > 0
    assert (out.user_class == "charging").all()
    assert (tables["violations"].kind == "on_the_way").sum() == 1
    sessions = tables["sessions"].energy_kwh.sum()
    assert tables["stations"].energy_kwh.sum() == pytest.approx(sessions, rel=1e-9, abs=1e-9)
    assert tables["stations"].day.max() == 2


def test_limits_are_obeyed_in_their_period_even_when_the_mail_is_slow(toy: Scenario) -> None:
    changes = ["grid.slack_voltage_pu=0.953", "grid.elastic.voltage_cny_per_pu2_h=1e6", "messages.delay_s=1"]
    weak = load_scenario(toy.folder / "toy.toml", changes)
    tables = CoSimModel(weak, day_ahead(weak, solve_equilibrium_day(weak)), seed=1).simulate()
    stations = tables["stations"].set_index(["day", "period"])
    limits = tables["messages"].query("kind == 'PowerLimit'")
    assert len(limits) > 0
    for row in limits.itertuples():
        ordered_kw = json.loads(row.content)["limit_kw"]
        drawn = stations.loc[(row.day, row.period)]
        assert drawn.limit_kw == pytest.approx(ordered_kw)
        # before the order arrives, some seconds at full power
        assert drawn.load_kw <= ordered_kw + 120 * 5 / weak.periods.seconds


def test_drivers_told_last_periods_costs_are_told_what_was_measured(toy: Scenario) -> None:
    tables = toy.config.model_dump()
    tables["population"]["information"] = "last_period"
    told = replace(toy, config=ScenarioConfig.model_validate(tables))
    links = CoSimModel(told, day_ahead(told, solve_equilibrium_day(told)), seed=1).simulate()["links"]
    first = links.query("day == 1 and period == 1")
    network = toy.network
    assert first.announced_min.to_numpy()[:4] == pytest.approx(network.t0_min[:4])
    roads = links[(links.day == 1) & (links.kind == "road")]
    shift = roads.pivot_table(index="period", columns="link", values=["announced_min", "time_min"])
    # trips are much shorter than a period, so nearly all trips of a period are reported by its end
    assert shift["announced_min"].to_numpy()[1:] == pytest.approx(shift["time_min"].to_numpy()[:-1], rel=0.02)
