"""Damping alone, on responses whose fixed point is known."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.arrays import FloatArray
from cosim.coupling.damping import Damping

Response = Callable[[FloatArray], FloatArray]


def iterated(response: Response, start: FloatArray, rounds: int) -> tuple[FloatArray, Damping]:
    value, damping = start, Damping(len(start))
    for _ in range(rounds):
        value = damping.step(value, response(value))
    return value, damping


@given(st.floats(-0.45, 0.95))
def test_what_contracts_is_left_alone(slope: float) -> None:
    value, damping = iterated(lambda p: slope * p, np.array([[1.0, -1.0]]), rounds=8)
    assert damping.step_size.tolist() == [1.0]
    assert value == pytest.approx(slope**8 * np.array([[1.0, -1.0]]), abs=1e-12)


@given(st.floats(1.0, 60.0))
def test_what_overshoots_is_damped_until_it_settles(slope: float) -> None:
    """Undamped, p -> -slope p would swing for ever, or explode."""
    value, damping = iterated(lambda p: -slope * p, np.array([[1.0, -1.0], [0.1, -0.1]]), rounds=60)
    assert np.abs(value).max() < 1e-4
    assert damping.step_size.max() < 1


def test_one_period_that_swings_does_not_slow_down_the_others() -> None:
    slopes = np.array([[-5.0], [-0.1]])
    _, damping = iterated(lambda p: slopes * p, np.ones((2, 2)), rounds=6)
    assert damping.step_size[0] < 1
    assert damping.step_size[1] == 1


def test_a_new_tariff_is_met_undamped() -> None:
    _, damping = iterated(lambda p: -4.0 * p, np.ones((1, 2)), rounds=5)
    assert damping.step_size.max() < 1
    damping.reset()
    assert damping.step_size.tolist() == [1.0]
