"""Each equation alone, on numbers that can be checked by hand."""

from collections.abc import Callable
from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest

from cosim.grid import equations as eq
from cosim.grid.feeder import Feeder

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


def test_current_limit_at_a_charging_end_behind_a_tap_is_that_of_the_bus(chain: Chain) -> None:
    """At a ratio of 1.25 the bus is at v = 1.25^2, behind the tap v = 1 and I = 0.5: 0.5 / 1.25 leaves the bus."""
    tapped = replace(chain((0.0, 0.0)), y_from_pu=np.array([0.4j]), ratio=np.array([1.25]))
    state, most = flow([0.3], [0.09], [1.25**2, 1.0]), np.array([[9.0]])
    for limit, inside in ((0.401, True), (0.399, False)):
        assert (
            holds(eq.current_limits(state, replace(tapped, current_max_pu=np.array([limit])), most)) is inside
        )


@pytest.mark.parametrize(
    ("end", "current2"),
    [
        ("from", 0.13 + 2 * (0.1 * 0.3 - 0.4 * 0.2) + 0.17),
        ("to", 0.13 - 2 * (0.1 * (0.3 - 0.1 * 0.13) - 0.4 * (0.2 - 0.2 * 0.13)) + 0.17 * 0.9),
    ],
)
def test_current_at_an_end_is_that_of_the_branch_and_its_charging(
    chain: Chain, end: str, current2: float
) -> None:
    """Y = 0.1 + j0.4 of the second of two branches; the first has charging too, but no limit."""
    feeder = chain((0.0, 0.0), (0.1, 0.2))
    feeder = replace(feeder, **{f"y_{end}_pu": np.array([5.0, 0.1 + 0.4j])})
    state, most = flow([0.3, 0.3], [0.13, 0.13], [1.0, 1.0, 0.9], q=[0.2, 0.2]), np.array([[9.0, 9.0]])
    for share, inside in ((1.001, True), (0.999, False)):
        limit = {"current_max_pu": np.array([np.inf, share * np.sqrt(current2)])}
        limited = replace(feeder, **limit, current_max_to_pu=limit["current_max_pu"])
        assert holds(eq.current_limits(state, limited, most)) is inside


def test_conductance_of_a_bus_takes_power(chain: Chain) -> None:
    """A shunt of 0.1 + j0.2 at bus 2, v = 0.81: it takes 0.081 and gives 0.162."""
    feeder = replace(chain((0.0, 0.0)), shunt_pu=np.array([0.0, 0.1 + 0.2j]))
    state = flow([0.5], [0.0], [1.0, 0.81], q=[0.3])
    assert holds(eq.balance(state, feeder, const([0.5, 0.081 - 0.5]), const([0.3, -0.162 - 0.3])))
    assert not holds(eq.balance(state, feeder, const([0.5, -0.5]), const([0.3, -0.162 - 0.3])))


def test_reactive_loss_is_that_of_the_reactance(chain: Chain) -> None:
    """X l = 0.05 x 4 of 0.3 is lost on the way."""
    feeder = chain((0.0, 0.05))
    state = flow([0.0], [4.0], [1.0, 1.0], q=[0.3])
    assert holds(eq.balance(state, feeder, const([0.0, 0.0]), const([0.3, -0.1])))
    assert not holds(eq.balance(state, feeder, const([0.0, 0.0]), const([0.3, -0.3])))


def test_slack_voltage_is_given(chain: Chain) -> None:
    feeder = replace(chain((0.0, 0.0)), slack_voltage_pu=1.02)
    assert holds(eq.voltage_drop(flow([0.0], [0.0], [1.02**2, 1.02**2]), feeder))
    assert not holds(eq.voltage_drop(flow([0.0], [0.0], [1.0, 1.0]), feeder))


def test_the_band_opens_upwards_by_its_own_slack(chain: Chain) -> None:
    feeder = chain((0.1, 0.1))
    high = flow([0.0], [0.0], [1.0, 1.06**2])
    assert holds(eq.voltage_limits(high, feeder, over=0.03))
    assert not holds(eq.voltage_limits(high, feeder, under=0.03))
    low = flow([0.0], [0.0], [1.0, 0.94**2])
    assert not holds(eq.voltage_limits(low, feeder, over=0.03))


def test_the_cone_takes_the_voltage_behind_the_tap(chain: Chain) -> None:
    """P = 0.4, Q = 0.3 behind a ratio of 1.25 at v = 1.25^2 carry I^2 = 0.25."""
    feeder = replace(chain((0.1, 0.1)), ratio=np.array([1.25]))
    assert holds(eq.cone(flow([0.4], [0.251], [1.25**2, 1.0], q=[0.3]), feeder))
    assert not holds(eq.cone(flow([0.4], [0.249], [1.25**2, 1.0], q=[0.3]), feeder))


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
