"""Networks and trips in the TNTP format of Transportation Networks for Research.

A file is a header of ``<KEY> value`` lines, then rows; ``~`` starts a comment. Nodes are numbered, zones first; at
nodes below the first through node trips only begin and end. Defects are reported with their line.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from cosim.arrays import FloatArray
from cosim.csv_tables import ANY, AT_LEAST_ONE, NOT_NEGATIVE, POSITIVE, Table, refuse_faulty
from cosim.road.formats import RoadData, with_demand, without_intrazonal
from cosim.road.network import Network, OdTable
from cosim.road.tntp_file import (
    TntpFile,
    fill_table,
    is_number,
    numbered,
    read_file,
)

NET_COLUMNS = ("init_node", "term_node", "capacity", "length", "free_flow_time", "b", "power")
OPTIONAL_NET_COLUMNS = ("speed", "toll", "link_type")
NODE_COLUMNS = ("node", "x", "y")
TOTAL_TOLERANCE = 1e-3
"""Relative difference from the total of the header that is not reported."""


def read_tntp(
    net: str | Path,
    trips: str | Path,
    node: str | Path | None = None,
) -> RoadData:
    """Return the network and the trips of TNTP files; trips within a zone are omitted with a note.

    Raises ConfigError with every defect of all the files.
    """
    net_file, trips_file = read_file(Path(net)), read_file(Path(trips))
    tables = [net_file.table, trips_file.table]
    network, toll = _network(net_file)
    od = _trips(trips_file, len(network.nodes))
    if node is not None:
        node_file = read_file(Path(node))
        tables.append(node_file.table)
        network = replace(network, node_xy=_positions(node_file, len(network.nodes)))
    refuse_faulty(*tables)
    data = RoadData(network, od, toll, notes=_total_note(trips_file, float(od.demand_veh_h.sum())))
    data = without_intrazonal(data, trips_file.table.file)
    return replace(data, od=with_demand(data.od))


def _network(file: TntpFile) -> tuple[Network, FloatArray]:
    """Return the network and the tolls per link."""
    table = file.table
    fill_table(file, NET_COLUMNS, OPTIONAL_NET_COLUMNS)
    nodes = file.whole_number("NUMBER OF NODES")
    links = file.whole_number("NUMBER OF LINKS", default=len(table.cells))
    if links != len(table.cells) and not table.problems:
        table.report(file.header["NUMBER OF LINKS"][0], f"says {links} links; there are {len(table.cells)}")
    first_through = file.whole_number("FIRST THRU NODE", default=1)
    tail, head = (table.positions(column, *numbered("node", nodes)) for column in ("init_node", "term_node"))
    for row in np.flatnonzero((tail == head) & (tail >= 0)):
        table.report(table.lines[row], f"the link begins and ends at node {tail[row] + 1}")
    alpha, power = table.numbers("b", NOT_NEGATIVE), table.numbers("power", NOT_NEGATIVE)
    for row in np.flatnonzero((alpha > 0) & (power < 1)):
        table.report(table.lines[row], f"column power is {power[row]:g}; it must be {AT_LEAST_ONE.allowed}")
    network = Network(
        nodes=tuple(str(node) for node in range(1, nodes + 1)),
        links=tuple(str(link) for link in range(1, len(table.cells) + 1)),
        from_node=tail,
        to_node=head,
        capacity_veh_h=table.numbers("capacity", POSITIVE),
        length_km=table.numbers("length", NOT_NEGATIVE),
        t0_min=table.numbers("free_flow_time", NOT_NEGATIVE),
        alpha=alpha,
        beta=np.where(alpha > 0, power, 1.0),
        davidson_j=np.zeros(len(table.cells)),
        through=np.arange(1, nodes + 1) >= first_through if first_through > 1 else None,
    )
    return network, table.numbers("toll", ANY)


def _trips(file: TntpFile, nodes: int) -> OdTable:
    """Return the trips between zones and within them."""
    table = file.table
    zones = file.whole_number("NUMBER OF ZONES", default=nodes)
    if zones > nodes > 0:
        table.report(file.header["NUMBER OF ZONES"][0], f"says {zones} zones; the network has {nodes} nodes")
    index, allowed = numbered("zone", zones)
    origin = ""
    for line, text in file.rows:
        if text.lower().startswith("origin"):
            origin = text[len("origin") :].strip()
            if index and origin not in index:
                table.report(line, f"origin is {origin!r}; it must be {allowed}")
        elif not origin and not table.problems:
            table.report(line, "there is no line 'Origin <zone>' before this entry")
        else:
            _add_entries(table, line, text, origin)
    table.refuse_repeated("origin", "dest")
    return OdTable(
        origin=np.array([index.get(row["origin"], -1) for row in table.cells], dtype=np.int64),
        dest=table.positions("dest", index, allowed),
        demand_veh_h=table.numbers("demand", NOT_NEGATIVE),
    )


def _add_entries(table: Table, line: int, text: str, origin: str) -> None:
    """Add each ``zone : demand;`` of a line to the table."""
    for entry in filter(str.strip, text.split(";")):
        dest, colon, demand = (part.strip() for part in entry.partition(":"))
        if colon:
            table.lines.append(line)
            table.cells.append({"origin": origin, "dest": dest, "demand": demand})
        else:
            table.report(line, f"{entry.strip()!r} is not of the form 'zone : demand;'")


def _total_note(file: TntpFile, total: float) -> tuple[str, ...]:
    line, text = file.header.get("TOTAL OD FLOW", (0, ""))
    if not is_number(text) or abs(float(text) - total) <= TOTAL_TOLERANCE * max(total, 1.0):
        return ()
    return (f"{file.table.file}, line {line}: says {float(text):g} trips in all; there are {total:g}",)


def _positions(file: TntpFile, nodes: int) -> FloatArray:
    fill_table(file, NODE_COLUMNS)
    table = file.table
    index = table.positions("node", *numbered("node", nodes))
    xy = np.full((nodes, 2), np.nan)
    valid = index >= 0
    xy[index[valid]] = np.column_stack([table.numbers("x"), table.numbers("y")])[valid]
    missing = np.flatnonzero(np.isnan(xy).any(axis=1)) + 1
    if missing.size and not table.problems:
        table.report(0, f"has no position of node {', '.join(map(str, missing[:5]))}")
    return xy
