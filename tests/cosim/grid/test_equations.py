"""Each equation alone, on numbers that can be checked by hand."""

from collections.abc import Callable
from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest

from cosim.grid import equations as eq
from cosim.grid.feeder import Feeder
from cosim.grid.solution import BranchFlow, relaxation_error

Chain = Callable[..., Feeder]


def const(*rows: list[float]) -> cp.Constant:
    return cp.Constant(np.array(rows))


def holds(constraints: eq.Constraints) -> bool:
    return all(np.max(c.violation()) <= 1e-12 for c in constraints)


def best(objective: cp.Expression, constraints: eq.Constraints) -> float:
    """Maximise; the equations need no solver of cones here."""
    problem = cp.Problem(cp.Maximize(objective), constraints)
    problem.solve(solver="CLARABEL")
    assert problem.status == "optimal"
    return float(problem.value)


def flow(p: list[float], l: list[float], v: list[float], q: list[float] | None = None) -> eq.Flow:  # noqa: E741
    return eq.Flow(const(p), const(q or [0.0] * len(p)), const(l), const(v))


def test_balance_charges_the_loss_to_the_receiving_end(chain: Chain) -> None:
    """2 enters branch 1, .02 x 4 is lost, 1 is used at bus 2, the rest goes on and loses .1 x .8464."""
    feeder = chain((0.02, 0.01), (0.1, 0.0))
    state = flow([2.0, 0.92], [4.0, 0.8464], [1.0, 1.0, 1.0], q=[0.04, 0.0])
    arrives = 0.92 - 0.08464
    injected_q = const([0.04, 0.0, 0.0])
    assert holds(eq.balance(state, feeder, const([2.0, -1.0, -arrives]), injected_q))
    assert not holds(eq.balance(state, feeder, const([2.0, -1.08, -arrives]), injected_q))


def test_voltage_falls_by_twice_rp_plus_xq(chain: Chain) -> None:
    feeder = chain((0.02, 0.01))
    v_2 = 1.0 - 2 * (0.02 * 0.5 + 0.01 * 0.3) + (0.02**2 + 0.01**2) * 0.34
    assert holds(eq.voltage_drop(flow([0.5], [0.34], [1.0, v_2], q=[0.3]), feeder))
    assert not holds(eq.voltage_drop(flow([0.5], [0.34], [1.0, v_2 + 1e-6], q=[0.3]), feeder))
    assert not holds(eq.voltage_drop(flow([0.5], [0.34], [1.02, v_2 + 0.02], q=[0.3]), feeder))


@pytest.mark.parametrize(("current2", "inside"), [(0.26, True), (0.25, True), (0.24, False)])
def test_cone_bounds_the_current_from_below(chain: Chain, current2: float, inside: bool) -> None:
    """P = .4, Q = .3 at v = 1 carry I^2 = .25."""
    assert holds(eq.cone(flow([0.4], [current2], [1.0, 0.9], q=[0.3]), chain((0.1, 0.1)))) is inside


def test_cone_allows_no_negative_square(chain: Chain) -> None:
    assert not holds(eq.cone(flow([0.0], [-0.01], [1.0, 1.0]), chain((0.1, 0.1))))


def test_cone_takes_the_voltage_of_the_sending_end(chain: Chain) -> None:
    assert holds(eq.cone(flow([0.4], [0.5], [0.5, 1.0], q=[0.3]), chain((0.1, 0.1))))
    assert not holds(eq.cone(flow([0.4], [0.4], [0.5, 1.0], q=[0.3]), chain((0.1, 0.1))))


def test_voltage_band_spares_the_slack_bus(chain: Chain) -> None:
    feeder = chain((0.1, 0.1))
    assert holds(eq.voltage_limits(flow([0.0], [0.0], [1.2, 0.96**2]), feeder))
    assert not holds(eq.voltage_limits(flow([0.0], [0.0], [1.0, 0.94**2]), feeder))
    assert not holds(eq.voltage_limits(flow([0.0], [0.0], [1.0, 1.06**2]), feeder))
    assert holds(eq.voltage_limits(flow([0.0], [0.0], [1.0, 0.94**2]), feeder, under=0.02))


def test_current_limit_of_a_line_bounds_the_series_current(chain: Chain) -> None:
    feeder = chain((0.1, 0.1))
    assert holds(eq.current_limits(flow([0.0], [0.25], [1.0, 1.0]), feeder, np.array([[0.25]])))
    assert not holds(eq.current_limits(flow([0.0], [0.26], [1.0, 1.0]), feeder, np.array([[0.25]])))


def test_current_limit_of_a_cable_holds_at_its_ends(chain: Chain) -> None:
    """P = .3 at v = 1 and a charging of j.4 at the sending end: .3^2 + .4^2 = .5^2 enters there."""
    y = np.array([0.4j])
    state, most = flow([0.3], [0.09], [1.0, 1.0]), np.array([[9.0]])
    near = replace(chain((0.0, 0.0), current_max_pu=0.501), y_from_pu=y)
    assert holds(eq.current_limits(state, near, most))
    assert not holds(eq.current_limits(state, replace(near, current_max_pu=np.array([0.499])), most))
    far = replace(chain((0.0, 0.0), current_max_pu=0.501), y_to_pu=y)
    assert holds(eq.current_limits(state, far, most))
    assert not holds(eq.current_limits(state, replace(far, current_max_to_pu=np.array([0.499])), most))


def test_charging_feeds_reactive_power_into_both_ends(chain: Chain) -> None:
    """j.4 at the sending end gives .4 v = .4 to bus 1; at the receiving end .4 x .81 to bus 2."""
    feeder = replace(chain((0.0, 0.0)), y_from_pu=np.array([0.4j]), y_to_pu=np.array([0.4j]))
    state = flow([0.0], [0.0], [1.0, 0.81])
    assert holds(eq.balance(state, feeder, const([0.0, 0.0]), const([-0.4, -0.324])))
    assert not holds(eq.balance(state, feeder, const([0.0, 0.0]), const([-0.4, -0.4])))


def test_a_tap_divides_the_voltage_by_its_square(chain: Chain) -> None:
    feeder = replace(chain((0.02, 0.01)), ratio=np.array([1.1]))
    v_2 = 1.0 / 1.21 - 2 * (0.02 * 0.5 + 0.01 * 0.3) + (0.02**2 + 0.01**2) * 0.34
    assert holds(eq.voltage_drop(flow([0.5], [0.34], [1.0, v_2], q=[0.3]), feeder))
    assert not holds(eq.voltage_drop(flow([0.5], [0.34], [1.0, v_2 * 1.21], q=[0.3]), feeder))


def test_sum_below_adds_a_bus_to_every_branch_on_its_way(chain: Chain) -> None:
    feeder = chain((0.1, 0.1), (0.1, 0.1), (0.1, 0.1))
    assert feeder.sum_below(np.array([[100.0, 1.0, 2.0, 4.0]])).tolist() == [[7.0, 6.0, 4.0]]


def test_ramp_counts_from_the_state_before() -> None:
    before, step = const([0.0]), np.full((2, 1), 0.2)
    assert holds(eq.ramp(const([0.2], [0.4]), before, step))
    assert not holds(eq.ramp(const([0.3], [0.4]), before, step))
    assert not holds(eq.ramp(const([0.2], [0.5]), before, step))


def test_turbine_limits() -> None:
    low, high, most = np.array([-0.3]), np.array([0.3]), np.array([0.5])
    assert holds(eq.output_limits(const([0.5]), const([-0.3]), most, low, high))
    assert not holds(eq.output_limits(const([0.51]), const([0.0]), most, low, high))
    assert not holds(eq.output_limits(const([0.1]), const([0.31]), most, low, high))


@pytest.fixture
def battery() -> eq.Store:
    one = np.ones(1)
    return eq.Store(one, one, 0.9 * one, 0.8 * one, 0.2 * one, 2.0 * one)


def test_store_loses_on_the_way_in_and_on_the_way_out(battery: eq.Store) -> None:
    """1 MW for half an hour stores .45; .36 MW for half an hour takes .225."""
    charge, discharge, before = const([1.0], [0.0]), const([0.0], [0.36]), const([1.0])
    assert holds(eq.store(charge, discharge, const([1.45], [1.225]), before, battery, 0.5))
    assert not holds(eq.store(charge, discharge, const([1.5], [1.275]), before, battery, 0.5))


def test_store_yields_the_product_of_its_efficiencies(battery: eq.Store) -> None:
    """The limits of a direction set to 0 fix the sign of a period."""
    charge, discharge, energy = cp.Variable((2, 1)), cp.Variable((2, 1)), cp.Variable((2, 1))
    signed = replace(battery, charge_max=np.array([[1.0], [0.0]]), discharge_max=np.array([[0.0], [1.0]]))
    rules = [*eq.store(charge, discharge, energy, const([1.0]), signed, 1.0), energy[1] == 1.0]
    assert best(cp.sum(discharge), [*rules, charge[0] == 0.5]) == pytest.approx(0.5 * 0.9 * 0.8, abs=1e-6)


def test_shift_remembers_what_is_owed() -> None:
    most, start = np.full((2, 1), 0.3), const([0.1])
    assert holds(eq.shift(const([0.2], [0.0]), const([0.0], [0.3]), const([0.2], [0.05]), start, most, 0.5))
    assert not holds(
        eq.shift(const([0.4], [0.0]), const([0.0], [0.3]), const([0.3], [0.15]), start, most, 0.5)
    )
    assert not holds(
        eq.shift(const([0.2], [0.0]), const([0.0], [0.3]), const([0.1], [-0.05]), start, most, 0.5)
    )


def test_renewable_that_must_not_be_curtailed_gives_all() -> None:
    available, must = np.array([[0.5, 0.5]]), np.array([[0.5, 0.0]])
    assert holds(eq.renewable_power(const([0.5, 0.1]), available, must, 0.0))
    assert not holds(eq.renewable_power(const([0.4, 0.5]), available, must, 0.0))
    assert holds(eq.renewable_power(const([0.4, 0.5]), available, must, 0.1))
    assert not holds(eq.renewable_power(const([0.6, 0.5]), available, must, 0.0))


def test_reactive_power_fills_the_disk() -> None:
    assert holds(eq.reactive_disk(const([0.6]), const([-0.8]), np.array([1.0])))
    assert not holds(eq.reactive_disk(const([0.6]), const([0.81]), np.array([1.0])))


def test_relaxation_error_is_equation_23_at_working_currents() -> None:
    """P = 3, Q = 4, v = 1 on 1 MVA: I = 5; with l = 26 the error is (sqrt(26) - 5)/10 on 10 MVA."""
    one = np.ones((1, 1))
    error = relaxation_error(BranchFlow(voltage2=one, current2=26 * one, p=3 * one, q=4 * one))
    assert error == pytest.approx((np.sqrt(26) - 5) / 10, rel=1e-12)


def test_relaxation_error_does_not_magnify_noise_at_no_current() -> None:
    """A residual of 1e-9 on 10 MVA (1e-7 on 1 MVA) is an error of 1e-6 by definition; its root would be 3e-5."""
    one, zero = np.ones((1, 1)), np.zeros((1, 1))
    error = relaxation_error(BranchFlow(voltage2=one, current2=1e-7 * one, p=zero, q=zero))
    assert error == pytest.approx(1e-6, rel=1e-9)
