"""A planning margin: the dispatch is that of tighter limits, and is judged by the limits themselves."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cosim.errors import ConfigError
from cosim.grid.device import Devices, Storage
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder, VoltageRules, feeder_from_pandapower
from cosim.grid.operation import planned_operation, with_realised_load
from cosim.grid.operation_tables import record_operation
from cosim.grid.problem import Load, Margin, Rules
from cosim.grid.rolling import dispatch_rolling
from cosim.periods import PeriodOfDay
from cosim.results import Recorder

STORE = Devices(
    Storage(name="s", bus="3", capacity_kwh=900, charge_max_kw=900, discharge_max_kw=900, soc_initial=0.5)
)
PRICE = np.array([0.5, 0.5])
PROFILE = np.array([0.3, 1.0])
CASE_OF_TWO_BUSES = """
mpc.baseMVA = 1;
mpc.bus = [1 3 0 0 0 0 1 1 0 20 1 1.1 0.9; 2 1 1.5 0.5 0 0 1 1 0 20 1 1.05 0.93];
mpc.gen = [1 0 0 10 -10 1 1 1 10 0];
mpc.branch = [1 2 0.035 0.015 0.004 0 0 0 0 0 1 -360 360];
"""


@pytest.fixture(scope="module")
def line(chain: Callable[..., Feeder]) -> Feeder:
    """Return three buses, of which the last lies at 0.953 p.u. when it draws 1,100 kW."""
    return replace(chain((0.02, 0.01), (0.02, 0.01)), load_kw=np.array([0.0, 0.0, 1100.0]))


def narrowed(feeder: Feeder, margin_pu: float) -> Feeder:
    low, high = feeder.voltage_limits_pu
    return replace(feeder, voltage_min_pu=low + margin_pu, voltage_max_pu=high - margin_pu)


def with_margin(**margin: float) -> Rules:
    return Rules(margin=Margin(**margin))


def test_a_plan_with_a_margin_is_the_plan_of_tighter_limits(line: Feeder) -> None:
    load = Load.scaled(line, PROFILE)
    plan = solve_dispatch(line, STORE, load, PRICE, rules=with_margin(voltage_pu=0.01))
    tight, loose = (solve_dispatch(f, STORE, load, PRICE) for f in (narrowed(line, 0.01), line))
    assert plan.status == tight.status == "optimal"
    assert plan.violations == ()
    assert plan.voltage_pu.min() == pytest.approx(0.96, abs=1e-6)
    assert loose.voltage_pu.min() < 0.955
    assert plan.cost_cny == pytest.approx(tight.cost_cny, rel=1e-6)
    assert plan.cost_cny > loose.cost_cny + 1
    assert plan.price_cny_per_kwh == pytest.approx(tight.price_cny_per_kwh, abs=1e-4)


def test_no_margin_is_the_dispatch_to_the_last_bit(line: Feeder) -> None:
    load = Load.scaled(line, PROFILE)
    plan, same = (solve_dispatch(line, STORE, load, PRICE, rules=r) for r in (with_margin(), Rules()))
    assert plan.voltage_pu.tobytes() == same.voltage_pu.tobytes()


def test_a_margin_that_cannot_be_kept_gives_way_before_any_load_is_shed(line: Feeder) -> None:
    """Without devices nothing holds 0.95 p.u. plus 0.02: the plan is the power flow, which breaks no limit."""
    load = Load.scaled(line, PROFILE)
    plan = solve_dispatch(line, Devices(), load, PRICE, rules=with_margin(voltage_pu=0.02))
    plain = solve_dispatch(line, Devices(), load, PRICE)
    assert plan.status == plain.status == "optimal"
    assert plan.certified
    assert plan.voltage_pu == pytest.approx(plain.voltage_pu, abs=1e-6)
    assert not plan.base_shed_kw.any()
    (told,) = plan.violations
    assert (told.period, told.bus, told.kind) == (2, "3", "margin")
    assert told.amount == pytest.approx(0.97 - plain.voltage_pu.min(), abs=1e-6)
    assert "0.9536 p.u. are planned, within the limits, but not by the margin of 0.02 p.u." in str(told)


def test_where_limits_cannot_be_kept_a_margin_changes_nothing_that_is_broken(line: Feeder) -> None:
    load = Load.scaled(line, np.array([1.2]))
    plan, plain = (
        solve_dispatch(line, Devices(), load, PRICE[:1], rules=rules)
        for rules in (with_margin(voltage_pu=0.02), Rules())
    )
    assert plan.status == plain.status == "elastic"
    broken = {v.bus: v.amount for v in plan.violations if v.kind != "margin"}
    assert broken == pytest.approx({v.bus: v.amount for v in plain.violations}, abs=1e-6)


@pytest.mark.parametrize("charging_pu", [0.0, 0.02])
def test_a_current_margin_leaves_that_share_of_each_limit_free(
    chain: Callable[..., Feeder], level: Callable[..., Load], charging_pu: float
) -> None:
    """The store saves what the last period cannot draw: with limits at 80 % as much as with the margin of 20 %."""
    store = Devices(replace(STORE.all[0], bus="2"))
    feeder = replace(
        chain((0.01, 0.01), current_max_pu=1.0), y_to_pu=np.array([1j * charging_pu]), slack_voltage_pu=1.0
    )
    tight = replace(
        feeder, current_max_pu=0.8 * feeder.current_max_pu, current_max_to_pu=0.8 * feeder.current_max_to_pu
    )
    load = level(feeder, 2, b2=600.0)
    load = replace(load, base_kw=load.base_kw * np.array([[0.5], [1.5]]))
    price = np.array([0.5, 0.5])
    plan, same, loose = (
        solve_dispatch(f, store, load, price, rules=r)
        for f, r in ((feeder, with_margin(current=0.2)), (tight, Rules()), (feeder, Rules()))
    )
    assert plan.certified, plan.reason_not_certified
    assert plan.violations == ()
    assert plan.cost_cny == pytest.approx(same.cost_cny, rel=1e-6)
    assert plan.branch_current_pu == pytest.approx(same.branch_current_pu, abs=1e-4)
    assert plan.branch_current_pu.max() < 0.81 < loose.branch_current_pu.max()
    full = solve_dispatch(feeder, Devices(), load, price, rules=with_margin(current=0.2))
    assert full.status == "optimal"
    assert [(v.period, v.kind) for v in full.violations] == [(2, "margin")]
    assert "branch 1: 91" in str(full.violations[0]) or "branch 1: 90" in str(full.violations[0])
    assert not full.base_shed_kw.any()


def test_rolling_plans_keep_it_too(line: Feeder) -> None:
    load, price = Load.scaled(line, np.array([0.5, 1.0, 0.4])), np.array([0.5, 0.5, 0.5])
    rules = with_margin(voltage_pu=0.015)
    day = dispatch_rolling(line, STORE, load, price, window=2, rules=rules)
    tight = dispatch_rolling(narrowed(line, 0.015), STORE, load, price, window=2)
    assert day.carried_out.status == "optimal"
    assert day.cost_cny == pytest.approx(tight.cost_cny, rel=1e-6)
    assert day.carried_out.voltage_pu == pytest.approx(tight.carried_out.voltage_pu, abs=1e-5)


def test_each_bus_of_a_given_network_keeps_it_from_its_own_limits(tmp_path: Path) -> None:
    """A MATPOWER case that states 0.93 to 1.05 at bus 2, which lies at 0.935."""
    file = tmp_path / "two.m"
    file.write_text(CASE_OF_TWO_BUSES)
    feeder = feeder_from_pandapower(str(file), voltage=VoltageRules())
    store, load = Devices(replace(STORE.all[0], bus="2")), Load.scaled(feeder, PROFILE)
    rules = with_margin(voltage_pu=0.012)
    plan = solve_dispatch(feeder, store, load, PRICE, rules=rules)
    tight = solve_dispatch(narrowed(feeder, 0.012), store, load, PRICE)
    assert plan.voltage_pu[1, 1] == pytest.approx(0.942, abs=1e-6)
    assert plan.cost_cny == pytest.approx(tight.cost_cny, rel=1e-6)
    given_up = solve_dispatch(feeder, Devices(), load, PRICE, rules=rules)
    operation = planned_operation(feeder, Devices(), given_up, load, 0.5, PeriodOfDay(1, 2))
    assert 0.93 < operation.planned.voltage_pu[1] < 0.942
    assert operation.dispatch.certified, operation.dispatch.reason_not_certified


def test_what_happens_is_judged_by_the_limits_themselves(line: Feeder) -> None:
    load = Load.scaled(line, np.array([0.98]))
    plan = solve_dispatch(line, Devices(), load, PRICE[:1], rules=with_margin(voltage_pu=0.004))
    operation = planned_operation(line, Devices(), plan, load, 0.5, PeriodOfDay(1, 1))
    for station_kw, lowest_pu, told in ((40.0, 0.9528, []), (200.0, 0.9456, ["realised_voltage"])):
        recorder, realised = Recorder(), with_realised_load(operation, np.array([0.0, 0.0, station_kw]))
        record_operation(recorder, realised)
        assert realised.realised.voltage_pu.min() == pytest.approx(lowest_pu, abs=1e-4)
        assert list(recorder.frame("violations").kind) == told


def test_a_margin_that_leaves_nothing_between_the_limits_is_refused(line: Feeder) -> None:
    load = Load.scaled(line, PROFILE)
    with pytest.raises(ConfigError, match=r"grid.voltage_margin_pu is 0.05.*less than half"):
        solve_dispatch(line, STORE, load, PRICE, rules=with_margin(voltage_pu=0.05))
