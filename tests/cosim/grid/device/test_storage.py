"""Storage: its equation, on numbers that can be checked by hand."""

from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest

from cosim.grid.builder import Constraints
from cosim.grid.device.storage import StoreLimits, store


def const(*rows: list[float]) -> cp.Constant:
    return cp.Constant(np.array(rows))


def holds(constraints: Constraints) -> bool:
    return all(np.max(c.violation()) <= 1e-12 for c in constraints)


def best(objective: cp.Expression, constraints: Constraints) -> float:
    """Maximise; the equations need no solver of cones here."""
    problem = cp.Problem(cp.Maximize(objective), constraints)
    problem.solve(solver="CLARABEL")
    assert problem.status == "optimal"
    return float(problem.value)


@pytest.fixture
def battery() -> StoreLimits:
    one = np.ones(1)
    return StoreLimits(one, one, 0.9 * one, 0.8 * one, 0.2 * one, 2.0 * one)


def test_store_loses_on_the_way_in_and_on_the_way_out(battery: StoreLimits) -> None:
    """1 MW for half an hour stores .45; .36 MW for half an hour takes .225."""
    charge, discharge, before = const([1.0], [0.0]), const([0.0], [0.36]), const([1.0])
    assert holds(store(charge, discharge, const([1.45], [1.225]), before, battery, 0.5))
    assert not holds(store(charge, discharge, const([1.5], [1.275]), before, battery, 0.5))


def test_store_yields_the_product_of_its_efficiencies(battery: StoreLimits) -> None:
    """The limits of a direction set to 0 fix the sign of a period."""
    charge, discharge, energy = cp.Variable((2, 1)), cp.Variable((2, 1)), cp.Variable((2, 1))
    signed = replace(battery, charge_max=np.array([[1.0], [0.0]]), discharge_max=np.array([[0.0], [1.0]]))
    rules = [*store(charge, discharge, energy, const([1.0]), signed, 1.0), energy[1] == 1.0]
    assert best(cp.sum(discharge), [*rules, charge[0] == 0.5]) == pytest.approx(0.5 * 0.9 * 0.8, abs=1e-6)
