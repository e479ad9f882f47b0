"""What holds after every period, and what is said where it does not: faults are planted in the code, one by one."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import floats

from agents.announced_prices import AnnouncedPrices
from agents.clock import Phase
from agents.grid_operator import GridOperator
from agents.invariants import KIND, Invariants
from agents.meter import Meter
from agents.model import CoSimModel
from agents.station_records import StationRecords
from cosim.arrays import Frame
from cosim.ev.session import Session
from cosim.grid.device import Storage
from cosim.grid.operation import Operation
from cosim.periods import PeriodOfDay
from cosim.results import Recorder
from cosim.scenario import DayAhead, Scenario, load_scenario
from experiments.run.summary import flags

EVENING = PeriodOfDay(1, 6)


@pytest.fixture(scope="module")
def evening(toy: Scenario, toy_ahead: DayAhead) -> CoSimModel:
    """The toy's agents as period 6 has been closed: vehicles charge and drive."""
    model = CoSimModel(toy, toy_ahead, seed=1)
    model.clock.env.run(until=model.clock.until(18 * 3600, Phase.END))
    return model


def recorded(
    energy_kwh: float = 0.0, revenue_cny: float = 0.0, seen_kw: float = 0.0, day: int = 1
) -> Recorder:
    """Return the rows that stand in the tables for a period in which the station drew nothing, or something."""
    recorder, key = Recorder(), {"day": day, "period": EVENING.period}
    row: dict[str, Any] = {"station": "S", "feeder": "feeder", "bus": "4", "energy_kwh": energy_kwh}
    recorder.add("stations", **key, **row, load_kw=energy_kwh / 3, revenue_cny=revenue_cny)
    recorder.add("prices", **key, station=["S"])
    recorder.add_row("dispatch", **key, feeder="feeder")
    seen = np.array([0.0, 0.0, 0.0, seen_kw])
    recorder.add("buses", **key, feeder="feeder", bus=["1", "2", "3", "4"], station_kw=seen)
    return recorder


def checked(model: CoSimModel, recorder: Recorder) -> Invariants:
    """Return the invariants of a model, as if the period up to now began with its present state."""
    clock = model.clock
    of_model = (model.stations, model.chargers, model.population)
    announced = AnnouncedPrices(model.post, model.prices)
    invariants = Invariants(
        clock, recorder, *of_model, feeders=model.scenario_case.feeders, announced=announced
    )
    invariants.next_period = clock.periods.index(EVENING)
    return invariants


def broken(invariants: Invariants) -> list[tuple[str, str]]:
    return [(one.invariant, one.place) for one in invariants.broken(EVENING)]


def a_session(model: CoSimModel) -> Session:
    """Return a session under way."""
    return next(iter(model.chargers[0].plugged))


def plant(monkeypatch: pytest.MonkeyPatch, session: Session, **more: float) -> None:
    """Add to fields of a session."""
    for name, amount in more.items():
        monkeypatch.setattr(session, name, getattr(session, name) + amount)


def test_nothing_is_broken_of_a_day_as_it_is(toy_tables: dict[str, Frame]) -> None:
    violations = toy_tables.get("violations")
    assert violations is None or not violations.kind.str.startswith(KIND).any()


def test_a_period_without_a_fault_is_left_alone(evening: CoSimModel) -> None:
    assert len(evening.chargers[0].plugged) > 0
    assert broken(checked(evening, recorded())) == []


def test_energy_that_the_meter_did_not_see_is_told(
    evening: CoSimModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    invariants = checked(evening, recorded())
    plant(monkeypatch, a_session(evening), delivered_kwh=2.5, remaining_kwh=-2.5)
    (one,) = [one for one in invariants.broken(EVENING) if one.invariant == "energy"]
    assert (one.place, one.amount) == ("station S", 2.5)
    assert "took 2.5 kWh" in one.found
    assert "0 kWh" in one.found


def test_energy_that_leaves_a_battery_out_is_told(
    evening: CoSimModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    invariants = checked(evening, recorded())
    plant(monkeypatch, a_session(evening), remaining_kwh=1)
    assert broken(invariants) == [("energy", "station S")]


def test_load_that_the_power_flow_did_not_see_is_told(evening: CoSimModel) -> None:
    assert broken(checked(evening, recorded(seen_kw=7.0))) == [("energy", "feeder feeder, bus 4")]


@pytest.mark.parametrize("paid_cny", [0.99, 1.01])
def test_a_price_that_nobody_announced_is_told(
    evening: CoSimModel, monkeypatch: pytest.MonkeyPatch, paid_cny: float
) -> None:
    owed_cny = paid_cny * evening.stations[0].price(EVENING)
    invariants = checked(evening, recorded(energy_kwh=1.0, revenue_cny=owed_cny, seen_kw=1 / 3))
    plant(monkeypatch, a_session(evening), delivered_kwh=1, remaining_kwh=-1, paid_cny=owed_cny)
    assert broken(invariants) == [("money", "station S")]


def test_revenue_that_no_driver_owes_is_told(evening: CoSimModel) -> None:
    assert broken(checked(evening, recorded(revenue_cny=3.0))) == [("money", "station S")]


@pytest.mark.parametrize(("column", "invariant"), [("fast_kwh", "energy"), ("paid_cny", "money")])
def test_a_bill_that_no_session_gave_is_told(
    evening: CoSimModel, monkeypatch: pytest.MonkeyPatch, column: str, invariant: str
) -> None:
    invariants, trips = checked(evening, recorded()), evening.population.trips
    values = getattr(trips, column).copy()
    values[np.flatnonzero(trips.charges)[0]] += 1.0
    monkeypatch.setattr(evening.population, "trips", replace(trips, **{column: values}))
    assert broken(invariants) == [(invariant, "drivers")]


def test_an_ev_that_departs_before_it_has_arrived_is_told(
    evening: CoSimModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    trips = evening.population.trips
    followed = (trips.departure_s[1:] >= 0) & (np.diff(trips.ev) == 0)
    row, departure_s = int(np.flatnonzero(followed)[0]), trips.departure_s.copy()
    departure_s[row + 1] = trips.arrival_s[row] - 1
    monkeypatch.setattr(evening.population, "trips", replace(trips, departure_s=departure_s))
    assert ("vehicles", "roads") in broken(checked(evening, recorded()))


def test_an_ev_that_a_station_has_forgotten_is_told(
    evening: CoSimModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    (there,) = evening.population.sessions_by_station(evening.clock.now_s)
    monkeypatch.setattr(evening.population, "sessions_by_station", lambda _now_s: (there[1:],))
    assert broken(checked(evening, recorded())) == [("vehicles", "stations")]


def test_an_ev_at_two_plugs_is_told(evening: CoSimModel, monkeypatch: pytest.MonkeyPatch) -> None:
    (there,) = evening.population.sessions_by_station(evening.clock.now_s)
    monkeypatch.setattr(evening.population, "sessions_by_station", lambda _now_s: ((*there, there[0]),))
    assert broken(checked(evening, recorded())) == [("vehicles", "stations")]


class Seats(list[Session]):
    """Vehicles at a station, as many as a test says."""


@pytest.mark.parametrize(("plugged", "waiting"), [(+1, 0), (-1, 1)])
def test_plugs_that_do_not_exist_and_those_left_free_are_told(
    evening: CoSimModel, monkeypatch: pytest.MonkeyPatch, plugged: int, waiting: int
) -> None:
    session, chargers = a_session(evening), evening.stations[0].data.chargers
    monkeypatch.setattr(evening.chargers[0], "plugged", Seats([session] * (chargers + plugged)))
    monkeypatch.setattr(evening.chargers[0], "waiting", Seats([session] * waiting))
    assert ("plugs", "station S") in broken(checked(evening, recorded()))


def test_a_period_that_nobody_closed_is_told(evening: CoSimModel) -> None:
    recorder = recorded(day=2)
    assert {("clock", who) for who in ("station", "coordinator", "operator")} <= set(
        broken(checked(evening, recorder))
    )


def test_a_period_that_is_skipped_is_told(evening: CoSimModel) -> None:
    invariants = checked(evening, recorded())
    invariants.next_period -= 1
    assert broken(invariants) == [("clock", "clock")]


@pytest.fixture
def leaking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Meters that lose a hundredth of what flows."""
    honest = Meter.record

    def record(self: Meter, station: str, period: PeriodOfDay, energy_kwh: float) -> None:
        honest(self, station, period, 0.99 * energy_kwh)

    monkeypatch.setattr(Meter, "record", record)


@pytest.mark.usefixtures("leaking")
@pytest.mark.parametrize("resolution", ["individual", "batch"])
def test_a_day_with_a_fault_in_the_program_completes_and_is_flagged(
    toy: Scenario, toy_ahead: DayAhead, resolution: str
) -> None:
    scenario = load_scenario(toy.folder / "toy.toml", [f"population.resolution={resolution}"])
    tables = CoSimModel(scenario, toy_ahead, seed=1).simulate()
    assert len(tables["stations"]) >= toy.periods.count
    (sentence,) = (one for one in flags({"agents": tables["violations"]}) if "invariant" in one)
    for told in (
        "period ",
        "station S",
        "'energy' is broken",
        "kWh",
        "fault of the program",
        "scenario.toml",
    ):
        assert told in sentence


def test_prices_in_effect_are_those_since_they_were_taken(evening: CoSimModel) -> None:
    records: StationRecords = evening.stations[0]
    low, high = records.take_prices(EVENING)
    assert low == high == records.price(EVENING)


def test_a_store_that_is_full_again_each_period_is_told(
    toy: Scenario, toy_ahead: DayAhead, monkeypatch: pytest.MonkeyPatch
) -> None:
    closes = GridOperator.close_period

    def forgets(self: GridOperator, plan: Operation) -> None:
        closes(self, plan)
        self.state = None

    monkeypatch.setattr(GridOperator, "close_period", forgets)
    told = CoSimModel(toy, toy_ahead, seed=1).simulate()["violations"]
    assert set(told.place[told.kind == KIND + "energy"]) == {"feeder feeder, storage storage"}


@given(
    energy_kwh=floats(0, 100),
    charge_kw=floats(0, 50),
    discharge_kw=floats(0, 40),
    efficiency=floats(0.1, 1),
)
def test_what_a_store_holds_after_both_at_once_lies_between_least_and_most(
    energy_kwh: float, charge_kw: float, discharge_kw: float, efficiency: float
) -> None:
    store = Storage(
        name="S",
        bus="1",
        charge_max_kw=50,
        discharge_max_kw=40,
        charge_efficiency=efficiency,
        discharge_efficiency=0.9,
    )
    least, most = store.energy_after_kwh(energy_kwh, discharge_kw - charge_kw, 0.5)
    after = energy_kwh + 0.5 * (charge_kw * efficiency - discharge_kw / 0.9)
    assert least - 1e-9 <= after <= most + 1e-9
    alone = min(charge_kw, discharge_kw) == 0
    assert not alone or after == pytest.approx(most, abs=1e-9)


@pytest.mark.parametrize("mail", ["messages.delay_s=0", "messages.loss_probability=0.5"])
def test_a_station_that_ignores_the_tariff_is_told_where_it_must_have_heard_it(
    toy: Scenario, toy_ahead: DayAhead, monkeypatch: pytest.MonkeyPatch, mail: str
) -> None:
    """It goes on at the published price, which is 0.1 CNY/kWh too low; where mail may be lost it need not know."""
    published = replace(toy_ahead, charging_price_cny_per_kwh=toy_ahead.charging_price_cny_per_kwh - 0.1)
    monkeypatch.setattr(StationRecords, "receive", lambda *_: None)
    told = CoSimModel(load_scenario(toy.folder / "toy.toml", [mail]), published, seed=1).simulate()
    violations = told.get("violations")
    money = violations is not None and (violations.kind == KIND + "money").any()
    assert money == (mail == "messages.delay_s=0")


@pytest.mark.parametrize("forgets", [False, True])
def test_vehicles_that_are_full_again_each_period_are_told(
    toy_ahead: DayAhead, monkeypatch: pytest.MonkeyPatch, forgets: bool
) -> None:
    """Vehicles come and go with energy of their own: that is no fault; energy from nowhere is."""
    street = {"name": "V", "bus": 3, "charge_max_kw": 40.0, "discharge_max_kw": 40.0, "capacity_kwh": 300.0}
    shares = {"connected": "load_pu", "arriving": "trip_share", "departing": "trip_share", "soc_min": 0.0}
    closes = GridOperator.close_period

    def close(self: GridOperator, plan: Operation) -> None:
        closes(self, plan)
        self.state = None if forgets else self.state

    monkeypatch.setattr(GridOperator, "close_period", close)
    scenario = load_scenario("toy", {"grid.v2g": [street | shares], "grid.storage": []})
    violations = CoSimModel(scenario, toy_ahead, seed=1).simulate().get("violations")
    places = set() if violations is None else set(violations.place[violations.kind == KIND + "energy"])
    assert places == ({"feeder feeder, V2G charger V"} if forgets else set())
