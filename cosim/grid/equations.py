"""The equations of the network, each a small function that returns its constraints (those of devices: `device`).

Everything is in per unit of 1 MVA, so a power reads as MW and an energy as MWh; arrays are (periods, things).
Symbols are the paper's: v = U^2, l = I^2. P, Q and l are those of a branch's series impedance r + jx, at its
sending end and behind its tap ratio: between them and the buses stand the charging admittances.
"""

from dataclasses import dataclass
from typing import Any

import cvxpy as cp
import numpy as np
from scipy import sparse

from cosim.arrays import FloatArray, IntArray
from cosim.grid.builder import Constraints, marks, rows
from cosim.grid.radial import Feeder


@dataclass(frozen=True, slots=True)
class Flow:
    """The variables of the branch flow model."""

    p: cp.Expression
    q: cp.Expression
    l: cp.Expression  # noqa: E741  (the paper's symbol)
    """Squared current of each branch."""
    v: cp.Expression
    """Squared voltage of each bus."""


@dataclass(frozen=True, slots=True)
class LimitedEnds:
    """The branches with a limit and an admittance at their sending end, and at their receiving end."""

    near: IntArray
    far: IntArray


def leaving(feeder: Feeder) -> Any:
    """Return the (branches, buses) matrix that marks the bus each branch starts from."""
    return marks(feeder.from_bus, feeder)


def arriving(feeder: Feeder) -> Any:
    """Return the (branches, buses) matrix that marks the bus each branch feeds."""
    return marks(feeder.to_bus, feeder)


def behind_tap(feeder: Feeder) -> Any:
    """Return the (branches, buses) matrix from v to v_i / ratio^2, the voltage behind each branch's tap."""
    return sparse.diags_array(feeder.ratio**-2.0) @ leaving(feeder)


def balance(flow: Flow, feeder: Feeder, p: cp.Expression, q: cp.Expression) -> Constraints:
    """Eq. 12, 13: injection plus what the branch to a bus brings, P - r l, is what leaves to the next buses.

    The admittances at a bus, g + jb, take g v and give b v. The first constraint is the active balance; minus
    its dual is the nodal price.
    """
    into, out = arriving(feeder), leaving(feeder)
    lost_p = into.multiply(feeder.r_pu[:, None]).tocsr()
    lost_q = into.multiply(feeder.x_pu[:, None]).tocsr()
    shunt = feeder.admittance_at_bus
    return [
        p + flow.p @ (into - out) - flow.l @ lost_p - flow.v @ sparse.diags_array(shunt.real) == 0,
        q + flow.q @ (into - out) - flow.l @ lost_q + flow.v @ sparse.diags_array(shunt.imag) == 0,
    ]


def voltage_drop(flow: Flow, feeder: Feeder) -> Constraints:
    """Eq. 14: v_j = v_i / ratio^2 - 2 (r P + x Q) + (r^2 + x^2) l; v of a slack bus is given."""
    r, x = feeder.r_pu, feeder.x_pu
    rise = flow.v @ (arriving(feeder) - behind_tap(feeder)).T
    drop = flow.p @ sparse.diags_array(2 * r) + flow.q @ sparse.diags_array(2 * x)
    slack = flow.v[:, feeder.slack_buses]
    return [
        rise + drop - flow.l @ sparse.diags_array(r**2 + x**2) == 0,
        slack == rows(np.square(feeder.slack_voltages_pu), slack),
    ]


def cone(flow: Flow, feeder: Feeder, scale: FloatArray | float = 1.0) -> Constraints:
    """Eq. 15 relaxed: l v >= P^2 + Q^2 as |2P, 2Q, l/s - s v| <= l/s + s v, v the voltage behind the tap.

    *scale*, s, is about the current of each branch: where that is far from 1, the cone would else be a needle.
    """
    s = np.broadcast_to(np.asarray(scale), feeder.branch_count)
    v_i = cp.vec(flow.v @ (sparse.diags_array(s) @ behind_tap(feeder)).T, order="C")
    l_i = cp.vec(flow.l @ sparse.diags_array(1 / s), order="C")
    p, q = (cp.vec(part, order="C") for part in (flow.p, flow.q))
    return [cp.SOC(l_i + v_i, cp.vstack([2 * p, 2 * q, l_i - v_i]), axis=0)]


def voltage_limits(
    flow: Flow, feeder: Feeder, under: Any = 0.0, over: Any = 0.0, margin_pu: float = 0.0
) -> Constraints:
    """Eq. 16 at every fed bus, *margin_pu* within its limits.

    *under* and *over* are the slacks of limits, or of the margin, that give way [p.u. squared].
    """
    v = flow.v[:, feeder.to_bus]
    least, most = (limit[feeder.to_bus] for limit in feeder.voltage_limits_pu)
    low, high = (rows(np.square(limit), v) for limit in (least + margin_pu, most - margin_pu))
    return [v >= low - under, v <= high + over]


def current_limits(flow: Flow, feeder: Feeder, most: Any, near2: Any = None, far2: Any = None) -> Constraints:
    """Eq. 16: l <= *most*, and the current at each end of a branch with charging within its limit.

    That l is not negative is in the cone. *near2* and *far2* are the squared limits at the `limited_ends`; None is
    what the feeder says.
    With y = g + jb at an end, where P and Q pass at v, its current is l + 2 (g P - b Q) + |y|^2 v at the
    sending end, and l - 2 (g P - b Q) + |y|^2 v at the receiving end.
    """
    limits, ends = [flow.l <= most], limited_ends(feeder)
    if (near := ends.near).size:
        near2 = (
            rows((feeder.current_max_pu * feeder.ratio)[near] ** 2, flow.l[:, near])
            if near2 is None
            else near2
        )
        y, v = feeder.y_from_pu[near], (flow.v @ behind_tap(feeder).T)[:, near]
        cross = flow.p[:, near] @ _diagonal(2 * y.real) - flow.q[:, near] @ _diagonal(2 * y.imag)
        limits.append(flow.l[:, near] + cross + v @ _diagonal(np.abs(y) ** 2) <= near2)
    if (far := ends.far).size:
        far2 = rows(feeder.current_max_to_pu[far] ** 2, flow.l[:, far]) if far2 is None else far2
        y, v, current2 = feeder.y_to_pu[far], flow.v[:, feeder.to_bus[far]], flow.l[:, far]
        p = flow.p[:, far] - current2 @ _diagonal(feeder.r_pu[far])
        q = flow.q[:, far] - current2 @ _diagonal(feeder.x_pu[far])
        cross = p @ _diagonal(2 * y.real) - q @ _diagonal(2 * y.imag)
        limits.append(current2 - cross + v @ _diagonal(np.abs(y) ** 2) <= far2)
    return limits


def limits_at_ends(feeder: Feeder) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the largest series current of each branch by its limit, and current at its sending and receiving end.

    Where an end has an admittance, the series current is not what its limit is about.
    """
    near, far = feeder.current_max_pu * feeder.ratio, feeder.current_max_to_pu
    own = np.minimum(
        np.where(feeder.y_from_pu == 0, near, np.inf), np.where(feeder.y_to_pu == 0, far, np.inf)
    )
    return own, near, far


def limited_ends(feeder: Feeder) -> LimitedEnds:
    """Return the branches with a limit whose ends need a row of their own."""
    finite = np.isfinite(feeder.current_max_pu)
    return LimitedEnds(
        near=np.flatnonzero(finite & (feeder.y_from_pu != 0)),
        far=np.flatnonzero(finite & (feeder.y_to_pu != 0)),
    )


def _diagonal(values: FloatArray) -> Any:
    return sparse.diags_array(values)
