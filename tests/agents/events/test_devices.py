"""A device of a feeder fails: who knows when, what it still gives, and that no energy is lost or untold."""

from typing import Any

import numpy as np
import pytest

from agents.invariants import KIND
from agents.model import CoSimModel
from cosim.arrays import Frame
from cosim.coupling.prices import dispatch_feeders
from cosim.coupling.real_time import Loads, real_time_table
from cosim.errors import ConfigError
from cosim.scenario import Scenario, load_scenario
from tests.agents.two_stations import plain_day_ahead

PLANT = {"name": "roof", "kind": "pv", "bus": 4, "s_kva": 100.0, "profile": "load_pu"}
COST = {"cost_a_cny_per_mw2h": 1.0, "cost_b_cny_per_mwh": 200.0}
TURBINE = {"name": "T1", "bus": 2, "p_max_kw": 120.0, "q_max_kvar": 60.0, "ramp_kw_per_h": 20.0, **COST}
STATIONS = [
    {"name": name, "road_node": node, "bus": 4, "chargers": 2, "charger_kw": 60.0}
    for name, node in (("S", 2), ("R", 3))
]
SUN_DOWN = {"kind": "pv", "name": "roof", "from": "10:30", "until": "18:00"}
STORE_OUT = {"kind": "storage", "name": "storage", "from": "19:30", "until": "22:00", "power": 0.5}
TURBINE_OUT = {"kind": "turbine", "name": "T1", "from": "13:00", "until": "15:00"}


def scenario_with(*events: dict[str, Any], **settings: Any) -> Scenario:
    devices = {"grid.renewables": [PLANT], "grid.turbines": [TURBINE], "stations": STATIONS}
    return load_scenario("toy", {**devices, "population.evs": 6, "events": list(events), **settings})


def simulate(scenario: Scenario) -> dict[str, Frame]:
    return CoSimModel(scenario, plain_day_ahead(scenario), seed=1).simulate()


@pytest.fixture(scope="module")
def sudden() -> dict[str, Frame]:
    """Return the agents' tables of a day on which all three fail suddenly."""
    return simulate(scenario_with(SUN_DOWN, STORE_OUT, TURBINE_OUT))


def power_kw(tables: dict[str, Frame], device: str) -> np.ndarray:
    return tables["devices"].query(f"day == 1 and device == '{device}'").p_kw.to_numpy()


def test_a_plant_gives_the_mean_of_what_is_there_and_its_operator_knows_from_the_next_period_on(
    sudden: dict[str, Frame],
) -> None:
    """It is there for half of period 4, 09:00 to 12:00, and back in period 7."""
    offered_kw = np.array([40, 40, 70, 40, 0, 0, 100, 60])
    assert power_kw(sudden, "roof") == pytest.approx(offered_kw, abs=1e-3)
    issued = sudden["messages"].query("day == 1 and kind == 'DispatchIssued'").content
    planned = [float(text.split('"roof": ')[1].split("}")[0].split(",")[0]) for text in issued]
    assert planned == pytest.approx([40, 40, 70, 80, 0, 0, 100, 60], abs=1e-3)
    told = sudden["events"].query("day == 1 and event == 1").set_index("effect").amount
    assert told["kWh planned and not delivered"] == pytest.approx(3 * 40, abs=1e-2)
    assert told["periods with less power"] == 3


def test_the_source_makes_up_for_what_failed_in_the_period_in_which_it_does(sudden: dict[str, Frame]) -> None:
    """Purchase and devices give what loads and losses take, in every period, with what was really there."""
    day = {name: sudden[name].query("day == 1") for name in ("dispatch", "devices", "buses")}
    given = day["dispatch"].set_index("period").purchase_kw + day["devices"].groupby("period").p_kw.sum()
    taken = day["buses"].groupby("period")[["load_kw", "station_kw"]].sum().sum(axis=1)
    losses = day["dispatch"].set_index("period").losses_kw
    assert (given - taken - losses).abs().max() < 1e-3
    more_kw = (day["dispatch"].purchase_kw - day["dispatch"].purchase_planned_kw).to_numpy()
    assert more_kw[3] > 40
    assert day["dispatch"].cost_cny.iloc[3] > day["dispatch"].cost_planned_cny.iloc[3]


def test_a_turbine_falls_faster_than_its_ramp_and_rises_within_it(sudden: dict[str, Frame]) -> None:
    """Two of the three hours of period 5 are lost; at 15:00 it is back, and may rise by 60 kW in a period."""
    output_kw = power_kw(sudden, "T1")
    assert output_kw[4] == pytest.approx(120 / 3, abs=1e-3)
    assert output_kw[5] == pytest.approx(100, abs=1e-3)


def test_a_store_keeps_its_books_while_a_part_of_its_power_is_lost(sudden: dict[str, Frame]) -> None:
    """Half of the power for 1.5 h of period 7 and 1 h of period 8: 0.75 and 5/6 of it."""
    rows = sudden["devices"].query("day == 1 and kind == 'storage'")
    p_kw, stored_kwh = rows.p_kw.to_numpy(), rows.stored_kwh.to_numpy()
    flow_kwh = 3 * np.where(p_kw < 0, -0.95 * p_kw, -p_kw / 0.95)
    assert 100 + np.cumsum(flow_kwh) == pytest.approx(stored_kwh, abs=1e-3)
    assert abs(p_kw[7]) <= 50 * 5 / 6 + 1e-3
    violations = sudden.get("violations")
    assert violations is None or not violations.kind.str.startswith(KIND).any()


def test_the_fleet_has_the_same_day_to_the_byte(sudden: dict[str, Frame]) -> None:
    batch = simulate(scenario_with(SUN_DOWN, STORE_OUT, TURBINE_OUT, **{"population.resolution": "batch"}))
    differ = [name for name in sudden if name != "messages" and not batch[name].equals(sudden[name])]
    assert not differ


def test_the_day_ahead_knows_what_is_planned_and_only_that() -> None:
    offered_kw = []
    for planned in (True, False):
        scenario = scenario_with({**SUN_DOWN, "planned": planned})
        (dispatch,) = dispatch_feeders(scenario, np.zeros((8, 2)), np.full(8, 0.5))
        offered_kw.append(dispatch.setpoints["renewable_kw"][:, 0])
    assert offered_kw[0] == pytest.approx([40, 40, 70, 40, 0, 0, 100, 60], abs=1e-3)
    assert offered_kw[1] == pytest.approx([40, 40, 70, 80, 80, 90, 100, 60], abs=1e-3)


def test_a_plan_that_did_not_know_of_a_failure_is_carried_out_without_the_device() -> None:
    """With the same load, the purchase of the day-ahead plan is larger by about what was lost; foresight pays less."""
    scenario = scenario_with({"kind": "storage", "name": "storage", "from": "00:00", "until": "12:00"})
    load_kw = np.zeros((8, 2))
    tariff = scenario.profiles["price_cny_per_kwh"]
    day_ahead = dispatch_feeders(scenario, load_kw, tariff)
    operated = simulate(scenario)
    loads = Loads(day_ahead_kw=load_kw, realised_kw=load_kw, tariff_cny_per_kwh=tariff)
    table = real_time_table(scenario, loads, day_ahead, operated).query("without == ''")
    cost = table.groupby("plan").cost_cny.sum()
    charged_kwh = 3 * float(
        (day_ahead[0].setpoints["charge_kw"] - day_ahead[0].setpoints["discharge_kw"])[:4].sum()
    )
    bought_kwh = 3 * table.query("plan == 'day_ahead'").purchase_kw.iloc[:4].sum()
    planned_kwh = 3 * day_ahead[0].purchase_kw[:4].sum()
    assert charged_kwh > 10
    assert planned_kwh - bought_kwh == pytest.approx(charged_kwh, rel=0.05)
    assert np.isfinite(cost["perfect_foresight"])


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"name": "mill", "kind": "pv"}, "events.mill.name is 'mill'; it must be one of roof."),
        ({"name": "roof", "kind": "wind"}, "events.roof.name is 'roof'; there is no device of kind wind."),
        (
            {"name": "roof", "kind": "pv", "feeder": "F"},
            "events.roof.feeder is 'F'; it must be one of feeder.",
        ),
    ],
)
def test_a_device_that_does_not_exist_is_refused_in_one_sentence(event: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        scenario_with({"from": "08:00", **event})
    assert says in str(caught.value)
