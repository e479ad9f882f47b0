"""Branches of a pandapower net without impedance, which pandapower would divide by: closed switches stand for them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cosim.arrays import IntArray
from cosim.grid.given_network import between_joined_buses

ENDS = (
    *(("line", end, f"{end}_bus") for end in ("from", "to")),
    *(("impedance", end, f"{end}_bus") for end in ("from", "to")),
    *(("trafo", end, f"{end}_bus") for end in ("hv", "lv")),
    *(("trafo3w", end, f"{end}_bus") for end in ("hv", "mv", "lv")),
    ("switch", "from", "bus"),
    ("switch", "to", "element"),
)
"""The ends of branches: their table, the end as the results call it, the column of its bus."""
SERIES = {"line": ("r_ohm_per_km", "x_ohm_per_km"), "impedance": ("rft_pu", "xft_pu", "rtf_pu", "xtf_pu")}
"""The columns of what a branch has between its ends."""
CHARGING = {"line": ("c_nf_per_km", "g_us_per_km"), "impedance": ("gf_pu", "bf_pu", "gt_pu", "bt_pu")}
"""The columns of what it has to earth."""


def without_impedance(net: Any) -> dict[str, Any]:
    """Return the numbers of the branches in service that have no impedance, by table."""
    return {
        table: rows.index[_is_zero(table, rows)] for table in SERIES if len(rows := _in_service(net, table))
    }


def _is_zero(table: str, rows: Any) -> Any:
    zero = (rows[list(SERIES[table])] == 0).all(axis=1)
    return zero | (rows.length_km == 0) if table == "line" else zero


def charged_without_impedance(net: Any) -> dict[str, Any]:
    """Return the numbers of those that have an admittance to earth all the same."""
    charged = {}
    for table, index in without_impedance(net).items():
        rows = net[table].loc[index]
        own = rows[[column for column in CHARGING[table] if column in rows]].fillna(0.0) != 0
        charged[table] = index[own.any(axis=1) & (rows.length_km != 0 if table == "line" else True)]
    return charged


def between_rated_voltages(net: Any) -> dict[str, Any]:
    """Return the numbers of those whose two buses differ in rated voltage, so that no switch can stand for them."""
    apart = {}
    for table, index in without_impedance(net).items():
        near, far = (net[table].loc[index, f"{end}_bus"].map(net.bus.vn_kv) for end in ("from", "to"))
        apart[table] = index[near != far]
    return apart


def with_stand_ins(net: Any) -> Any:
    """Return a copy of a net whose branches all have an impedance, for pandapower to say what is connected to what."""
    import copy

    net = copy.deepcopy(net)
    for table, index in without_impedance(net).items():
        columns = (*SERIES[table], "length_km") if table == "line" else SERIES[table]
        net[table].loc[index, list(columns)] = 1.0
        charging = [column for column in CHARGING[table] if column in net[table]]
        net[table].loc[index, charging] = 0.0  # a line of no length has none, whatever it has per km
    return net


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Joined:
    """The branches without impedance that closed switches stand for."""

    names: tuple[str, ...]
    switch: IntArray
    line_row: IntArray
    """Position in the table of lines, -1 for an impedance."""


def join_buses(net: Any) -> Joined:
    """Put closed switches in the place of the branches of *net* without impedance; an open line is just taken out."""
    import pandapower

    alive = net.bus.index[net.bus.in_service.astype(bool)]
    opened = net.switch.element[(net.switch.et == "l") & ~net.switch.closed.astype(bool)].tolist()
    names, switch, line_row = [], [], []
    for table, index in without_impedance(net).items():
        net[table].loc[index, "in_service"] = False
        for number in index:
            ends = net[table].loc[number, ["from_bus", "to_bus"]].astype(int)
            if ends.isin(alive).all() and not (table == "line" and number in opened):
                names.append(f"{table} {number}")
                switch.append(int(pandapower.create_switch(net, *ends, et="b")))
                line_row.append(net.line.index.get_loc(number) if table == "line" else -1)
    return Joined(
        names=tuple(names),
        switch=np.array(switch, dtype=np.int64),
        line_row=np.array(line_row, dtype=np.int64),
    )


def through_switches(net: Any) -> dict[int, complex]:
    """Return what enters each closed switch between buses, P + jQ [MVA] by its number, by Kirchhoff's law at the buses.

    Pandapower makes the buses one, and says nothing of it.
    """
    surplus = -(net.res_bus.p_mw.fillna(0.0) + 1j * net.res_bus.q_mvar.fillna(0.0))
    for table, end, column in ENDS:
        rows, flows = net[table], net[f"res_{table}"]
        if table == "switch":
            rows = rows[(rows.et == "b") & (rows.z_ohm > 0)]
        if len(rows):
            entering = (flows[f"p_{end}_mw"] + 1j * flows[f"q_{end}_mvar"]).loc[rows.index].fillna(0.0)
            surplus = surplus.sub(entering.groupby(rows[column]).sum(), fill_value=0.0)
    switches = ideal_switches(net)
    ends = net.bus.index.get_indexer(switches[["bus", "element"]].to_numpy().ravel()).reshape(-1, 2)
    entering = between_joined_buses(
        ends, np.ones(len(ends), dtype=np.complex128), surplus[net.bus.index].to_numpy()
    )
    return dict(zip(switches.index.tolist(), entering.tolist(), strict=True))


def ideal_switches(net: Any) -> Any:
    """Return the rows of the closed switches between buses that have no impedance: pandapower makes one bus of two."""
    return net.switch[(net.switch.et == "b") & net.switch.closed.astype(bool) & ~(net.switch.z_ohm > 0)]


def _in_service(net: Any, table: str) -> Any:
    return net[table][net[table].in_service.astype(bool)]
