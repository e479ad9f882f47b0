"""Networks and trips in the TNTP format of Transportation Networks for Research.

A file is a header of ``<KEY> value`` lines, then rows; ``~`` begins a comment. Nodes and zones are numbers, the
zones come first, and below the first through node trips only begin and end. A defect is named with its line.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from cosim.arrays import FloatArray
from cosim.csv_tables import ANY, AT_LEAST_ONE, NOT_NEGATIVE, POSITIVE, Table, refuse_faulty
from cosim.road.formats import RoadData, travelling, with_generalised_cost, without_intrazonal
from cosim.road.network import Network, OdTable
from cosim.road.tntp_file import (
    TntpFile,
    fill_table,
    is_number,
    node_numbers,
    read_file,
)

NET_COLUMNS = ("init_node", "term_node", "capacity", "length", "free_flow_time", "b", "power")
OPTIONAL_NET_COLUMNS = ("speed", "toll", "link_type")
NODE_COLUMNS = ("node", "x", "y")
TOTAL_AGREES = 1e-3
"""Relative difference from the header's total at which no one needs to hear of it."""


def read_tntp(
    net: str | Path,
    trips: str | Path,
    node: str | Path | None = None,
    *,
    length_weight: float = 0.0,
    toll_weight: float = 0.0,
) -> RoadData:
    """Return the network and the trips above zero of TNTP files; trips within a zone are left out with a note.

    Cost is time + *length_weight* * length + *toll_weight* * toll, in the units of the file. Zones below the
    first through node are where trips begin and end only. Raises ConfigError naming every defect.
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
    data = replace(data, od=travelling(data.od))
    return with_generalised_cost(data, length_weight=length_weight, toll_weight=toll_weight)


def _network(file: TntpFile) -> tuple[Network, FloatArray]:
    """Return the network and the tolls of its links."""
    table = file.table
    fill_table(file, NET_COLUMNS, OPTIONAL_NET_COLUMNS)
    nodes = file.whole_number("NUMBER OF NODES")
    links = file.whole_number("NUMBER OF LINKS", default=len(table.cells))
    if links != len(table.cells) and not table.problems:
        table.report(file.header["NUMBER OF LINKS"][0], f"says {links} links; there are {len(table.cells)}")
    first_through = file.whole_number("FIRST THRU NODE", default=1)
    tail, head = node_numbers(table, ("init_node", "term_node"), nodes)
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
    origin = 0
    entries: list[tuple[int, int, int, float]] = []
    for line, text in file.rows:
        if text.lower().startswith("origin"):
            origin = _zone(table, line, text[len("origin") :], zones)
        elif origin == 0 and not table.problems:
            table.report(line, "there is no line 'Origin <zone>' before this entry")
        else:
            entries += _entries(table, line, text, origin, zones)
    return _od_table(table, entries)


def _entries(
    table: Table, line: int, text: str, origin: int, zones: int
) -> Iterable[tuple[int, int, int, float]]:
    """Yield line, origin, destination and demand of each ``zone : demand;`` in a line."""
    for entry in text.split(";"):
        if not entry.strip():
            continue
        zone, colon, amount = entry.partition(":")
        if not colon:
            table.report(line, f"{entry.strip()!r} is not of the form 'zone : demand;'")
            continue
        dest = _zone(table, line, zone, zones)
        try:
            demand = float(amount)
        except ValueError:
            demand = -1.0
        if not 0 <= demand < np.inf:
            table.report(
                line, f"the demand to zone {dest} is {amount.strip()!r}; it must be a number, 0 or more"
            )
        yield line, origin, dest, demand


def _zone(table: Table, line: int, text: str, zones: int) -> int:
    """Return the number of a zone; 0 and a defect if there is none of that number."""
    text = text.strip()
    if text.isdecimal() and 1 <= int(text) <= zones:
        return int(text)
    table.report(line, f"{text!r} is not a zone; zones are 1 to {zones}")
    return 0


def _od_table(table: Table, entries: list[tuple[int, int, int, float]]) -> OdTable:
    first: dict[tuple[int, int], int] = {}
    for line, origin, dest, _ in entries:
        told = first.get((origin, dest))
        if told is None:
            first[origin, dest] = line
        elif origin and dest:
            table.report(line, f"demand from {origin} to {dest} is given already in line {told}")
    return OdTable(
        origin=np.array([origin - 1 for _, origin, _, _ in entries], dtype=np.int64),
        dest=np.array([dest - 1 for _, _, dest, _ in entries], dtype=np.int64),
        demand_veh_h=np.array([demand for *_, demand in entries], dtype=np.float64),
    )


def _total_note(file: TntpFile, total: float) -> tuple[str, ...]:
    line, text = file.header.get("TOTAL OD FLOW", (0, ""))
    if not is_number(text) or abs(float(text) - total) <= TOTAL_AGREES * max(total, 1.0):
        return ()
    return (f"{file.table.file}, line {line}: says {float(text):g} trips in all; there are {total:g}",)


def _positions(file: TntpFile, nodes: int) -> FloatArray:
    fill_table(file, NODE_COLUMNS)
    table = file.table
    (number,) = node_numbers(table, ("node",), nodes)
    xy = np.full((nodes, 2), np.nan)
    valid = number >= 0
    xy[number[valid]] = np.column_stack([table.numbers("x"), table.numbers("y")])[valid]
    lost = np.flatnonzero(np.isnan(xy).any(axis=1)) + 1
    if lost.size and not table.problems:
        table.report(0, f"has no position of node {', '.join(map(str, lost[:5]))}")
    return xy
