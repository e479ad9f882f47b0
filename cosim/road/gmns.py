"""Networks and trips in the General Modeling Network Specification: node.csv, link.csv and demand.csv of a folder.

Capacity is per lane and hour. Lengths and speeds share one unit of length, unless a config.csv names others
(long_length, speed); lengths stay in the unit of the file. Two habits
of its users are understood too: zones of several nodes, and the columns vdf_fftt1 [min], vdf_cap1 [veh/h],
vdf_alpha1 and vdf_beta1 of the link performance function. Other columns are ignored.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
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
    node_numbers,
    refuse_loops,
    travelling,
    with_generalised_cost,
    without_intrazonal,
)
from cosim.road.network import Network, OdTable

ALPHA, BETA = 0.15, 4.0
"""The Bureau of Public Roads' own, where a file has none."""
CENTROID = "centroid"
"""Node type of a zone that trips may not pass through."""
CONNECTOR_CAPACITY_VEH_H = 1e6
KM = {
    **dict.fromkeys(("km", "kilometer", "kilometers", "kph", "kmh", "km/h"), 1.0),
    **dict.fromkeys(("mi", "mile", "miles", "mph"), 1.609344),
    **dict.fromkeys(("m", "meter", "meters"), 1e-3),
    **dict.fromkeys(("ft", "foot", "feet"), 3.048e-4),
}
"""Kilometres in each unit of length, and of length per hour, that config.csv may name."""


def read_gmns(folder: str | Path, *, length_weight: float = 0.0, toll_weight: float = 0.0) -> RoadData:
    """Return the network and the trips of a GMNS folder; trips within a zone are left out with a note.

    A zone of one node is that node; one of several becomes a centroid with links of no time to each of them.
    A link that is not directed is two. Raises ConfigError naming every defect of all the files.
    """
    folder = Path(folder)
    nodes = read_table(folder / "node.csv", ("node_id",), None)
    links = read_table(folder / "link.csv", ("link_id", "from_node_id", "to_node_id"), None)
    demand = read_table(folder / "demand.csv", ("o_zone_id", "d_zone_id", "volume"), None)
    config = folder / "config.csv"
    units = read_table(config, (), None) if config.is_file() else None
    network, toll = _network(nodes, links, 1.0 if units is None else _length_unit_in_speed_unit(units))
    network, node_of_zone = _with_zones(network, nodes)
    od = _trips(demand, node_of_zone)
    refuse_faulty(nodes, links, demand, units)
    toll = np.append(toll, np.zeros(len(network.links) - toll.size))
    data = RoadData(network, od, toll if {"toll", "vdf_toll1"} & set(links.columns) else None)
    data = without_intrazonal(data, demand.file)
    data = replace(data, od=travelling(data.od))
    return with_generalised_cost(data, length_weight=length_weight, toll_weight=toll_weight)


def _length_unit_in_speed_unit(config: Table) -> float:
    """Return how many of the speeds' units of length the lengths' unit is; 1 where config.csv names neither."""
    named: dict[str, float] = {}
    for line, row in zip(config.lines, config.cells, strict=True):
        for column in ("long_length", "speed"):
            unit = row.get(column, "").strip().lower()
            if unit in KM:
                named[column] = KM[unit]
            elif unit:
                config.report(line, f"column {column} is {unit!r}; known are {', '.join(KM)}")
    return named["long_length"] / named["speed"] if len(named) == 2 else 1.0


def _network(nodes: Table, links: Table, length_unit: float) -> tuple[Network, FloatArray]:
    """Return the network before its zones, and the tolls."""
    nodes.refuse_repeated("node_id")
    links.refuse_repeated("link_id")
    refuse_loops(links, "from_node_id", "to_node_id")
    names = tuple(nodes.names("node_id"))
    tail, head = node_numbers(names, links, "from_node_id", "to_node_id")
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
        through=_may_pass(nodes),
    )
    toll = _numbers(links, ("toll", "vdf_toll1"), ANY, 0.0)
    back = np.array([_is_two_way(row) for row in links.cells], dtype=bool)
    return _with_ways_back(network, back), np.append(toll, toll[back])


def _is_two_way(row: dict[str, str]) -> bool:
    return row.get("directed", "").lower() in ("0", "false")


def _with_ways_back(network: Network, back: BoolArray) -> Network:
    """Return the network in which the links marked lead back, too."""

    def doubled(values: FloatArray) -> FloatArray:
        return np.append(values, values[back])

    return replace(
        network,
        links=(*network.links, *(f"{network.links[link]} back" for link in np.flatnonzero(back))),
        from_node=np.append(network.from_node, network.to_node[back]),
        to_node=np.append(network.to_node, network.from_node[back]),
        t0_min=doubled(network.t0_min),
        capacity_veh_h=doubled(network.capacity_veh_h),
        alpha=doubled(network.alpha),
        beta=doubled(network.beta),
        davidson_j=doubled(network.davidson_j),
        length_km=None if network.length_km is None else doubled(network.length_km),
    )


def _free_flow_time_min(links: Table, length_unit: float) -> FloatArray:
    """Return the free-flow time: as given, else from length, counted in the speed's unit, and speed."""
    if {"vdf_fftt1", "vdf_fftt"} & set(links.columns):
        return _numbers(links, ("vdf_fftt1", "vdf_fftt"), NOT_NEGATIVE)
    if not {"length", "free_speed"} <= set(links.columns):
        if links.columns:
            links.report(0, "has no times; needed is a column vdf_fftt1, or both length and free_speed")
        return np.zeros(len(links.cells))
    length = _numbers(links, ("length",), NOT_NEGATIVE)
    speed = _numbers(links, ("free_speed",), POSITIVE)
    return np.divide(60 * length_unit * length, speed, out=np.zeros_like(speed), where=speed > 0)


def _capacity_veh_h(links: Table) -> FloatArray:
    """Return the capacity of all lanes: as given, else lanes times the capacity of one."""
    if {"vdf_cap1", "vdf_cap"} & set(links.columns):
        return _numbers(links, ("vdf_cap1", "vdf_cap"), POSITIVE)
    if "capacity" not in links.columns:
        if links.columns:
            links.report(0, "has no capacities; needed is a column capacity (per lane), or vdf_cap1")
        return np.ones(len(links.cells))
    return _numbers(links, ("capacity",), POSITIVE) * _numbers(links, ("lanes",), AT_LEAST_ONE, 1.0)


def _numbers(table: Table, columns: Sequence[str], limits: Range, default: float | None = None) -> FloatArray:
    """Return the first of the columns that the table has; an empty cell, or no column at all, is *default*."""
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


def _may_pass(nodes: Table) -> BoolArray | None:
    closed = np.array([row.get("node_type", "").lower() == CENTROID for row in nodes.cells], dtype=bool)
    return ~closed if closed.any() else None


def _with_zones(network: Network, nodes: Table) -> tuple[Network, dict[str, int]]:
    """Return the network with a centroid for each zone of several nodes, and the node of every zone."""
    if "zone_id" not in nodes.columns:
        return network, {name: number for number, name in enumerate(network.nodes)}
    members: dict[str, list[int]] = {}
    for number, row in enumerate(nodes.cells):
        if row["zone_id"]:
            members.setdefault(row["zone_id"], []).append(number)
    wide = {zone: own for zone, own in members.items() if len(own) > 1}
    first = len(network.nodes)
    centroid = {zone: first + place for place, zone in enumerate(wide)}
    node_of_zone = {zone: centroid.get(zone, own[0]) for zone, own in members.items()}
    return (_with_centroids(network, wide) if wide else network), node_of_zone


def _with_centroids(network: Network, zones: dict[str, list[int]]) -> Network:
    """Return the network with a node for each zone, at the middle of its own and linked to each, both ways."""
    own: IntArray = np.concatenate([np.array(members) for members in zones.values()])
    hub = len(network.nodes) + np.repeat(np.arange(len(zones)), [len(members) for members in zones.values()])
    count, flat = 2 * own.size, np.zeros(2 * own.size)
    zone_of = [zone for zone, members in zones.items() for _ in members]
    pairs = list(zip(zone_of, own, strict=True))
    ways = [f"zone {zone} {way} {network.nodes[node]}" for way in ("to", "from") for zone, node in pairs]
    through = np.ones(len(network.nodes), bool) if network.through is None else network.through
    xy = network.node_xy
    return replace(
        network,
        nodes=(*network.nodes, *(f"zone {zone}" for zone in zones)),
        links=(*network.links, *ways),
        from_node=np.concatenate([network.from_node, hub, own]),
        to_node=np.concatenate([network.to_node, own, hub]),
        t0_min=np.append(network.t0_min, flat),
        capacity_veh_h=np.append(network.capacity_veh_h, np.full(count, CONNECTOR_CAPACITY_VEH_H)),
        alpha=np.append(network.alpha, flat),
        beta=np.append(network.beta, flat + 1.0),
        davidson_j=np.append(network.davidson_j, flat),
        node_xy=None
        if xy is None
        else np.vstack([xy, *(xy[members].mean(axis=0) for members in zones.values())]),
        length_km=None if network.length_km is None else np.append(network.length_km, flat),
        through=np.append(through, np.zeros(len(zones), bool)),
    )


def _trips(table: Table, node_of_zone: dict[str, int]) -> OdTable:
    """Return the trips between zones and within them; without any zone the file of nodes has said so."""
    table.refuse_repeated("o_zone_id", "d_zone_id")
    judged = table if node_of_zone else Table(table.file, cells=table.cells, lines=table.lines)
    zones = (
        judged.positions(column, node_of_zone, "a zone of node.csv") for column in ("o_zone_id", "d_zone_id")
    )
    origin, dest = zones
    return OdTable(origin=origin, dest=dest, demand_veh_h=table.numbers("volume", NOT_NEGATIVE))
