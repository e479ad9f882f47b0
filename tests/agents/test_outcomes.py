"""What a day has brought its drivers and stations, against the sessions and trips counted one by one."""

from collections.abc import Mapping

import numpy as np
import pytest

from agents.model import CoSimModel
from cosim.arrays import Frame
from cosim.coupling import EquilibriumDay, day_ahead, equilibrium_tables, solve_equilibrium_day
from cosim.scenario import DayAhead, Scenario, load_scenario

Tables = Mapping[str, Frame]
Day = tuple[Scenario, Tables]
HELD_BACK = ["grid.slack_voltage_pu=0.953", "grid.elastic.voltage_cny_per_pu2_h=1e6", "stations.S.chargers=1"]


@pytest.fixture(scope="module", params=["paper", "queues", "limits"])
def day(request: pytest.FixtureRequest, toy: Scenario) -> Day:
    """Days with no queue, with long ones, and with power limits."""
    if request.param == "paper":
        return request.getfixturevalue("paper"), request.getfixturevalue("paper_tables")
    settings = {"queues": ["population.evs=500", "stations.S.chargers=1"], "limits": HELD_BACK}[request.param]
    batch = load_scenario(toy.folder / "toy.toml", [*settings, "population.resolution=batch"])
    return batch, CoSimModel(batch, day_ahead(batch, solve_equilibrium_day(batch)), seed=1).simulate()


def test_stations_take_what_drivers_pay(day: Day) -> None:
    _, tables = day
    sessions, stations = tables["sessions"], tables["stations"]
    assert stations.revenue_cny.sum() == pytest.approx(sessions.paid_cny.sum(), rel=1e-12)
    priced = stations.energy_kwh * stations.price_cny_per_kwh
    assert stations.revenue_cny.to_numpy() == pytest.approx(priced.to_numpy(), rel=1e-9)
    assert tables["evs"].paid_cny.sum() == pytest.approx(tables["trips"].paid_cny.sum(), rel=1e-12)
    assert tables["ev_days"].paid_cny.sum() == pytest.approx(tables["trips"].paid_cny.sum(), rel=1e-12)


def test_time_utilisation_is_the_time_at_the_plugs_over_that_of_all_plugs(day: Day) -> None:
    scenario, tables = day
    chargers = {station.name: station.chargers for station in scenario.stations}
    for row in tables["stations"].itertuples():
        opens = ((row.day - 1) * scenario.periods.count + row.period - 1) * scenario.periods.seconds
        closes = opens + scenario.periods.seconds
        here = tables["sessions"].query("station == @row.station")
        end_s = np.where(here.end_s < 0, closes, here.end_s)
        used_s = (np.minimum(end_s, closes) - np.maximum(here.start_s, opens)).clip(lower=0).sum()
        assert row.charger_occupancy == pytest.approx(
            used_s / chargers[row.station] / scenario.periods.seconds
        )
    assert tables["stations"].charger_occupancy.between(0, 1).all()
    assert tables["stations"].charger_occupancy.max() > 0.2


def test_energy_utilisation_is_the_energy_over_the_most_a_station_gives_whatever_the_feeder_allows(
    day: Day,
) -> None:
    scenario, tables = day
    stations = tables["stations"]
    most_kwh = {station.name: station.limit_kw * scenario.periods.hours for station in scenario.stations}
    expected = stations.energy_kwh / stations.station.map(most_kwh)
    assert stations.energy_utilisation.to_numpy() == pytest.approx(expected.to_numpy())
    # who is plugged in draws full power but for what the feeder holds back and the second of unplugging
    free = stations.limit_kw == stations.station.map({one.name: one.limit_kw for one in scenario.stations})
    assert (stations.energy_utilisation <= stations.charger_occupancy + 1e-9).all()
    together = stations[free].energy_utilisation - stations[free].charger_occupancy
    assert together.to_numpy() == pytest.approx(0, abs=1e-3)


def test_energy_not_served_is_that_of_waiting_vehicles_and_of_chargers_held_back(day: Day) -> None:
    scenario, tables = day
    stations = tables["stations"]
    assert (stations.unserved_kwh <= stations.backlog_kwh).all()
    rating = {station.name: station.limit_kw for station in scenario.stations}
    held_back = stations.limit_kw < stations.station.map(rating) - 1e-9
    assert (stations.unserved_kwh == stations.backlog_kwh)[held_back].all()
    # who is never served has no session: a period after which the station gets nothing more cannot be added up
    later_kw = stations.groupby("station").limit_kw.transform(lambda kw: kw[::-1].cummax()[::-1].shift(-1))
    for row in stations[~held_back & (later_kw != 0)].itertuples():
        closes = ((row.day - 1) * scenario.periods.count + row.period) * scenario.periods.seconds
        here = tables["sessions"].query("station == @row.station")
        waiting = here[(here.arrival_s < closes) & (here.start_s > closes)]
        assert row.unserved_kwh == pytest.approx(waiting.energy_kwh.sum(), abs=1e-6)


def test_the_days_are_what_they_are_called(toy: Scenario) -> None:
    tables = {}
    for settings in (HELD_BACK, ["population.evs=500", "stations.S.chargers=1"]):
        batch = load_scenario(toy.folder / "toy.toml", [*settings, "population.resolution=batch"])
        found = CoSimModel(batch, day_ahead(batch, solve_equilibrium_day(batch)), seed=1).simulate()
        tables[len(settings)] = found["stations"]
    assert (tables[3].limit_kw < 60 - 1e-9).any()
    assert (tables[2].unserved_kwh > 0).sum() > 2


def test_the_day_of_an_ev_is_the_sum_of_its_trips(day: Day) -> None:
    scenario, tables = day
    trips = tables["trips"].assign(day=lambda t: t.departure_s // 86_400 + 1)
    by_day = trips.groupby(["day", "ev"])
    ev_days = tables["ev_days"].set_index(["day", "ev"])
    assert ev_days.index.equals(by_day.size().index)
    for column in ("drive_min", "wait_min", "charge_min", "drive_kwh", "fast_charge_kwh", "slow_charge_kwh"):
        assert ev_days[column].to_numpy() == pytest.approx(by_day[column].sum().to_numpy(), abs=1e-9), column
    assert ev_days.soc_first.equals(by_day.soc_departure.first())
    assert (ev_days.trips == by_day.status.apply(lambda status: (status == "arrived").sum())).all()
    spent_h = (ev_days.drive_min + ev_days.wait_min + ev_days.charge_min) / 60
    cost = ev_days.paid_cny + scenario.config.road.value_of_time_cny_per_h * spent_h
    assert ev_days.cost_cny.to_numpy() == pytest.approx(cost.to_numpy())
    assert ev_days.wait_min.sum() == pytest.approx(trips.wait_min.sum())


def test_at_the_equilibrium_revenue_and_energy_utilisation_follow_from_the_load(
    paper: Scenario, paper_day: EquilibriumDay
) -> None:
    stations = equilibrium_tables(paper, paper_day)["stations"]
    assert stations.energy_utilisation.to_numpy() == pytest.approx(stations.load_kw.to_numpy() / 600)
    assert stations.charger_occupancy.isna().all(), "a flow occupies no plug"
    expected = (stations.energy_kwh * stations.price_cny_per_kwh).sum()
    assert stations.revenue_cny.sum() == pytest.approx(expected)
    assert expected > 1000


def test_who_cannot_get_there_stays_and_is_counted_and_no_battery_is_below_empty(toy: Scenario) -> None:
    settings = ["mobility.battery_kwh=9.0", "mobility.soc_reserve=0.0", "population.resolution=batch"]
    weak = load_scenario(toy.folder / "toy.toml", settings)
    ahead: DayAhead = day_ahead(weak, solve_equilibrium_day(weak))
    tables = CoSimModel(weak, ahead, seed=1).simulate()
    trips, ev_days = tables["trips"], tables["ev_days"]
    stranded = trips[trips.status == "stranded"]
    assert len(stranded) > 10
    assert trips[["soc_departure", "soc_arrival"]].min().min() >= 0
    assert (stranded.groupby("ev").trip.max() == trips.groupby("ev").trip.max().loc[stranded.ev]).all()
    assert stranded.soc_arrival.equals(stranded.soc_departure)
    assert tables["evs"].stranded.sum() == ev_days.stranded.sum() == len(stranded) == stranded.ev.nunique()
    assert "violations" not in tables, "an answer of behaviour, no limit broken"
