"""Demand response: its equation, on numbers that can be checked by hand."""

import cvxpy as cp
import numpy as np

from cosim.grid.builder import Constraints
from cosim.grid.device.demand_response import shift


def const(*rows: list[float]) -> cp.Constant:
    return cp.Constant(np.array(rows))


def holds(constraints: Constraints) -> bool:
    return all(np.max(c.violation()) <= 1e-12 for c in constraints)


def test_shift_remembers_what_is_deferred() -> None:
    most, start = np.full((2, 1), 0.3), const([0.1])
    assert holds(shift(const([0.2], [0.0]), const([0.0], [0.3]), const([0.2], [0.05]), start, most, 0.5))
    assert not holds(shift(const([0.4], [0.0]), const([0.0], [0.3]), const([0.3], [0.15]), start, most, 0.5))
    assert not holds(shift(const([0.2], [0.0]), const([0.0], [0.3]), const([0.1], [-0.05]), start, most, 0.5))
