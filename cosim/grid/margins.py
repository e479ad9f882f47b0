"""The planning margin: a dispatch that stays further within the limits than it must, as the realised load will differ.

Where it cannot be kept it gives way at a price, before any limit does (`ProblemStructure.margin_cny`).
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import sparse

from cosim.arrays import FloatArray
from cosim.errors import Problem
from cosim.grid.binding import loading
from cosim.grid.builder import ModelBuilder, rows
from cosim.grid.bus_words import at_bus
from cosim.grid.equations import limited_ends, limits_at_ends
from cosim.grid.problem import Margin, ProblemData
from cosim.grid.radial import Feeder
from cosim.grid.solution import Solution, Violation

if TYPE_CHECKING:
    from cosim.grid.model import ProblemStructure

KIND = "margin"
"""What the violations call a margin that is not kept; it breaks no limit."""
NOTICED = 1e-6
"""Less than this of a margin (p.u., or share of a current limit) is rounding."""


class VoltageRoom(NamedTuple):
    """How far a dispatch may leave its margin, below and above, [p.u. squared] of the buses that are fed."""

    under: Any = 0.0
    over: Any = 0.0
    constraints: Sequence[Any] = ()


class CurrentRoom(NamedTuple):
    """How far it may do so at the series current of all branches, and at both `equations.limited_ends`."""

    extra: Sequence[Any] = (0.0, 0.0, 0.0)
    constraints: Sequence[Any] = ()


def margin_problems(feeder: Feeder, margin: Margin) -> list[Problem]:
    """Return the problem of a voltage margin that leaves nothing between the limits of a bus."""
    low, high = (limit[feeder.to_bus] for limit in feeder.voltage_limits_pu)
    narrow = np.flatnonzero(high - low <= 2 * margin.voltage_pu + NOTICED)
    if not margin.voltage_pu or not narrow.size:
        return []
    first = int(narrow[0])
    place = at_bus(feeder.bus_names[feeder.to_bus[first]])
    allowed = f"less than half of what the limits of {place} leave, {low[first]:g} to {high[first]:g} p.u."
    return [Problem(field="grid.voltage_margin_pu", value=margin.voltage_pu, allowed=allowed)]


def voltage_room(model: ModelBuilder, structure: "ProblemStructure") -> VoltageRoom:
    """Return what of the voltage margin is given up, at a price; nothing where it is held."""
    margin, price_cny = structure.margin.voltage_pu, structure.margin_cny
    if price_cny is None or not margin:
        return VoltageRoom()
    feeder, count = model.feeder, model.feeder.branch_count
    low, high = (limit[feeder.to_bus] for limit in feeder.voltage_limits_pu)
    under, over = (
        model.slack(name, count, price_cny * model.period_h) for name in ("margin_under", "margin_over")
    )
    least, most = rows((low + margin) ** 2 - low**2, under), rows(high**2 - (high - margin) ** 2, over)
    return VoltageRoom(under, over, [under >= 0, over >= 0, under <= least, over <= most])


def current_room(model: ModelBuilder, structure: "ProblemStructure") -> CurrentRoom:
    """Return what of the current margin is given up, a share of each branch at a price; nothing where it is held."""
    margin, price_cny = structure.margin.current, structure.margin_cny
    if price_cny is None or not margin:
        return CurrentRoom()
    feeder, free = model.feeder, 1.0 - (1.0 - margin) ** 2
    share = model.slack("margin_current", feeder.branch_count, price_cny * model.period_h * free)
    ends = limited_ends(feeder)
    extra = [
        share[:, at] @ sparse.diags_array(np.where(np.isfinite(limit), free * limit**2, 0.0)[at])
        for limit, at in zip(
            limits_at_ends(feeder), (np.arange(feeder.branch_count), ends.near, ends.far), strict=True
        )
    ]
    return CurrentRoom(extra, [share >= 0, share <= 1])


def not_kept(solution: Solution, structure: "ProblemStructure", data: ProblemData) -> Iterator[Violation]:
    """Yield of each period the bus and the branch that lie deepest in their margin, within their limits."""
    feeder, margin, first = structure.feeder, structure.margin, data.horizon.first_period
    low, high = feeder.voltage_limits_pu
    if margin.voltage_pu:
        nearest = np.minimum(solution.voltage_pu - low, high - solution.voltage_pu)[:, feeder.to_bus]
        for t, k in _deepest(margin.voltage_pu - nearest, margin.voltage_pu):
            bus = feeder.bus_names[feeder.to_bus[k]]
            told = (
                f"{solution.voltage_pu[t, feeder.to_bus[k]]:.4f} p.u. are planned, within the limits, but not"
            )
            sentence = (
                f"period {first + t}, {at_bus(bus)}: {told} by the margin of {margin.voltage_pu:g} p.u. "
                "Lower the load, or grid.voltage_margin_pu."
            )
            amount = float(margin.voltage_pu - nearest[t, k])
            yield Violation(period=first + t, bus=bus, kind=KIND, amount=amount, sentence=sentence)
    for t in range(data.periods if margin.current else 0):
        missed = loading(solution, feeder, t) - (1.0 - margin.current)
        for _, k in _deepest(missed[None, :], margin.current):
            sentence = (
                f"period {first + t}, branch {feeder.branch_names[k]}: {missed[k] + 1.0 - margin.current:.1%} of its "
                f"limit are planned, which leaves less than the margin of {margin.current:.1%}. Lower the load, or "
                "grid.current_margin."
            )
            bus, amount = feeder.bus_names[feeder.to_bus[k]], float(missed[k])
            yield Violation(period=first + t, bus=bus, kind=KIND, amount=amount, sentence=sentence)


def _deepest(missed: FloatArray, whole: float) -> Iterator[tuple[int, int]]:
    """Yield each period, counted from 0, with what misses most of its margin, but not more than the *whole*."""
    within = np.where(missed <= whole + NOTICED, missed, -np.inf)
    for t, k in enumerate(within.argmax(axis=1).tolist()):
        if within[t, k] > NOTICED:
            yield t, k
