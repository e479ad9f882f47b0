"""The paths each group of travellers chooses from; whoever charges chooses a (path, station) pair."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import fsum

import numpy as np
from scipy.sparse import csr_array

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.errors import ConfigError
from cosim.road.choice import Groups
from cosim.road.network import Network, OdTable, natural_order

MAX_PATHS = 100_000
"""Loop-free paths that one OD may have before the search gives up."""
STEPS_PER_PATH = 100
"""Links the search may try per allowed path: dead ends must not cost for ever either."""


@dataclass(frozen=True, slots=True)
class UserClass:
    """Travellers who see the roads alike; those who charge choose a (path, station) pair."""

    name: str
    charges: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Legs:
    """A trip's time in three parts [min], one entry per path; a path without charging is all ``before``."""

    before_min: FloatArray
    station_min: FloatArray
    after_min: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PathSet:
    """Every group's paths, one group after another; group number = class number * number of ODs + OD number.

    Link sequences are compressed rows: path k runs over ``links[indptr[k]:indptr[k+1]]`` in travel order.
    """

    network: Network
    od: OdTable
    classes: tuple[UserClass, ...]
    groups: Groups
    indptr: IntArray
    links: IntArray
    station: IntArray
    """Station of each pair, counted in station order; -1 where the path does not charge."""
    charges_at: IntArray
    """Position of the charging arc in ``links``; -1 where the path does not charge."""
    incidence: csr_array
    """Paths x links: 1 where the path uses the link."""
    link_loading: csr_array
    """The transpose, stored by rows of its own, for it is multiplied in every iteration."""

    @property
    def count(self) -> int:
        """Number of paths and pairs of all groups."""
        return self.indptr.size - 1

    @property
    def od_of_group(self) -> IntArray:
        """OD number of each group."""
        return np.arange(self.groups.count) % self.od.origin.size

    @property
    def class_of_group(self) -> IntArray:
        """Class number of each group."""
        return np.arange(self.groups.count) // self.od.origin.size

    def links_of(self, path: int) -> IntArray:
        """Return the links of one path in travel order."""
        return self.links[self.indptr[path] : self.indptr[path + 1]]

    def group_name(self, group: int) -> str:
        """Name a group as a person would: class and OD."""
        klass, od = divmod(group, self.od.origin.size)
        return f"{self.classes[klass].name} {od_name(self.network, self.od, od)}"

    def path_name(self, path: int) -> str:
        """Name a path by its nodes, and a pair by its station after them: ``1-5-6 @ S6``."""
        links = [link for link in self.links_of(path) if not self.network.is_charging[link]]
        nodes = [self.network.from_node[links[0]], *self.network.to_node[links]]
        station = f" @ {self.network.stations[self.station[path]]}" if self.station[path] >= 0 else ""
        return "-".join(self.network.nodes[node] for node in nodes) + station

    def link_flow_veh_h(self, path_flow_veh_h: FloatArray) -> FloatArray:
        """Return the flow on every link, x = Delta' f (Eq. 5)."""
        flow: FloatArray = self.link_loading @ path_flow_veh_h
        return flow

    def time_min(self, link_time_min: FloatArray) -> FloatArray:
        """Return the time along every path, Delta t (Eq. 6)."""
        time: FloatArray = self.incidence @ link_time_min
        return time

    def legs(self, link_time_min: FloatArray) -> Legs:
        """Return every path's time before, at and after its station, for one array of link times."""
        time, path = link_time_min[self.links], np.repeat(np.arange(self.count), np.diff(self.indptr))
        offset = (
            np.arange(self.links.size) - np.where(self.charges_at < 0, self.links.size, self.charges_at)[path]
        )

        def summed(part: BoolArray) -> FloatArray:
            return np.bincount(path, np.where(part, time, 0.0), self.count).astype(np.float64, copy=False)

        return Legs(
            before_min=summed(offset < 0), station_min=summed(offset == 0), after_min=summed(offset > 0)
        )


def find_paths(
    network: Network, od: OdTable, classes: Sequence[UserClass], *, max_paths: int = MAX_PATHS
) -> PathSet:
    """Return all loop-free paths of every OD, and for charging classes all (path, station) pairs.

    Paths of an OD are ordered by free-flow time, then by the names of their links, so the order of links in a
    file does not matter; pairs follow their paths, then the stations. Raises ConfigError naming every OD
    without a path, with more than *max_paths*, or whose charging users pass no station.
    """
    problems: list[str] = []
    routes = [_ordered_routes(network, od, number, max_paths, problems) for number in range(od.origin.size)]
    pairs = [[pair for route in choices for pair in _with_station(network, route)] for choices in routes]
    problems += [
        f"OD {od_name(network, od, number)}: no path passes a station, where class {klass.name!r} could charge"
        for klass in classes
        if klass.charges
        for number in range(od.origin.size)
        if routes[number] and not pairs[number]
    ]
    if problems:
        where = "paths"
        raise ConfigError(where, problems)
    return _path_set(network, od, tuple(classes), [(pairs if klass.charges else routes) for klass in classes])


def od_name(network: Network, od: OdTable, number: int) -> str:
    """Name an OD by its nodes: ``1-2``."""
    return f"{network.nodes[od.origin[number]]}-{network.nodes[od.dest[number]]}"


Route = tuple[int, ...]
"""Link numbers in travel order."""


def _ordered_routes(
    network: Network, od: OdTable, number: int, max_paths: int, problems: list[str]
) -> list[Route]:
    """Return one OD's paths in their order; what is wrong with them is added to *problems*."""
    routes: list[Route] = []
    for route in _simple_routes(network, int(od.origin[number]), int(od.dest[number]), max_paths):
        if route is None or len(routes) == max_paths:
            problems.append(
                f"OD {od_name(network, od, number)}: the search for all loop-free paths outgrew its limit of "
                f"{max_paths} paths; raise the limit or use a smaller network"
            )
            return []
        routes.append(route)
    if not routes:
        problems.append(f"OD {od_name(network, od, number)}: no path leads from origin to destination")

    def rank(route: Route) -> tuple[float, list[tuple[int, int, str]]]:
        # Exact sums, rounded: times that tie on paper must tie here, whatever the order of adding.
        time = round(fsum(network.t0_min[list(route)]), 9)
        return time, [natural_order(network.links[link]) for link in route]

    return sorted(routes, key=rank)


def _simple_routes(network: Network, origin: int, dest: int, max_paths: int) -> Iterator[Route | None]:
    """Yield every loop-free path, depth first; yield None and stop after trying too many links."""
    leaving = _roads_towards(network, dest)
    trail: list[int] = []
    visited = {origin}
    open_links = [iter(leaving[origin])]
    steps = 0
    while open_links:
        link = next(open_links[-1], None)
        if link is None:  # this node is done: step back
            open_links.pop()
            if trail:
                visited.discard(int(network.to_node[trail.pop()]))
            continue
        steps += 1
        if steps > STEPS_PER_PATH * max_paths:
            yield None
            return
        node = int(network.to_node[link])
        if node == dest:
            yield (*trail, link)
        elif node not in visited:
            trail.append(link)
            visited.add(node)
            open_links.append(iter(leaving[node]))


def _roads_towards(network: Network, dest: int) -> list[list[int]]:
    """Return the roads leaving each node that end where *dest* can still be reached."""
    roads = np.flatnonzero(~network.is_charging).tolist()
    reaching = {dest}
    while True:
        found = {int(network.from_node[r]) for r in roads if int(network.to_node[r]) in reaching} - reaching
        if not found:
            break
        reaching |= found
    leaving: list[list[int]] = [[] for _ in network.nodes]
    for road in roads:
        if int(network.to_node[road]) in reaching:
            leaving[int(network.from_node[road])].append(road)
    return leaving


def _with_station(network: Network, route: Route) -> Iterator[Route]:
    """Yield the route once per station on it, the charging arc put in where the route passes its node."""
    nodes = [int(network.from_node[route[0]]), *(int(network.to_node[link]) for link in route)]
    for arc in network.charging_arcs.tolist():
        node = int(network.from_node[arc])
        if node in nodes:
            at = nodes.index(node)
            yield (*route[:at], arc, *route[at:])


def _path_set(
    network: Network, od: OdTable, classes: tuple[UserClass, ...], choices: list[list[list[Route]]]
) -> PathSet:
    """Pack routes [class][OD][path] into arrays."""
    by_group = [routes for per_od in choices for routes in per_od]
    routes = [route for group in by_group for route in group]
    indptr = np.array([0, *accumulate(map(len, routes))], dtype=np.int64)
    links = np.array([link for route in routes for link in route], dtype=np.int64)
    shape = (len(routes), len(network.links))
    incidence = csr_array((np.ones(links.size), links, indptr), shape=shape)
    charging = np.flatnonzero(network.is_charging[links])
    station, charges_at = np.full((2, len(routes)), -1, dtype=np.int64)
    path = np.searchsorted(indptr, charging, side="right") - 1
    station[path] = np.searchsorted(network.charging_arcs, links[charging])
    charges_at[path] = charging
    return PathSet(
        network=network,
        od=od,
        classes=classes,
        groups=Groups(np.array([0, *accumulate(map(len, by_group))], dtype=np.int64)),
        indptr=indptr,
        links=links,
        station=station,
        charges_at=charges_at,
        incidence=incidence,
        link_loading=csr_array(incidence.T),
    )
