"""Implicit paths for large networks: per class and origin the roads that lead away from it (Dial 1971).

The bush of an origin holds the roads from i to j with d(i) < d(j), d the cost from the origin at free flow; it
never changes, so neither do the paths. Costs that tie on paper tie here, in whatever unit they are given.
Whoever charges goes through two layers of the bush, one before and one after the charging arc. All bushes
together are one graph of *states*, numbered by depth: a pass over the states of one depth after another visits
every bush at once.
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

HAIR = 1e-6
"""The least a road counts for in the order of a bush: a connector of no time still leads away."""
TIE = 1e-9
"""Costs from an origin that differ by no more are equal; both are shares of the mean cost of a link."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BushSet:
    """The bushes of every class and origin as one acyclic graph; arcs are sorted by their head."""

    network: Network
    od: OdTable
    classes: tuple[UserClass, ...]
    depth_start: IntArray
    """First state of each depth, and the number of states; depth 0 are the origins."""
    class_of_state: IntArray
    dest_state: IntArray
    """State in which each group's trips end; group number = class number * number of ODs + OD number."""
    link: IntArray
    """Link of each arc."""
    tail: IntArray
    """State in which each arc begins."""
    head: IntArray
    """State in which each arc ends."""
    place: IntArray
    """Place of each arc's head among the states of its depth."""
    into: IntArray
    """First arc into each state, and the number of arcs."""
    out: IntArray
    """First of each state's arcs in ``leaving``, and the number of arcs."""
    leaving: IntArray
    """Arcs sorted by their tail."""

    @property
    def states(self) -> int:
        """Number of states."""
        return self.class_of_state.size

    def group_name(self, group: int) -> str:
        """Name a group as a person would: class and OD."""
        klass, od = divmod(group, self.od.origin.size)
        return f"{self.classes[klass].name} {od_name(self.network, self.od, od)}"


def find_bushes(network: Network, od: OdTable, classes: Sequence[UserClass]) -> BushSet:
    """Return the bushes of every class and origin; ConfigError names every group that has no path on them."""
    origins, bush_of_od = np.unique(od.origin, return_inverse=True)
    bush, road = _roads_away(network, origins)
    nodes = len(network.nodes)
    layer = origins.size * nodes  # states before any are left out: layer by layer, bush by bush
    tails, heads, links, roots, dests, first = [], [], [], [], [], 0
    for klass in classes:
        roots.append(first + np.arange(origins.size) * nodes + origins)
        for layer_start in (first, first + layer) if klass.charges else (first,):
            tails.append(layer_start + bush * nodes + network.from_node[road])
            heads.append(layer_start + bush * nodes + network.to_node[road])
            links.append(road)
        if klass.charges:
            arcs = network.charging_arcs
            at = (first + np.arange(origins.size)[:, None] * nodes + network.from_node[arcs]).ravel()
            tails.append(at)
            heads.append(at + layer)
            links.append(np.tile(arcs, origins.size))
            first += layer
        dests.append(first + bush_of_od * nodes + od.dest)
        first += layer
    graph = _Graph(first, np.concatenate(tails), np.concatenate(heads), np.concatenate(links))
    root, dest = np.concatenate(roots), np.concatenate(dests)
    useful = _reached(graph, root) & _reached(graph.reversed(), dest)
    _refuse_unreached(network, od, classes, ~useful[dest])
    layers = np.repeat(np.arange(len(classes)), [layer * (1 + klass.charges) for klass in classes])
    return _by_depth(network, od, tuple(classes), graph, useful, layers, dest)


@dataclass(frozen=True, slots=True, eq=False)
class _Graph:
    states: int
    tail: IntArray
    head: IntArray
    link: IntArray

    def reversed(self) -> "_Graph":
        return _Graph(self.states, self.head, self.tail, self.link)


def _roads_away(network: Network, origins: IntArray) -> tuple[IntArray, IntArray]:
    """Return (bush, road) of every road that leads away from its origin and that its trips may take."""
    roads = np.flatnonzero(~network.is_charging)
    unit = network.free_flow_cost_min[roads].mean() or 1.0
    cost = trees_from(network, np.maximum(network.free_flow_cost_min / unit, HAIR), origins).cost_min
    cost[np.arange(origins.size), origins] = 0.0
    start, end = network.from_node[roads], network.to_node[roads]
    away = cost[:, start] + TIE < np.where(np.isfinite(cost[:, end]), cost[:, end], -1.0)
    if network.through is not None:
        away &= network.through[start] | (start == origins[:, None])
    bush, number = np.nonzero(away)
    return bush, roads[number]


def _reached(graph: _Graph, sources: IntArray) -> BoolArray:
    """Return the states that some source leads to."""
    tail = np.concatenate([graph.tail, np.full(sources.size, graph.states)])
    head = np.concatenate([graph.head, sources])
    size = graph.states + 1
    matrix = csr_array((np.ones(tail.size, dtype=np.int8), (tail, head)), shape=(size, size))
    reached = np.zeros(size, dtype=bool)
    reached[breadth_first_order(matrix, graph.states, return_predecessors=False)] = True
    return reached[:-1]


def _refuse_unreached(network: Network, od: OdTable, classes: Sequence[UserClass], lost: BoolArray) -> None:
    problems = []
    for group in np.flatnonzero(lost):
        klass, number = divmod(int(group), od.origin.size)
        charging = ", by a station," if classes[klass].charges else ""
        name = f"{od_name(network, od, number)}, {classes[klass].name}"
        found = f"no path that leads away from the origin{charging} ends at the destination"
        problems.append(Problem(found).within("OD", name))
    refuse("bushes", problems)


def _by_depth(
    network: Network,
    od: OdTable,
    classes: tuple[UserClass, ...],
    graph: _Graph,
    useful: BoolArray,
    class_of_state: IntArray,
    dest: IntArray,
) -> BushSet:
    """Return the useful part of the graph, its states numbered by their depth."""
    kept = useful[graph.tail] & useful[graph.head]
    number = np.cumsum(useful) - 1
    tail, head, link = number[graph.tail[kept]], number[graph.head[kept]], graph.link[kept]
    count = int(useful.sum())
    depth = _depths(count, tail, head)
    order = np.argsort(depth, kind="stable")
    renumber = np.empty(count, dtype=np.int64)
    renumber[order] = np.arange(count)
    tail, head = renumber[tail], renumber[head]
    by_head = np.lexsort((link, head))
    tail, head, link = tail[by_head], head[by_head], link[by_head]
    leaving = np.argsort(tail, kind="stable")
    depth_start = np.searchsorted(depth[order], np.arange(depth.max(initial=0) + 2))
    return BushSet(
        network=network,
        od=od,
        classes=classes,
        depth_start=depth_start,
        class_of_state=class_of_state[useful][order],
        dest_state=renumber[number[dest]],
        link=link,
        tail=tail,
        head=head,
        place=head - depth_start[depth[order][head]],
        into=np.searchsorted(head, np.arange(count + 1)),
        out=np.searchsorted(tail[leaving], np.arange(count + 1)),
        leaving=leaving,
    )


def _depths(count: int, tail: IntArray, head: IntArray) -> IntArray:
    """Return the most arcs on a way to each state; a state is given its depth once all before it have theirs."""
    order = np.argsort(tail, kind="stable")
    start = np.searchsorted(tail[order], np.arange(count + 1))
    head = head[order]
    waiting = np.bincount(head, minlength=count)
    depth = np.zeros(count, dtype=np.int64)
    ready, level = np.flatnonzero(waiting == 0), 0
    while ready.size:
        depth[ready] = level
        length = start[ready + 1] - start[ready]
        arcs = np.repeat(start[ready] - np.cumsum(length) + length, length) + np.arange(length.sum())
        reached, times = np.unique(head[arcs], return_counts=True)
        waiting[reached] -= times
        ready, level = reached[waiting[reached] == 0], level + 1
    return depth
