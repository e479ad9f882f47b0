"""Dispatches small enough to know the answer, and what follows where the relaxation is not exact or infeasible."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from cosim.errors import ConfigError
from cosim.grid.device import DemandResponse, Devices, Renewable, Storage, Turbine
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder, feeder_from_pandapower
from cosim.grid.power_flow import verify_with_ac_power_flow
from cosim.grid.problem import Elastic, Horizon, Load, Rules

Chain = Callable[..., Feeder]
Level = Callable[..., Load]
BARE = Devices()


def test_one_branch_by_the_quadratic_formula(chain: Chain, level: Level) -> None:
    """Purchase p solves p - r p^2 = .8 (Q = 0, v = 1), so p = (1 - sqrt(1 - 4 r .8)) / 2r."""
    feeder = chain((0.02, 0.0))
    dispatch = solve_dispatch(feeder, BARE, level(feeder, b2=800), np.array([0.5]))
    p = (1 - np.sqrt(1 - 4 * 0.02 * 0.8)) / 0.04
    assert dispatch.purchase_kw[0] == pytest.approx(1000 * p, abs=1e-4)
    assert dispatch.cost_cny == pytest.approx(500 * p, abs=1e-4)
    assert dispatch.losses_kw[0] == pytest.approx(1000 * 0.02 * p**2, abs=1e-4)
    assert dispatch.voltage_pu[0, 1] ** 2 == pytest.approx(1 - 2 * 0.02 * p + 0.02**2 * p**2, abs=1e-8)
    assert dispatch.price_cny_per_kwh[0] == pytest.approx([0.5, 0.5 / np.sqrt(1 - 4 * 0.02 * 0.8)], abs=1e-6)


def test_cone_is_tight_when_import_costs_money(chain: Chain, level: Level) -> None:
    feeder = chain((0.02, 0.02), (0.03, 0.02))
    dispatch = solve_dispatch(feeder, BARE, level(feeder, b2=300, b3=500), np.array([0.5]))
    assert dispatch.certified
    assert dispatch.exactness_recovery == "none"
    assert dispatch.optimality_gap == 0.0
    assert dispatch.relaxation_error.max() <= 1e-7


def test_nodal_price_is_the_cost_of_one_more_kwh(chain: Chain, level: Level) -> None:
    """A central difference over +-1 kW, of a half-hour dispatch with a turbine on its way."""
    feeder = chain((0.02, 0.02), (0.03, 0.02))
    devices = Devices(Turbine(name="t", bus="2", cost_a_cny_per_mw2h=300, cost_b_cny_per_mwh=300))
    horizon, price = Horizon(period_h=0.5), np.array([0.5, 0.7])
    load = level(feeder, 2, b2=300, b3=500)

    def cost(extra_kw: float) -> float:
        more = load.base_kw.copy()
        more[1, 2] += extra_kw
        return solve_dispatch(feeder, devices, replace(load, base_kw=more), price, horizon).cost_cny

    nodal = solve_dispatch(feeder, devices, load, price, horizon).price_cny_per_kwh[1, 2]
    assert (cost(1.0) - cost(-1.0)) / (2 * 0.5) == pytest.approx(nodal, abs=1e-5)


def test_nodal_price_at_the_lowest_voltage_is_the_cost_of_one_more_kwh(chain: Chain, level: Level) -> None:
    """The last bus has a load only and the lowest voltage, and the turbine on its way makes room for more."""
    feeder = chain((0.05, 0.05), (0.05, 0.05), voltage_min_pu=0.95, voltage_max_pu=1.05)
    devices = Devices(Turbine(name="t", bus="2", q_max_kvar=0, cost_b_cny_per_mwh=900))
    load, price = level(feeder, b2=300, b3=500), np.array([0.5])

    def cost(extra_kw: float) -> float:
        more = load.base_kw + np.array([0.0, 0.0, extra_kw])
        return solve_dispatch(feeder, devices, replace(load, base_kw=more), price).cost_cny

    dispatch = solve_dispatch(feeder, devices, load, price)
    assert dispatch.voltage_pu[0, 2] == pytest.approx(0.95, abs=1e-6)
    assert (cost(0.5) - cost(-0.5)) == pytest.approx(dispatch.price_cny_per_kwh[0, 2], abs=1e-4)


def sun(**options: object) -> Devices:
    unit = Renewable(name="pv", bus="3", kind="pv", profile_pu=np.ones(2), **options)  # type: ignore[arg-type]
    return Devices(unit)


def test_current_limit_cuts_the_station_and_says_so(chain: Chain, level: Level) -> None:
    """At .5 p.u. no more than 500 kW enter; the station's share of 600 kW + 100 kW is shed before the base."""
    feeder = chain((0.01, 0.0), current_max_pu=0.5)
    dispatch = solve_dispatch(feeder, BARE, level(feeder, b2=100, s2=600), np.array([0.5]))
    assert dispatch.status == "elastic"
    assert dispatch.certified
    arrives = 500 - 1000 * 0.01 * 0.25
    assert dispatch.station_shed_kw[0, 1] == pytest.approx(700 - arrives, abs=1e-3)
    assert dispatch.base_shed_kw.max() <= 1e-3
    assert str(dispatch.violations[0]) == (
        "period 1, bus 2: 202.5 kW of station load cannot be served. At its limit on the way is branch 1 "
        f"(100.0% of {0.5 * feeder.current_base_a:.0f} A). Raise the limit there, or all by grid.branch_limit_scale."
    )


def test_load_shed_at_the_voltage_floor_names_the_voltage(chain: Chain, level: Level) -> None:
    """A line that would carry the load in amperes, but not in volts: the floor binds, and no branch."""
    feeder = chain((0.1, 0.0))
    dispatch = solve_dispatch(feeder, BARE, level(feeder, b2=3000), np.array([0.5]))
    assert dispatch.violations[0].kind == "base_shed"
    assert "The voltage at bus 2 is 0.8" in dispatch.violations[0].sentence
    assert dispatch.violations[0].sentence.endswith("lower grid.elastic.voltage_floor_pu.")


def test_load_not_served_is_told_before_voltages_and_advice_fits_a_net_without_stations() -> None:
    feeder = feeder_from_pandapower("create_cigre_network_mv")
    dispatch = solve_dispatch(feeder, BARE, Load.scaled(feeder, np.ones(1)), np.array([0.68]))
    kinds = [violation.kind for violation in dispatch.violations]
    assert kinds[0] == "base_shed"
    assert "undervoltage" in kinds
    assert "branch Trafo 0-1 (100.0% of 131 A)" in dispatch.violations[0].sentence
    assert not any("station" in violation.sentence for violation in dispatch.violations)


def test_prices_of_giving_way_choose_between_voltage_and_shedding(chain: Chain, level: Level) -> None:
    feeder = chain((0.05, 0.05))
    load = level(feeder, b2=300, s2=1200)
    soft = solve_dispatch(feeder, BARE, load, np.array([0.5]), Horizon(first_period=18))
    hard = Rules(elastic=Elastic(voltage_cny_per_pu2_h=1e7, station_cny_per_kwh=1.0))
    shed = solve_dispatch(feeder, BARE, load, np.array([0.5]), Horizon(first_period=18), hard)
    assert [v.kind for v in soft.violations] == ["undervoltage"]
    assert soft.violations[0].sentence == (
        f"period 18, bus 2: no dispatch keeps 0.95 p.u. (short by {0.95 - soft.voltage_pu[0, 1]:.3g}). "
        "Lower the station load, or raise grid.slack_voltage_pu."
    )
    assert [v.kind for v in shed.violations] == ["station_shed"]
    assert shed.voltage_pu[0, 1] == pytest.approx(0.95, abs=1e-6)


def test_a_polish_makes_negative_prices_exact_and_keeps_the_bound(chain: Chain, level: Level) -> None:
    """At a negative price losses earn money: the relaxation invents them until their excess has a price."""
    feeder = chain((0.02, 0.02), (0.03, 0.02))
    load, price = level(feeder, b2=300, b3=500), np.array([-0.3])
    lame = solve_dispatch(feeder, BARE, load, price, rules=Rules(polish_steps_max=0))
    assert not lame.certified
    assert "relaxation error" in lame.reason_not_certified
    dispatch = solve_dispatch(feeder, BARE, load, price)
    assert dispatch.certified
    assert "steps of polish" in dispatch.exactness_recovery
    assert dispatch.status == "locally optimal"
    assert dispatch.lower_bound_cny == pytest.approx(lame.cost_cny, rel=1e-6)
    assert dispatch.lower_bound_cny < dispatch.cost_cny < 0
    assert verify_with_ac_power_flow(feeder, dispatch, 1).voltage_mismatch_pu <= 1e-9


def test_a_store_paid_to_burn_energy_gets_fixed_signs(chain: Chain, level: Level) -> None:
    """At a negative price charging and discharging at once would earn money; a sign per period ends that."""
    feeder = chain((0.02, 0.02))
    devices = Devices(Storage(name="s", bus="2"))
    dispatch = solve_dispatch(feeder, devices, level(feeder, 4, b2=600), np.array([-0.3, -0.3, 0.4, 0.4]))
    assert "storage signs fixed" in dispatch.exactness_recovery
    assert dispatch.certified
    assert np.minimum(dispatch.setpoints["charge_kw"], dispatch.setpoints["discharge_kw"]).max() <= 1e-3
    assert dispatch.lower_bound_cny < dispatch.cost_cny


def test_shrinking_horizon_of_a_small_day_repeats_the_plan(chain: Chain, level: Level) -> None:
    feeder = chain((0.02, 0.02))
    devices = Devices(
        Turbine(name="t", bus="2", cost_a_cny_per_mw2h=300, cost_b_cny_per_mwh=400, initial_kw=0.0),
        Storage(name="s", bus="2"),
        DemandResponse(bus="2"),
    )
    load, price = level(feeder, 4, b2=600), np.array([0.3, 0.9, 0.4, 1.0])
    plan = solve_dispatch(feeder, devices, load, price)
    state = None
    for t in range(4):
        horizon = Horizon(first_period=t + 1, state=state)
        now = solve_dispatch(feeder, devices, load.since(t), price[t:], horizon)
        assert now.status == "optimal"
        assert now.purchase_kw[0] == pytest.approx(plan.purchase_kw[t], abs=1e-2)
        state = now.state_after(t + 1)


def test_the_same_problem_data_give_the_same_bytes(chain: Chain, level: Level) -> None:
    feeder = chain((0.02, 0.02), (0.03, 0.02))
    load, price = level(feeder, 2, b2=300, b3=500), np.array([0.5, 0.9])
    one, two = (solve_dispatch(feeder, sun(), load, price) for _ in range(2))
    assert one.voltage_pu.tobytes() == two.voltage_pu.tobytes()
    assert one.price_cny_per_kwh.tobytes() == two.price_cny_per_kwh.tobytes()


def test_wrong_input_is_reported_all_at_once(chain: Chain, level: Level) -> None:
    feeder = chain((0.02, 0.02))
    load = level(feeder, 3, b2=300)
    with pytest.raises(ConfigError) as error:
        solve_dispatch(feeder, BARE, replace(load, station_kw=-load.base_kw), np.array([0.5, np.nan]))
    assert len(error.value.problems) == 5


def test_wrong_devices_are_reported_all_at_once(chain: Chain) -> None:
    devices = Devices(
        Turbine(name="t", bus="99", p_max_kw=-1.0),
        Storage(name="s", bus="2", soc_min=0.9, charge_efficiency=0.0),
        DemandResponse(bus="2", share_max=1.5),
        DemandResponse(bus="2"),
        Renewable(name="w", bus="2", kind="wind", profile_pu=np.array([0.5, 1.2])),
    )
    with pytest.raises(ConfigError) as error:
        devices.check(chain((0.02, 0.02)))
    said = str(error.value)
    assert "turbine t: there is no bus '99'" in said
    assert "wind w: p_rated * profile_pu is above 1 in period 2" in said
    assert len(error.value.problems) == 7


def test_a_period_outside_the_horizon_is_refused(chain: Chain, level: Level) -> None:
    feeder = chain((0.02, 0.02))
    dispatch = solve_dispatch(feeder, BARE, level(feeder, b2=300), np.array([0.5]), Horizon(first_period=7))
    with pytest.raises(ValueError, match="covers 7 to 7"):
        dispatch.state_after(1)
