"""A feeder read from a pandapower net: pandapower itself turns its tables into a bus-branch model.

So transformers, shunts, line charging, switches and what else the tables hold mean what they mean there.
"""

import json
import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.errors import ConfigError, Problem
from cosim.grid.branch import Branch, join_parallel
from cosim.grid.matpower import feeder_from_matpower
from cosim.grid.net_faults import table_faults
from cosim.grid.net_names import BusNames, branch_names, bus_names
from cosim.grid.radial import BASE_KVA, Feeder, Tables, VoltageRules, build_feeder
from cosim.grid.tree import Edge

POWER_FLOW = {"init": "flat", "calculate_voltage_angles": False, "numba": False}
"""Every flow starts flat, so the same injections give the same bits; angles of transformers move no power."""
NO_LIMIT_KA = 1e3
"""A line limit this high is a placeholder."""
NAMED = 5
"""Elements that a sentence names one by one."""


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """The net a feeder was read from, and which row of pandapower's bus-branch model each thing is."""

    net: Any
    bus: IntArray
    """Index of a bus of the net at each bus of the feeder, -1 where the net has none (the end of an open line)."""
    bus_row: IntArray
    branch_row: IntArray
    branch: IntArray
    """The branch of the feeder each ``branch_row`` is, or is a parallel part of."""
    reversed: BoolArray
    """Rows whose sending end is the second in the net."""


def feeder_from_pandapower(
    net_or_name: Any,
    *,
    voltage: VoltageRules | None = None,
) -> Feeder:
    """Return the feeder of a pandapower net: the net, a name in ``pandapower.networks`` or code of SimBench, a path.

    Buses have the names of the net's table where these differ, and answer to pandapower's index too; case33bw and its
    like, whose names are the indices, count from 1 (`net_names`). Buses joined by closed switches are one bus.
    Loads and sgens of the net are the feeder's nominal load. Several external grids make several trees.
    Raises ``ConfigError`` naming every loop, part without a slack, and element that holds a voltage.
    """
    if isinstance(net_or_name, str | Path) and str(net_or_name).endswith(".m"):
        return feeder_from_matpower(Path(net_or_name), voltage=voltage)
    return _feeder_of_net(*_open_net(net_or_name), voltage)


def _feeder_of_net(net: Any, source: str, voltage: VoltageRules | None) -> Feeder:
    called = bus_names(net)
    problems = _beyond_the_model(net)
    if faults := table_faults(net, called.shown):
        raise ConfigError(source, [*(replace(fault, file=source) for fault in faults), *problems])
    model = _bus_branch_model(net, source)
    names, aliases, origin_bus, rows = _nodes(net, model, called)
    buses = model["bus"]
    name_of = dict(zip(rows.tolist(), names, strict=True))
    branches, branch_rows = _branches(net, model, name_of, branch_names(net, counted=called.counted))
    slacks = _slacks(net, name_of)
    if not slacks:
        problems.append(Problem("no external grid is in service; every part of a feeder has one"))
    tables = Tables(
        name=str(net.name or source),
        source=source,
        buses={name: (1e3 * buses[row, 2], 1e3 * buses[row, 3]) for row, name in name_of.items()},
        branches=branches,
        slacks=slacks,
        v_base_kv=buses[rows, 9].copy(),
        shunt_pu=(buses[rows, 4] + 1j * buses[rows, 5]) * 1e3 / BASE_KVA,
        voltage_limits_pu=_voltage_limits(net, origin_bus),
        aliases=aliases,
        unclear={number: both for number, both in called.unclear.items() if number in aliases},
        bus_numbers=called.meaning,
    )
    feeder = build_feeder(tables, voltage, problems)
    parts = dict(zip([b.edge.name for b in branches], branch_rows, strict=True))
    pairs = [(row, k) for k, name in enumerate(feeder.branch_names) for row in parts[name]]
    branch_row, branch = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    first = model["branch"][branch_row, 0].real.astype(np.int64)
    origin = Origin(net, origin_bus, rows, branch_row, branch, first != rows[feeder.from_bus[branch]])
    return replace(feeder, origin=origin)


def _voltage_limits(net: Any, bus: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the limits of the net at the node of each *bus*: the narrowest of the buses joined there.

    An open end has none of its own; it gets the widest of all, for nothing but charging current flows to it.
    """
    row = net._pd2ppc_lookups["bus"][net.bus.index]  # noqa: SLF001
    limits = []
    for column, narrowest, widest in (("min_vm_pu", "max", "min"), ("max_vm_pu", "min", "max")):
        said = net.bus[column] if column in net.bus else net.bus.vn_kv * np.nan
        at_node = said.where(net.bus.in_service).groupby(row).agg(narrowest)
        own = at_node.reindex(net._pd2ppc_lookups["bus"][bus]).to_numpy(float)  # noqa: SLF001
        fallback = said.agg(widest) if (bus >= 0).any() else np.nan
        limits.append(np.where(bus >= 0, own, fallback))
    return limits[0], limits[1]


def _slacks(net: Any, name_of: dict[int, str]) -> dict[str, float]:
    """Return the voltage [p.u.] that each external grid in service holds, by bus."""
    table = net.ext_grid[net.ext_grid.in_service]
    row = net._pd2ppc_lookups["bus"]  # noqa: SLF001  the one place that says which bus became which row
    return {name_of[int(row[bus])]: float(vm_pu) for bus, vm_pu in zip(table.bus, table.vm_pu, strict=True)}


def _open_net(net_or_name: Any) -> tuple[Any, str]:
    """Open a net by name or path, a copy of one that is given; say what it is called."""
    import copy

    import pandapower
    import pandapower.networks

    if not isinstance(net_or_name, str | Path):
        return copy.deepcopy(net_or_name), "pandapower net"
    source = str(net_or_name)
    is_file = source.endswith(".json")
    if is_file and not Path(source).is_file():
        raise ConfigError(source, [Problem("there is no such file", file=source)])
    make = getattr(pandapower.networks, source, None) or _of_simbench(source)
    try:
        with quiet():
            net = pandapower.from_json(source) if is_file else make() if callable(make) else None
    except Exception as reason:  # noqa: BLE001  pandapower lets through whatever its readers meet
        raise ConfigError(source, [Problem(_why_unread(source, is_file, reason), file=source)]) from None
    if not isinstance(net, pandapower.pandapowerNet):
        found = f"network {source!r} is neither a .json or .m file nor a net in pandapower.networks"
        raise ConfigError(source, [Problem(found, value=source)])
    return net, source


def _why_unread(source: str, is_file: bool, reason: Exception) -> str:
    """Return why pandapower could not make a net; what Python says of a file of something else helps nobody."""
    if is_file:
        try:
            content = json.loads(Path(source).read_text(encoding="utf-8"))
        except (OSError, ValueError) as fault:
            return f"it is not JSON ({fault}). Write the net with pandapower.to_json."
        if not (isinstance(content, dict) and content.get("_class") == "pandapowerNet"):
            return "it holds JSON, but no net of pandapower. Write the net with pandapower.to_json."
    return f"pandapower cannot read it ({reason})."


def _of_simbench(code: str) -> Any:
    """Return what makes the net of a SimBench code; None where *code* is none."""
    if not re.match(r"[12]-(EHV|HV|MV|LV)", code):
        return None
    try:
        import simbench
    except ImportError:
        found, advice = (
            f"network {code!r} is a code of SimBench",
            "install the extra: pip install 'cosim[simbench]'",
        )
        raise ConfigError(code, [Problem(found, value=code, advice=advice)]) from None
    return partial(simbench.get_simbench_net, code)


def _beyond_the_model(net: Any) -> list[Problem]:
    """Name the tables that the model cannot carry, so that nothing is dropped silently."""
    beyond = {
        "gen": "holds a voltage; make it an sgen, or an external grid of a tree of its own",
        "xward": "holds a voltage; make it a ward",
        "dcline": "holds voltages; make each end an sgen",
        "svc": "is controlled, which the model is not",
        "ssc": "is controlled, which the model is not",
        "tcsc": "is controlled, which the model is not",
        "vsc": "is controlled, which the model is not",
    }
    problems = [
        Problem(f"{_some(table, net[table].index[net[table].in_service])} in service: each {why}")
        for table, why in beyond.items()
        if table in net and len(net[table]) and net[table].in_service.any()
    ]
    loads = net.load[net.load.in_service]
    shares = [name for name in loads.columns if name.startswith("const_i") and (loads[name] != 0).any()]
    if shares:
        problems.append(
            Problem("table load has loads of constant current; the model carries power and impedance")
        )
    return problems


def _some(table: str, index: Any) -> str:
    """Name the elements of a table by their numbers in it, the first few of many."""
    named = ", ".join(str(number) for number in index[:NAMED])
    return f"{table} {named}" + (f" and {len(index) - NAMED} more" if len(index) > NAMED else "")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pandapower's remarks, such as that numba is missing, off the terminal; its errors are raised."""
    logger = logging.getLogger("pandapower")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _bus_branch_model(net: Any, source: str) -> Any:
    """Return pandapower's own bus-branch model of the net; whether its loads can be served does not matter."""
    import pandapower

    try:
        with quiet():
            pandapower.runpp(net, **POWER_FLOW)
    except pandapower.LoadflowNotConverged:
        pass
    except Exception as reason:  # noqa: BLE001  pandapower lets through whatever its checks meet
        raise ConfigError(source, [Problem(f"pandapower cannot model it ({reason})", file=source)]) from None
    return net._ppc  # noqa: SLF001  public only as a file format without the rows' names


def _nodes(net: Any, model: Any, called: BusNames) -> tuple[list[str], dict[str, int], IntArray, IntArray]:
    """Return name, other names, a bus of the net and row of every electrical node."""
    lookup = net._pd2ppc_lookups["bus"]  # noqa: SLF001
    members: dict[int, list[int]] = {}
    for bus in called.shown:
        members.setdefault(int(lookup[bus]), []).append(bus)
    lone = np.setdiff1d(np.flatnonzero(model["bus"][:, 1] != 4), list(members))
    rows = np.array([*members, *lone.tolist()], dtype=np.int64)
    first = [buses[0] for buses in members.values()]
    names = [called.shown[bus] for bus in first] + [f"open end {k + 1}" for k in range(len(lone))]
    position = {bus: k for k, buses in enumerate(members.values()) for bus in buses}
    aliases = {text: position[bus] for text, bus in called.known.items()}
    return names, aliases, np.array([*first, *[-1] * len(lone)], dtype=np.int64), rows


def _branches(
    net: Any, model: Any, name_of: dict[int, str], called: Mapping[tuple[str, int], str]
) -> tuple[list[Branch], list[list[int]]]:
    """Return the branches in service, those in parallel as one, and their rows."""
    from pandapower.pypower import idx_brch as at

    rows, base = model["branch"].real, float(model["baseMVA"]) * 1e3 / BASE_KVA
    found: list[Branch] = []
    places: list[int] = []
    for kind, (start, stop) in net._pd2ppc_lookups["branch"].items():  # noqa: SLF001
        for row in range(start, stop):
            near, far = int(rows[row, at.F_BUS]), int(rows[row, at.T_BUS])
            if not rows[row, at.BR_STATUS] or near not in name_of or far not in name_of:
                continue
            name = _branch_name(net, kind, row - start, called)
            admittance = complex(rows[row, at.BR_G], rows[row, at.BR_B]) / 2
            lopsided = complex(rows[row, at.BR_G_ASYM], rows[row, at.BR_B_ASYM]) / 2
            tap = rows[row, at.TAP] or 1.0
            found.append(
                Branch(
                    edge=Edge(name, (name_of[near], name_of[far])),
                    z_pu=complex(rows[row, at.BR_R], rows[row, at.BR_X]) / base,
                    y_pu=(admittance * base, (admittance + lopsided) * base),
                    taps=(tap, 1.0),
                    current_max_pu=_limit(net, kind, row - start, model["bus"][[near, far], 9]),
                )
            )
            places.append(row)
    joined, parts = join_parallel(found)
    return joined, [[places[k] for k in together] for together in parts]


def _branch_name(net: Any, kind: str, number: int, called: Mapping[tuple[str, int], str]) -> str:
    """Return the name of a branch of the model; a transformer of three windings is three of them."""
    if kind == "trafo3w":
        count = len(net.trafo3w)
        return f"{called[kind, net.trafo3w.index[number % count]]} {('hv', 'mv', 'lv')[number // count]}"
    if kind in net and len(net[kind]) > number:
        index = int(net[kind].index[number])
        return called.get((kind, index), f"{kind} {index}")
    return f"{kind} {number}"


def _limit(net: Any, kind: str, number: int, base_kv: Any) -> tuple[float, float]:
    """Return the largest current at either end [p.u.]."""
    unlimited = (np.inf, np.inf)
    if kind == "line":
        row = net.line.iloc[number]
        limit_ka = row.max_i_ka * row.df * row.parallel
        if not 0 < limit_ka < NO_LIMIT_KA:
            return unlimited
        in_pu = np.sqrt(3.0) * limit_ka * base_kv * 1e3 / BASE_KVA
        return float(in_pu[0]), float(in_pu[1])
    if kind == "trafo":
        row = net.trafo.iloc[number]
        rated = row.sn_mva * row.df * row.parallel * 1e3 / BASE_KVA
        return float(rated * base_kv[0] / row.vn_hv_kv), float(rated * base_kv[1] / row.vn_lv_kv)
    return unlimited
