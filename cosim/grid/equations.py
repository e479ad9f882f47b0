"""The equations of the dispatch, each a small function that returns its constraints.

Everything is in per unit of 1 MVA, so a power reads as MW and an energy as MWh; arrays are (periods, things).
Symbols are the paper's: v = U^2, l = I^2, P and Q enter a branch at its sending end.
"""

from dataclasses import dataclass
from typing import Any

import cvxpy as cp
import numpy as np
from scipy import sparse

from cosim.arrays import BoolArray, FloatArray
from cosim.grid.feeder import Feeder

Constraints = list[cp.Constraint]


@dataclass(frozen=True, slots=True)
class Flow:
    """The unknowns of the branch flow model."""

    p: cp.Expression
    q: cp.Expression
    l: cp.Expression  # noqa: E741  (the paper's symbol)
    """Squared current of each branch."""
    v: cp.Expression
    """Squared voltage of each bus."""


def leaving(feeder: Feeder) -> Any:
    """Return the (branches, buses) matrix that marks the bus each branch starts from."""
    return _marks(feeder, feeder.from_bus)


def arriving(feeder: Feeder) -> Any:
    """Return the (branches, buses) matrix that marks the bus each branch feeds."""
    return _marks(feeder, feeder.to_bus)


def _marks(feeder: Feeder, bus: Any) -> Any:
    branches = np.arange(feeder.branch_count)
    shape = (feeder.branch_count, feeder.bus_count)
    return sparse.csr_array((np.ones(feeder.branch_count), (branches, bus)), shape=shape)


def sum_below(feeder: Feeder, value: FloatArray) -> FloatArray:
    """Return for each branch the sum of a (periods, buses) value over the buses it feeds, near and far."""
    total = value.copy()
    for near, far in zip(feeder.from_bus[::-1], feeder.to_bus[::-1], strict=True):
        total[:, near] += total[:, far]
    return total[:, feeder.to_bus]


def balance(flow: Flow, feeder: Feeder, p: cp.Expression, q: cp.Expression) -> Constraints:
    """Eq. 12, 13: injection plus what the branch to a bus brings, P - r l, is what leaves to the next buses.

    The first constraint is the active balance; minus its dual is the nodal price.
    """
    into, out = arriving(feeder), leaving(feeder)
    lost_p = into.multiply(feeder.r_pu[:, None]).tocsr()
    lost_q = into.multiply(feeder.x_pu[:, None]).tocsr()
    return [
        p + flow.p @ (into - out) - flow.l @ lost_p == 0,
        q + flow.q @ (into - out) - flow.l @ lost_q == 0,
    ]


def voltage_drop(flow: Flow, feeder: Feeder) -> Constraints:
    """Eq. 14: v_j = v_i - 2 (r P + x Q) + (r^2 + x^2) l along each branch; v of the slack bus is given."""
    r, x = feeder.r_pu, feeder.x_pu
    rise = flow.v @ (arriving(feeder) - leaving(feeder)).T
    drop = flow.p @ sparse.diags_array(2 * r) + flow.q @ sparse.diags_array(2 * x)
    return [
        rise + drop - flow.l @ sparse.diags_array(r**2 + x**2) == 0,
        flow.v[:, feeder.slack_bus] == feeder.slack_voltage_pu**2,
    ]


def cone(flow: Flow, feeder: Feeder) -> Constraints:
    """Eq. 15 relaxed: l v_i >= P^2 + Q^2 as the cone |2P, 2Q, l - v_i| <= l + v_i."""
    v_i = cp.vec(flow.v @ leaving(feeder).T, order="C")
    l_i, p, q = (cp.vec(part, order="C") for part in (flow.l, flow.p, flow.q))
    return [cp.SOC(l_i + v_i, cp.vstack([2 * p, 2 * q, l_i - v_i]), axis=0)]


def voltage_limits(flow: Flow, feeder: Feeder, under: Any = 0.0, over: Any = 0.0) -> Constraints:
    """Eq. 16 at every fed bus; *under* and *over* are the slacks of the elastic dispatch [p.u. squared]."""
    v = flow.v[:, feeder.to_bus]
    return [v >= feeder.voltage_min_pu**2 - under, v <= feeder.voltage_max_pu**2 + over]


def current_limits(flow: Flow, feeder: Feeder, reachable: FloatArray) -> Constraints:
    """Eq. 16: l <= I_max^2, and no more than the *reachable* current [p.u.] of each period and branch."""
    return [flow.l <= np.minimum(reachable, feeder.current_max_pu) ** 2]


def output_limits(p: cp.Expression, q: cp.Expression, p_max: Any, q_min: Any, q_max: Any) -> Constraints:
    """Eq. 17: 0 <= P <= P_max and Q_min <= Q <= Q_max of each turbine."""
    return [p >= 0, p <= _rows(p_max, p), q >= _rows(q_min, q), q <= _rows(q_max, q)]


def ramp(p: cp.Expression, before: FloatArray, step_max: FloatArray) -> Constraints:
    """Eq. 17: the output changes by at most *step_max* between periods; a *before* of NaN is free."""
    steps = [] if p.shape[0] == 1 else [cp.abs(p[1:] - p[:-1]) <= _rows(step_max, p[1:])]
    known = np.flatnonzero(np.isfinite(before))
    if known.size:
        steps.append(cp.abs(p[0, known] - before[known]) <= step_max[known])
    return steps


@dataclass(frozen=True, slots=True)
class Store:
    """The numbers of a group of stores: limits [MW, MWh], efficiencies, energy at the start and the end."""

    charge_max: FloatArray
    discharge_max: FloatArray
    charge_efficiency: FloatArray
    discharge_efficiency: FloatArray
    energy_min: FloatArray
    energy_max: FloatArray
    energy_start: FloatArray
    energy_end: FloatArray


def store(charge: Any, discharge: Any, energy: Any, unit: Store, period_h: float) -> Constraints:
    """Eq. 18: E_t = E_t-1 + eta_c P_ch dt - P_dis dt / eta_d within the limits of energy and power."""
    gained = charge @ np.diag(unit.charge_efficiency * period_h)
    spent = discharge @ np.diag(period_h / unit.discharge_efficiency)
    start = unit.energy_start[None, :]
    earlier = start if energy.shape[0] == 1 else cp.vstack([start, energy[:-1]])
    return [
        energy == earlier + gained - spent,
        energy >= _rows(unit.energy_min, energy),
        energy <= _rows(unit.energy_max, energy),
        charge >= 0,
        charge <= _rows(unit.charge_max, charge),
        discharge >= 0,
        discharge <= _rows(unit.discharge_max, discharge),
    ]


def one_sign(charge: Any, discharge: Any, charging: BoolArray) -> Constraints:
    """Eq. 18: P_ch P_dis = 0, with the sign of each period and store given."""
    return [cp.multiply(charge, ~charging) == 0, cp.multiply(discharge, charging) == 0]


def shift(
    out: Any, into: Any, owed: Any, owed_start: FloatArray, most: FloatArray, period_h: float
) -> Constraints:
    """Eq. 20: a load shifts at most *most* out or in; what is owed is what went out and has not come back."""
    start = owed_start[None, :]
    earlier = start if owed.shape[0] == 1 else cp.vstack([start, owed[:-1]])
    return [
        owed == earlier + period_h * (out - into),
        out >= 0,
        out <= most,
        into >= 0,
        into <= most,
    ]


def renewable_power(p: Any, available: FloatArray, forced_off: Any, curtailable: BoolArray) -> Constraints:
    """Eq. 19: 0 <= P <= available; a unit that must not be curtailed gives all but what is *forced_off*."""
    taken = np.flatnonzero(~curtailable)
    limits = [p >= 0, p <= available]
    if taken.size:
        off = forced_off[:, taken] if isinstance(forced_off, cp.Expression) else 0.0
        limits.append(p[:, taken] >= available[:, taken] - off)
    return limits


def reactive_disk(p: Any, q: Any, s: FloatArray) -> Constraints:
    """Eq. 19, corrected: P^2 + Q^2 <= S^2 of each inverter."""
    rating = np.broadcast_to(s, p.shape).ravel()
    return [cp.SOC(cp.Constant(rating), cp.vstack([cp.vec(p, order="C"), cp.vec(q, order="C")]), axis=0)]


def reactive_range(q: Any, low: FloatArray, high: FloatArray) -> Constraints:
    """Bounds on the reactive power of each inverter and period."""
    return [q >= low, q <= high]


def _rows(limit: Any, like: Any) -> FloatArray:
    """One limit per unit, repeated for every period."""
    return np.broadcast_to(np.asarray(limit, dtype=np.float64), like.shape)
