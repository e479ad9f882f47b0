"""Implicit path sets for large networks: a bush (acyclic subgraph) per class and origin (Dial 1971).

The bush of an origin holds the roads from i to j with d(i) < d(j), d the free-flow cost from the origin; it is fixed,
and so is its path set. Costs are compared relative to the mean cost of a link, so ties do not depend on the unit.
Travellers who charge pass two layers of the bush, one before and one after the charging arc. All bushes are one graph
of *states* (node, class, origin, layer), numbered by depth, so that one pass by depth computes all bushes at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from cosim.arrays import BoolArray, IntArray
from cosim.errors import Problem, refuse
from cosim.road.network import Network, OdTable
from cosim.road.path_search import od_name
from cosim.road.paths import UserClass
from cosim.road.shortest import trees_from
from cosim.short_repr import short_repr

MIN_RELATIVE_COST = 1e-6
"""Minimum cost of a road in the order of a bush, over the mean, so that roads of zero time are in it."""
COST_TIE_TOLERANCE = 1e-9
"""Difference of costs from an origin, over the mean cost of a link, below which they are equal."""


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BushSet:
    """The bushes of every class and origin as one acyclic graph; arcs are sorted by their head."""

    network: Network
    od: OdTable
    classes: tuple[UserClass, ...]
    depth_start: IntArray
    """First state of each depth, then the number of states; depth 0 are the origins."""
    class_of_state: IntArray
    dest_state: IntArray
    """Destination state of each group; index of a group = class index * number of ODs + OD index."""
    link: IntArray
    """Link of each arc."""
    tail: IntArray
    """State in which each arc begins."""
    head: IntArray
    """State in which each arc ends."""
    rank_in_depth: IntArray
    """Index of each arc's head among the states of its depth."""
    in_start: IntArray
    """First arc into each state, then the number of arcs."""
    out_start: IntArray
    """First arc out of each state in ``arcs_by_tail``, then the number of arcs."""
    arcs_by_tail: IntArray
    """Arcs sorted by their tail."""

    @property
    def states(self) -> int:
        """Number of states."""
        return self.class_of_state.size

    def group_name(self, group: int) -> str:
        """Return the name of a group: class and OD."""
        klass, od = divmod(group, self.od.origin.size)
        return f"{self.classes[klass].name} {od_name(self.network, self.od, od)}"


def find_bushes(network: Network, od: OdTable, classes: Sequence[UserClass]) -> BushSet:
    """Return the bushes of every class and origin; ConfigError lists every group without a path."""
    origins, bush_of_od = np.unique(od.origin, return_inverse=True)
    bush, road = _roads_away(network, origins)
    nodes = len(network.nodes)
    layer = origins.size * nodes  # states of a layer, bush by bush, before unused ones are removed
    tails, heads, links = [], [], []
    roots, dests, first = [], [], 0
    for klass in classes:
        roots.append(first + np.arange(origins.size) * nodes + origins)
        for layer_start in (first, first + layer) if klass.charges else (first,):
            tails.append(layer_start + bush * nodes + network.from_node[road])
            heads.append(layer_start + bush * nodes + network.to_node[road])
            links.append(road)
        if klass.charges:
            arcs = network.charging_arcs
            station_state = (
                first + np.arange(origins.size)[:, None] * nodes + network.from_node[arcs]
            ).ravel()
            tails.append(station_state)
            heads.append(station_state + layer)
            links.append(np.tile(arcs, origins.size))
            first += layer
        dests.append(first + bush_of_od * nodes + od.dest)
        first += layer
    graph = _Graph(first, np.concatenate(tails), np.concatenate(heads), np.concatenate(links))
    root, dest = np.concatenate(roots), np.concatenate(dests)
    used = _reached(graph, root) & _reached(graph.reversed(), dest)
    _refuse_unreached(network, od, classes, ~used[dest])
    layers = np.repeat(np.arange(len(classes)), [layer * (1 + klass.charges) for klass in classes])
    return _by_depth(network, od, tuple(classes), graph, used, layers, dest)


@dataclass(frozen=True, slots=True, eq=False)
class _Graph:
    states: int
    tail: IntArray
    head: IntArray
    link: IntArray

    def reversed(self) -> "_Graph":
        return _Graph(self.states, self.head, self.tail, self.link)


def _roads_away(network: Network, origins: IntArray) -> tuple[IntArray, IntArray]:
    """Return the bush and the road of each arc: roads away from the origin that its trips may use."""
    roads = np.flatnonzero(~network.is_charging)
    unit = network.free_flow_cost_min[roads].mean() or 1.0
    cost = trees_from(
        network, np.maximum(network.free_flow_cost_min / unit, MIN_RELATIVE_COST), origins
    ).cost_min
    cost[np.arange(origins.size), origins] = 0.0
    start, end = network.from_node[roads], network.to_node[roads]
    away = cost[:, start] + COST_TIE_TOLERANCE < np.where(np.isfinite(cost[:, end]), cost[:, end], -1.0)
    if network.through is not None:
        away &= network.through[start] | (start == origins[:, None])
    bush, index = np.nonzero(away)
    return bush, roads[index]


def _reached(graph: _Graph, sources: IntArray) -> BoolArray:
    """Return a mask of the states reachable from the sources."""
    tail = np.concatenate([graph.tail, np.full(sources.size, graph.states)])
    head = np.concatenate([graph.head, sources])
    size = graph.states + 1
    matrix = csr_array((np.ones(tail.size, dtype=np.int8), (tail, head)), shape=(size, size))
    reached = np.zeros(size, dtype=bool)
    reached[breadth_first_order(matrix, graph.states, return_predecessors=False)] = True
    return reached[:-1]


def _refuse_unreached(
    network: Network, od: OdTable, classes: Sequence[UserClass], unreached: BoolArray
) -> None:
    problems = []
    for group in np.flatnonzero(unreached):
        klass, index = divmod(int(group), od.origin.size)
        charging = ", by a station," if classes[klass].charges else ""
        name = f"{od_name(network, od, index)}, {classes[klass].name}"
        no_path = f"no path that leads away from the origin{charging} ends at the destination"
        problems.append(Problem(no_path).within("OD", name))
    refuse("bushes", problems)


def _by_depth(
    network: Network,
    od: OdTable,
    classes: tuple[UserClass, ...],
    graph: _Graph,
    used: BoolArray,
    class_of_state: IntArray,
    dest: IntArray,
) -> BushSet:
    """Return the used part of the graph, with states numbered by depth."""
    kept = used[graph.tail] & used[graph.head]
    index = np.cumsum(used) - 1
    tail, head, link = index[graph.tail[kept]], index[graph.head[kept]], graph.link[kept]
    count = int(used.sum())
    depth = _depths(count, tail, head)
    order = np.argsort(depth, kind="stable")
    renumber = np.empty(count, dtype=np.int64)
    renumber[order] = np.arange(count)
    tail, head = renumber[tail], renumber[head]
    by_head = np.lexsort((link, head))
    tail, head, link = tail[by_head], head[by_head], link[by_head]
    by_tail = np.argsort(tail, kind="stable")
    depth_start = np.searchsorted(depth[order], np.arange(depth.max(initial=0) + 2))
    return BushSet(
        network=network,
        od=od,
        classes=classes,
        depth_start=depth_start,
        class_of_state=class_of_state[used][order],
        dest_state=renumber[index[dest]],
        link=link,
        tail=tail,
        head=head,
        rank_in_depth=head - depth_start[depth[order][head]],
        in_start=np.searchsorted(head, np.arange(count + 1)),
        out_start=np.searchsorted(tail[by_tail], np.arange(count + 1)),
        arcs_by_tail=by_tail,
    )


def _depths(count: int, tail: IntArray, head: IntArray) -> IntArray:
    """Return the depth of each state, the maximum number of arcs on a path to it, in topological order."""
    order = np.argsort(tail, kind="stable")
    start = np.searchsorted(tail[order], np.arange(count + 1))
    head = head[order]
    open_arcs = np.bincount(head, minlength=count)
    depth = np.zeros(count, dtype=np.int64)
    ready, level = np.flatnonzero(open_arcs == 0), 0
    while ready.size:
        depth[ready] = level
        length = start[ready + 1] - start[ready]
        arcs = np.repeat(start[ready] - np.cumsum(length) + length, length) + np.arange(length.sum())
        reached, arc_count = np.unique(head[arcs], return_counts=True)
        open_arcs[reached] -= arc_count
        ready, level = reached[open_arcs[reached] == 0], level + 1
    return depth
