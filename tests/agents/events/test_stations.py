"""A station, or some of its chargers, fails: who loses a place, what drivers do, and that nothing is lost or untold."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from agents.checkpoint import load_boundary, save_boundary
from agents.days import simulate_days
from agents.model import CoSimModel
from cosim.arrays import Frame
from cosim.coupling import day_ahead, solve_equilibrium_day
from cosim.scenario import DayAhead, load_scenario
from tests.agents.two_stations import TWO_STATIONS, plain_day_ahead, toy_with_links

CLOSED = {"kind": "station", "name": "S", "from": "08:00", "until": "09:00"}
Simulated = Callable[..., dict[str, Frame]]
EIGHT_S, NINE_S = 8 * 3600, 9 * 3600


@pytest.fixture(scope="module")
def ahead() -> DayAhead:
    """Return the day ahead of a toy with long queues."""
    scenario = load_scenario("toy", {"population.evs": 1200})
    return day_ahead(scenario, solve_equilibrium_day(scenario))


@pytest.fixture(scope="module")
def simulated(ahead: DayAhead) -> Simulated:
    """Return what gives the agents' tables with events and other settings."""

    @cache
    def tables(key: str) -> dict[str, Frame]:
        own = {"population.evs": 1200, "population.resolution": "batch"} | json.loads(key)
        return CoSimModel(load_scenario("toy", own), ahead, seed=1).simulate()

    return lambda *events, **settings: tables(json.dumps({"events": events} | settings))


def told(tables: dict[str, Frame], event: int = 1) -> dict[str, float]:
    rows = tables["events"].query(f"event == {event} and day == 1")
    return dict(zip(rows.effect, rows.amount, strict=True))


def test_a_closed_station_delivers_nothing_and_all_it_delivers_reaches_the_feeder(
    simulated: Simulated,
) -> None:
    tables = simulated(CLOSED)
    sessions = tables["sessions"].query("day == 1")
    assert ((sessions.end_s <= EIGHT_S) | (sessions.start_s >= NINE_S)).all()
    cut = sessions[sessions.end_s == EIGHT_S]
    assert (cut.soc_end < 0.8).sum() == told(tables)["sessions ended"] == 2
    own = cut[cut.soc_end < 0.8]
    assert own.energy_kwh.to_numpy() == pytest.approx(
        60 * (own.end_s - own.start_s) / 3600
    )  # 60 kW to the end
    by_period = tables["sessions"].energy_kwh.sum(), tables["stations"].energy_kwh.sum()
    assert by_period[0] == pytest.approx(by_period[1], rel=1e-12)
    on_the_bus = tables["buses"].query("bus == '4'").station_kw.sum() * 3
    assert on_the_bus == pytest.approx(by_period[0], rel=1e-12)
    assert "violations" not in tables  # where a broken invariant would be


def test_no_vehicle_is_lost_and_those_turned_away_are_told(simulated: Simulated) -> None:
    """Who decides anew either goes on, or waits: there is one station."""
    tables = simulated(CLOSED)
    effects, trips = told(tables), tables["trips"]
    assert effects["vehicles that decide anew"] == effects.get("go on as they are", 0) + effects.get(
        "wait until it opens", 0
    )
    assert effects["vehicles that decide anew"] > effects["sessions ended"]
    assert trips.status.isin(["arrived", "stranded"]).all()
    without = simulated()["trips"]
    ended_early = {*trips[trips.status != "arrived"].ev, *without[without.status != "arrived"].ev}
    made, planned = (
        table[~table.ev.isin(ended_early)].groupby("ev").trip.max() for table in (trips, without)
    )
    assert made.size > 800
    assert made.equals(planned)


def test_a_station_closed_all_day_charges_nobody_and_who_cannot_go_without_is_stranded_or_waits(
    simulated: Simulated,
) -> None:
    weak = {"mobility.battery_kwh": 9.0, "mobility.soc_reserve": 0.0, "messages.loss_probability": 0.9}
    tables = simulated({**CLOSED, "from": "00:00", "until": "24:00"}, **weak)
    assert tables["stations"].energy_kwh.sum() == 0
    assert set(tables["trips"].status) == {"arrived", "stranded", "on_the_way"}
    (sentence,) = tables["violations"].query("kind == 'on_the_way'").sentence
    assert sentence.startswith(f"{(tables['trips'].status == 'on_the_way').sum()} EVs have not arrived")
    assert told(tables)["trips stranded meanwhile"] > 0


def test_no_more_vehicles_charge_than_chargers_are_in_service(simulated: Simulated) -> None:
    event = {"kind": "chargers", "name": "S", "from": "17:00:30", "until": "20:00", "chargers": 1}
    tables = simulated(event)
    sessions = tables["sessions"].query("day == 1")
    start_s, end_s = 17 * 3600 + 30, 20 * 3600
    for second in range(start_s, end_s, 60):
        assert ((sessions.start_s <= second) & (second < sessions.end_s)).sum() <= 1
    assert ((sessions.start_s <= end_s + 60) & (end_s + 60 < sessions.end_s)).sum() == 2
    (ended,) = sessions[(sessions.end_s == start_s) & (sessions.soc_end < 0.8)].itertuples()
    others = sessions[(sessions.start_s < start_s) & (sessions.end_s > start_s)]
    assert (ended.start_s <= others.start_s).all()  # the one in use longest is lost


def test_of_two_events_of_a_station_the_worse_holds(simulated: Simulated) -> None:
    fewer = {"kind": "chargers", "name": "S", "from": "07:00", "until": "10:00", "chargers": 1}
    sessions = simulated(fewer, CLOSED)["sessions"].query("day == 1")
    assert ((sessions.end_s <= EIGHT_S) | (sessions.start_s >= NINE_S)).all()
    assert told(simulated(fewer, CLOSED), event=2)["sessions ended"] <= 1


def test_drivers_are_told_as_the_next_period_opens_and_choose_no_closed_station(simulated: Simulated) -> None:
    """The toy's periods begin at 06:00 and 09:00."""
    tables = simulated({**CLOSED, "until": "13:00"})
    trips = tables["trips"].query("day == 1 and status == 'arrived'")
    hour = trips.departure_s / 3600
    assert (trips[(hour >= 9) & (hour < 12)].user_class == "not_charging").all()
    assert (trips[(hour >= 8) & (hour < 9)].user_class == "charging").any()
    assert (trips[hour >= 15].user_class == "charging").any()
    opened = tables["messages"].query("kind == 'PeriodOpened' and day == 1 and period in (4, 5)")
    assert opened.content.str.contains("null").all()
    kinds = tables["messages"].query("day == 1 and kind in ('FaultReported', 'FaultCleared')")
    assert kinds[["kind", "sent_s"]].to_numpy().tolist() == [
        ["FaultReported", EIGHT_S],
        ["FaultReported", NINE_S],
        ["FaultReported", 12 * 3600],
        ["FaultCleared", 13 * 3600],
    ]


def test_drivers_who_are_not_told_learn_it_on_the_spot(simulated: Simulated) -> None:
    event = {**CLOSED, "until": "13:00"}
    mute = {"messages.loss_probability": 0.999}
    told_all, told_none = (told(simulated(event, **own)) for own in ({}, mute))
    assert told_none["vehicles that decide anew"] > 1.5 * told_all["vehicles that decide anew"]


def test_vehicles_that_wait_plug_in_as_the_station_opens_again(simulated: Simulated) -> None:
    weak = {"mobility.battery_kwh": 9.0, "mobility.soc_reserve": 0.0}
    tables = simulated({**CLOSED, "from": "06:00", "until": "15:00:07"}, **weak)
    assert told(tables)["wait until it opens"] >= 2
    assert (tables["sessions"].start_s == 15 * 3600 + 7).sum() == 2


def test_who_is_turned_away_goes_to_the_open_station_it_can_reach(tmp_path: Path) -> None:
    """With links between the stations, and batteries that do not last without a charge."""
    file = toy_with_links(tmp_path, "5,2,3,4.0,1500,0.15,4\n6,3,2,4.0,1500,0.15,4\n")
    event = 'events=[{kind="station", name="S", from="06:00", until="21:00"}]'
    settings = [TWO_STATIONS, event, "population.evs=300"]
    weak = ["mobility.battery_kwh=12.0", "messages.loss_probability=0.999", "population.resolution=batch"]
    scenario = load_scenario(file, [*settings, *weak])
    tables = CoSimModel(scenario, plain_day_ahead(scenario, n_ev=300), seed=1).simulate()
    went = told(tables)["go to station R"]
    assert went > 5
    sessions = tables["sessions"].merge(tables["trips"], on=["ev", "trip"])
    moved = sessions[(sessions.station_x == "R") & (sessions.station_y == "R")]
    assert len(moved) >= went
    trips = tables["trips"].query("station == 'S' and user_class == 'charging' and status == 'arrived'")
    on_its_way = trips[(trips.fast_charge_kwh == 0) & (trips.departure_s > 6 * 3600)]
    assert (on_its_way.soc_arrival >= scenario.behaviour.soc_reserve).all()  # who went on without a charge
    over_s = scenario.paths.station[moved.path] == 0  # chose a pair with S
    assert over_s.sum() == went


def test_an_event_over_midnight_goes_on_after_a_checkpoint(tmp_path: Path) -> None:
    events = [
        {"kind": "station", "name": "S", "from": "20:00", "day": 1},
        {"kind": "station", "name": "S", "from": "00:00", "until": "07:00", "day": 2},
    ]
    weak = {"mobility.battery_kwh": 9.0, "mobility.soc_reserve": 0.0, "population.soc": "carried"}
    own = {"events": events, "days": 2, "population.evs": 200}
    scenario = load_scenario("toy", own | weak)
    night = day_ahead(scenario, solve_equilibrium_day(scenario))
    first, second = list(simulate_days(scenario, night, seed=1))
    save_boundary(tmp_path / "night.npz", first.boundary)
    (again,) = simulate_days(scenario, night, seed=1, start=load_boundary(tmp_path / "night.npz"))
    for name, table in second.tables.items():
        assert table.equals(again.tables[name]), name
    sessions = second.tables["sessions"]
    assert sessions[sessions.start_s >= 86_400].start_s.min() >= 86_400 + 7 * 3600
    assert np.isin([1, 2], first.tables["events"].event).tolist() == [True, False]
