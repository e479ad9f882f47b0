"""Road data as CSV files: nodes, links and trips, read and written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.csv_tables import ANY, AT_LEAST_ONE, NOT_NEGATIVE, POSITIVE, Table, read_table
from cosim.errors import ConfigError
from cosim.road.network import Network, OdTable, natural_order

NODE_COLUMNS = ("node", "x", "y")
LINK_NUMBERS = {
    "t0_min": NOT_NEGATIVE,
    "capacity_veh_h": POSITIVE,
    "alpha": NOT_NEGATIVE,
    "beta": AT_LEAST_ONE,
}
LINK_COLUMNS = ("link", "from", "to", *LINK_NUMBERS)
OD_COLUMNS = ("origin", "dest", "demand_veh_h")


@dataclass(frozen=True, slots=True)
class RoadData:
    """A network without stations, and the trips on it."""

    network: Network
    od: OdTable


def read_roads(links: Path, od: Path, nodes: Path | None = None) -> RoadData:
    """Return the network and the trips in CSV files; without *nodes* the links say which nodes there are.

    Raises ConfigError with a sentence for every defect of all the files.
    """
    node_table = None if nodes is None else read_table(nodes, NODE_COLUMNS)
    link_table = read_table(links, LINK_COLUMNS, ("length_km",))
    od_table = read_table(od, OD_COLUMNS)
    names = _node_names(node_table, link_table)
    data = RoadData(_network(names, node_table, link_table), _trips(names, od_table))
    problems = [
        problem for table in (node_table, link_table, od_table) if table for problem in table.problems
    ]
    if problems:
        raise ConfigError(", ".join(str(file) for file in (nodes, links, od) if file), problems)
    return data


def write_roads(
    data: RoadData, *, links: Path, od: Path, nodes: Path | None = None, source: str = "cosim"
) -> None:
    """Write the roads and trips so that :func:`read_roads` returns them again to the last bit.

    Charging arcs are left out: they come from the stations of a scenario.
    """
    network, trips = data.network, data.od
    road = np.flatnonzero(~network.is_charging)
    optional = [] if network.length_km is None else ["length_km"]
    number_columns = [*LINK_NUMBERS, *optional]
    ends = [[network.nodes[node] for node in end[road]] for end in (network.from_node, network.to_node)]
    link_numbers = [_texts(getattr(network, column)[road]) for column in number_columns]
    link_names = [network.links[link] for link in road]
    _write(links, source, (*LINK_COLUMNS, *optional), [link_names, *ends, *link_numbers])
    od_ends = [[network.nodes[node] for node in end] for end in (trips.origin, trips.dest)]
    _write(od, source, OD_COLUMNS, [*od_ends, _texts(trips.demand_veh_h)])
    if nodes is not None and network.node_xy is not None:
        _write(nodes, source, NODE_COLUMNS, [network.nodes, *(_texts(axis) for axis in network.node_xy.T)])


def _node_names(node_table: Table | None, link_table: Table) -> tuple[str, ...]:
    if node_table is not None:
        node_table.refuse_repeated("node")
        return tuple(node_table.names("node"))
    return tuple(sorted({row[end] for row in link_table.cells for end in ("from", "to")}, key=natural_order))


def _network(names: tuple[str, ...], node_table: Table | None, table: Table) -> Network:
    table.refuse_repeated("link")
    number = {column: table.numbers(column, limits) for column, limits in LINK_NUMBERS.items()}
    from_node, to_node = _ends(names, table, "from", "to")
    return Network(
        nodes=names,
        links=tuple(table.names("link")),
        from_node=from_node,
        to_node=to_node,
        davidson_j=np.zeros(len(table.cells)),
        node_xy=_positions(node_table),
        length_km=table.numbers("length_km", NOT_NEGATIVE) if "length_km" in table.columns else None,
        t0_min=number["t0_min"],
        capacity_veh_h=number["capacity_veh_h"],
        alpha=number["alpha"],
        beta=number["beta"],
    )


def _positions(table: Table | None) -> FloatArray | None:
    return None if table is None else np.column_stack([table.numbers(axis, ANY) for axis in ("x", "y")])


def _trips(names: tuple[str, ...], table: Table) -> OdTable:
    table.refuse_repeated("origin", "dest")
    origin, dest = _ends(names, table, "origin", "dest")
    return OdTable(origin=origin, dest=dest, demand_veh_h=table.numbers("demand_veh_h", NOT_NEGATIVE))


def _ends(names: tuple[str, ...], table: Table, tail: str, head: str) -> tuple[IntArray, IntArray]:
    """Return two columns of node names as node numbers; unknown nodes and loops are defects."""
    number = {name: index for index, name in enumerate(names)}
    for line, row in zip(table.lines, table.cells, strict=True):
        for column in (tail, head):
            # Without any node the file of nodes is at fault, and has said so.
            if names and row[column] not in number:
                table.report(line, f"column {column} is {row[column]!r}; it must be a node of the network")
        if row[tail] == row[head]:
            table.report(line, f"{tail} and {head} are both {row[tail]!r}; they must differ")
    origin, dest = (
        np.array([number.get(row[column], -1) for row in table.cells], dtype=np.int64)
        for column in (tail, head)
    )
    return origin, dest


def _texts(values: Iterable[float]) -> list[str]:
    """Return the shortest texts that read back as the same numbers."""
    return [np.format_float_positional(value, trim="-") for value in values]


def _write(file: Path, source: str, header: Sequence[str], columns: Sequence[Sequence[str]]) -> None:
    rows = [header, *zip(*columns, strict=True)]
    file.write_text(f"# source: {source}\n" + "".join(",".join(row) + "\n" for row in rows), encoding="utf-8")
