from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.errors import SolverError
from cosim.grid import power_flow
from cosim.grid.device import Devices
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder
from cosim.grid.flow import PowerFlow
from cosim.grid.power_flow import ac_power_flow, newton_power_flow, verify_with_ac_power_flow
from cosim.grid.problem import Load
from cosim.grid.sweep import sweep_power_flow

Chain = Callable[..., Feeder]


def test_one_branch_by_hand(chain: Chain) -> None:
    """Unity power factor, no reactance: V = (1 + sqrt(1 - 4 r p)) / 2 and I = p / V."""
    feeder = chain((0.02, 0.0))
    flow = ac_power_flow(feeder, np.array([0.0, -800.0]), np.zeros(2))
    voltage = (1 + np.sqrt(1 - 4 * 0.02 * 0.8)) / 2
    assert flow.voltage_pu == pytest.approx([1.0, voltage], abs=1e-12)
    assert flow.branch_current_pu[0] == pytest.approx(0.8 / voltage, abs=1e-10)
    assert float(flow.losses_kw) == pytest.approx(20 * (0.8 / voltage) ** 2, abs=1e-7)
    assert float(flow.slack_kw) == pytest.approx(800 + 20 * (0.8 / voltage) ** 2, abs=1e-7)


def test_base_case_is_the_published_one(ieee33: Feeder) -> None:
    flow = ac_power_flow(ieee33, -ieee33.load_kw, -ieee33.load_kvar)
    assert float(flow.losses_kw) == pytest.approx(202.677, abs=1e-3)
    assert flow.voltage_pu.min() == pytest.approx(0.91309, abs=1e-5)
    assert ieee33.bus_names[int(flow.voltage_pu.argmin())] == "18"


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_sweep_and_newton_raphson_agree(ieee33: Feeder, seed: int) -> None:
    """Two methods that share no code, at random loads with feed-in and load at the slack bus."""
    random = np.random.default_rng(seed)
    p_kw, q_kvar = random.uniform(-150, 100, (2, 33))
    one, two = newton_power_flow(ieee33, p_kw, q_kvar), sweep_power_flow(ieee33, p_kw, q_kvar)
    for name, bound in (
        ("voltage_pu", 1e-10),
        ("branch_current_pu", 1e-8),
        ("branch_kw", 1e-5),
        ("branch_kvar", 1e-5),
    ):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), atol=bound, rtol=0, err_msg=name)
    for name in ("losses_kw", "slack_kw", "slack_kvar"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), atol=1e-6, rtol=0, err_msg=name)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_what_pandapowers_admittances_accept_is_what_newton_raphson_finds(ieee33: Feeder, seed: int) -> None:
    random = np.random.default_rng(seed)
    p_kw, q_kvar = random.uniform(-150, 100, (2, 33))
    judged, newton = ac_power_flow(ieee33, p_kw, q_kvar), newton_power_flow(ieee33, p_kw, q_kvar)
    for field in fields(PowerFlow):
        one, two = getattr(judged, field.name), getattr(newton, field.name)
        np.testing.assert_allclose(one, two, atol=1e-5, rtol=1e-10, err_msg=field.name)
    # both may leave 1e-10 MVA at each of 33 buses: times the feeder's impedance, some 1e-10 p.u.
    np.testing.assert_allclose(judged.voltage_pu, newton.voltage_pu, atol=1e-9, rtol=0)


def test_voltages_that_are_off_are_not_accepted(ieee33: Feeder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A negative control: proposals wrong by 1e-8 p.u. at one bus are thrown away, and Newton-Raphson solves."""
    honest = power_flow.sweep_voltage
    proposals = []

    def wrong(*arguments: Any, **options: Any) -> Any:
        proposals.append(honest(*arguments, **options) + np.eye(33)[17] * 1e-8)
        return proposals[-1]

    monkeypatch.setattr(power_flow, "sweep_voltage", wrong)
    answer = ac_power_flow(ieee33, -ieee33.load_kw, -ieee33.load_kvar)
    assert abs(abs(proposals[0][17]) - answer.voltage_pu[17]) > 5e-9
    newton = newton_power_flow(ieee33, -ieee33.load_kw, -ieee33.load_kvar)
    assert answer.voltage_pu.tobytes() == newton.voltage_pu.tobytes()


def test_sweep_of_a_day_is_the_sweep_of_each_period(ieee33: Feeder) -> None:
    p_kw, q_kvar = -np.outer([0.3, 1.0], ieee33.load_kw), -np.outer([0.3, 1.0], ieee33.load_kvar)
    day = sweep_power_flow(ieee33, p_kw, q_kvar)
    for t in range(2):
        np.testing.assert_allclose(
            day.voltage_pu[t], sweep_power_flow(ieee33, p_kw[t], q_kvar[t]).voltage_pu, rtol=0, atol=1e-11
        )


def test_a_flow_does_not_depend_on_the_flow_before(ieee33: Feeder) -> None:
    first = ac_power_flow(ieee33, -ieee33.load_kw, -ieee33.load_kvar).voltage_pu
    ac_power_flow(ieee33, -2 * ieee33.load_kw, np.zeros(33))
    with pytest.raises(SolverError):
        ac_power_flow(ieee33, -20 * ieee33.load_kw, -20 * ieee33.load_kvar)
    for _ in range(2):
        again = ac_power_flow(ieee33, -ieee33.load_kw, -ieee33.load_kvar).voltage_pu
        assert first.tobytes() == again.tobytes()
        ac_power_flow(ieee33, -2 * ieee33.load_kw, np.zeros(33))


def test_slack_voltage_is_the_feeders(ieee33: Feeder) -> None:
    raised = replace(ieee33, slack_voltage_pu=1.03)
    assert ac_power_flow(raised, -ieee33.load_kw, -ieee33.load_kvar).voltage_pu[0] == pytest.approx(1.03)


def test_an_impossible_load_is_an_error_that_names_feeder_and_period(ieee33: Feeder) -> None:
    with pytest.raises(SolverError, match="feeder ieee33, period 7: the AC power flow does not converge"):
        ac_power_flow(ieee33, -20 * ieee33.load_kw, -20 * ieee33.load_kvar, where="period 7")
    with pytest.raises(SolverError, match="the sweep does not converge"):
        sweep_power_flow(ieee33, -20 * ieee33.load_kw, -20 * ieee33.load_kvar)


def test_verdict_finds_a_dispatch_that_is_not_what_it_says(ieee33: Feeder) -> None:
    """A negative control: the same dispatch with 1 kW forgotten at bus 18."""
    load = Load.scaled(ieee33, np.array([0.5, 0.6]))
    honest = solve_dispatch(ieee33, Devices(), load, np.array([0.5, 0.9]))
    assert verify_with_ac_power_flow(ieee33, honest, 2).voltage_mismatch_pu <= 1e-9
    assert verify_with_ac_power_flow(ieee33, honest, 2).losses_mismatch_kw <= 1e-4
    injection_kw = honest.injection_kw.copy()
    injection_kw[1, 17] -= 1.0
    verdict = verify_with_ac_power_flow(ieee33, replace(honest, injection_kw=injection_kw), 2)
    assert verdict.voltage_mismatch_pu > 1e-5
    assert verdict.losses_mismatch_kw > 1e-2
    assert verdict.current_mismatch_pu > 1e-4
