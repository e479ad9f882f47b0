"""The 24-period dispatch against an independent optimum (two formulations and an SQP on the exact AC equations)."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosim.grid.device import DemandResponse, Devices, Renewable, Storage, Turbine
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder, read_feeder_csv
from cosim.grid.power_flow import verify_with_ac_power_flow
from cosim.grid.problem import Horizon, Load
from cosim.grid.solution import Dispatch
from cosim.grid.sweep import sweep_power_flow

ROOT = Path(__file__).parents[2]
CASE: dict[str, Any] = json.loads((ROOT / "tests" / "data" / "reference_dispatch_case.json").read_text())
GIVEN, EXPECTED = CASE["parameters"], CASE["expected"]
PRICE = np.array(GIVEN["price"]) / 1e3


@pytest.fixture(scope="module")
def feeder() -> Feeder:
    folder = ROOT / "configs" / "ieee33"
    return read_feeder_csv(folder / "buses.csv", folder / "branches.csv", name="ieee33")


@pytest.fixture(scope="module")
def devices() -> Devices:
    (turbine,), (store,) = GIVEN["gt"], GIVEN["ess"]
    return Devices(
        Turbine(
            name="turbine",
            bus=str(turbine["node"]),
            p_max_kw=1e3 * turbine["pmax"],
            q_max_kvar=1e3 * turbine["qmax"],
            ramp_kw_per_h=1e3 * turbine["ramp"],
            cost_a_cny_per_mw2h=turbine["a"],
            cost_b_cny_per_mwh=turbine["b"],
            initial_kw=turbine["p0"],
        ),
        Storage(
            name="store",
            bus=str(store["node"]),
            charge_max_kw=1e3 * store["pch"],
            discharge_max_kw=1e3 * store["pdis"],
            capacity_kwh=1e3 * store["e"],
        ),
        *(
            DemandResponse(bus=bus, share_max=share, price_cny_per_mwh=GIVEN["pi"])
            for bus, share in GIVEN["dr"].items()
        ),
        *(
            Renewable(
                name=str(unit["node"]),
                bus=str(unit["node"]),
                kind="pv",
                s_kva=1e3 * unit["s"],
                p_rated=unit["pr"],
                profile_pu=np.array(unit["shape"]),
                q_capability="available",
                q_absorption=False,
            )
            for unit in GIVEN["res"]
        ),
    )


def load_of(feeder: Feeder, evs: float = 1.0) -> Load:
    station_kw = np.zeros((24, feeder.bus_count))
    for bus, peak_mw in GIVEN["ev_mw"].items():
        station_kw[:, feeder.bus_index(bus)] = evs * 1e3 * peak_mw * np.array(GIVEN["ev_shape"])
    return Load.scaled(feeder, np.array(GIVEN["load_shape"]), station_kw)


@pytest.fixture(scope="module")
def dispatch(feeder: Feeder, devices: Devices) -> Dispatch:
    return solve_dispatch(feeder, devices, load_of(feeder), PRICE)


def test_cost_to_a_millionth(dispatch: Dispatch) -> None:
    assert dispatch.certified
    assert dispatch.status == "optimal"
    assert dispatch.cost_cny == pytest.approx(EXPECTED["objective_CNY"], rel=1e-6)
    assert dispatch.cost.purchase_cny == pytest.approx(EXPECTED["purchase_cost"], rel=1e-6)
    assert dispatch.losses_kw.sum() / 1e3 == pytest.approx(EXPECTED["loss_MWh"], abs=1e-5)


def test_hourly_purchase_to_a_kilowatt(dispatch: Dispatch) -> None:
    np.testing.assert_allclose(
        dispatch.purchase_kw, 1e3 * np.array(EXPECTED["hourly_purchase_MW"]), atol=1, rtol=0
    )


def test_nodal_prices_to_a_twentieth_of_a_yuan_per_mwh(feeder: Feeder, dispatch: Dispatch) -> None:
    for bus, prices in EXPECTED["lmp_bus16_20_32"].items():
        nodal = 1e3 * dispatch.price_cny_per_kwh[:, feeder.bus_index(bus)]
        np.testing.assert_allclose(nodal, prices, atol=0.05, rtol=0)


def test_price_at_the_root_is_the_purchase_price(dispatch: Dispatch) -> None:
    np.testing.assert_allclose(dispatch.price_cny_per_kwh[:, 0], PRICE, atol=1e-7, rtol=0)


def test_lowest_voltage_of_every_hour(dispatch: Dispatch) -> None:
    np.testing.assert_allclose(dispatch.voltage_pu.min(axis=1), EXPECTED["vmin_by_hour"], atol=2e-6, rtol=0)


def test_shifted_energy_by_bus(dispatch: Dispatch) -> None:
    np.testing.assert_allclose(
        dispatch.setpoints["shift_out_kw"].sum(axis=0) / 1e3,
        list(EXPECTED["dr_out_MWh"].values()),
        atol=1e-4,
        rtol=0,
    )


def test_ac_power_flow_confirms_every_period(feeder: Feeder, dispatch: Dispatch) -> None:
    assert dispatch.relaxation_error.max() <= 1e-6
    for period in (1, 13, 19, 24):
        assert verify_with_ac_power_flow(feeder, dispatch, period).voltage_mismatch_pu <= 1e-8
    day = sweep_power_flow(feeder, dispatch.injection_kw, dispatch.injection_kvar)
    np.testing.assert_allclose(day.voltage_pu, dispatch.voltage_pu, atol=1e-8, rtol=0)
    np.testing.assert_allclose(day.slack_kw, dispatch.purchase_kw, atol=1e-3, rtol=0)


def test_shrinking_day_costs_what_the_plan_costs(
    feeder: Feeder, devices: Devices, dispatch: Dispatch
) -> None:
    load, state, cost_cny = load_of(feeder), None, 0.0
    (turbine,) = devices.of(Turbine)
    for t in range(24):
        horizon = Horizon(first_period=t + 1, state=state)
        now = solve_dispatch(feeder, devices, load.since(t), PRICE[t:], horizon)
        assert now.status == "optimal"
        assert now.certified
        mw = now.setpoints["turbine_kw"][0, 0] / 1e3
        cost_cny += turbine.cost_a_cny_per_mw2h * mw**2 + turbine.cost_b_cny_per_mwh * mw
        cost_cny += PRICE[t] * now.purchase_kw[0] + GIVEN["pi"] * now.setpoints["shift_out_kw"][0].sum() / 1e3
        state = now.state_after(t + 1)
    assert cost_cny == pytest.approx(dispatch.cost_cny, rel=1e-6)


def test_evs_times_two_and_a_half_are_too_many_at_bus_32(feeder: Feeder, devices: Devices) -> None:
    elastic = solve_dispatch(feeder, devices, load_of(feeder, evs=2.5), PRICE)
    assert elastic.status == "elastic"
    assert elastic.certified
    worst = elastic.violations[0]
    assert (worst.period, worst.bus, worst.kind) == (19, "32", "undervoltage")
    assert worst.amount == pytest.approx(0.95 - elastic.voltage_pu.min(), abs=1e-9)


def test_evs_times_two_still_fit(feeder: Feeder, devices: Devices) -> None:
    """The control of the test above: a feasible day names nothing."""
    dispatch = solve_dispatch(feeder, devices, load_of(feeder, evs=2.0), PRICE)
    assert dispatch.status == "optimal"
    assert dispatch.violations == ()
