"""The feeder as a value: trees of branches from their slack buses outwards, in per unit of 1 MVA."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim.arrays import FloatArray, IntArray
from cosim.csv_tables import POSITIVE
from cosim.errors import UNPRINTABLE, ConfigError, Problem, refuse
from cosim.grid.branch import Branch
from cosim.grid.bus_words import some, unknown_bus
from cosim.grid.tree import grow_tree
from cosim.grid.voltage_rules import DEFAULT_BAND_PU, VoltageRules, band_problems, told_of_no_limits
from cosim.short_repr import short_repr

BASE_KVA = 1000.0
"""The internal power base. On 10 MVA the solver answers ``optimal_inaccurate``."""
ComplexArray = NDArray[np.complex128]


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Feeder:
    """A radial feeder, ordered from its slack buses outwards; n buses, n branches less one for each slack.

    Branch k feeds bus ``to_bus[k]`` from bus ``from_bus[k]`` and comes after the branch that feeds it. It is
    an ideal tap ``ratio[k]`` at its sending end, then the series impedance between two admittances to earth.
    """

    name: str
    bus_names: tuple[str, ...]
    branch_names: tuple[str, ...]
    slack_bus: int | IntArray
    """The slack bus, or the slack bus of each tree."""
    from_bus: IntArray
    to_bus: IntArray
    r_pu: FloatArray
    x_pu: FloatArray
    ratio: FloatArray = None  # type: ignore[assignment]
    """Voltage of the sending bus over the voltage behind the tap; None is 1 everywhere."""
    y_from_pu: ComplexArray = None  # type: ignore[assignment]
    """Admittance g + jb at the sending end, behind the tap; ``y_to_pu`` at the receiving end; None is 0."""
    y_to_pu: ComplexArray = None  # type: ignore[assignment]
    shunt_pu: ComplexArray = None  # type: ignore[assignment]
    """Admittance g + jb of each bus itself; None is 0."""
    current_max_pu: FloatArray
    """Largest current entering each branch at its sending end; ``inf`` where there is no limit."""
    current_max_to_pu: FloatArray = None  # type: ignore[assignment]
    """The same at the receiving end; None is what holds at the sending end."""
    v_base_kv: float | FloatArray
    """Base voltage of the feeder, or of each bus."""
    load_kw: FloatArray
    """Nominal active load of each bus, less what is fed in there; ``load_kvar`` likewise."""
    load_kvar: FloatArray
    generation_kva: ComplexArray = None  # type: ignore[assignment]
    """Injection of the network's own generators, P + jQ, whatever scales the load; None is 0."""
    slack_voltage_pu: float | FloatArray = 1.0
    """Of all slack buses, or of each."""
    voltage_min_pu: float | FloatArray = DEFAULT_BAND_PU[0]
    """Lowest voltage allowed, at any bus but the slack buses or at each; ``voltage_max_pu`` likewise."""
    voltage_max_pu: float | FloatArray = DEFAULT_BAND_PU[1]
    source_limits_kva: FloatArray | None = None
    """Limits of what each slack bus takes from the upper grid, see `sources`; None is none."""
    aliases: Mapping[str, int] = field(default_factory=dict)
    """Other names of buses."""
    unclear: Mapping[str, Problem] = field(default_factory=dict)
    """Numbers among them that could mean another bus too, each with the problem that names both."""
    bus_numbers: str = ""
    """Meaning of a bus number, in words; empty where the names are those of the user's own table."""
    notes: tuple[str, ...] = ()
    """Notes on elements of its source that are left out or changed."""
    cut_off: tuple[int, ...] = ()
    """Positions of the buses without supply, see `cut_off`."""
    given: Any = None
    """The network as the user gave it, see `given_network.Given`."""
    origin: Any = None
    """The pandapower net the feeder was read from, see `pandapower_net.Origin`."""

    def __post_init__(self) -> None:
        """Fill in what a plain feeder of lines does not say."""
        branches = self.branch_count
        filled: dict[str, Any] = {
            "ratio": np.ones(branches),
            "y_from_pu": np.zeros(branches, dtype=np.complex128),
            "y_to_pu": np.zeros(branches, dtype=np.complex128),
            "shunt_pu": np.zeros(self.bus_count, dtype=np.complex128),
            "current_max_to_pu": self.current_max_pu,
            "generation_kva": np.zeros(self.bus_count, dtype=np.complex128),
        }
        for name, value in filled.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)

    @property
    def bus_count(self) -> int:
        """Number of buses, the slack buses included."""
        return len(self.bus_names)

    @property
    def branch_count(self) -> int:
        """Number of branches in service."""
        return len(self.branch_names)

    @property
    def feeds_in(self) -> bool:
        """Whether the network itself feeds in somewhere: generators of its own, loads below 0."""
        return bool((self.load_kw < 0).any() or self.generation_kva.real.any())

    @property
    def slack_buses(self) -> IntArray:
        """Position of the slack bus of each tree."""
        return np.atleast_1d(np.asarray(self.slack_bus, dtype=np.int64))

    @property
    def slack_voltages_pu(self) -> FloatArray:
        """Voltage of each slack bus."""
        return np.broadcast_to(np.asarray(self.slack_voltage_pu, dtype=np.float64), self.slack_buses.shape)

    @property
    def voltage_limits_pu(self) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest voltage allowed at each bus; those of the slack buses do not count."""
        low, high = (
            np.broadcast_to(np.asarray(limit, dtype=np.float64), self.bus_count)
            for limit in (self.voltage_min_pu, self.voltage_max_pu)
        )
        return low, high

    @property
    def current_base_a(self) -> float | FloatArray:
        """Amperes of 1 p.u. current; of each branch at its sending end where there are several voltages."""
        if isinstance(self.v_base_kv, np.ndarray):
            return BASE_KVA / (math.sqrt(3.0) * self.v_base_kv[self.from_bus])
        return BASE_KVA / (math.sqrt(3.0) * self.v_base_kv)

    @property
    def admittance_at_bus(self) -> ComplexArray:
        """Admittance to earth of each bus [p.u.]: its own, and that of the branch ends there."""
        total = self.shunt_pu.copy()
        np.add.at(total, self.from_bus, self.y_from_pu / self.ratio**2)
        np.add.at(total, self.to_bus, self.y_to_pu)
        return total

    @property
    def ratio_to_slack(self) -> FloatArray:
        """Product of the tap ratios on the way from the slack bus to each bus.

        Voltages times it, currents through it, are those of a feeder without taps whose impedance of branch k
        is that of the feeder times the square of the product at bus ``to_bus[k]``.
        """
        product = np.ones(self.bus_count)
        for near, far, ratio in zip(self.from_bus, self.to_bus, self.ratio, strict=True):
            product[far] = product[near] * ratio
        return product

    def sum_below(self, value: FloatArray) -> FloatArray:
        """Return for each branch the sum of a (periods, buses) value over the buses it feeds, near and far."""
        total = value.copy()
        for near, far in zip(self.from_bus[::-1].tolist(), self.to_bus[::-1].tolist(), strict=True):
            total[:, near] += total[:, far]
        return total[:, self.to_bus]

    def bus_index(self, name: str) -> int:
        """Return the position of the bus *name* in every per-bus array; ``ConfigError`` if unknown or unclear."""
        if name in self.unclear:
            raise ConfigError(self.name, [self.unclear[name]])
        if name in self.aliases:
            return self.aliases[name]
        if name not in (position := _positions(self)):
            raise ConfigError(self.name, [unknown_bus(name, self.bus_names)])
        return position[name]

    def bus_problem(self, name: str) -> Problem | None:
        """Return why nothing can stand at the bus *name*, as at the open end of a line; None where it can."""
        if name in self.unclear:
            return self.unclear[name]
        known = name in self.aliases or name in _positions(self)
        if known and (self.origin is None or self.origin.bus[self.bus_index(name)] >= 0):
            return None
        return unknown_bus(name, self.bus_names)


@lru_cache(maxsize=32)
def _positions(feeder: Feeder) -> Mapping[str, int]:
    """Return the position of each bus by its name."""
    return {name: position for position, name in enumerate(feeder.bus_names)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """The parts of a feeder, whatever it was read from; a bus holds its load (kW, kvar)."""

    name: str
    source: str
    buses: dict[str, tuple[float, float]]
    generation_kva: ComplexArray | None = None
    """Injection at each bus that is counted in its load, P + jQ."""
    branches: list[Branch]
    slacks: dict[str, float]
    """The slack buses and the voltage [p.u.] the source says they hold."""
    v_base_kv: float | FloatArray
    shunt_pu: ComplexArray | None = None
    voltage_limits_pu: tuple[FloatArray, FloatArray] | None = None
    """Lowest and highest voltage the source allows at each bus; NaN where it says none."""
    source_limits_kva: FloatArray | None = None
    notes: tuple[str, ...] = ()
    aliases: Mapping[str, int] = field(default_factory=dict)
    unclear: Mapping[str, Problem] = field(default_factory=dict)
    bus_numbers: str = ""


def build_feeder(tables: Tables, voltage: VoltageRules | None, problems: list[Problem]) -> Feeder:
    """Return *tables* ordered as trees; raise a ``ConfigError`` with *problems* and all that come up here."""
    rules, names = voltage or VoltageRules(), tuple(tables.buses)
    known = [b for b in tables.branches if tables.buses.keys() >= set(b.edge.ends)]
    tree = grow_tree(names, [b.edge for b in known], tuple(tables.slacks))
    problems = problems + _slack_problems(tables) + _name_problems(tables)
    unread = problems and not tables.branches  # what the missing branches leave unconnected is no news
    if set(tables.slacks) <= set(names) and not unread:
        problems += tree.problems
    band = _band(tables, rules)
    refuse(tables.source, problems + _rule_problems(rules, tables) + band_problems(tuple(tables.buses), band))
    outwards = [known[step.edge].outwards(step.from_bus) for step in tree.steps]
    tables = replace(tables, notes=(*tables.notes, *_told_of_joined(outwards)))
    if tables.voltage_limits_pu is not None:
        told = told_of_no_limits(names, tables.voltage_limits_pu, rules)
        tables = replace(tables, notes=(*tables.notes, *told))
    return _ordered(tables, rules, outwards, band)


def _told_of_joined(branches: list[Branch]) -> list[str]:
    """Return what is told of branches without impedance: their buses have one voltage, but for a tap."""
    joining = [f"branch {b.edge.name} ({' - '.join(b.edge.ends)})" for b in branches if b.z_pu == 0]
    if not joining:
        return []
    return [f"{some(joining)}: no impedance, so its two buses are one, but for the ratio of a tap."]


def _name_problems(tables: Tables) -> list[Problem]:
    """Return a problem for each name with characters that are not shown."""
    names = {"bus": list(tables.buses), "branch": [branch.edge.name for branch in tables.branches]}
    return [
        Problem(field=kind, value=name, allowed="a name of visible characters")
        for kind, of_kind in names.items()
        for name in of_kind
        if UNPRINTABLE.search(name)
    ]


def _band(tables: Tables, rules: VoltageRules) -> tuple[FloatArray, FloatArray]:
    """Return the voltage limits of each bus; those of the slack buses are the widest of all others."""
    nothing = np.full(len(tables.buses), np.nan)
    low, high = rules.limits(*(tables.voltage_limits_pu or (nothing, nothing)))
    fed = np.array([name not in tables.slacks for name in tables.buses], dtype=bool)
    if fed.any():
        low[~fed], high[~fed] = low[fed].min(), high[fed].max()
    return low, high


def _ordered(
    tables: Tables, rules: VoltageRules, branches: list[Branch], band: tuple[FloatArray, FloatArray]
) -> Feeder:
    """Return the feeder of branches that each come after the one that feeds it."""
    index = {bus: i for i, bus in enumerate(tables.buses)}
    far_tap = np.array([b.taps[1] for b in branches])
    z_pu = np.array([b.z_pu for b in branches], dtype=np.complex128) * far_tap**2
    y_pu = np.array([b.y_pu for b in branches], dtype=np.complex128).reshape(-1, 2) / far_tap[:, None] ** 2
    limit = np.array([b.current_max_pu for b in branches], dtype=np.float64).reshape(-1, 2)
    slack_pu = np.array(list(tables.slacks.values())) if rules.slack_pu is None else rules.slack_pu
    return Feeder(
        name=tables.name,
        bus_names=tuple(tables.buses),
        branch_names=tuple(b.edge.name for b in branches),
        slack_bus=np.array([index[slack] for slack in tables.slacks], dtype=np.int64),
        from_bus=np.array([index[b.edge.ends[0]] for b in branches], dtype=np.int64),
        to_bus=np.array([index[b.edge.ends[1]] for b in branches], dtype=np.int64),
        r_pu=z_pu.real.copy(),
        x_pu=z_pu.imag.copy(),
        ratio=np.array([b.taps[0] for b in branches]) / far_tap,
        y_from_pu=y_pu[:, 0].copy(),
        y_to_pu=y_pu[:, 1].copy(),
        shunt_pu=tables.shunt_pu,  # type: ignore[arg-type]
        current_max_pu=limit[:, 0].copy(),
        current_max_to_pu=limit[:, 1].copy(),
        v_base_kv=tables.v_base_kv,
        load_kw=np.array([p for p, _ in tables.buses.values()]),
        load_kvar=np.array([q for _, q in tables.buses.values()]),
        generation_kva=tables.generation_kva,  # type: ignore[arg-type]
        slack_voltage_pu=slack_pu,
        voltage_min_pu=_one_or_each(band[0]),
        voltage_max_pu=_one_or_each(band[1]),
        source_limits_kva=tables.source_limits_kva,
        notes=tables.notes,
        aliases=tables.aliases,
        unclear=tables.unclear,
        bus_numbers=tables.bus_numbers,
    )


def _one_or_each(limits: FloatArray) -> float | FloatArray:
    return float(limits[0]) if (limits == limits[0]).all() else limits


def _slack_problems(tables: Tables) -> list[Problem]:
    names = tuple(tables.buses)
    return [unknown_bus(s, names).within("slack bus", s) for s in tables.slacks if names and s not in names]


def _rule_problems(rules: VoltageRules, tables: Tables) -> list[Problem]:
    slack_pu = min(tables.slacks.values(), default=1.0) if rules.slack_pu is None else rules.slack_pu
    numbers = {"slack voltage [p.u.]": slack_pu, "base voltage [kV]": float(np.min(tables.v_base_kv))}
    return [
        Problem(field=name, value=value, allowed=POSITIVE.allowed)
        for name, value in numbers.items()
        if not POSITIVE.holds(value)
    ]
