"""The cheapest (path, station) pair of an OD: the cheapest path to a station joined with the cheapest path from it.

If the two paths share a node, the pair has a loop, which listed paths may not have. The cheapest loop-free pair is then
found by an A* search, ordered by the cost so far plus a lower bound of the cost to go.
"""

from heapq import heappop, heappush
from itertools import count
from math import inf

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import ConfigError
from cosim.road.network import Network
from cosim.road.path_search import LinkSequence
from cosim.road.shortest import costs_to, trees_from

MAX_PARTIAL_PATHS = 200_000
"""Partial paths that the A* search may try for one OD and station."""


class PairSearch:
    """Search for the cheapest pairs of ODs at given link costs."""

    def __init__(self, network: Network, link_cost_min: FloatArray) -> None:
        """Compute the shortest paths to and from all stations; *link_cost_min* includes charging arcs."""
        self.network = network
        self._link_cost_min = link_cost_min
        self._cost = link_cost_min.tolist()
        arcs = network.charging_arcs
        self._station_node = network.from_node[arcs]
        self._charging_cost = link_cost_min[arcs]
        self._to_station = costs_to(network, link_cost_min, self._station_node)
        self._trees_from_station = trees_from(network, link_cost_min, self._station_node)
        self._from_station = self._trees_from_station.cost_min.copy()
        self._from_station[np.arange(arcs.size), self._station_node] = 0.0
        self._origin = -1
        self._link_from_origin = np.empty(0, dtype=np.int64)
        self._outgoing: list[list[int]] = [[] for _ in network.nodes]
        for link in np.flatnonzero(~network.is_charging).tolist():
            self._outgoing[network.from_node[link]].append(link)

    def cheapest(self, origin: int, dest: int, limit_min: float = inf) -> tuple[float, LinkSequence] | None:
        """Return the cheapest loop-free pair with its cost; None if none costs less than *limit_min*.

        Raises ConfigError if the search for a loop-free pair exceeds its limit.
        """
        bound = self._to_station[:, origin] + self._charging_cost + self._from_station[:, dest]
        if self.network.through is not None:
            bound[
                ~self.network.through[self._station_node]
                & (self._station_node != origin)
                & (self._station_node != dest)
            ] = inf
        best: tuple[float, LinkSequence] | None = None
        with_loop = []
        for station in np.argsort(bound, kind="stable").tolist():
            if not bound[station] < limit_min:
                break
            path = self._joined(origin, dest, station)
            if self._is_loop_free(path):
                best = float(bound[station]), path
                break  # pairs by the stations that follow cost at least as much
            with_loop.append(station)
        for station in with_loop:
            pair = self._cheapest_loop_free(origin, dest, station, limit_min if best is None else best[0])
            best = pair or best
        return best

    def _joined(self, origin: int, dest: int, station: int) -> LinkSequence:
        """Return the cheapest path to the station, its charging arc, and the cheapest path from it."""
        if origin != self._origin:
            root = np.array([origin])
            self._origin = origin
            self._link_from_origin = trees_from(self.network, self._link_cost_min, root).link[0]
        node = int(self._station_node[station])
        before = self._trace(self._link_from_origin, origin, node)
        after = self._trace(self._trees_from_station.link[station], node, dest)
        return (*before, int(self.network.charging_arcs[station]), *after)

    def _trace(self, link_to: np.ndarray, start: int, end: int) -> LinkSequence:
        path: list[int] = []
        while end != start:
            path.append(int(link_to[end]))
            end = int(self.network.from_node[path[-1]])
        return tuple(reversed(path))

    def _is_loop_free(self, path: LinkSequence) -> bool:
        nodes = [int(self.network.to_node[link]) for link in path if not self.network.is_charging[link]]
        nodes.append(int(self.network.from_node[path[0]]))
        return len(set(nodes)) == len(nodes)

    def _cheapest_loop_free(
        self, origin: int, dest: int, station: int, limit_min: float
    ) -> tuple[float, LinkSequence] | None:
        """Return the cheapest loop-free pair by the station, None if none costs less than the limit."""
        node_of_station, arc = int(self._station_node[station]), int(self.network.charging_arcs[station])
        after_arrival = self._cost[arc] + float(self._from_station[station, dest])
        to_go = (  # lower bounds before and after charging, per node
            (self._to_station[station] + after_arrival).tolist(),
            costs_to(self.network, self._link_cost_min, np.array([dest]))[0].tolist(),
        )
        order = count()  # ties are broken by the order of insertion
        heap: list[tuple[float, int, float, bool, LinkSequence, tuple[int, ...]]] = []

        def push(spent: float, charged: bool, path: LinkSequence, nodes: tuple[int, ...]) -> None:
            if nodes[-1] == node_of_station:
                spent, charged, path = spent + self._cost[arc], True, (*path, arc)
            total = spent + to_go[charged][nodes[-1]]
            if total < limit_min:
                heappush(heap, (total, next(order), spent, charged, path, nodes))

        push(0.0, charged=False, path=(), nodes=(origin,))
        while heap:
            total, tried, spent, charged, path, nodes = heappop(heap)
            end = nodes[-1]
            if end == dest:
                if charged:
                    return total, path
                continue
            if tried > MAX_PARTIAL_PATHS:
                raise self._limit_error(origin, dest, station)
            for link in self._outgoing[end] if self._may_pass(end, origin) else ():
                node = int(self.network.to_node[link])
                if node not in nodes:
                    push(spent + self._cost[link], charged, (*path, link), (*nodes, node))
        return None

    def _may_pass(self, node: int, origin: int) -> bool:
        through = self.network.through
        return through is None or node == origin or bool(through[node])

    def _limit_error(self, origin: int, dest: int, station: int) -> ConfigError:
        network = self.network
        where = f"OD {network.nodes[origin]}-{network.nodes[dest]}"
        problem = (
            f"the search for a loop-free path by station {network.stations[station]} exceeded its limit; list "
            "more paths (budget:B or k:K) without adding any, or use bushes"
        )
        return ConfigError(where, [problem])
