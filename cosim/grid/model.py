"""The dispatch as one convex problem (DPP): unknowns, numbers that change, objective, list of equations."""

from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from cosim.arrays import FloatArray
from cosim.grid import equations as eq
from cosim.grid import parts
from cosim.grid.devices import Devices
from cosim.grid.feeder import BASE_KVA, Feeder
from cosim.grid.schedule import Elastic


@dataclass(frozen=True, slots=True)
class Model:
    """The problem, the symbols of its draft, and the constraint whose dual is the nodal price."""

    problem: cp.Problem
    draft: parts.Draft
    active_balance: cp.Constraint


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a dispatch is compiled for; everything else is a number that may change from solve to solve."""

    feeder: Feeder
    devices: Devices
    period_h: float
    export: bool
    elastic: Elastic | None
    responding: tuple[str, ...] = ()
    """The buses whose load answers the price."""


def build(frame: Frame, periods: int, *, linked: bool = False) -> Model:
    """Return the dispatch of *periods* periods: Eq. 21 subject to Eq. 12-20 with the cones of Eq. 15."""
    feeder, devices = frame.feeder, frame.devices
    at = parts.Draft(feeder=feeder, periods=periods, dt=frame.period_h, elastic=frame.elastic, linked=linked)
    flow = eq.Flow(
        p=at.unknown("branch_p", feeder.branch_count),
        q=at.unknown("branch_q", feeder.branch_count),
        l=at.unknown("current2", feeder.branch_count),
        v=at.unknown("voltage2", feeder.bus_count),
    )
    slack = _slack_marks(feeder)
    supply_p, supply_q = (at.unknown(name, len(slack)) for name in ("supply_p", "supply_q"))
    response = parts.response(frame.responding, at)
    groups = [
        response,
        parts.turbines(devices.turbines, at),
        parts.stores(devices.storages, at),
        parts.shifts(devices.demand_responses, at),
        parts.renewables(devices.renewables, at),
        parts.v2g_chargers(devices.v2g_chargers, at),
        parts.shedding(at, response),
    ]
    p = sum((part.p for part in groups), supply_p @ slack) - at.number("load_p", feeder.bus_count)
    q = sum((part.q for part in groups), supply_q @ slack) - at.number("load_q", feeder.bus_count)
    active, reactive = eq.balance(flow, feeder, p, q)
    constraints = [
        active,
        reactive,
        *eq.voltage_drop(flow, feeder),
        *eq.cone(flow, feeder),
        *eq.current_limits(flow, feeder, at.number("current2_max", feeder.branch_count)),
        *_voltage_band(flow, at),
        *([] if frame.export else [supply_p >= 0]),
        *(constraint for part in groups for constraint in part.constraints),
    ]
    losses = cp.multiply(at.number("loss_price", 1), flow.l @ feeder.r_pu[:, None])
    purchase = BASE_KVA * cp.multiply(at.number("price", 1), cp.sum(supply_p, axis=1, keepdims=True))
    cost = sum((part.cost for part in groups), at.dt * cp.sum(purchase + losses)) + sum(at.penalties)
    return Model(cp.Problem(cp.Minimize(cost), constraints), at, active)


def _slack_marks(feeder: Feeder) -> FloatArray:
    """Return the (slacks, buses) matrix that puts what is bought on the slack buses."""
    slack = np.zeros((len(feeder.slack_buses), feeder.bus_count))
    slack[np.arange(len(slack)), feeder.slack_buses] = 1.0
    return slack


def _voltage_band(flow: eq.Flow, at: parts.Draft) -> eq.Constraints:
    """Return the voltage limits; in an elastic dispatch the band may be left at a price."""
    feeder, elastic = at.feeder, at.elastic
    if elastic is None:
        return eq.voltage_limits(flow, feeder)
    price_cny = elastic.voltage_cny_per_pu2_h * at.dt
    under = at.broken("under", feeder.branch_count, price_cny)
    over = at.broken("over", feeder.branch_count, price_cny)
    deepest = max(feeder.voltage_min_pu**2 - elastic.voltage_floor_pu**2, 0.0)
    return [*eq.voltage_limits(flow, feeder, under, over), under >= 0, over >= 0, under <= deepest]
