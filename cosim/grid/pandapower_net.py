"""A feeder read from a pandapower net: pandapower itself turns its tables into a bus-branch model.

So transformers, shunts, line charging, switches and what else the tables hold mean what they mean there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.errors import ConfigError, Problem
from cosim.grid.branch import Branch, join_parallel
from cosim.grid.bus_words import at_bus
from cosim.grid.given_network import Given
from cosim.grid.given_pandapower import GivenNet
from cosim.grid.matpower import feeder_from_matpower
from cosim.grid.matpower_columns import BASE_KV, BUS_TYPE, ISOLATED, PD, QD
from cosim.grid.net_elements import GENERATION, LOADS, SOURCE_LIMITS
from cosim.grid.net_faults import beyond_the_model, left_out, some, table_faults
from cosim.grid.net_limits import current_limits, rows_of, voltage_limits
from cosim.grid.net_names import BusNames, branch_names, bus_names, switched_net
from cosim.grid.net_sources import open_net, quiet
from cosim.grid.net_zero import with_stand_ins, without_impedance
from cosim.grid.radial import BASE_KVA, ComplexArray, Feeder, Tables, build_feeder
from cosim.grid.sources import source_limits
from cosim.grid.tree import Edge
from cosim.grid.voltage_rules import VoltageRules

POWER_FLOW = {"init": "flat", "calculate_voltage_angles": False, "numba": False}
"""Every flow starts flat, so the same injections give the same bits; angles of transformers move no power."""


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """The net a feeder was read from, and which row of pandapower's bus-branch model each thing is."""

    net: Any
    """The net without what it feeds in or draws, but with a load of 0 at each bus in service."""
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
    switched: Mapping[str, bool] | None = None,
) -> Feeder:
    """Return the feeder of a pandapower net: the net, a name in ``pandapower.networks`` or code of SimBench, a path.

    Buses have the names of the net's table where these differ, and answer to pandapower's index too; case33bw and its
    like, whose names are the indices, count from 1 (`net_names`). Buses joined by closed switches are one bus.
    Loads and sgens of the net are the feeder's nominal load. Several external grids make several trees.
    Branches *switched* are in service or not, whatever the net says; those of a MATPOWER file cannot be.
    Raises ``ConfigError`` naming every loop, part without a slack, and element that holds a voltage.
    """
    if isinstance(net_or_name, str | Path) and str(net_or_name).endswith(".m"):
        if switched:
            raise ConfigError(str(net_or_name), ["branches of a MATPOWER file cannot be switched"])
        return feeder_from_matpower(Path(net_or_name), voltage=voltage)
    net, source = open_net(net_or_name)
    return _feeder_of_net(switched_net(net, switched) if switched else net, source, voltage)


def _feeder_of_net(net: Any, source: str, voltage: VoltageRules | None) -> Feeder:
    called = bus_names(net)
    problems = beyond_the_model(net)
    if faults := table_faults(net, called.shown):
        raise ConfigError(source, [*(replace(fault, file=source) for fault in faults), *problems])
    zero = without_impedance(net)
    modelled = with_stand_ins(net) if any(map(len, zero.values())) else net
    bare = _without_power(modelled)
    model = _bus_branch_model(bare, source)
    names, aliases, origin_bus, rows = _nodes(bare, model, called)
    power, generation = _powers(modelled, bare, source, origin_bus)
    name_of = dict(zip(rows.tolist(), names, strict=True))
    branches, branch_rows = _branches(bare, model, name_of, branch_names(net, counted=called.counted), zero)
    slacks, limits = _slacks(bare, name_of, problems)
    buses = model["bus"]
    tables = Tables(
        name=str(net.name or source),
        source=source,
        buses=dict(zip(names, zip(power.real.tolist(), power.imag.tolist(), strict=True), strict=True)),
        generation_kva=generation,
        branches=branches,
        slacks=slacks,
        v_base_kv=buses[rows, 9].copy(),
        shunt_pu=(buses[rows, 4] + 1j * buses[rows, 5]) * 1e3 / BASE_KVA,
        voltage_limits_pu=voltage_limits(bare, origin_bus),
        source_limits_kva=limits,
        notes=tuple(left_out(net)),
        aliases=aliases,
        unclear={number: both for number, both in called.unclear.items() if number in aliases},
        bus_numbers=called.meaning,
    )
    feeder = build_feeder(tables, voltage, problems)
    parts = dict(zip([b.edge.name for b in branches], branch_rows, strict=True))
    pairs = [(row, k) for k, name in enumerate(feeder.branch_names) for row in parts[name]]
    branch_row, branch = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    first = model["branch"][branch_row, 0].real.astype(np.int64)
    origin = Origin(bare, origin_bus, rows, branch_row, branch, first != rows[feeder.from_bus[branch]])
    given = Given.under(GivenNet(net=net, bus=origin_bus), voltage)
    return replace(feeder, origin=origin, given=given)


def _without_power(net: Any) -> Any:
    """Return the net with a load of 0 at each bus in service in place of all that it draws and feeds in.

    Which bus stands for several that are joined depends on what is connected there: so it stays the same, whatever
    the loads.
    """
    import copy

    import pandapower

    bare = copy.deepcopy(net)
    for table in (*LOADS, *GENERATION):
        if table != "ward":  # its impedance stays
            bare[table] = bare[table].iloc[:0]
    bare.ward[["ps_mw", "qs_mvar"]] = 0.0
    alive = bare.bus.index[bare.bus.in_service.astype(bool)]
    pandapower.create_loads(bare, buses=alive, p_mw=0.0, q_mvar=0.0)
    return bare


def _powers(net: Any, bare: Any, source: str, bus: IntArray) -> tuple[ComplexArray, ComplexArray]:
    """Return what each node draws in pandapower's model of the net, P + jQ [kW, kvar], and what is fed in there."""
    drawn, fed_in = np.zeros((2, bus.size), dtype=np.complex128)
    served = np.flatnonzero(bus >= 0)
    model = _bus_branch_model(net, source, max_iteration=1)["bus"][rows_of(net, bus[served])]
    drawn[served] = (model[:, PD] + 1j * model[:, QD]) * 1e3
    node = dict(zip(rows_of(bare, bus[served]).tolist(), served, strict=True))
    alive = net.bus.index[net.bus.in_service.astype(bool)]
    for table, sign in GENERATION.items():
        active = net[table][net[table].in_service.astype(bool) & net[table].bus.isin(alive)]
        for _, element in active.iterrows():
            fed_in[node[int(rows_of(bare, element.bus))]] += (
                sign * element.scaling * _table_power_kva(element)
            )
    return drawn, fed_in


def _table_power_kva(row: Any) -> complex:
    """Return the power in a row of a table, of three phases their sum."""
    p, q = (
        sum(row[name] for name in row.index if re.fullmatch(f"{power}(_[abc])?_{unit}", name))
        for power, unit in (("p", "mw"), ("q", "mvar"))
    )
    return complex(p, q) * 1e3


def _slacks(
    net: Any, name_of: dict[int, str], problems: list[Problem]
) -> tuple[dict[str, float], FloatArray | None]:
    """Return the voltage [p.u.] that each external grid in service holds, by bus, and the limits of those at each bus.

    Adds what is wrong to *problems*.
    """
    alive = net.bus.index[net.bus.in_service.astype(bool)]
    grids = net.ext_grid[net.ext_grid.in_service.astype(bool) & net.ext_grid.bus.isin(alive)]
    slacks: dict[str, float] = {}
    for bus, vm_pu in zip(grids.bus, grids.vm_pu, strict=True):
        name = name_of[int(rows_of(net, bus))]
        if slacks.setdefault(name, float(vm_pu)) != vm_pu:
            problems.append(Problem(f"{at_bus(name)}: its external grids hold different voltages (vm_pu)"))
    if not slacks:
        problems.append(Problem("no external grid is in service; every part of a feeder has one"))
    stated = grids.reindex(columns=list(SOURCE_LIMITS)).astype(float).to_numpy() * 1e3
    for low, high in ((0, 1), (2, 3)):
        crossed = grids.index[stated[:, low] > stated[:, high]]
        if len(crossed):
            names = f"{SOURCE_LIMITS[low]}, {SOURCE_LIMITS[high]}"
            problems.append(Problem(f"{some('ext_grid', crossed)}: the limits of each are crossed ({names})"))
    at = [list(slacks).index(name_of[int(rows_of(net, bus))]) for bus in grids.bus]
    return slacks, source_limits(stated, at, len(slacks))


def _bus_branch_model(net: Any, source: str, **options: Any) -> Any:
    """Return pandapower's own bus-branch model of the net; whether its loads can be served does not matter."""
    import pandapower

    try:
        with quiet():
            pandapower.runpp(net, **POWER_FLOW, **options)
    except pandapower.LoadflowNotConverged:
        pass
    except Exception as reason:  # noqa: BLE001  pandapower lets through whatever its checks meet
        raise ConfigError(source, [Problem(f"pandapower cannot model it ({reason})", file=source)]) from None
    return net._ppc  # noqa: SLF001  public only as a file format without the rows' names


def _nodes(net: Any, model: Any, called: BusNames) -> tuple[list[str], dict[str, int], IntArray, IntArray]:
    """Return name, other names, a bus of the net and row of every electrical node."""
    members: dict[int, list[int]] = {}
    for bus in called.shown:
        members.setdefault(int(rows_of(net, bus)), []).append(bus)
    auxiliary = np.setdiff1d(np.flatnonzero(model["bus"][:, BUS_TYPE] != ISOLATED), list(members))
    rows = np.array([*members, *auxiliary.tolist()], dtype=np.int64)
    first = [buses[0] for buses in members.values()]
    points = net._pd2ppc_lookups["aux"].get("trafo3w", np.zeros(0, dtype=np.int64))  # noqa: SLF001
    stars = {int(row): f"star point {k}" for k, row in enumerate(rows_of(net, points), start=1)}
    ends = (f"open end {k}" for k in count(1))
    names = [called.shown[bus] for bus in first] + [
        stars.get(row) or next(ends) for row in auxiliary.tolist()
    ]
    position = {bus: k for k, buses in enumerate(members.values()) for bus in buses}
    aliases = {text: position[bus] for text, bus in called.known.items()}
    return names, aliases, np.array([*first, *[-1] * len(auxiliary)], dtype=np.int64), rows


def _branches(
    net: Any,
    model: Any,
    name_of: dict[int, str],
    called: Mapping[tuple[str, int], str],
    zero: Mapping[str, Any],
) -> tuple[list[Branch], list[list[int]]]:
    """Return the branches in service, those in parallel as one, and their rows."""
    from pandapower.pypower import idx_brch as at

    rows, base = model["branch"].real, float(model["baseMVA"]) * 1e3 / BASE_KVA
    found: list[Branch] = []
    places: list[int] = []
    for kind, (start, stop) in net._pd2ppc_lookups["branch"].items():  # noqa: SLF001
        ends = rows[start:stop, [at.F_BUS, at.T_BUS]].astype(np.int64)
        limits = current_limits(net, kind, model["bus"][ends, BASE_KV].real).tolist()
        shorted = np.isin(net[kind].index, zero[kind]).tolist() if kind in zero else []
        for row in range(start, stop):
            from_row, to_row = int(rows[row, at.F_BUS]), int(rows[row, at.T_BUS])
            if not rows[row, at.BR_STATUS] or from_row not in name_of or to_row not in name_of:
                continue
            name = _branch_name(net, kind, row - start, called)
            admittance = complex(rows[row, at.BR_G], rows[row, at.BR_B]) / 2
            asymmetry = complex(rows[row, at.BR_G_ASYM], rows[row, at.BR_B_ASYM]) / 2
            tap = rows[row, at.TAP] or 1.0
            z_pu = complex(rows[row, at.BR_R], rows[row, at.BR_X]) / base
            if shorted and shorted[row - start]:
                z_pu = 0j
            found.append(
                Branch(
                    edge=Edge(name, (name_of[from_row], name_of[to_row])),
                    z_pu=z_pu,
                    y_pu=(admittance * base, (admittance + asymmetry) * base),
                    taps=(tap, 1.0),
                    current_max_pu=(limits[row - start][0], limits[row - start][1]),
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
