"""A feeder of lines, read from two CSV tables in ohms."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np

from cosim.arguments import Allowed, checked
from cosim.arrays import FloatArray
from cosim.csv_tables import NOT_NEGATIVE, POSITIVE, Table, problems_of, read_table
from cosim.errors import Problem
from cosim.files import read_text
from cosim.grid.branch import Branch
from cosim.grid.bus_words import some, unknown_bus
from cosim.grid.given_csv import GivenCsv
from cosim.grid.given_network import Given
from cosim.grid.radial import BASE_KVA, Feeder, Tables, build_feeder
from cosim.grid.tree import Edge
from cosim.grid.voltage_rules import VoltageRules
from cosim.sections import Positive

LIMITS = ("voltage_min_pu", "voltage_max_pu")
BRANCH_COLUMNS = ("branch", "from_bus", "to_bus", "r_ohm", "x_ohm", "in_service")
SLACKS = Allowed(
    "the name of a bus, or the names of several",
    lambda given: (
        isinstance(given, str)
        or (isinstance(given, Collection) and bool(given) and all(isinstance(name, str) for name in given))
    ),
)
SWITCHED = Allowed(
    "names of branches, each with True (in service) or False",
    lambda given: (
        given is None
        or (isinstance(given, Mapping) and all(isinstance(v, bool | np.bool_) for v in given.values()))
    ),
)


@dataclass(frozen=True, slots=True)
class _Row:
    """A branch in service, in ohms."""

    edge: Edge
    r_ohm: float
    x_ohm: float
    current_max_a: float


@checked
def read_feeder_csv(
    buses_csv: Path | str,
    branches_csv: Path | str,
    *,
    name: str = "feeder",
    slack_bus: Annotated[str | Sequence[str], SLACKS] = "1",
    v_base_kv: Positive = 12.66,
    voltage: VoltageRules | None = None,
    switched: Annotated[Mapping[str, bool] | None, SWITCHED] = None,
) -> Feeder:
    """Return the feeder of two CSV tables; branches out of service are left out, and told.

    *switched* says of branches whether they are in service, whatever the table says.

    Columns: ``bus,p_kw,q_kvar`` and ``branch,from_bus,to_bus,r_ohm,x_ohm,in_service``; optional are
    ``voltage_min_pu,voltage_max_pu`` of a bus and ``current_max_a`` of a branch, empty where there is no limit.
    Several slack buses make several trees. Any other column is refused.
    Raises ``ConfigError`` with every fault found: cells, names, loops, parts without the slack.
    """
    slacks = (slack_bus,) if isinstance(slack_bus, str) else tuple(slack_bus)
    bus_table = read_table(Path(buses_csv), ("bus", "p_kw", "q_kvar"), LIMITS)
    branch_table = read_table(Path(branches_csv), BRANCH_COLUMNS, ("current_max_a",))
    buses = _buses(bus_table)
    branches = _branches(branch_table, buses, switched or {})
    limits = (_limits(bus_table, LIMITS[0], np.nan), _limits(bus_table, LIMITS[1], np.nan))
    tables = Tables(
        name=name,
        source=f"{buses_csv}, {branches_csv}",
        buses=buses,
        branches=[_in_per_unit(row, v_base_kv) for row in branches],
        slacks=dict.fromkeys(slacks, 1.0),
        voltage_limits_pu=limits if len(buses) == len(bus_table.cells) else None,
        v_base_kv=v_base_kv,
        notes=tuple(_left_out(branch_table, branches)),
    )
    feeder = build_feeder(tables, voltage, problems_of(bus_table, branch_table))
    given = GivenCsv(
        buses=read_text(buses_csv),
        branches=read_text(branches_csv),
        slack_buses=slacks,
        v_base_kv=v_base_kv,
        switched=tuple((switched or {}).items()),
    )
    return replace(feeder, given=Given.under(given, voltage))


def _buses(table: Table) -> dict[str, tuple[float, float]]:
    table.refuse_repeated("bus")
    names, load_kw, load_kvar = table.names("bus"), table.numbers("p_kw"), table.numbers("q_kvar")
    return {name: (float(p), float(q)) for name, p, q in zip(names, load_kw, load_kvar, strict=True)}


def _branches(table: Table, buses: Collection[str], switched: Mapping[str, bool]) -> list[_Row]:
    """Return the branches in service; where no bus is known, the ends are not judged."""
    table.refuse_repeated("branch")
    names = table.names("branch")
    ends = list(zip(table.names("from_bus"), table.names("to_bus"), strict=True))
    r_ohm, x_ohm = table.numbers("r_ohm", NOT_NEGATIVE), table.numbers("x_ohm", NOT_NEGATIVE)
    limit_a = _limits(table, "current_max_a", math.inf)
    in_service = [text.lower() for text in table.names("in_service")]
    for line, pair, text in zip(table.lines, ends, in_service, strict=True):
        if text not in {"true", "false", "1", "0"}:
            table.report(line, Problem(column="in_service", value=text, allowed="true or false"))
        for end in pair:
            if buses and end and end not in buses:
                table.report(line, unknown_bus(end, tuple(buses)))
    for name in switched.keys() - set(names):
        table.report(0, Problem(f"there is no branch {name!r} to switch", value=name))
    return [
        _Row(Edge(names[i], ends[i]), float(r_ohm[i]), float(x_ohm[i]), float(limit_a[i]))
        for i in range(len(names))
        if switched.get(names[i], in_service[i] in {"true", "1"})
    ]


def _left_out(table: Table, taken: Sequence[_Row]) -> list[str]:
    """Return what is told of branches out of service."""
    names = {row.edge.name for row in taken}
    idle = [f"branch {row['branch']}" for row in table.cells if row["branch"] not in names]
    return [f"{some(idle)}: each is out of service, and left out."] if idle else []


def _limits(table: Table, column: str, none: float) -> FloatArray:
    """Return a column of limits; an empty cell, or no such column, is *none*."""
    if column not in table.columns:
        return np.full(len(table.cells), none)
    cells = [table.number(line, row, column, POSITIVE) if row[column] else none for line, row in table.rows()]
    return np.array(cells, dtype=np.float64)


def _in_per_unit(row: _Row, v_base_kv: float) -> Branch:
    base_kv = v_base_kv if v_base_kv > 0 else 1.0  # what is no voltage is reported with the other problems
    limit_pu = row.current_max_a * math.sqrt(3.0) * base_kv / BASE_KVA
    return Branch(
        edge=row.edge,
        z_pu=complex(row.r_ohm, row.x_ohm) * BASE_KVA / (base_kv**2 * 1e3),
        current_max_pu=(limit_pu, limit_pu),
    )
