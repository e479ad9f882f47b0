"""V2G chargers: the equation alone, a day by hand, vehicles that cannot be filled in time, and both signs at once."""

from collections.abc import Callable
from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest

from cosim.errors import ConfigError
from cosim.grid.builder import Constraints
from cosim.grid.device import Devices, V2GCharger
from cosim.grid.device.storage import StoreLimits
from cosim.grid.device.v2g import vehicle_store
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder
from cosim.grid.problem import Horizon, Load
from cosim.grid.rolling import dispatch_rolling, tomorrow_like_today
from cosim.grid.solution import Dispatch

Chain = Callable[..., Feeder]
PRICE = np.array([0.3, 1.0, 0.5, 0.4])
CAR_PARK = V2GCharger(
    name="park",
    bus="2",
    charge_max_kw=50.0,
    discharge_max_kw=50.0,
    capacity_kwh=100.0,
    connected_pu=np.array([1.0, 1.0, 0.0, 1.0]),
    arriving_pu=np.array([0.0, 0.0, 0.0, 0.4]),
    departing_pu=np.array([0.0, 0.0, 0.8, 0.0]),
    charge_efficiency=0.9,
    discharge_efficiency=0.8,
)


def dispatch(feeder: Feeder, unit: V2GCharger = CAR_PARK, price: np.ndarray = PRICE, **kw: float) -> Dispatch:
    """Return the dispatch of a day with 100 kW of load at bus 2."""
    load = np.tile([0.0, kw.get("load_kw", 100.0)], (len(price), 1))
    return solve_dispatch(
        feeder,
        Devices(unit),
        Load(base_kw=load, base_kvar=np.zeros_like(load), station_kw=np.zeros_like(load)),
        price,
    )


def holds(constraints: Constraints) -> bool:
    return all(np.max(c.violation()) <= 1e-12 for c in constraints)


def test_the_store_of_vehicles_by_hand() -> None:
    """Of 1 MWh .6 departs, .3 arrives, and half an hour at 1 MW stores .45: 1.15. No more than 1 can depart."""
    unit = StoreLimits(
        charge_max=np.ones((1, 1)),
        discharge_max=np.ones((1, 1)),
        charge_efficiency=np.array([0.9]),
        discharge_efficiency=np.array([0.8]),
        energy_min=np.array([0.2]),
        energy_max=np.array([2.0]),
    )

    def rules(energy: float, arriving: float, departing: float) -> Constraints:
        power = [cp.Constant(np.array([[value]])) for value in (1.0, 0.0, energy, 1.0)]
        return vehicle_store(*power, unit, np.array([[arriving]]), np.array([[departing]]), 0.5)

    assert holds(rules(1.15, 0.3, 0.6))
    assert not holds(rules(1.20, 0.3, 0.6))
    assert holds(rules(0.85, 0.4, 1.0))
    assert not holds(rules(0.85, 0.5, 1.1))


def test_cars_leave_as_full_as_promised_and_sell_what_was_cheap(chain: Chain) -> None:
    """From 50 kWh up to 90 (soc_max) at .3, 10 of them sold at 1.0, 80 leave; 40 come back and 10 are added at .4."""
    day = dispatch(chain((0.0, 0.01)))
    assert day.status == "optimal"
    assert day.setpoints["v2g_charge_kw"][:, 0] == pytest.approx([40 / 0.9, 0, 0, 10 / 0.9], abs=1e-3)
    assert day.setpoints["v2g_discharge_kw"][:, 0] == pytest.approx([0, 10 * 0.8, 0, 0], abs=1e-3)
    assert day.setpoints["v2g_kwh"][:, 0] == pytest.approx([90, 80, 0, 50], abs=1e-3)
    cost = 100 * PRICE.sum() + 0.3 * 40 / 0.9 - 1.0 * 8 + 0.4 * 10 / 0.9
    assert day.cost_cny == pytest.approx(cost, abs=1e-3)


def test_without_discharge_it_is_charging_at_the_cheapest_time(chain: Chain) -> None:
    day = dispatch(chain((0.0, 0.01)), replace(CAR_PARK, discharge_max_kw=0.0))
    assert day.setpoints["v2g_charge_kw"][:, 0] == pytest.approx([30 / 0.9, 0, 0, 10 / 0.9], abs=1e-3)


def test_cars_that_cannot_be_filled_in_time_are_named(chain: Chain) -> None:
    """Two hours at 10 kW lift 50 kWh to 68; 12 are lacking."""
    day = dispatch(chain((0.0, 0.01)), replace(CAR_PARK, charge_max_kw=10.0, soc_initial=0.5))
    assert day.status == "elastic"
    worst = day.violations[0]
    assert (worst.period, worst.bus, worst.kind) == (3, "2", "terminal_energy")
    assert worst.amount == pytest.approx(12, abs=1e-3)
    assert "leave V2G charger park with 12 kWh less" in worst.sentence


def test_the_rest_of_the_day_follows_the_plan(chain: Chain) -> None:
    feeder = chain((0.01, 0.01))
    plan = dispatch(feeder)
    load = np.tile([0.0, 100.0], (4, 1))
    whole = Load(base_kw=load, base_kvar=0 * load, station_kw=0 * load)
    for t in range(1, 4):
        horizon = Horizon(first_period=t + 1, state=plan.state_after(t))
        rest = solve_dispatch(feeder, Devices(CAR_PARK), whole.since(t), PRICE[t:], horizon)
        assert rest.status == "optimal"
        assert rest.purchase_kw == pytest.approx(plan.purchase_kw[t:], abs=1e-2)


def test_a_receding_day_starts_with_the_cars_of_its_last_period(chain: Chain) -> None:
    """Windows of two periods: 50 kWh fill up to 90 to sell, 80 leave, 40 come back and wait for the cheaper .3."""
    load = np.tile([0.0, 100.0], (4, 1))
    day = Load(base_kw=load, base_kvar=0 * load, station_kw=0 * load)
    devices, longer, price = tomorrow_like_today(Devices(CAR_PARK), day, PRICE, 1)
    rolled = dispatch_rolling(chain((0.0, 0.01)), devices, longer, price, window=2)
    assert rolled.carried_out.period_count == 4
    assert rolled.carried_out.status == "optimal"
    assert rolled.plans[0].setpoints["v2g_kwh"][-1, 0] == pytest.approx(50, abs=1e-3)
    assert rolled.carried_out.setpoints["v2g_kwh"][:, 0] == pytest.approx([90, 80, 0, 40], abs=1e-3)


def test_cars_paid_to_burn_energy_get_fixed_signs(chain: Chain) -> None:
    always = replace(CAR_PARK, connected_pu=np.ones(4), arriving_pu=np.zeros(4), departing_pu=np.zeros(4))
    day = dispatch(chain((0.02, 0.02)), always, np.array([-0.3, -0.3, 0.4, 0.4]), load_kw=600.0)
    assert "storage signs fixed" in day.exactness_recovery
    assert day.certified
    assert np.minimum(day.setpoints["v2g_charge_kw"], day.setpoints["v2g_discharge_kw"]).max() <= 1e-3


def test_energy_that_cars_cannot_bring_or_take_is_refused(chain: Chain) -> None:
    wrong = replace(
        CAR_PARK,
        arriving_pu=np.array([0.0, 0.0, 0.1, 0.1]),
        departing_pu=np.array([0.0, 0.0, 0.95, 0.0]),
    )
    with pytest.raises(ConfigError) as error:
        Devices(wrong, replace(CAR_PARK, bus="9", arriving_pu=np.zeros(3))).check(chain((0.0, 0.01)))
    said = "\n".join(map(str, error.value.problems))
    assert "park: in period 4 less energy arrives than soc_min of the vehicles that plug in" in said
    assert "park: in period 3 more energy arrives than soc_max of the vehicles plugged in" in said
    assert "park: in period 3 more energy departs than soc_max" in said
    assert "there is no bus '9'" in said
    assert "must be shares, one per period each" in said
