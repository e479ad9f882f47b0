import numpy as np
import pytest

from cosim.grid.device import DemandResponse, Devices, Renewable, Storage, Turbine
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder
from cosim.grid.problem import Load
from cosim.grid.rolling import dispatch_rolling, relative_error

DEVICES = Devices(
    Turbine(name="t", bus="33", cost_a_cny_per_mw2h=300, cost_b_cny_per_mwh=500, initial_kw=0.0),
    Storage(name="s", bus="18"),
    DemandResponse(bus="24"),
)
PRICE = np.array([0.35, 0.35, 0.68, 1.09, 1.09, 0.68])
PROFILE = np.array([0.3, 0.4, 0.5, 0.6, 0.55, 0.5])


def test_a_shrinking_day_with_a_perfect_forecast_costs_what_the_plan_costs(ieee33: Feeder) -> None:
    load = Load.scaled(ieee33, PROFILE)
    day = dispatch_rolling(ieee33, DEVICES, load, PRICE)
    plan = solve_dispatch(ieee33, DEVICES, load, PRICE)
    assert day.certified
    assert day.cost_cny.sum() == pytest.approx(plan.cost_cny, rel=1e-6)


def test_forecast_errors_cost_money_and_are_reproducible(ieee33: Feeder) -> None:
    load = Load.scaled(ieee33, PROFILE)
    perfect = dispatch_rolling(ieee33, DEVICES, load, PRICE).cost_cny.sum()
    one, two = (
        dispatch_rolling(
            ieee33, DEVICES, load, PRICE, forecast=relative_error(0.2, np.random.default_rng(3))
        ).cost_cny
        for _ in range(2)
    )
    assert one.tobytes() == two.tobytes()
    assert one.sum() >= perfect * (1 - 1e-9)
    assert one.sum() != pytest.approx(perfect, rel=1e-6)


def test_the_weather_is_forecast_too_and_comes_as_it_comes(ieee33: Feeder) -> None:
    """The forecast of the sun drifts away from what comes; in each period what comes is there."""
    profile = np.array([0.0, 0.3, 0.8, 0.6, 0.2, 0.0])
    devices = Devices(Renewable(name="pv", bus="28", kind="pv", profile_pu=profile))
    load = Load.scaled(ieee33, PROFILE)
    wrong = relative_error(0.3, np.random.default_rng(5))
    day = dispatch_rolling(ieee33, devices, load, PRICE, forecast=wrong)
    first, came = (
        day.plans[0].setpoints["renewable_kw"][:, 0],
        day.carried_out.setpoints["renewable_kw"][:, 0],
    )
    assert came == pytest.approx(1000 * profile, abs=0.1)
    assert np.abs(first - came).max() > 50
    assert day.carried_out.cost_cny == pytest.approx(day.cost_cny.sum(), rel=1e-12)
    assert day.carried_out.period_count == len(PRICE)


def test_a_receding_window_looks_no_further(ieee33: Feeder) -> None:
    """The first of two-period plans is the plan of those two periods; a store returns within each window."""
    load = Load.scaled(ieee33, PROFILE)
    day = dispatch_rolling(ieee33, DEVICES, load, PRICE, window=2)
    first = solve_dispatch(ieee33, DEVICES, Load.scaled(ieee33, PROFILE[:2]), PRICE[:2])
    assert [plan.period_count for plan in day.plans] == [2] * 5
    assert day.plans[0].purchase_kw.tobytes() == first.purchase_kw.tobytes()
    assert all(plan.setpoints["storage_kwh"][-1, 0] == pytest.approx(600, abs=1e-3) for plan in day.plans)
