"""What cannot be right in the tables of a pandapower net, told before pandapower computes with it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cosim.csv_tables import ANY, NOT_NEGATIVE, POSITIVE, Range
from cosim.errors import Problem
from cosim.grid.bus_words import at_bus

COLUMNS: Mapping[str, Mapping[str, Range]] = {
    "load": {"p_mw": ANY, "q_mvar": ANY, "scaling": ANY},
    "sgen": {"p_mw": ANY, "q_mvar": ANY, "scaling": ANY},
    "shunt": {"p_mw": ANY, "q_mvar": ANY},
    "ext_grid": {"vm_pu": POSITIVE},
    "line": {"length_km": POSITIVE, "r_ohm_per_km": NOT_NEGATIVE, "x_ohm_per_km": ANY, "c_nf_per_km": ANY},
    "trafo": {
        "sn_mva": POSITIVE,
        "vn_hv_kv": POSITIVE,
        "vn_lv_kv": POSITIVE,
        "vk_percent": POSITIVE,
        "vkr_percent": NOT_NEGATIVE,
    },
}
"""The numbers a power flow rests on, of what is in service."""


def table_faults(net: Any, names: Mapping[int, str]) -> list[Problem]:
    """Return a problem for each number of *net* that is none, or is outside its range; buses by their *names*."""
    if not names:
        return [Problem("it has no bus in service")]
    return [
        Problem(field=column, value=value, allowed=limits.allowed).within(
            table, f"{index}{_place(net[table], index, names)}"
        )
        for table, columns in COLUMNS.items()
        if table in net
        for column, limits in columns.items()
        if column in net[table]
        for index, value in net[table].loc[net[table].in_service.astype(bool), column].items()
        if not (np.isfinite(value) and limits.holds(value))
    ]


def _place(table: Any, index: Any, names: Mapping[int, str]) -> str:
    """Return where an element stands: at a bus, or between two."""
    ends = [column for column in ("bus", "from_bus", "to_bus", "hv_bus", "lv_bus") if column in table]
    buses = [at_bus(names.get(table[column].at[index], str(table[column].at[index]))) for column in ends]
    return f" at {buses[0]}" if len(buses) == 1 else f" from {' to '.join(buses)}"
