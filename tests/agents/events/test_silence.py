"""Operators and coordinators that do not answer, and meters that do not read: what goes on, and what is told."""

import json
from collections.abc import Callable

import pytest

from agents.invariants import KIND
from agents.model import CoSimModel
from cosim.arrays import Frame
from cosim.scenario import DayAhead, Scenario, load_scenario

Simulate = Callable[..., dict[str, Frame]]
NODAL = ("tariff.charging_price=nodal", "mobility.price_sensitivity=1.0")


@pytest.fixture
def simulate(toy: Scenario, toy_ahead: DayAhead) -> Simulate:
    """Return what gives the agents' tables of the toy with an event and further settings."""

    def simulated(event: str, *settings: str) -> dict[str, Frame]:
        scenario = load_scenario(toy.folder / "toy.toml", [*settings, f"events=[{{{event}}}]"])
        return CoSimModel(scenario, toy_ahead, seed=1).simulate()

    return simulated


def told(tables: dict[str, Frame]) -> dict[str, float]:
    return dict(tables["events"].set_index("effect").amount)


def assert_invariants_hold(tables: dict[str, Frame]) -> None:
    violations = tables.get("violations")
    assert violations is None or not violations.kind.str.startswith(KIND).any()


def test_an_operator_that_is_back_within_a_period_has_not_failed(simulate: Simulate) -> None:
    tables = simulate('kind="operator", name="feeder", from="08:30", until="11:45"', "population.evs=20")
    assert tables["dispatch"].query("status == 'failed'").period.tolist() == [4]
    assert "agent_failed" not in set(tables["violations"].kind)


def test_a_feeder_without_its_operator_is_in_the_fallback_operation(
    simulate: Simulate, toy_tables: dict[str, Frame]
) -> None:
    tables = simulate('kind="operator", name="feeder", from="09:00", until="15:00"')
    out = tables["dispatch"].period.isin([4, 5]) & (tables["dispatch"].day == 1)
    assert set(tables["dispatch"].status[out]) == {"failed"}
    assert "failed" not in set(tables["dispatch"].status[~out])
    issued = tables["messages"].query("kind == 'DispatchIssued' and day == 1")
    assert set(issued.period) == {1, 2, 3, 6, 7, 8}
    assert told(tables) == {"periods without a dispatch": 2}
    assert tables["sessions"].equals(toy_tables["sessions"]), "vehicles charge all the same"
    store = tables["devices"].query("kind == 'storage' and period in [4, 5] and day == 1")
    assert (store.p_kw == 0).all()
    (sentence,) = tables["violations"].query("kind == 'failed' and period == 4").sentence
    assert "operator feeder does not answer" in sentence
    assert_invariants_hold(tables)


def test_without_a_coordinator_everyone_acts_on_what_was_told_last(simulate: Simulate) -> None:
    tables = simulate('kind="coordinator", from="09:00", until="15:00"', *NODAL)
    announced = tables["messages"].query("sender == 'coordinator' and day == 1")
    assert set(announced.period) == {1, 2, 3, 6, 7, 8}
    issued = announced.query("kind == 'TariffIssued' and period == 3").content.iloc[0]
    told_prices = load_prices(issued)
    prices = tables["stations"].query("day == 1").set_index("period").price_cny_per_kwh
    assert prices[[4, 5]].tolist() == told_prices[1:3]
    links = tables["links"].query("day == 1").set_index(["period", "link"]).announced_min
    assert links[4].equals(links[3])
    assert links[5].equals(links[3])
    assert told(tables) == {"periods without an announcement": 2}
    assert_invariants_hold(tables)


def load_prices(content: str) -> list[float]:
    prices: list[float] = json.loads(content)["price_cny_per_kwh"]["S"]
    return prices


def test_a_coordinator_that_comes_back_issues_the_tariff_of_the_day(simulate: Simulate) -> None:
    tables = simulate('kind="coordinator", from="00:00", until="04:00"')
    issued = tables["messages"].query("kind == 'TariffIssued' and day == 1")
    assert issued.period.tolist() == [3]


def test_a_station_without_readings_forecasts_the_day_ahead(
    simulate: Simulate, toy_ahead: DayAhead, toy_tables: dict[str, Frame]
) -> None:
    tables = simulate('kind="meter", name="S", from="12:00", until="18:00"')
    stations = tables["stations"].query("day == 1").set_index("period")
    assert stations.forecast_kw[[5, 6]].tolist() == toy_ahead.station_load_kw[[4, 5], 0].tolist()
    before = toy_tables["stations"].query("day == 1").set_index("period")
    assert stations.forecast_kw[[1, 2, 3, 4]].equals(before.forecast_kw[[1, 2, 3, 4]])
    assert stations.energy_kwh.equals(before.energy_kwh), "what flows does not depend on what is read"
    assert set(tables["messages"].query("kind == 'StationLoad' and day == 1").period) == {2, 3, 4, 7, 8}
    assert told(tables) == {"reports without a reading": 2}
    assert_invariants_hold(tables)


def test_a_frozen_meter_says_the_same_again_and_again(simulate: Simulate) -> None:
    tables = simulate('kind="meter", name="S", reading="frozen", from="12:00", until="21:00"')
    said = tables["messages"].query("kind == 'StationLoad' and day == 1").set_index("period").content
    assert said[4] == said[5] == said[6] == said[7]
    assert said[8] != said[7]


def test_energy_that_a_store_does_not_end_the_day_with_is_told(simulate: Simulate) -> None:
    """The next day begins with what it should hold, so the difference is in no day."""
    tables = simulate(
        'kind="operator", name="feeder", from="08:00", until="24:00", day=1', "population.evs=20"
    )
    (missed,) = tables["violations"].query("kind == 'terminal_energy'").itertuples()
    (store,) = tables["devices"].query("kind == 'storage' and day == 1 and period == 8").itertuples()
    assert missed.amount == pytest.approx(abs(store.stored_kwh - 100.0))
    assert missed.amount > 1
    assert (missed.day, missed.period) == (1, 8)
    assert "should end the day with 100.0 kWh, with which the next one begins" in missed.sentence
