"""Turbines: their equations, on numbers that can be checked by hand."""

import cvxpy as cp
import numpy as np

from cosim.grid.builder import Constraints
from cosim.grid.device.turbine import output_limits, ramp


def const(*rows: list[float]) -> cp.Constant:
    return cp.Constant(np.array(rows))


def holds(constraints: Constraints) -> bool:
    return all(np.max(c.violation()) <= 1e-12 for c in constraints)


def test_ramp_counts_from_the_state_before() -> None:
    before, step = const([0.0]), np.full((2, 1), 0.2)
    assert holds(ramp(const([0.2], [0.4]), before, step))
    assert not holds(ramp(const([0.3], [0.4]), before, step))
    assert not holds(ramp(const([0.2], [0.5]), before, step))


def test_turbine_limits() -> None:
    low, high, most = np.array([-0.3]), np.array([0.3]), np.array([0.5])
    assert holds(output_limits(const([0.5]), const([-0.3]), most, low, high))
    assert not holds(output_limits(const([0.51]), const([0.0]), most, low, high))
    assert not holds(output_limits(const([0.1]), const([0.31]), most, low, high))
