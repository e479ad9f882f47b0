"""Photovoltaic and wind power: their equations, on numbers that can be checked by hand."""

import cvxpy as cp
import numpy as np

from cosim.grid.builder import Constraints
from cosim.grid.device.renewable import reactive_disk, renewable_power


def const(*rows: list[float]) -> cp.Constant:
    return cp.Constant(np.array(rows))


def holds(constraints: Constraints) -> bool:
    return all(np.max(c.violation()) <= 1e-12 for c in constraints)


def test_renewable_that_must_not_be_curtailed_gives_all() -> None:
    available, must = np.array([[0.5, 0.5]]), np.array([[0.5, 0.0]])
    assert holds(renewable_power(const([0.5, 0.1]), available, must, 0.0))
    assert not holds(renewable_power(const([0.4, 0.5]), available, must, 0.0))
    assert holds(renewable_power(const([0.4, 0.5]), available, must, 0.1))
    assert not holds(renewable_power(const([0.6, 0.5]), available, must, 0.0))


def test_reactive_power_fills_the_disk() -> None:
    assert holds(reactive_disk(const([0.6]), const([-0.8]), np.array([1.0])))
    assert not holds(reactive_disk(const([0.6]), const([0.81]), np.array([1.0])))
