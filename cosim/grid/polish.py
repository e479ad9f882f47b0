"""From the relaxation to a local optimum of the AC problem: excess current has a price, step by step a truer one.

The relaxation lets a current exceed what the power flow says, l >= f = (P^2 + Q^2) / v, where that pays. A price w on
the excess l - f closes it, but is not convex. Each step takes f by its tangent at the step before, which lies below
it: so cost + w (l - f) never rises from step to step (penalised convex-concave procedure; Lipp and Boyd, 2016). Where
the steps come to rest every l = f, the prices of excess cancel, and what is left are the optimality conditions of
the AC problem itself, with its nodal prices.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import SolverError
from cosim.grid.radial import Feeder
from cosim.grid.solution import Solution

GROWTH = 4.0
"""Factor on the price of the excess that stays open."""
AT_REST = 1e-6
"""Residual of the optimality conditions, as a share of the highest price of energy, that ends the steps."""
OF_FLOW = ("branch_p", "branch_q", "voltage2")
"""The variables that a current follows from."""
Networks = Sequence[tuple[slice, Feeder]]
"""The periods that follow each other in one network, and the network."""
FAILED_MAX = 3
"""Solves in a row that may fail."""
LEAST_VOLTAGE2 = 0.1
"""Squared voltages of tangents are not below this, wherever the steps lead."""
ROUNDING = 1e-9
"""Share of the absolute terms of the objective by which it may rise."""
LOCAL = 1e-4
"""Residual up to which a dispatch is called locally optimal."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """One solve: its variables [p.u.] and what they mean."""

    variables: Mapping[str, FloatArray]
    solution: Solution
    solver: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Polished:
    """Where the steps ended."""

    step: Step
    steps: int
    residual: float
    """Of the optimality conditions of the AC problem, as a share of the highest price; inf while an excess is open."""


def polish(
    solve: Callable[[Mapping[str, FloatArray]], Step | None],
    start: Step,
    networks: Networks,
    price_cny_per_mwh: float,
    *,
    exact_pu: float,
    steps_max: int,
) -> Polished:
    """Return the end of the steps from *start*; *solve* takes what the objective asks besides.

    *price_cny_per_mwh* is about what energy costs: it begins the price of excess, and measures residuals.
    """
    weight, first = np.zeros_like(start.variables["current2"]), np.zeros_like(start.variables["current2"])
    for run, feeder in networks:
        first[run] = price_cny_per_mwh * np.hypot(feeder.r_pu, feeder.x_pu)
    best, before, residual, stride, failed = start, start, 0.0, 0.0, 0
    for n in range(steps_max):
        excess = best.solution.relaxation_error > exact_pu
        if not excess.any() and residual <= AT_REST:  # at once, where the relaxation is exact
            return Polished(step=best, steps=n, residual=residual)
        if excess.any():
            weight, before = np.where(excess, np.maximum(GROWTH * weight, first), weight), best
        asked = tilt(weight, _ahead(before, best, stride), networks)
        try:
            found = solve(asked)
        except SolverError:
            found = None
        failed = failed + 1 if found is None else 0
        if failed > FAILED_MAX:
            break
        if found is None or (stride and _is_dearer(found, best, weight, networks)):
            stride, residual = 0.0, np.inf
            continue
        before, best, stride = best, found, 2.0 * stride + 1.0
        residual = np.inf
        if not (best.solution.relaxation_error > exact_pu).any():
            now = tilt(weight, best.variables, networks)
            moved = max(float(np.abs(now[name] - asked[name]).max(initial=0.0)) for name in asked)
            residual = moved / price_cny_per_mwh
    return Polished(step=best, steps=steps_max, residual=residual)


def _ahead(before: Step, now: Step, stride: float) -> dict[str, FloatArray]:
    """Return where the last step leads if it is taken on *stride* times as far."""
    return {
        name: now.variables[name] + stride * (now.variables[name] - before.variables[name])
        for name in OF_FLOW
    }


def _is_dearer(found: Step, best: Step, weight: FloatArray, networks: Networks) -> bool:
    """Tell whether cost + w (l - f) has risen, by more than rounding."""
    risen = _merit(found, weight, networks) - _merit(best, weight, networks)
    return risen > ROUNDING * best.solution.cost.absolute_cny


def _merit(step: Step, weight: FloatArray, networks: Networks) -> float:
    """Return cost + w (l - f)."""
    excess = np.empty_like(weight)
    for run, feeder in networks:
        p, q = step.variables["branch_p"][run], step.variables["branch_q"][run]
        voltage2 = step.variables["voltage2"][run][:, feeder.from_bus] / feeder.ratio**2
        excess[run] = step.variables["current2"][run] - (p**2 + q**2) / voltage2
    return step.solution.objective_cny + float((weight * excess).sum())


def tilt(
    weight: FloatArray, variables: Mapping[str, FloatArray], networks: Networks
) -> dict[str, FloatArray]:
    """Return the price of each variable in *weight* (l - f), f by its tangent at *variables*."""
    parts = [
        _tilt(weight[run], {name: variables[name][run] for name in OF_FLOW}, feeder)
        for run, feeder in networks
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _tilt(weight: FloatArray, variables: Mapping[str, FloatArray], feeder: Feeder) -> dict[str, FloatArray]:
    p, q = variables["branch_p"], variables["branch_q"]
    voltage2 = np.maximum(variables["voltage2"], LEAST_VOLTAGE2)[:, feeder.from_bus] / feeder.ratio**2
    by_branch = weight * (p**2 + q**2) / voltage2**2 / feeder.ratio**2
    by_bus = np.zeros_like(variables["voltage2"])
    np.add.at(by_bus.T, feeder.from_bus, by_branch.T)
    return {
        "current2": weight,
        "branch_p": -2.0 * weight * p / voltage2,
        "branch_q": -2.0 * weight * q / voltage2,
        "voltage2": by_bus,
    }
