"""The dispatch as one convex problem: unknowns, objective and the list of equations."""

from dataclasses import dataclass
from typing import Any

import cvxpy as cp
import numpy as np

from cosim.arrays import BoolArray, FloatArray
from cosim.grid import equations as eq
from cosim.grid import parts
from cosim.grid.devices import Devices
from cosim.grid.feeder import BASE_KVA, Feeder
from cosim.grid.schedule import Elastic


@dataclass(frozen=True, slots=True)
class Model:
    """The problem and its unknowns, readable once solved."""

    problem: cp.Problem
    flow: eq.Flow
    supply_p: cp.Variable
    supply_q: cp.Variable
    injection_p: cp.Expression
    """Net injection of each bus without what is bought; ``injection_q`` likewise."""
    injection_q: cp.Expression
    active_balance: cp.Constraint
    penalty: cp.Expression
    unknowns: dict[str, cp.Expression]

    def value(self, name: str) -> FloatArray:
        """Return a solved unknown in kW or kWh, or an array without columns where there is no such device."""
        if name not in self.unknowns:
            return np.zeros((self.flow.p.shape[0], 0))
        return BASE_KVA * np.asarray(self.unknowns[name].value, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What differs between the solves of one dispatch."""

    loss_price_cny_per_mwh: float = 0.0
    charging: BoolArray | None = None
    """Fixed signs of the stores, True where a store may only charge."""


def build(
    at: parts.Setting, devices: Devices, price_cny_per_kwh: FloatArray, question: Question, *, export: bool
) -> Model:
    """Return the multi-period dispatch: Eq. 21 subject to Eq. 12-20 with the cones of Eq. 15."""
    feeder, shape = at.feeder, (at.periods, at.feeder.branch_count)
    current2 = cp.Variable(shape, nonneg=True)
    flow = eq.Flow(
        cp.Variable(shape), cp.Variable(shape), current2, cp.Variable((at.periods, feeder.bus_count))
    )
    supply_p, supply_q = cp.Variable(at.periods, nonneg=not export), cp.Variable(at.periods)
    groups = [
        parts.turbines(devices.turbines, at),
        parts.stores(devices.storages, at, question.charging),
        parts.shifts(devices.demand_responses, at),
        parts.renewables(devices.renewables, at),
        parts.shedding(at),
    ]
    p = sum((part.p for part in groups), -cp.Constant((at.load.base_kw + at.load.station_kw) / BASE_KVA))
    q = sum((part.q for part in groups), -cp.Constant(at.load.base_kvar / BASE_KVA))
    active, reactive = eq.balance(flow, feeder, p + _supply(supply_p, feeder), q + _supply(supply_q, feeder))
    band, out_of_band = _voltage_band(flow, feeder, at.elastic, at.dt)
    constraints = [
        active,
        reactive,
        *eq.voltage_drop(flow, feeder),
        *eq.cone(flow, feeder),
        *eq.current_limits(flow, feeder, parts.current_bound(groups, at)),
        *band,
        *(constraint for part in groups for constraint in part.constraints),
    ]
    purchase = at.dt * BASE_KVA * (price_cny_per_kwh @ supply_p)
    penalty = sum((part.penalty for part in groups), cp.Constant(0.0)) + out_of_band
    cost = purchase + sum(part.cost for part in groups) + penalty
    if question.loss_price_cny_per_mwh:
        cost += question.loss_price_cny_per_mwh * at.dt * cp.sum(flow.l @ feeder.r_pu)
    return Model(
        problem=cp.Problem(cp.Minimize(cost), constraints),
        flow=flow,
        supply_p=supply_p,
        supply_q=supply_q,
        injection_p=p,
        injection_q=q,
        active_balance=active,
        penalty=penalty,
        unknowns={name: unknown for part in groups for name, unknown in part.unknowns.items()},
    )


def _supply(bought: cp.Variable, feeder: Feeder) -> cp.Expression:
    """Put what is bought on the slack bus."""
    slack = np.zeros((1, feeder.bus_count))
    slack[0, feeder.slack_bus] = 1.0
    return cp.reshape(bought, (bought.size, 1), order="C") @ slack


def _voltage_band(
    flow: eq.Flow, feeder: Feeder, elastic: Elastic | None, period_h: float
) -> tuple[eq.Constraints, Any]:
    """Return the voltage limits, and in an elastic dispatch the price of leaving the band."""
    if elastic is None:
        return eq.voltage_limits(flow, feeder), 0.0
    shape = (flow.v.shape[0], feeder.branch_count)
    under, over = cp.Variable(shape, nonneg=True), cp.Variable(shape, nonneg=True)
    deepest = max(feeder.voltage_min_pu**2 - elastic.voltage_floor_pu**2, 0.0)
    penalty = elastic.voltage_cny_per_pu2_h * period_h * (cp.sum(under) + cp.sum(over))
    return [*eq.voltage_limits(flow, feeder, under, over), under <= deepest], penalty
