"""Answer of a dispatch: set-points, network state, costs, broken limits.

Arrays are (periods of the horizon, things); powers are kW and kvar, energies kWh at the end of a period.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal

import numpy as np

from cosim.arrays import FloatArray, Frame
from cosim.grid.problem import DispatchState

REPORT_BASE_KVA = 10_000.0
"""Base of the relaxation error (Eq. 23), as published for this feeder."""
Status = Literal["optimal", "locally optimal", "elastic", "not certified", "failed"]
OPTIMAL_GAP = 1e-6
"""Largest optimality gap of a dispatch that is called optimal."""
LEAST_COST_CNY = 0.01
"""Below this an objective is nothing: the gap is not divided by less."""
SMALL_CURRENT_PU = 1e-3
"""Below this current [p.u. of 10 MVA] `relaxation_error` is measured by the residual of the cone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One limit the elastic dispatch breaks, by how much, and the sentence that says so."""

    period: int
    bus: str
    kind: str
    """``undervoltage``, ``overvoltage``, ``station_shed``, ``base_shed``, ``feed_in_off``, ``source_limit``,
    ``renewable_off`` or ``terminal_energy``; or ``margin``, a planning margin that is not kept, which breaks no
    limit."""
    amount: float
    """p.u. for voltages, kW for power (kvar where the sentence says so), kWh for energy; of the margin of a branch, the
    share of its limit."""
    sentence: str

    def __str__(self) -> str:
        """Say it as a sentence."""
        return self.sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The parts of Eq. 21 [CNY], and what the elastic dispatch paid for broken limits (not in the total)."""

    purchase_cny: float
    traded_cny: float
    """The absolute values of what is bought and sold in each period, added up."""
    device_cny: Mapping[str, float] = field(default_factory=dict)
    """Running cost of the devices by kind, such as ``turbine``."""
    penalty_cny: float = 0.0
    moving_cny: float = 0.0
    """Payment to users for load that moves to cheaper buses (not in the total)."""
    loss_cny: float = 0.0
    """Losses times the loss price (not in the total)."""

    @property
    def total_cny(self) -> float:
        """Eq. 21 without loss price and without penalties."""
        return sum(self.device_cny.values(), self.purchase_cny)

    @property
    def objective_cny(self) -> float:
        """The objective: Eq. 21 with loss price and penalties, and the value of moved load."""
        return self.total_cny + self.penalty_cny + self.moving_cny + self.loss_cny

    @property
    def absolute_cny(self) -> float:
        """The sum of the absolute terms of the objective."""
        others = (*self.device_cny.values(), self.penalty_cny, self.moving_cny, self.loss_cny)
        return self.traded_cny + sum(map(abs, others))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """Result of one solve: the set-points of a horizon, and the network state."""

    cost: Cost
    setpoints: Mapping[str, FloatArray]
    """Powers and energies of the devices by name, such as ``turbine_kw``: (periods, devices of the kind)."""
    station_shed_kw: FloatArray
    base_shed_kw: FloatArray
    """Base load that is not served; below 0 what negative base load feeds in and is turned away."""
    purchase_kw: FloatArray
    purchase_kvar: FloatArray
    injection_kw: FloatArray
    """Net injection of each bus, without the purchase; ``injection_kvar`` likewise."""
    injection_kvar: FloatArray
    voltage_pu: FloatArray
    branch_kw: FloatArray
    """Power entering each branch at its sending end; ``branch_kvar`` likewise."""
    branch_kvar: FloatArray
    branch_current_pu: FloatArray
    losses_kw: FloatArray
    price_cny_per_kwh: FloatArray
    """Nodal price of each period and bus: what one more kWh there would cost."""
    relaxation_error: FloatArray

    @property
    def objective_cny(self) -> float:
        """The minimised objective."""
        return self.cost.objective_cny


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dispatch(Solution):
    """The set-points of a horizon, the network they lead to, and how far they can be trusted."""

    feeder_name: str
    first_period: int
    period_h: float
    status: Status
    """``optimal``: within `OPTIMAL_GAP` of the lower bound; ``locally optimal``: within all limits, and no small change
    is cheaper; ``elastic`` where limits had to give way; ``not certified``: the set-points are no dispatch;
    ``failed`` where the fallback operation stands for a dispatch."""
    solver: str
    exactness_recovery: str
    """``none``, or what made the relaxation exact, such as ``storage signs fixed, 4 steps of polish``."""
    reason_not_certified: str
    """Empty where the dispatch is certified."""
    lower_bound_cny: float
    """Optimum of the relaxation (with penalties where elastic, and with the loss price): no dispatch is cheaper."""
    violations: tuple[Violation, ...]
    carried: tuple[str, ...]
    """The set-points that one period leaves to the next."""
    ac_mismatch_pu: FloatArray
    """Largest difference of a voltage to the AC power flow at the set-points, per period; NaN if none exists."""

    def __repr__(self) -> str:
        """Return the dispatch in a line."""
        last = self.first_period + self.period_count - 1
        certified = "certified" if self.certified else "not certified"
        return (
            f"<Dispatch of {self.feeder_name}, periods {self.first_period} to {last}: {self.status}, {certified}, "
            f"{self.cost_cny:.1f} CNY>"
        )

    def to_frame(self) -> Frame:
        """Return a table with a row per period: purchase [kW, kvar], losses [kW], voltages [p.u.], AC mismatch."""
        import pandas as pd

        columns = {
            "period": self.first_period + np.arange(self.period_count),
            "purchase_kw": self.purchase_kw,
            "purchase_kvar": self.purchase_kvar,
            "losses_kw": self.losses_kw,
            "voltage_min_pu": self.voltage_pu.min(axis=1),
            "voltage_max_pu": self.voltage_pu.max(axis=1),
            "relaxation_error_max": self.relaxation_error.max(axis=1, initial=0.0),
            "ac_mismatch_pu": self.ac_mismatch_pu,
        }
        return pd.DataFrame(columns)

    @property
    def period_count(self) -> int:
        """Number of periods of the horizon."""
        return len(self.purchase_kw)

    @property
    def cost_cny(self) -> float:
        """Cost of the horizon, Eq. 21 without loss price and penalties."""
        return self.cost.total_cny

    @property
    def optimality_gap(self) -> float:
        """Objective above the lower bound, as a share of its absolute terms; 0 where exact, inf without a bound."""
        return optimality_gap(self.cost, self.lower_bound_cny)

    @property
    def certified(self) -> bool:
        """Whether the relaxation is exact, AC power flow agrees, and no store charges and discharges at once."""
        return not self.reason_not_certified

    def row(self, period: int) -> int:
        """Return the row of *period* (1..T) in every array."""
        row = period - self.first_period
        if not 0 <= row < self.period_count:
            last = self.first_period + self.period_count - 1
            msg = f"period {period} is not in this dispatch, which covers {self.first_period} to {last}"
            raise ValueError(msg)
        return row

    def state_after(self, period: int) -> DispatchState:
        """Return what *period* leaves to the next, so that a rolling horizon can go on from there."""
        row = self.row(period)
        return {name: self.setpoints[name][row].copy() for name in self.carried}


def optimality_gap(cost: Cost, lower_bound_cny: float) -> float:
    """Return (objective - bound) / (sum of the absolute terms of the objective); inf without a bound."""
    above = max(cost.objective_cny - lower_bound_cny, 0.0)
    return above / max(cost.absolute_cny, LEAST_COST_CNY)


def locally_optimal(gap: float) -> str:
    """Return what *gap* says of a dispatch that is only locally optimal."""
    above = f"the optimality gap is {gap:.1e}" if np.isfinite(gap) else "no lower bound is known"
    return f"the dispatch is locally optimal: no small change is cheaper, another dispatch may be; {above}."


def rows(solution: Solution, run: slice) -> Solution:
    """Return some periods of a solution; its cost stays that of all."""
    arrays = {
        field.name: getattr(solution, field.name)[run]
        for field in fields(Solution)
        if isinstance(getattr(solution, field.name), np.ndarray)
    }
    return replace(solution, setpoints=rows_of(solution.setpoints, run), **arrays)


def rows_of(setpoints: Mapping[str, FloatArray], rows: slice) -> dict[str, FloatArray]:
    """Return the set-points of some rows."""
    return {name: values[rows] for name, values in setpoints.items()}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BranchFlow:
    """Squared voltage at the sending end, squared current and power of branches [p.u. of 1 MVA]."""

    voltage2: FloatArray
    current2: FloatArray
    p: FloatArray
    q: FloatArray


def relaxation_error(flow: BranchFlow, base_kva: float = 1000.0) -> FloatArray:
    """Return |sqrt(l) - sqrt(P^2+Q^2)/sqrt(v)| of each branch (Eq. 23, corrected) on a 10 MVA base.

    Written as |l v - P^2 - Q^2| / (sqrt(v) (sqrt(l v) + sqrt(P^2+Q^2))), the denominator not below
    `SMALL_CURRENT_PU`: at small currents the square root would only magnify the solver's noise, and the error
    is within 1e-6 exactly where |l v - P^2 - Q^2| <= 1e-9.
    """
    scale = base_kva / REPORT_BASE_KVA
    lv = np.maximum(flow.current2 * flow.voltage2, 0.0) * scale**2
    s2 = (flow.p**2 + flow.q**2) * scale**2
    denominator = np.sqrt(flow.voltage2) * (np.sqrt(lv) + np.sqrt(s2))
    error: FloatArray = np.abs(lv - s2) / np.maximum(denominator, SMALL_CURRENT_PU)
    return error
