"""The dispatch as one convex problem (DPP): variables, parameters, objective, list of equations."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import cvxpy as cp
import numpy as np

from cosim.grid import equations as eq
from cosim.grid.builder import Constraints, ModelBuilder, Terms, marks, rows
from cosim.grid.device import Devices
from cosim.grid.device.base import Group
from cosim.grid.device.price_response import PriceResponses
from cosim.grid.margins import current_room, voltage_room
from cosim.grid.problem import NO_MARGIN, Elastic, Margin
from cosim.grid.radial import BASE_KVA, Feeder
from cosim.grid.sources import Row, supply_limits


@dataclass(frozen=True, slots=True)
class Model:
    """The problem, the builder with its symbols, and the constraint whose dual is the nodal price."""

    problem: cp.Problem
    builder: ModelBuilder
    active_balance: cp.Constraint


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemStructure:
    """The structure that a dispatch is compiled for; everything else is a parameter."""

    feeder: Feeder
    devices: Devices
    period_h: float
    export: bool
    elastic: Elastic | None
    margin: Margin = NO_MARGIN
    margin_cny: float | None = None
    """Price of one p.u. squared of margin for an hour where it gives way; None where it is held."""
    responding: tuple[str, ...] = ()
    """The buses whose load answers the price."""
    current_scale: tuple[float, ...] = ()
    """About the current of each branch, see `equations.cone`; empty where all are about 1 p.u."""
    source_rows: tuple[Row, ...] = ()
    """The limits of sources that can bind."""
    networks: tuple["ProblemStructure", ...] = ()
    """The structure of each period of the horizon, where the network is not *feeder* in all; else empty."""

    def runs(self, periods: int) -> list[tuple[slice, "ProblemStructure"]]:
        """Return the periods that follow each other in one network, counted from 0, and their structure."""
        if not self.networks:
            return [(slice(0, periods), self)]
        starts = [t for t in range(periods) if t == 0 or self.networks[t] != self.networks[t - 1]]
        return [(slice(a, b), self.networks[a]) for a, b in pairwise([*starts, periods])]

    def with_all(self, **changes: Any) -> "ProblemStructure":
        """Return the structure with *changes* in it and in those of its networks."""
        networks = tuple(replace(own, **changes) for own in self.networks)
        return replace(self, networks=networks, **changes)

    @property
    def gives_way(self) -> bool:
        """Whether anything gives way at a price: limits, or the margin."""
        return self.elastic is not None or self.margin_cny is not None

    @property
    def responses(self) -> tuple[Group[Any], ...]:
        """The load that answers the price, as a group; none where none does."""
        return (PriceResponses(self.responding),) if self.responding else ()

    @property
    def groups(self) -> tuple[Group[Any], ...]:
        """All that adds terms to the problem, in the order of its variables."""
        return (*self.responses, *self.devices.groups)


def build_problem(structure: ProblemStructure, periods: int, *, linked: bool = False) -> Model:
    """Return the dispatch of *periods* periods: Eq. 21 subject to Eq. 12-20 with the cones of Eq. 15."""
    feeder = structure.feeder
    model = ModelBuilder(
        feeder=feeder,
        periods=periods,
        period_h=structure.period_h,
        elastic=structure.elastic,
        linked=linked,
    )
    flow = eq.Flow(
        p=model.variable("branch_p", feeder.branch_count),
        q=model.variable("branch_q", feeder.branch_count),
        l=model.variable("current2", feeder.branch_count),
        v=model.variable("voltage2", feeder.bus_count),
    )
    slack = marks(feeder.slack_buses, feeder)
    supply_p, supply_q = (model.variable(name, feeder.slack_buses.size) for name in ("supply_p", "supply_q"))
    terms = [group.terms(model) for group in structure.groups]
    terms.append(_shedding(model, terms[: len(structure.responses)]))
    p = sum((own.p for own in terms), supply_p @ slack) - model.parameter("load_p", feeder.bus_count)
    q = sum((own.q for own in terms), supply_q @ slack) - model.parameter("load_q", feeder.bus_count)
    active, reactive = eq.balance(flow, feeder, p, q)
    constraints = [
        active,
        reactive,
        *eq.voltage_drop(flow, feeder),
        *eq.cone(flow, feeder, np.array(structure.current_scale or 1.0)),
        *_branch_limits(flow, model, structure),
        *_voltage_band(flow, model, structure),
        *supply_limits(supply_p, supply_q, model, structure.source_rows, export=structure.export),
        *(constraint for own in terms for constraint in own.constraints),
    ]
    losses = model.times("loss_price", "current2", count=1) @ feeder.r_pu
    purchase = BASE_KVA * cp.sum(model.times("price", "supply_p", count=1), axis=1)
    cost = sum((own.cost for own in terms), model.period_h * cp.sum(purchase + losses)) + sum(model.penalties)
    return Model(cp.Problem(cp.Minimize(cost), constraints), model, active)


def _largest_currents(model: ModelBuilder) -> list[Any]:
    """Return the parameters of the current limits: of the series current, and at both `equations.limited_ends`."""
    ends = eq.limited_ends(model.feeder)
    counts = {
        "current2_max": model.feeder.branch_count,
        "near2_max": ends.near.size,
        "far2_max": ends.far.size,
    }
    return [model.parameter(name, count) if count else 0.0 for name, count in counts.items()]


def _branch_limits(flow: eq.Flow, model: ModelBuilder, structure: ProblemStructure) -> Constraints:
    """Return the current limits; where the margin gives way, up to the limits themselves."""
    room = current_room(model, structure)
    largest = [most + extra for most, extra in zip(_largest_currents(model), room.extra, strict=True)]
    return [*eq.current_limits(flow, model.feeder, *largest), *room.constraints]


def _shedding(model: ModelBuilder, responses: list[Terms]) -> Terms:
    """Shed load where nothing else helps: base load at its own power factor, stations what is drawn in the end.

    Likewise with what the network itself feeds in, where it does.
    """
    if model.elastic is None:
        return Terms()
    count = model.feeder.bus_count
    base = model.slack("base_shed_kw", count, model.energy_price("base_cny_per_kwh"))
    base_q = model.times("base_q_per_p", "base_shed_kw")
    shed = model.slack("station_shed_kw", count, model.energy_price("station_cny_per_kwh"))
    limits = [
        base >= 0,
        base <= model.parameter("base_shed_max", count),
        shed >= 0,
        shed <= model.parameter("station_shed_max", count) - sum(own.p for own in responses),
    ]
    if model.feeder.feeds_in:
        off = model.slack("feed_in_off", count, model.energy_price("base_cny_per_kwh"))
        limits += [off >= 0, off <= model.parameter("feed_in_off_max", count)]
        base, base_q = base - off, base_q - model.times("base_q_per_p", "feed_in_off")
    return Terms(base + shed, base_q, 0.0, limits)


def _voltage_band(flow: eq.Flow, model: ModelBuilder, structure: ProblemStructure) -> Constraints:
    """Return the voltage limits; in an elastic dispatch the band may be left at a price, the margin before."""
    feeder, elastic, margin_pu = model.feeder, model.elastic, structure.margin.voltage_pu
    room = voltage_room(model, structure)
    if elastic is None:
        return [*eq.voltage_limits(flow, feeder, room.under, room.over, margin_pu), *room.constraints]
    price_cny = elastic.voltage_cny_per_pu2_h * model.period_h
    under = model.slack("under", feeder.branch_count, price_cny)
    over = model.slack("over", feeder.branch_count, price_cny)
    low = feeder.voltage_limits_pu[0][feeder.to_bus]
    deepest = rows(np.maximum(low**2 - elastic.voltage_floor_pu**2, 0.0), under)
    return [
        *eq.voltage_limits(flow, feeder, under + room.under, over + room.over, margin_pu),
        under >= 0,
        over >= 0,
        under <= deepest,
        *room.constraints,
    ]
