"""The limits that a net of pandapower states: voltages of its buses, currents of its branches."""

from typing import Any

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.grid.net_elements import PLACEHOLDER_KA
from cosim.grid.radial import BASE_KVA


def rows_of(net: Any, bus: Any) -> Any:
    """Return the row of pandapower's bus-branch model that each *bus* of the net has become."""
    return net._pd2ppc_lookups["bus"][bus]  # noqa: SLF001  the one place that says which bus became which row


def voltage_limits(net: Any, bus: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the limits of the net at the node of each *bus*: the narrowest of the buses joined there.

    An open end has none of its own; it gets the widest of all, for nothing but charging current flows to it.
    """
    row = rows_of(net, net.bus.index)
    limits = []
    for column, narrowest, widest in (("min_vm_pu", "max", "min"), ("max_vm_pu", "min", "max")):
        said = net.bus[column] if column in net.bus else net.bus.vn_kv * np.nan
        at_node = said.where(net.bus.in_service).groupby(row).agg(narrowest)
        own = at_node.reindex(rows_of(net, bus)).to_numpy(float)
        fallback = said.agg(widest) if (bus >= 0).any() else np.nan
        limits.append(np.where(bus >= 0, own, fallback))
    return limits[0], limits[1]


def current_limits(net: Any, kind: str, base_kv: FloatArray) -> FloatArray:
    """Return the largest current at either end of each branch of a *kind* [p.u.], at the loading that is allowed.

    *base_kv* is that of the buses at its ends: (branches, 2), as the result.
    """
    from pandas import to_numeric

    none = np.full(base_kv.shape, np.inf)
    if kind not in {"line", "trafo", "trafo3w"} or not len(base_kv):
        return none
    table = net[kind]
    column = {
        name: to_numeric(table[name], errors="coerce").to_numpy(float)
        for name in table
        if name.startswith(("max_", "df", "parallel", "sn_", "vn_"))
    }
    percent = column.get("max_loading_percent", np.full(len(table), np.nan))
    share = np.where(percent > 0, percent / 100, 1.0)
    if kind == "line":
        limit_ka = column["max_i_ka"] * column["df"] * column["parallel"]
        in_pu = np.sqrt(3.0) * limit_ka[:, None] * base_kv * 1e3 / BASE_KVA * share[:, None]
        has_limit = (limit_ka > 0) & (limit_ka < PLACEHOLDER_KA)
        none[has_limit] = in_pu[has_limit]
        return none
    if kind == "trafo":
        rated = column["sn_mva"] * column["df"] * column["parallel"] * 1e3 / BASE_KVA * share
        none[:] = rated[:, None] * base_kv / np.stack([column["vn_hv_kv"], column["vn_lv_kv"]], axis=1)
        return none
    # from the high-voltage bus to the star point, and from there to the other two
    for winding, (side, end) in enumerate((("hv", 0), ("mv", 1), ("lv", 1))):
        at = slice(winding * len(table), (winding + 1) * len(table))
        rated = column[f"sn_{side}_mva"] * 1e3 / BASE_KVA
        none[at, end] = rated * base_kv[at, end] / column[f"vn_{side}_kv"] * share
    return none
