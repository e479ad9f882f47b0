"""What each kind of device adds to the dispatch: injections, cost and constraints.

A new kind of device is one function here that returns a `Part`, and its numbers in `numbers.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cvxpy as cp
import numpy as np

from cosim.arrays import FloatArray
from cosim.grid import equations as eq
from cosim.grid.devices import DemandResponse, Renewable, Storage, Turbine, V2GCharger
from cosim.grid.feeder import BASE_KVA, Feeder
from cosim.grid.schedule import Elastic


@dataclass(frozen=True, slots=True)
class Part:
    """The injections (periods, buses), cost [CNY] and constraints of one group of devices."""

    p: Any = 0.0
    q: Any = 0.0
    cost: Any = 0.0
    constraints: eq.Constraints = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A dispatch being written down: what every part needs to know, and the symbols used so far."""

    feeder: Feeder
    periods: int
    dt: float
    elastic: Elastic | None
    """What broken limits cost; None while the limits are strict."""
    linked: bool = False
    """Whether the period before is an unknown as well, to be linked to another copy of the dispatch."""
    unknowns: dict[str, cp.Variable] = field(default_factory=dict)
    numbers: dict[str, cp.Parameter] = field(default_factory=dict)
    """What changes from solve to solve, one row per period."""
    before: dict[str, cp.Variable | cp.Parameter] = field(default_factory=dict)
    """What the period before the first leaves, by the name of the unknown it continues."""
    ends: dict[str, cp.Parameter] = field(default_factory=dict)
    """What unknowns must be in the last period."""
    penalised: list[str] = field(default_factory=list)
    """The unknowns that say by how much limits are broken."""
    penalties: list[cp.Expression] = field(default_factory=list)
    """What they cost [CNY]."""

    def unknown(self, name: str, count: int) -> cp.Variable:
        """Return one unknown per period and thing."""
        return self.unknowns.setdefault(name, cp.Variable((self.periods, count), name=name))

    def broken(self, name: str, count: int, price_cny: float) -> cp.Variable:
        """Return one unknown per period and thing for breaking a limit, at a price per unit."""
        unknown = self.unknown(name, count)
        self.penalised.append(name)
        self.penalties.append(price_cny * cp.sum(unknown))
        return unknown

    def number(self, name: str, count: int) -> cp.Parameter:
        """Return one number per period and thing."""
        return self.numbers.setdefault(name, cp.Parameter((self.periods, count), name=name))

    def earlier(self, name: str, count: int) -> Any:
        """Return what the unknown *name* was before the first period."""
        kind = cp.Variable if self.linked else cp.Parameter
        return self.before.setdefault(name, kind((1, count), name=f"{name} before"))

    def keep_promise(self, name: str, count: int) -> eq.Constraints:
        """Return that the unknown *name* ends as it should, or misses that at a price where elastic."""
        short = self.unknowns[name][-1:] - self.ends.setdefault(
            name, cp.Parameter((1, count), name=f"{name} at the end")
        )
        if self.elastic is None:
            return [short == 0]
        broken = self.broken(f"{name} missed", count, self.elastic.promise_cny_per_kwh * BASE_KVA)
        return [short <= broken[-1:], -short <= broken[-1:], broken >= 0]

    def place(self, units: Any) -> FloatArray:
        """Return the (units, buses) matrix that puts each unit on its bus."""
        return place(units, self.feeder)

    def energy_price(self, name: str) -> float:
        """Return a penalty per p.u. of power held for one period."""
        return float(getattr(self.elastic, name)) * BASE_KVA * self.dt


def place(units: Any, feeder: Feeder) -> FloatArray:
    """Return the (units, buses) matrix that puts each unit on its bus."""
    return place_at([unit.bus for unit in units], feeder)


def place_at(buses: Sequence[str], feeder: Feeder) -> FloatArray:
    """Return the (names, buses) matrix that marks each bus by its name."""
    marks = np.zeros((len(buses), feeder.bus_count))
    marks[np.arange(len(buses)), [feeder.bus_index(bus) for bus in buses]] = 1.0
    return marks


def of_units(units: Any, attribute: str, scale: float = BASE_KVA) -> FloatArray:
    """Return an attribute of every unit, in per unit."""
    return np.array([getattr(u, attribute) for u in units], dtype=np.float64) / scale


def turbines(units: tuple[Turbine, ...], at: Draft) -> Part:
    """Eq. 17 and the turbine's part of Eq. 21."""
    if not units:
        return Part()
    count, on = len(units), at.place(units)
    p, q = at.unknown("turbine_kw", count), at.unknown("turbine_kvar", count)
    q_max = of_units(units, "q_max_kvar")
    q_min = -q_max * of_units(units, "q_absorption", 1.0)
    a, b = of_units(units, "cost_a_cny_per_mw2h", 1.0), of_units(units, "cost_b_cny_per_mwh", 1.0)
    limits = eq.output_limits(p, q, of_units(units, "p_max_kw"), q_min, q_max)
    slope = eq.ramp(p, at.earlier("turbine_kw", count), at.number("ramp", count))
    cost = at.dt * (cp.sum(cp.square(p) @ a) + cp.sum(p @ b))
    return Part(p @ on, q @ on, cost, [*limits, *slope])


def stores(units: tuple[Storage, ...], at: Draft) -> Part:
    """Eq. 18; where the limit of one direction is set to 0 in a period, the sign is fixed."""
    if not units:
        return Part()
    count, on, size = len(units), at.place(units), of_units(units, "capacity_kwh")
    charge, discharge = at.unknown("charge_kw", count), at.unknown("discharge_kw", count)
    energy = at.unknown("storage_kwh", count)
    unit = eq.Store(
        charge_max=at.number("charge_max", count),
        discharge_max=at.number("discharge_max", count),
        charge_efficiency=of_units(units, "charge_efficiency", 1.0),
        discharge_efficiency=of_units(units, "discharge_efficiency", 1.0),
        energy_min=size * of_units(units, "soc_min", 1.0),
        energy_max=size * of_units(units, "soc_max", 1.0),
    )
    rules = eq.store(charge, discharge, energy, at.earlier("storage_kwh", count), unit, at.dt)
    rules += at.keep_promise("storage_kwh", count)
    return Part((discharge - charge) @ on, 0.0, 0.0, rules)


def v2g_chargers(units: tuple[V2GCharger, ...], at: Draft) -> Part:
    """Eq. 18 of vehicles that come and go; signs are fixed as those of a store."""
    if not units:
        return Part()
    count, on = len(units), at.place(units)
    charge, discharge = at.unknown("v2g_charge_kw", count), at.unknown("v2g_discharge_kw", count)
    energy, before = at.unknown("v2g_kwh", count), at.earlier("v2g_kwh", count)
    unit = eq.Store(
        charge_max=at.number("v2g_charge_max", count),
        discharge_max=at.number("v2g_discharge_max", count),
        charge_efficiency=of_units(units, "charge_efficiency", 1.0),
        discharge_efficiency=of_units(units, "discharge_efficiency", 1.0),
        energy_min=at.number("v2g_min", count),
        energy_max=at.number("v2g_max", count),
    )
    departing, rules = at.number("v2g_departing", count), []
    if at.elastic:
        price = at.elastic.promise_cny_per_kwh * BASE_KVA
        short, extra = at.broken("v2g_short", count, price), at.broken("v2g_extra", count, price)
        rules = [short >= 0, short <= departing, extra >= 0]
        departing = departing - short + extra
    arriving = at.number("v2g_arriving", count)
    rules += eq.vehicle_store(charge, discharge, energy, before, unit, arriving, departing, at.dt)
    rules += at.keep_promise("v2g_kwh", count)
    return Part((discharge - charge) @ on, 0.0, 0.0, rules)


def shifts(units: tuple[DemandResponse, ...], at: Draft) -> Part:
    """Eq. 20 and the payment for shifting out of Eq. 21; all energy is given back by the end."""
    if not units:
        return Part()
    count, on = len(units), at.place(units)
    out, into = at.unknown("shift_out_kw", count), at.unknown("shift_in_kw", count)
    owed = at.unknown("owed_kwh", count)
    most = at.number("shift_max", count)
    rules = eq.shift(out, into, owed, at.earlier("owed_kwh", count), most, at.dt)
    rules += at.keep_promise("owed_kwh", count)
    cost = at.dt * cp.sum(out @ of_units(units, "price_cny_per_mwh", 1.0))
    return Part((out - into) @ on, 0.0, cost, rules)


def renewables(units: tuple[Renewable, ...], at: Draft) -> Part:
    """Eq. 19 with the chosen reactive capability."""
    if not units:
        return Part()
    count, on = len(units), at.place(units)
    p, q = at.unknown("renewable_kw", count), at.unknown("renewable_kvar", count)
    off: Any = 0.0
    if at.elastic:
        off = at.broken("renewable_off", count, at.energy_price("renewable_cny_per_kwh"))
    rules = eq.renewable_power(p, at.number("available", count), at.number("must_take", count), off)
    rules += eq.reactive_range(q, at.number("q_min", count), at.number("q_max", count))
    rules += [off >= 0] if at.elastic else []
    if disks := [i for i, u in enumerate(units) if u.q_capability == "disk"]:
        rules += eq.reactive_disk(p[:, disks], q[:, disks], of_units(units, "s_kva")[disks])
    return Part(p @ on, q @ on, 0.0, rules)


def response(buses: tuple[str, ...], at: Draft) -> Part:
    """Move load along its slope R R': by R z, at what that is worth to who draws it, price (R z) - z z / 2.

    At the optimum the price at the buses is what was expected less R^-1 z: the one at which so much load moves.
    """
    if not buses:
        return Part()
    count, on = len(buses), place_at(buses, at.feeder)
    z = at.unknown("response", count)
    along = [z[:, [k]] @ np.ones((1, count)) for k in range(count)]
    moved = sum(cp.multiply(at.number(f"response_root_{k}", count), along[k]) for k in range(count))
    worth = cp.sum(cp.multiply(at.number("response_worth", count), z)) - cp.sum_squares(z) / 2
    return Part(-moved @ on, 0.0, -at.dt * worth, [at.number("response_load", count) + moved >= 0])


def shedding(at: Draft, response: Part) -> Part:
    """Give back load to the feeder where nothing else helps; base load is shed at its own power factor."""
    if at.elastic is None:
        return Part()
    count = at.feeder.bus_count
    base = at.broken("base_shed_kw", count, at.energy_price("base_cny_per_kwh"))
    shed = at.broken("station_shed_kw", count, at.energy_price("station_cny_per_kwh"))
    limits = [
        base >= 0,
        base <= at.number("base_shed_max", count),
        shed >= 0,
        shed <= at.number("station_shed_max", count) - response.p,
    ]
    return Part(base + shed, cp.multiply(at.number("base_q_per_p", count), base), 0.0, limits)
