"""The tables of several days: what outlasts midnight is apart, and what shares a key joins."""

from dataclasses import replace

import pytest

from agents.days import simulate_days
from agents.model import CoSimModel
from cosim.periods import SECONDS_PER_DAY
from cosim.scenario import DayAhead, Scenario, load_scenario
from cosim.tables import AFTER_MIDNIGHT, OUTLASTING
from experiments.run.many_days import joined, recorded, with_carry_over


def test_a_run_of_one_day_holds_what_the_model_simulates_with_what_outlasts_midnight_apart(
    toy: Scenario, toy_ahead: DayAhead
) -> None:
    (alone,) = simulate_days(toy, toy_ahead, seed=1)
    tables = CoSimModel(toy, toy_ahead, seed=1).simulate()
    assert all((alone.tables[name].day == 1).all() for name in OUTLASTING)
    assert alone.tables.keys() - tables.keys() >= {f"dispatch{AFTER_MIDNIGHT}", f"stations{AFTER_MIDNIGHT}"}
    whole = {name: with_carry_over(recorded(alone.tables), name) for name in tables}
    assert all(whole[name].equals(tables[name]) for name in tables)

    feeder = ["day", "period", "feeder"]
    loads_kw = whole["stations"].groupby([*feeder, "bus"]).load_kw.sum()
    buses = whole["buses"].set_index([*feeder, "bus"])
    assert buses.station_kw[loads_kw.index].to_numpy() == pytest.approx(loads_kw.to_numpy(), abs=1e-9)
    assert len(whole["buses"].merge(whole["dispatch"], on=feeder, validate="m:1")) == len(buses)


def test_tables_that_share_keys_join_without_loss_also_over_midnight(
    toy: Scenario, toy_ahead: DayAhead
) -> None:
    """Sessions with trips, trips with the days of EVs and with periods, sessions with stations, these with prices."""
    settings = ["days=2", "population.evs=300", "stations.S.chargers=1", "stations.S.charger_kw=20"]
    scenario = load_scenario(toy.folder / "toy.toml", [*settings, "population.resolution=batch"])
    days = simulate_days(replace(scenario, feeders=()), replace(toy_ahead, days=2, n_ev=300), seed=1)
    tables = joined(tuple(days))
    table = {name: with_carry_over(recorded(tables), name) for name in OUTLASTING}
    sessions, trips, stations = table["sessions"], table["trips"], table["stations"]
    over_midnight = sessions.start_s // SECONDS_PER_DAY + 1 > sessions.day
    assert over_midnight.sum() > 20
    assert not trips.duplicated(["day", "ev", "trip"]).any()
    joined_rows = sessions.merge(trips, on=["day", "ev", "trip"], suffixes=("", "_of_trip"), validate="m:1")
    assert len(joined_rows) == len(sessions)
    assert (joined_rows.station == joined_rows.station_of_trip).all()
    ended = joined_rows[joined_rows.status == "arrived"]
    assert ended.energy_kwh.to_numpy() == pytest.approx(ended.fast_charge_kwh.to_numpy(), abs=1e-9)

    of_evs = trips[trips.status == "arrived"].groupby(["day", "ev"]).size().rename("count")
    days = table["ev_days"].join(of_evs, on=["day", "ev"], validate="1:1")
    assert (days["count"].fillna(0) == days.trips).all()
    assert set(of_evs.index) <= set(zip(days.day, days.ev, strict=True))
    departures = trips[trips.path >= 0].groupby(["day", "period"]).size()
    periods = table["evs"].set_index(["day", "period"])
    assert (periods.departures == departures.reindex(periods.index, fill_value=0)).all()

    key = ["day", "period", "station"]
    assert len(stations.merge(table["prices"], on=key, validate="1:1")) == len(stations)
    plugged_in = sessions.rename(columns={"start_day": "day_", "start_period": "period_"})
    here = plugged_in.merge(stations, left_on=["day_", "period_", "station"], right_on=key)
    assert len(here) == (sessions.start_s >= 0).sum()
