"""Load that answers nodal prices within the dispatch: where it goes, what it pays, what the others see of it."""

from dataclasses import replace

import numpy as np
import pytest

from cosim.arrays import FloatArray
from cosim.grid.clarabel_engine import Engine
from cosim.grid.device import Devices, PriceResponse, Storage, Turbine
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder
from cosim.grid.model import ProblemStructure
from cosim.grid.parameters import parameters
from cosim.grid.problem import Elastic, Horizon, Load, ProblemData, Rules
from cosim.grid.reading import read_solution
from cosim.grid.solution import Dispatch
from cosim.grid.whole_problem import solve_whole

BUSES = ("16", "20", "32")
STATION_KW = np.array([[60.0, 80.0, 50.0], [90.0, 70.0, 80.0], [40.0, 20.0, 30.0]])
TARIFF = np.array([0.35, 1.09, 0.68])
RULES = Rules(solver="clarabel")
DEVICES = Devices(
    Turbine(name="t", bus="33", cost_a_cny_per_mw2h=300, cost_b_cny_per_mwh=500, initial_kw=100),
    Storage(name="s", bus="18"),
)


def response(slope: float, price: FloatArray | None = None) -> PriceResponse:
    """Return three stations of which each gives half of *slope* [kW per CNY/kWh] to each of the others."""
    root = np.sqrt(slope) * (np.eye(3) - 1 / 3)
    return PriceResponse(
        buses=BUSES,
        load_kw=STATION_KW,
        price_cny_per_kwh=np.repeat(TARIFF[:, None], 3, axis=1) if price is None else price,
        slope_root=np.tile(root, (3, 1, 1)),
    )


def loaded(
    feeder: Feeder, station_kw: FloatArray, answer: PriceResponse | None = None, scale: float = 1.0
) -> Load:
    at_bus = np.zeros((3, feeder.bus_count))
    at_bus[:, [feeder.bus_index(bus) for bus in BUSES]] = station_kw
    return replace(Load.scaled(feeder, scale * np.array([0.3, 0.4, 0.5]), at_bus), response=answer)


def dispatched(feeder: Feeder, load: Load) -> Dispatch:
    return solve_dispatch(feeder, DEVICES, load, TARIFF, rules=RULES)


def station_price(feeder: Feeder, dispatch: Dispatch) -> FloatArray:
    return dispatch.price_cny_per_kwh[:, [feeder.bus_index(bus) for bus in BUSES]]


def centred(price: FloatArray) -> FloatArray:
    return price - price.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("slope", [50.0, 500.0, 1500.0])
def test_load_moves_along_its_slope_to_the_prices_that_come_of_it(ieee33: Feeder, slope: float) -> None:
    """L' - L = -slope (p' - p) of the differences between buses, to the watt."""
    dispatch = dispatched(ieee33, loaded(ieee33, STATION_KW, response(slope)))
    assert dispatch.certified, dispatch.reason_not_certified
    change = centred(station_price(ieee33, dispatch)) - centred(response(slope).price_cny_per_kwh)
    assert dispatch.setpoints["response_kw"] == pytest.approx(-slope * change, abs=2e-3)
    assert dispatch.setpoints["response_kw"].sum(axis=1) == pytest.approx(0, abs=1e-9)
    assert np.abs(dispatch.setpoints["response_kw"]).max() > 0.01 * slope


def test_the_dispatch_is_that_of_the_load_once_it_has_moved(ieee33: Feeder) -> None:
    moved = dispatched(ieee33, loaded(ieee33, STATION_KW, response(500.0)))
    plain = dispatched(ieee33, loaded(ieee33, STATION_KW + moved.setpoints["response_kw"]))
    assert moved.cost_cny == pytest.approx(plain.cost_cny, rel=1e-8)
    assert moved.injection_kw == pytest.approx(plain.injection_kw, abs=0.05)
    assert station_price(ieee33, moved) == pytest.approx(station_price(ieee33, plain), abs=1e-5)
    assert plain.cost_cny < dispatched(ieee33, loaded(ieee33, STATION_KW)).cost_cny


def test_load_that_sees_its_own_nodal_prices_stays(ieee33: Feeder) -> None:
    plain = dispatched(ieee33, loaded(ieee33, STATION_KW))
    content = response(500.0, station_price(ieee33, plain) + 0.3)
    stays = dispatched(ieee33, loaded(ieee33, STATION_KW, content))
    assert stays.setpoints["response_kw"] == pytest.approx(np.zeros((3, 3)), abs=0.01)
    assert stays.cost.moving_cny == pytest.approx(0, abs=1e-3)


def test_no_station_gives_more_than_it_has(ieee33: Feeder) -> None:
    """Bus 32 turns out 5 CNY/kWh dearer than expected: all leave, though the slope would take it far below zero."""
    expected = TARIFF[:, None] + np.array([0.0, 0.0, -5.0])
    flight = dispatched(ieee33, loaded(ieee33, STATION_KW, response(2000.0, expected)))
    after = STATION_KW + flight.setpoints["response_kw"]
    assert after[:, 2] == pytest.approx(np.zeros(3), abs=1e-3)
    assert after.sum(axis=1) == pytest.approx(STATION_KW.sum(axis=1))


@pytest.mark.parametrize("elastic", [False, True])
def test_copies_of_a_period_have_the_optimum_of_the_whole_problem(ieee33: Feeder, *, elastic: bool) -> None:
    load = loaded(ieee33, STATION_KW, response(500.0), scale=2.5 if elastic else 1.0)
    state = solve_dispatch(ieee33, DEVICES, load, TARIFF, rules=RULES).state_after(3)
    data = ProblemData(load=load, price_cny_per_kwh=TARIFF, horizon=Horizon(), state=state)
    structure = ProblemStructure(
        feeder=ieee33,
        devices=DEVICES,
        period_h=1.0,
        export=False,
        elastic=Elastic() if elastic else None,
        responding=BUSES,
    )
    filled = parameters(structure, data)
    ours, whole = Engine(structure).solve(filled, ""), solve_whole(structure, filled, "clarabel", "")
    assert ours is not None
    assert whole is not None
    one, two = read_solution(ours, structure, data), read_solution(whole, structure, data)
    assert one.objective_cny == pytest.approx(two.objective_cny, rel=1e-7)
    assert one.setpoints["response_kw"] == pytest.approx(two.setpoints["response_kw"], abs=0.02)


def test_what_can_be_shed_is_what_is_drawn_after_the_move(ieee33: Feeder) -> None:
    """A feeder far beyond its capacity sheds stations, but never more of one than has come there."""
    heavy = loaded(ieee33, 20 * STATION_KW, replace(response(500.0), load_kw=20 * STATION_KW), scale=2.0)
    shed = dispatched(ieee33, heavy)
    at = [ieee33.bus_index(bus) for bus in BUSES]
    assert shed.status == "elastic"
    assert shed.station_shed_kw.max() > 1
    assert (shed.station_shed_kw[:, at] <= 20 * STATION_KW + shed.setpoints["response_kw"] + 0.01).all()
