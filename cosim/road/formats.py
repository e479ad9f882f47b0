"""Road data of any format, and its CSV files of nodes, links and trips, read and written."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cosim.arguments import checked
from cosim.arrays import BoolArray, FloatArray
from cosim.csv_tables import (
    ANY,
    AT_LEAST_ONE,
    NOT_NEGATIVE,
    POSITIVE,
    Range,
    Table,
    read_table,
    refuse_faulty,
)
from cosim.errors import ConfigError, refuse
from cosim.road.network import Network, OdTable, natural_order
from cosim.short_repr import short_repr

NODE_COLUMNS = ("node", "x", "y")
LINK_NUMBERS = {
    "t0_min": NOT_NEGATIVE,
    "capacity_veh_h": POSITIVE,
    "alpha": NOT_NEGATIVE,
    "beta": AT_LEAST_ONE,
}
LINK_COLUMNS = ("link", "from", "to", *LINK_NUMBERS)
OD_COLUMNS = ("origin", "dest", "demand_veh_h")
NODE = "a node of the network"
YES_OR_NO = Range("0 or 1", lambda value: value in (0, 1))


@short_repr
@dataclass(frozen=True, slots=True)
class RoadData:
    """A road network without stations, and its trips."""

    network: Network
    od: OdTable
    toll: FloatArray | None = None
    """Toll per link, in the currency of the file; None: no tolls."""
    intrazonal_veh_h: float = 0.0
    """Omitted demand within zones, which uses no link."""
    notes: tuple[str, ...] = ()
    """A sentence about each kind of omitted data."""


def with_generalised_cost(
    data: RoadData, *, length_weight: float = 0.0, toll_weight: float = 0.0
) -> RoadData:
    """Return the roads with link cost = time + *length_weight* * length + *toll_weight* * toll [min].

    The weights are minutes per unit of length and of money in the file. ConfigError if a cost is negative.
    """
    missing = [
        f"{name} is given, but the network has no {quantity}"
        for name, weight, values, quantity in (
            ("length_weight", length_weight, data.network.length_km, "lengths"),
            ("toll_weight", toll_weight, data.toll, "tolls"),
        )
        if weight and values is None
    ]
    refuse("weights", missing)
    fixed = np.zeros(len(data.network.links))
    for weight, values in ((length_weight, data.network.length_km), (toll_weight, data.toll)):
        fixed = fixed if values is None else fixed + weight * values
    if not (np.isfinite(fixed).all() and np.all(fixed >= 0)):
        where = f"length_weight={length_weight:g}, toll_weight={toll_weight:g}"
        raise ConfigError(where, ["a link would cost less than its time; weights must be 0 or more"])
    return replace(data, network=replace(data.network, fixed_cost_min=fixed if fixed.any() else None))


def select_ods(od: OdTable, selected: BoolArray) -> OdTable:
    """Return the ODs of a mask."""
    return OdTable(origin=od.origin[selected], dest=od.dest[selected], demand_veh_h=od.demand_veh_h[selected])


def with_demand(od: OdTable) -> OdTable:
    """Return the ODs with demand above zero."""
    return select_ods(od, od.demand_veh_h > 0)


def without_intrazonal(data: RoadData, file: str | Path) -> RoadData:
    """Return the roads without the trips within zones; a note states their demand in *file*."""
    od = data.od
    within = od.origin == od.dest
    amount = float(od.demand_veh_h[within].sum())
    note = f"{file}: {amount:g} veh/h begin and end in one zone; they use no link and are omitted"
    notes = (note, *data.notes) if amount > 0 else data.notes
    return replace(data, od=select_ods(od, ~within), intrazonal_veh_h=amount, notes=notes)


@checked
def read_roads(links: str | Path, od: str | Path, nodes: str | Path | None = None) -> RoadData:
    """Return the network and the trips in CSV files; without *nodes* the nodes are those of the links.

    Trips within a zone are omitted with a note. Raises ConfigError with every defect of all the files.
    """
    node_table = None if nodes is None else read_table(nodes, NODE_COLUMNS, ("through",))
    link_table = read_table(links, LINK_COLUMNS, ("length_km", "toll"))
    od_table = read_table(od, OD_COLUMNS)
    names = _node_names(node_table, link_table)
    network = _network(names, node_table, link_table)
    toll = link_table.numbers("toll") if "toll" in link_table.columns else None
    trips = read_od(od_table, ("origin", "dest"), "demand_veh_h", _index(names), NODE)
    refuse_faulty(node_table, link_table, od_table)
    return without_intrazonal(RoadData(network, trips, toll), od)


def write_roads(
    data: RoadData, *, links: Path, od: Path, nodes: Path | None = None, source: str = "cosim"
) -> None:
    """Write the roads and trips as CSV files, from which :func:`read_roads` returns bit-identical arrays.

    Charging arcs are omitted: they come from the stations of a scenario.
    """
    network, trips = data.network, data.od
    road = np.flatnonzero(~network.is_charging)
    names = {"link": [network.links[link] for link in road]}
    for column, end in (("from", network.from_node), ("to", network.to_node)):
        names[column] = [network.nodes[node] for node in end[road]]
    numbers = {column: getattr(network, column) for column in (*LINK_NUMBERS, "length_km")}
    numbers["toll"] = data.toll
    given = {column: values[road] for column, values in numbers.items() if values is not None}
    write_csv(links, source, {**names, **given})
    ends = {"origin": trips.origin, "dest": trips.dest}
    pairs = {column: [network.nodes[node] for node in end] for column, end in ends.items()}
    write_csv(od, source, {**pairs, "demand_veh_h": trips.demand_veh_h})
    if nodes is not None and (network.node_xy is not None or network.through is not None):
        x, y = (np.zeros((len(network.nodes), 2)) if network.node_xy is None else network.node_xy).T
        through = {} if network.through is None else {"through": network.through.astype(np.float64)}
        write_csv(nodes, source, {"node": network.nodes, "x": x, "y": y, **through})


def write_csv(file: Path, source: str, columns: Mapping[str, Sequence[str] | FloatArray]) -> None:
    """Write columns of names and numbers; numbers as the shortest texts that read back the same."""
    texts = [
        [np.format_float_positional(value, trim="-") for value in column]
        if isinstance(column, np.ndarray)
        else column
        for column in columns.values()
    ]
    with file.open("w", encoding="utf-8", newline="") as out:
        out.write(f"# source: {source}\n")
        csv.writer(out, lineterminator="\n").writerows([tuple(columns), *zip(*texts, strict=True)])


def _node_names(node_table: Table | None, link_table: Table) -> tuple[str, ...]:
    if node_table is not None:
        node_table.refuse_repeated("node")
        return tuple(node_table.names("node"))
    return tuple(
        sorted({row[end] for row in link_table.cells for end in ("from", "to")} - {""}, key=natural_order)
    )


def _network(names: tuple[str, ...], node_table: Table | None, table: Table) -> Network:
    table.refuse_repeated("link")
    numbers: dict[str, Any] = {
        column: table.numbers(column, limits) for column, limits in LINK_NUMBERS.items()
    }
    from_node, to_node = (table.positions(column, _index(names), NODE) for column in ("from", "to"))
    report_loops(table, "from", "to")
    through = None
    if node_table is not None and "through" in node_table.columns:
        through = node_table.numbers("through", YES_OR_NO) > 0
    return Network(
        nodes=names,
        links=tuple(table.names("link")),
        from_node=from_node,
        to_node=to_node,
        davidson_j=np.zeros(len(table.cells)),
        node_xy=_positions(node_table),
        through=through,
        length_km=table.numbers("length_km", NOT_NEGATIVE) if "length_km" in table.columns else None,
        **numbers,
    )


def _positions(table: Table | None) -> FloatArray | None:
    return None if table is None else np.column_stack([table.numbers(axis, ANY) for axis in ("x", "y")])


def _index(names: Sequence[str]) -> dict[str, int]:
    return {name: index for index, name in enumerate(names)}


def read_od(
    table: Table, ends: tuple[str, str], demand: str, index: Mapping[str, int], allowed: str
) -> OdTable:
    """Return the trips of a table with the columns *ends* and *demand*; *index* holds the node of each name."""
    table.refuse_repeated(*ends)
    origin, dest = (table.positions(column, index, allowed) for column in ends)
    return OdTable(origin=origin, dest=dest, demand_veh_h=table.numbers(demand, NOT_NEGATIVE))


def report_loops(table: Table, tail: str, head: str) -> None:
    """Report every link whose ends are one node, as only those of charging arcs are."""
    for line, row in table.rows():
        if row[tail] == row[head]:
            table.report(line, f"{tail} and {head} are both {row[tail]!r}; they must differ")
