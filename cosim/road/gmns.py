"""Networks and trips in the General Modeling Network Specification: node.csv, link.csv and demand.csv of a folder.

Capacity is per lane and hour. Lengths and speeds share one unit of length, unless config.csv names their units
(long_length, speed); lengths stay in the unit of the file. Two common extensions are read, too: zones of several nodes,
and the columns vdf_fftt1 [min], vdf_cap1 [veh/h], vdf_alpha1 and vdf_beta1 of the link performance function. Other
columns are ignored.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

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
from cosim.road.formats import (
    RoadData,
    read_od,
    report_loops,
    with_demand,
    without_intrazonal,
)
from cosim.road.network import LINK_DEFAULTS, Network

ALPHA, BETA = 0.15, 4.0
"""BPR parameters of the Bureau of Public Roads, for files without them."""
CENTROID = "centroid"
"""Node type of a zone that trips may not pass through."""
CONNECTOR_CAPACITY_VEH_H = 1e6
"""Capacity of the links of a centroid, whose times are constant."""
LONG_MIN = 1_000.0
"""Free-flow time of a link [min] beyond which a note asks for the units."""
KM_PER_UNIT = {
    **dict.fromkeys(("km", "kilometer", "kilometers", "kph", "kmh", "km/h"), 1.0),
    **dict.fromkeys(("mi", "mile", "miles", "mph"), 1.609344),
    **dict.fromkeys(("m", "meter", "meters"), 1e-3),
    **dict.fromkeys(("ft", "foot", "feet"), 3.048e-4),
}
"""Kilometres per unit of length, or of speed, by its name in config.csv."""


def read_gmns(folder: str | Path) -> RoadData:
    """Return the network and the trips of a GMNS folder; trips within a zone are omitted with a note.

    A zone of one node is that node; a zone of several becomes a centroid with links of zero time to each of them.
    An undirected link becomes two links. Raises ConfigError with every defect of all the files.
    """
    folder = Path(folder)
    nodes = _read(folder / "node.csv", "node_id")
    links = _read(folder / "link.csv", "link_id", "from_node_id", "to_node_id")
    demand = _read(folder / "demand.csv", "o_zone_id", "d_zone_id", "volume")
    config = folder / "config.csv"
    units = _read(config) if config.is_file() else None
    network, toll = _network(nodes, links, 1.0 if units is None else _length_unit_in_speed_unit(units))
    network, node_of_zone = _with_zones(network, nodes)
    od = read_od(demand, ("o_zone_id", "d_zone_id"), "volume", node_of_zone, "a zone of node.csv")
    refuse_faulty(nodes, links, demand, units)
    toll = np.append(toll, np.zeros(len(network.links) - toll.size))
    data = RoadData(network, od, toll if {"toll", "vdf_toll1"} & set(links.columns) else None)
    data = without_intrazonal(replace(data, notes=_long_links(links, network, units)), demand.file)
    return replace(data, od=with_demand(data.od))


def _read(file: Path, *required: str) -> Table:
    """Return a table with the names of its columns in lower case, as the specification writes them."""
    return read_table(file, required, None, lower=True)


def _long_links(links: Table, network: Network, units: Table | None) -> tuple[str, ...]:
    """Return a note where a link takes longer than any does, as lengths in metres beside km/h make it."""
    longest = int(np.argmax(network.t0_min)) if network.t0_min.size else 0
    if not network.t0_min.size or network.t0_min[longest] <= LONG_MIN:
        return ()
    advice = (
        "" if units else "; if its length is in metres, name the units in config.csv (long_length, speed)"
    )
    return (f"{links.file}: link {network.links[longest]} takes {network.t0_min[longest]:,.0f} min{advice}",)


def _length_unit_in_speed_unit(config: Table) -> float:
    """Return the unit of lengths over that of speeds; 1 unless config.csv names both."""
    km: dict[str, float] = {}
    for line, row in config.rows():
        for column in ("long_length", "speed"):
            unit = row.get(column, "").strip().lower()
            if unit in KM_PER_UNIT:
                km[column] = KM_PER_UNIT[unit]
            elif unit:
                config.report(line, f"column {column} is {unit!r}; known are {', '.join(KM_PER_UNIT)}")
    return km["long_length"] / km["speed"] if len(km) == 2 else 1.0


def _network(nodes: Table, links: Table, length_unit: float) -> tuple[Network, FloatArray]:
    """Return the network without centroids, and the tolls per link."""
    nodes.refuse_repeated("node_id")
    links.refuse_repeated("link_id")
    report_loops(links, "from_node_id", "to_node_id")
    names = tuple(nodes.names("node_id"))
    index = {name: node for node, name in enumerate(names)}
    tail, head = (
        links.positions(column, index, "a node of the network") for column in ("from_node_id", "to_node_id")
    )
    alpha = _numbers(links, ("vdf_alpha1", "vdf_alpha"), NOT_NEGATIVE, ALPHA)
    beta = _numbers(links, ("vdf_beta1", "vdf_beta"), NOT_NEGATIVE, BETA)
    for row in np.flatnonzero((alpha > 0) & (beta < 1)):
        links.report(links.lines[row], f"the exponent of the time is {beta[row]:g}; it must be 1 or more")
    network = Network(
        nodes=names,
        links=tuple(links.names("link_id")),
        from_node=tail,
        to_node=head,
        t0_min=_free_flow_time_min(links, length_unit),
        capacity_veh_h=_capacity_veh_h(links),
        alpha=alpha,
        beta=np.where(alpha > 0, beta, 1.0),
        davidson_j=np.zeros(len(links.cells)),
        node_xy=_positions(nodes),
        length_km=_numbers(links, ("length",), NOT_NEGATIVE, 0.0) if "length" in links.columns else None,
        through=_through_nodes(nodes),
    )
    toll = _numbers(links, ("toll", "vdf_toll1"), ANY, 0.0)
    undirected = np.array([_is_undirected(row) for row in links.cells], dtype=bool)
    return _with_reverse_links(network, undirected), np.append(toll, toll[undirected])


def _is_undirected(row: dict[str, str]) -> bool:
    return row.get("directed", "").lower() in ("0", "false")


def _with_reverse_links(network: Network, undirected: BoolArray) -> Network:
    """Return the network with a link in the other direction for each undirected one."""
    given = {name: getattr(network, name) for name in LINK_DEFAULTS}
    return network.with_links(
        [f"{network.links[link]} back" for link in np.flatnonzero(undirected)],
        network.to_node[undirected],
        network.from_node[undirected],
        **{name: values[undirected] for name, values in given.items() if values is not None},
    )


def _free_flow_time_min(links: Table, length_unit: float) -> FloatArray:
    """Return the free-flow time as given, else length / speed with the lengths converted to the unit of the speeds."""
    if {"vdf_fftt1", "vdf_fftt"} & set(links.columns):
        return _numbers(links, ("vdf_fftt1", "vdf_fftt"), NOT_NEGATIVE)
    if not {"length", "free_speed"} <= set(links.columns):
        if links.columns:
            links.report(0, "has no times; needed is a column vdf_fftt1, or both length and free_speed")
        return np.zeros(len(links.cells))
    length = _numbers(links, ("length",), NOT_NEGATIVE)
    speed = _numbers(links, ("free_speed",), POSITIVE)
    readable = (speed > 0) & np.isfinite(speed)  # others are reported
    return np.divide(60 * length_unit * length, speed, out=np.zeros_like(speed), where=readable)


def _capacity_veh_h(links: Table) -> FloatArray:
    """Return the capacity of all lanes as given, else lanes * capacity per lane."""
    if {"vdf_cap1", "vdf_cap"} & set(links.columns):
        return _numbers(links, ("vdf_cap1", "vdf_cap"), POSITIVE)
    if "capacity" not in links.columns:
        if links.columns:
            links.report(0, "has no capacities; needed is a column capacity (per lane), or vdf_cap1")
        return np.ones(len(links.cells))
    return _numbers(links, ("capacity",), POSITIVE) * _numbers(links, ("lanes",), AT_LEAST_ONE, 1.0)


def _numbers(table: Table, columns: Sequence[str], limits: Range, default: float | None = None) -> FloatArray:
    """Return the first of the *columns* in the table; an empty cell or a missing column is *default*."""
    column = next((name for name in columns if name in table.columns), None)
    if column is None:
        return np.full(len(table.cells), default or 0.0)
    if default is not None:
        for row in table.cells:
            row[column] = row[column] or str(default)
    return table.numbers(column, limits)


def _positions(nodes: Table) -> FloatArray | None:
    if not {"x_coord", "y_coord"} <= set(nodes.columns):
        return None
    return np.column_stack([nodes.numbers(axis, ANY) for axis in ("x_coord", "y_coord")])


def _through_nodes(nodes: Table) -> BoolArray | None:
    centroid = np.array([row.get("node_type", "").lower() == CENTROID for row in nodes.cells], dtype=bool)
    return ~centroid if centroid.any() else None


def _with_zones(network: Network, nodes: Table) -> tuple[Network, dict[str, int]]:
    """Return the network with a centroid for each zone of several nodes, and the node of each zone."""
    if "zone_id" not in nodes.columns:
        return network, {name: node for node, name in enumerate(network.nodes)}
    members: dict[str, list[int]] = {}
    for node, row in enumerate(nodes.cells):
        if row["zone_id"]:
            members.setdefault(row["zone_id"], []).append(node)
    several = {zone: zone_nodes for zone, zone_nodes in members.items() if len(zone_nodes) > 1}
    centroid = {zone: node for node, zone in enumerate(several, start=len(network.nodes))}
    node_of_zone = {zone: centroid.get(zone, zone_nodes[0]) for zone, zone_nodes in members.items()}
    return (_with_centroids(network, several) if several else network), node_of_zone


def _with_centroids(network: Network, zones: dict[str, list[int]]) -> Network:
    """Return the network with a centroid per zone, at the mean position of its nodes and linked to each, both ways."""
    node = np.concatenate([np.array(nodes) for nodes in zones.values()])
    sizes = [len(nodes) for nodes in zones.values()]
    hub = len(network.nodes) + np.repeat(np.arange(len(zones)), sizes)
    names = [
        f"zone {zone} {direction} {network.nodes[member]}"
        for direction in ("to", "from")
        for zone, nodes in zones.items()
        for member in nodes
    ]
    connected = network.with_links(
        names,
        np.concatenate([hub, node]),
        np.concatenate([node, hub]),
        capacity_veh_h=CONNECTOR_CAPACITY_VEH_H,
    )
    through = np.ones(len(network.nodes), bool) if network.through is None else network.through
    xy = network.node_xy
    return replace(
        connected,
        nodes=(*network.nodes, *(f"zone {zone}" for zone in zones)),
        node_xy=None
        if xy is None
        else np.vstack([xy, *(xy[nodes].mean(axis=0) for nodes in zones.values())]),
        through=np.append(through, np.zeros(len(zones), bool)),
    )
