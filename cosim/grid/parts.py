"""What each kind of device adds to the dispatch: injections, cost and constraints.

A new kind of device is one function here that returns a `Part`.
"""

from dataclasses import dataclass, field
from typing import Any

import cvxpy as cp
import numpy as np

from cosim.arrays import BoolArray, FloatArray
from cosim.grid import equations as eq
from cosim.grid.devices import DemandResponse, Renewable, Storage, Turbine
from cosim.grid.feeder import BASE_KVA, Feeder
from cosim.grid.schedule import DispatchState, Elastic, Horizon, Load

ROUNDING_KWH = 1e-3
"""A state this far beyond what the horizon can return is rounding of the period before: rounded back."""


@dataclass(frozen=True, slots=True)
class Part:
    """The injections (periods, buses), cost [CNY], constraints and unknowns of one group of devices."""

    p: Any = 0.0
    q: Any = 0.0
    cost: Any = 0.0
    penalty: Any = 0.0
    constraints: eq.Constraints = field(default_factory=list)
    unknowns: dict[str, cp.Expression] = field(default_factory=dict)
    rating: Any = 0.0
    """Largest apparent power at each bus [p.u.]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What every part needs to know; ``elastic`` is None while the limits are strict."""

    feeder: Feeder
    load: Load
    horizon: Horizon
    state: DispatchState
    elastic: Elastic | None

    @property
    def periods(self) -> int:
        """Number of periods."""
        return len(self.load.base_kw)

    @property
    def dt(self) -> float:
        """Length of a period [h]."""
        return self.horizon.period_h

    def place(self, units: Any) -> FloatArray:
        """Return the (units, buses) matrix that puts each unit on its bus."""
        marks = np.zeros((len(units), self.feeder.bus_count))
        marks[np.arange(len(units)), [self.feeder.bus_index(u.bus) for u in units]] = 1.0
        return marks

    def unknown(self, units: Any, *, nonneg: bool = False) -> cp.Variable:
        """Return one unknown per period and unit."""
        return cp.Variable((self.periods, len(units)), nonneg=nonneg)


def _of(units: Any, attribute: str, scale: float = BASE_KVA) -> FloatArray:
    """Return an attribute of every unit, in per unit."""
    return np.array([getattr(u, attribute) for u in units], dtype=np.float64) / scale


def turbines(units: tuple[Turbine, ...], at: Setting) -> Part:
    """Eq. 17 and the turbine's part of Eq. 21."""
    if not units:
        return Part()
    p, q, on = at.unknown(units), at.unknown(units), at.place(units)
    q_max = _of(units, "q_max_kvar")
    q_min = -q_max * _of(units, "q_absorption", 1.0)
    a, b = _of(units, "cost_a_cny_per_mw2h", 1.0), _of(units, "cost_b_cny_per_mwh", 1.0)
    limits = eq.output_limits(p, q, _of(units, "p_max_kw"), q_min, q_max)
    slope = eq.ramp(p, at.state.turbine_kw / BASE_KVA, _of(units, "ramp_kw_per_h") * at.dt)
    rating = np.hypot(_of(units, "p_max_kw"), q_max) @ on
    cost = at.dt * (cp.sum(cp.square(p) @ a) + cp.sum(p @ b))
    return Part(p @ on, q @ on, cost, 0.0, [*limits, *slope], {"turbine_kw": p, "turbine_kvar": q}, rating)


def stores(units: tuple[Storage, ...], at: Setting, charging: BoolArray | None) -> Part:
    """Eq. 18; *charging* fixes the sign of each period and store, None leaves it to the optimum."""
    if not units:
        return Part()
    charge, discharge, energy, on = at.unknown(units), at.unknown(units), at.unknown(units), at.place(units)
    unit = _store(units, at)
    rules = eq.store(charge, discharge, energy, unit, at.dt)
    if charging is not None:
        rules += eq.one_sign(charge, discharge, charging)
    missing, penalty = _promise(energy[-1] - unit.energy_end, at)
    return Part(
        (discharge - charge) @ on,
        0.0,
        0.0,
        penalty,
        [*rules, missing],
        {"charge_kw": charge, "discharge_kw": discharge, "storage_kwh": energy},
        np.maximum(unit.charge_max, unit.discharge_max) @ on,
    )


def _store(units: tuple[Storage, ...], at: Setting) -> eq.Store:
    size = _of(units, "capacity_kwh")
    end = size * _of(units, "soc_initial", 1.0)
    charge_max, discharge_max = _of(units, "charge_max_kw"), _of(units, "discharge_max_kw")
    gain, loss = _of(units, "charge_efficiency", 1.0), _of(units, "discharge_efficiency", 1.0)
    hours = at.periods * at.dt
    start = _rounded(
        at.state.storage_kwh / BASE_KVA, end - hours * gain * charge_max, end + hours * discharge_max / loss
    )
    low, high = size * _of(units, "soc_min", 1.0), size * _of(units, "soc_max", 1.0)
    return eq.Store(charge_max, discharge_max, gain, loss, low, high, start, end)


def shifts(units: tuple[DemandResponse, ...], at: Setting) -> Part:
    """Eq. 20 and the payment for shifting out of Eq. 21; all energy is given back by the end."""
    if not units:
        return Part()
    out, into, owed, on = at.unknown(units), at.unknown(units), at.unknown(units), at.place(units)
    base = np.maximum(at.load.base_kw / BASE_KVA, 0.0) @ on.T
    most = base * _of(units, "share_max", 1.0)
    reach = at.dt * most.sum(axis=0)
    start = _rounded(at.state.owed_kwh / BASE_KVA, -reach, reach)
    missing, penalty = _promise(owed[-1], at)
    rules = [*eq.shift(out, into, owed, start, most, at.dt), missing]
    cost = at.dt * cp.sum(out @ _of(units, "price_cny_per_mwh", 1.0))
    names: dict[str, cp.Expression] = {"shift_out_kw": out, "shift_in_kw": into, "owed_kwh": owed}
    return Part((out - into) @ on, 0.0, cost, penalty, rules, names, most @ on)


def renewables(units: tuple[Renewable, ...], at: Setting) -> Part:
    """Eq. 19 with the chosen reactive capability."""
    if not units:
        return Part()
    p, q, on = at.unknown(units), at.unknown(units), at.place(units)
    first = at.horizon.first_period - 1
    available = np.stack([u.available_kw[first : first + at.periods] for u in units], axis=1) / BASE_KVA
    s = _of(units, "s_kva")
    off = at.unknown(units, nonneg=True) if at.elastic else 0.0
    penalty = _energy_price(at, "renewable_cny_per_kwh") * cp.sum(off) if at.elastic else 0.0
    high = np.where(
        [u.q_capability == "available" for u in units], np.sqrt(np.maximum(s**2 - available**2, 0.0)), s
    )
    high = np.where([u.q_capability == "none" for u in units], 0.0, high)
    low = np.where([u.q_absorption for u in units], -high, 0.0)
    curtailable = np.array([u.curtailable for u in units])
    rules = [*eq.renewable_power(p, available, off, curtailable), *eq.reactive_range(q, low, high)]
    if disks := [i for i, u in enumerate(units) if u.q_capability == "disk"]:
        rules += eq.reactive_disk(p[:, disks], q[:, disks], s[disks])
    return Part(p @ on, q @ on, 0.0, penalty, rules, {"renewable_kw": p, "renewable_kvar": q}, s @ on)


def shedding(at: Setting) -> Part:
    """Give back load to the feeder where nothing else helps; base load is shed at its own power factor."""
    if at.elastic is None:
        return Part()
    base_kw, base_kvar = at.load.base_kw / BASE_KVA, at.load.base_kvar / BASE_KVA
    station = at.load.station_kw / BASE_KVA
    share = cp.Variable(base_kw.shape, nonneg=True)
    shed = cp.Variable(base_kw.shape, nonneg=True)
    base = cp.multiply(share, np.maximum(base_kw, 0.0))
    penalty = _energy_price(at, "base_cny_per_kwh") * cp.sum(base)
    penalty += _energy_price(at, "station_cny_per_kwh") * cp.sum(shed)
    return Part(
        base + shed,
        cp.multiply(share, np.where(base_kw > 0, base_kvar, 0.0)),
        0.0,
        penalty,
        [share <= 1, shed <= np.maximum(station, 0.0)],
        {"base_shed_kw": base, "station_shed_kw": shed},
    )


def current_bound(groups: list[Part], at: Setting) -> FloatArray:
    """Return a current no branch can exceed in any AC power flow within the voltage limits.

    By Kirchhoff's law it carries the sum of the currents below it, each at most S_max / v_min. The cones
    alone allow any current, so where losses pay (prices below zero) the relaxation would run away.
    """
    base = np.hypot(np.abs(at.load.base_kw) + at.load.station_kw, at.load.base_kvar) / BASE_KVA
    largest = base + sum(part.rating for part in groups)
    lowest = at.feeder.voltage_min_pu if at.elastic is None else at.elastic.voltage_floor_pu
    return eq.sum_below(at.feeder, largest) / min(lowest, at.feeder.voltage_min_pu)


def _promise(short: Any, at: Setting) -> tuple[cp.Constraint, Any]:
    """Return the promise that *short* is 0 at the end, and where elastic the price of breaking it."""
    if at.elastic is None:
        return short == 0, 0.0
    broken = cp.Variable(short.shape, nonneg=True)
    return cp.abs(short) <= broken, at.elastic.promise_cny_per_kwh * BASE_KVA * cp.sum(broken)


def _energy_price(at: Setting, name: str) -> float:
    """Return a penalty per p.u. of power held for one period."""
    return float(getattr(at.elastic, name)) * BASE_KVA * at.dt


def _rounded(value: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return *value* within [low, high] where it is out by no more than rounding; larger faults stay."""
    clipped = np.clip(value, low, high)
    return np.where(np.abs(clipped - value) <= ROUNDING_KWH / BASE_KVA, clipped, value)
