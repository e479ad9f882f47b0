"""The feeder: a radial network as a tree of branches, in per unit on a 1 MVA base."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.csv_tables import NOT_NEGATIVE, POSITIVE, read_table
from cosim.errors import ConfigError
from cosim.grid.tree import Edge, grow_tree

BASE_KVA = 1000.0
"""The internal power base. On 10 MVA the solver answers ``optimal_inaccurate``."""


@dataclass(frozen=True, slots=True)
class VoltageRules:
    """The voltage held at the slack bus and the band every bus must keep [p.u.]."""

    slack_pu: float = 1.0
    min_pu: float = 0.95
    max_pu: float = 1.05


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Feeder:
    """A radial feeder of n buses and n-1 branches, ordered from the slack bus outwards.

    Branch k feeds bus ``to_bus[k]`` from bus ``from_bus[k]`` and comes after the branch that feeds it.
    """

    name: str
    bus_names: tuple[str, ...]
    branch_names: tuple[str, ...]
    slack_bus: int
    from_bus: IntArray
    to_bus: IntArray
    r_pu: FloatArray
    x_pu: FloatArray
    current_max_pu: FloatArray
    """Largest current of each branch; ``inf`` where there is no limit."""
    v_base_kv: float
    load_kw: FloatArray
    """Nominal active load of each bus; ``load_kvar`` likewise."""
    load_kvar: FloatArray
    slack_voltage_pu: float = 1.0
    voltage_min_pu: float = 0.95
    voltage_max_pu: float = 1.05

    @property
    def bus_count(self) -> int:
        """Number of buses, the slack bus included."""
        return len(self.bus_names)

    @property
    def branch_count(self) -> int:
        """Number of branches in service."""
        return len(self.branch_names)

    @property
    def current_base_a(self) -> float:
        """Amperes of 1 p.u. current."""
        return BASE_KVA / (math.sqrt(3.0) * self.v_base_kv)

    def bus_index(self, name: str) -> int:
        """Return the position of the bus *name* in every per-bus array; ``ConfigError`` if unknown."""
        try:
            return self.bus_names.index(name)
        except ValueError:
            raise ConfigError(self.name, [unknown_bus(name, self.bus_names)]) from None


def unknown_bus(name: str, bus_names: Sequence[str]) -> str:
    """Return the sentence that says a bus is not there, and which are."""
    shown = ", ".join(bus_names[:5]) + (f" ... {bus_names[-1]}" if len(bus_names) > 5 else "")
    return f"there is no bus {name!r}; the buses are {shown}."


@dataclass(frozen=True, slots=True)
class _Branch:
    """A branch in service as read from any source, in ohms."""

    edge: Edge
    r_ohm: float
    x_ohm: float
    current_max_a: float = math.inf


@dataclass(frozen=True, slots=True)
class _Tables:
    """What a feeder is made of, whatever it was read from; a bus holds its load (kW, kvar)."""

    name: str
    source: str
    buses: dict[str, tuple[float, float]]
    branches: list[_Branch]
    slack: str
    v_base_kv: float


def read_feeder_csv(
    buses_csv: Path | str,
    branches_csv: Path | str,
    *,
    name: str = "feeder",
    slack_bus: str = "1",
    v_base_kv: float = 12.66,
    voltage: VoltageRules | None = None,
) -> Feeder:
    """Return the feeder of two CSV tables; branches out of service are left out.

    Columns: ``bus,p_kw,q_kvar`` and ``branch,from_bus,to_bus,r_ohm,x_ohm,in_service``, optional
    ``current_max_a``.
    Raises ``ConfigError`` with every fault found: cells, names, loops, parts without the slack.
    """
    problems: list[str] = []
    buses = _read_buses(Path(buses_csv), problems)
    branches = _read_branches(Path(branches_csv), buses, problems)
    source = f"{buses_csv}, {branches_csv}"
    return _feeder(_Tables(name, source, buses, branches, slack_bus, v_base_kv), voltage, problems)


def _read_buses(path: Path, problems: list[str]) -> dict[str, tuple[float, float]]:
    table = read_table(path, ("bus", "p_kw", "q_kvar"))
    table.refuse_repeated("bus")
    names, load_kw, load_kvar = table.names("bus"), table.numbers("p_kw"), table.numbers("q_kvar")
    problems += table.problems
    return {name: (float(p), float(q)) for name, p, q in zip(names, load_kw, load_kvar, strict=True)}


def _read_branches(path: Path, buses: dict[str, tuple[float, float]], problems: list[str]) -> list[_Branch]:
    table = read_table(
        path, ("branch", "from_bus", "to_bus", "r_ohm", "x_ohm", "in_service"), ("current_max_a",)
    )
    table.refuse_repeated("branch")
    names = table.names("branch")
    ends = list(zip(table.names("from_bus"), table.names("to_bus"), strict=True))
    r_ohm, x_ohm = table.numbers("r_ohm", NOT_NEGATIVE), table.numbers("x_ohm", NOT_NEGATIVE)
    limit_a = np.full(len(names), math.inf)
    if "current_max_a" in table.columns:
        limit_a = table.numbers("current_max_a", POSITIVE)
    in_service = [text.lower() for text in table.names("in_service")]
    for line, pair, text in zip(table.lines, ends, in_service, strict=True):
        if text not in {"true", "false", "1", "0"}:
            table.report(line, f"column in_service is {text!r}; it must be true or false")
        for end in pair:
            if buses and end and end not in buses:
                table.report(line, unknown_bus(end, list(buses)))
    problems += table.problems
    return [
        _Branch(Edge(names[i], ends[i]), float(r_ohm[i]), float(x_ohm[i]), float(limit_a[i]))
        for i in range(len(names))
        if in_service[i] in {"true", "1"}
    ]


def feeder_from_pandapower(
    net_or_name: Any,
    *,
    voltage: VoltageRules | None = None,
    names_from_table: bool = False,
) -> Feeder:
    """Return the feeder of a pandapower net: the net, a name in ``pandapower.networks``, or a JSON path.

    Buses are named by their index + 1 (the paper's numbers for case33bw) or, with *names_from_table*, by the
    table's names. Raises ``ConfigError`` for what the model does not carry (transformers, shunts, charging).
    """
    net, source = _open_net(net_or_name)
    problems = _beyond_the_model(net)
    numbers = net.bus.index[net.bus.in_service]
    names = {i: str(net.bus.name.at[i]) if names_from_table else str(i + 1) for i in numbers}
    if len(set(names.values())) < len(names):
        problems.append("two buses have the same name; leave names_from_table off.")
    v_base_kv = float(net.bus.vn_kv.at[numbers[0]])
    load = {names[i]: (0.0, 0.0) for i in numbers}
    for table, sign in ((net.load, 1e3), (net.sgen, -1e3)):
        for row in table[table.in_service].itertuples():
            p_kw, q_kvar = load[names[row.bus]]
            scale = sign * row.scaling
            load[names[row.bus]] = (p_kw + scale * row.p_mw, q_kvar + scale * row.q_mvar)
    slacks = [names[i] for i in net.ext_grid.bus[net.ext_grid.in_service]]
    if len(slacks) != 1:
        problems.append(f"{len(slacks)} external grids in service; a feeder has exactly one.")
    branches = [_line(row, names) for row in _lines_in_service(net).itertuples()]
    slack = slacks[0] if slacks else names[numbers[0]]
    return _feeder(
        _Tables(str(net.name or source), source, load, branches, slack, v_base_kv), voltage, problems
    )


def _open_net(net_or_name: Any) -> tuple[Any, str]:
    """Open a net by name or path; a net passes as it is."""
    import pandapower
    import pandapower.networks

    if not isinstance(net_or_name, str | Path):
        return net_or_name, "pandapower net"
    if str(net_or_name).endswith(".json"):
        if not Path(net_or_name).is_file():
            raise ConfigError(str(net_or_name), ["there is no such file."])
        return pandapower.from_json(str(net_or_name)), str(net_or_name)
    make = getattr(pandapower.networks, str(net_or_name), None)
    if not callable(make):
        raise ConfigError(str(net_or_name), ["is neither a .json file nor a net in pandapower.networks."])
    return make(), str(net_or_name)


def _beyond_the_model(net: Any) -> list[str]:
    """Name the tables of the net that the branch model leaves out, so that nothing is dropped silently."""
    unsupported = ("trafo", "trafo3w", "impedance", "shunt", "gen", "xward", "ward", "storage", "dcline")
    problems = [
        f"table {table} has {int(net[table].in_service.sum())} elements in service; the feeder carries "
        "lines, loads and sgens only."
        for table in unsupported
        if len(net[table]) and net[table].in_service.any()
    ]
    if len(net.switch) and (net.switch.et == "b").any():
        problems.append("bus-to-bus switches are not carried; fuse the buses first.")
    if (_lines_in_service(net).c_nf_per_km > 0).any():
        problems.append("lines with charging capacitance (c_nf_per_km > 0) are not carried.")
    if net.bus.vn_kv[net.bus.in_service].nunique() != 1:
        problems.append("the buses have several voltage levels; the feeder carries one.")
    return problems


def _lines_in_service(net: Any) -> Any:
    opened = net.switch.element[(net.switch.et == "l") & ~net.switch.closed]
    alive = net.bus.in_service
    ends_alive = net.line.from_bus.map(alive) & net.line.to_bus.map(alive)
    return net.line[net.line.in_service & ends_alive & ~net.line.index.isin(opened)]


def _line(row: Any, names: dict[int, str]) -> _Branch:
    """Turn a row of the line table into a branch; 1000 kA and more is a placeholder for no limit."""
    limit_ka = row.max_i_ka * row.df * row.parallel
    per_line = row.length_km / row.parallel
    edge = Edge(str(row.Index + 1), (names[row.from_bus], names[row.to_bus]))
    limit_a = 1e3 * limit_ka if 0 < limit_ka < 1e3 else math.inf
    return _Branch(edge, row.r_ohm_per_km * per_line, row.x_ohm_per_km * per_line, limit_a)


def _feeder(tables: _Tables, voltage: VoltageRules | None, problems: list[str]) -> Feeder:
    """Order the tables as a tree and convert them to per unit; raise every problem at once."""
    rules = voltage or VoltageRules()
    names = tuple(tables.buses)
    if names and tables.slack not in names:
        problems.append(f"slack bus: {unknown_bus(tables.slack, names)}")
    known = [b for b in tables.branches if set(b.edge.ends) <= set(names)]
    tree = grow_tree(names, [b.edge for b in known], tables.slack)
    if tables.slack in names:
        problems = problems + list(tree.problems)
    if not 0 < rules.min_pu < rules.max_pu:
        problems.append(f"the voltage band {rules.min_pu} to {rules.max_pu} p.u. is empty or not positive.")
    if not rules.slack_pu > 0:
        problems.append(f"the slack voltage is {rules.slack_pu} p.u.; allowed is a number > 0.")
    if not tables.v_base_kv > 0:
        problems.append(f"the base voltage is {tables.v_base_kv} kV; allowed is a number > 0.")
    if problems:
        raise ConfigError(tables.source, problems)
    branches = [known[step.edge] for step in tree.steps]
    z_base_ohm = tables.v_base_kv**2 * 1e3 / BASE_KVA
    i_base_a = BASE_KVA / (math.sqrt(3.0) * tables.v_base_kv)
    index = {bus: i for i, bus in enumerate(names)}
    return Feeder(
        name=tables.name,
        bus_names=names,
        branch_names=tuple(b.edge.name for b in branches),
        slack_bus=index[tables.slack],
        from_bus=np.array([index[s.from_bus] for s in tree.steps], dtype=np.int64),
        to_bus=np.array([index[s.to_bus] for s in tree.steps], dtype=np.int64),
        r_pu=np.array([b.r_ohm for b in branches]) / z_base_ohm,
        x_pu=np.array([b.x_ohm for b in branches]) / z_base_ohm,
        current_max_pu=np.array([b.current_max_a for b in branches]) / i_base_a,
        v_base_kv=tables.v_base_kv,
        load_kw=np.array([p for p, _ in tables.buses.values()]),
        load_kvar=np.array([q for _, q in tables.buses.values()]),
        slack_voltage_pu=rules.slack_pu,
        voltage_min_pu=rules.min_pu,
        voltage_max_pu=rules.max_pu,
    )
