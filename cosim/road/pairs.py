"""The cheapest (path, station) pair of an OD at any link costs: the cheapest path to a station and on from it.

Where these two paths meet, the pair would pass a node twice, which no listed path does: only there is the
cheapest loop-free one searched for, best first, by what a path has cost and the least that is to come.
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

MAX_TRIES = 200_000
"""Beginnings of loop-free paths that may be tried for one OD and station."""


class PairSearch:
    """Finds the cheapest pair of one OD after another, at these link costs."""

    def __init__(self, network: Network, link_cost_min: FloatArray) -> None:
        """Find the paths to and from all stations; charging arcs cost what *link_cost_min* says."""
        self.network = network
        self._roads_cost = link_cost_min
        self._cost = link_cost_min.tolist()
        arcs = network.charging_arcs
        self._at = network.from_node[arcs]
        self._session = link_cost_min[arcs]
        self._to = costs_to(network, link_cost_min, self._at)
        self._away = trees_from(network, link_cost_min, self._at)
        self._from = self._away.cost_min.copy()
        self._from[np.arange(arcs.size), self._at] = 0.0
        self._origin, self._toward = -1, np.empty(0, dtype=np.int64)
        self._leaving: list[list[int]] = [[] for _ in network.nodes]
        for link in np.flatnonzero(~network.is_charging).tolist():
            self._leaving[network.from_node[link]].append(link)

    def cheapest(self, origin: int, dest: int, limit_min: float = inf) -> tuple[float, LinkSequence] | None:
        """Return the cheapest loop-free pair and its cost, None if there is none of less than *limit_min*.

        Raises ConfigError if the search for a loop-free path by one of the stations outgrows its limit.
        """
        least = self._to[:, origin] + self._session + self._from[:, dest]
        if self.network.through is not None:
            least[~self.network.through[self._at] & (self._at != origin) & (self._at != dest)] = inf
        best: tuple[float, LinkSequence] | None = None
        meeting = []
        for station in np.argsort(least, kind="stable").tolist():
            if not least[station] < limit_min:
                break
            path = self._joined(origin, dest, station)
            if self._is_loop_free(path):
                best = float(least[station]), path
                break  # no station after it costs less
            meeting.append(station)
        for station in meeting:
            found = self._without_loop(origin, dest, station, limit_min if best is None else best[0])
            best = found or best
        return best

    def _joined(self, origin: int, dest: int, station: int) -> LinkSequence:
        """Return the cheapest path to the station, its arc, and the cheapest path on."""
        if origin != self._origin:
            root = np.array([origin])
            self._origin, self._toward = origin, trees_from(self.network, self._roads_cost, root).link[0]
        node = int(self._at[station])
        before, after = self._way(self._toward, origin, node), self._way(self._away.link[station], node, dest)
        return (*before, int(self.network.charging_arcs[station]), *after)

    def _way(self, link_to: np.ndarray, start: int, end: int) -> LinkSequence:
        path: list[int] = []
        while end != start:
            path.append(int(link_to[end]))
            end = int(self.network.from_node[path[-1]])
        return tuple(reversed(path))

    def _is_loop_free(self, path: LinkSequence) -> bool:
        nodes = [int(self.network.to_node[link]) for link in path if not self.network.is_charging[link]]
        nodes.append(int(self.network.from_node[path[0]]))
        return len(set(nodes)) == len(nodes)

    def _without_loop(
        self, origin: int, dest: int, station: int, limit_min: float
    ) -> tuple[float, LinkSequence] | None:
        """Return the cheapest loop-free path by the station, of those that cost less than the limit."""
        at, arc = int(self._at[station]), int(self.network.charging_arcs[station])
        onward = self._cost[arc] + float(self._from[station, dest])
        to_go = (
            (self._to[station] + onward).tolist(),
            costs_to(self.network, self._roads_cost, np.array([dest]))[0].tolist(),
        )
        order = count()  # paths that cost the same are tried in turn
        heap: list[tuple[float, int, float, bool, LinkSequence, tuple[int, ...]]] = []

        def go_on(spent: float, charged: bool, path: LinkSequence, nodes: tuple[int, ...]) -> None:
            if nodes[-1] == at:
                spent, charged, path = spent + self._cost[arc], True, (*path, arc)
            total = spent + to_go[charged][nodes[-1]]
            if total < limit_min:
                heappush(heap, (total, next(order), spent, charged, path, nodes))

        go_on(0.0, charged=False, path=(), nodes=(origin,))
        while heap:
            total, tried, spent, charged, path, nodes = heappop(heap)
            here = nodes[-1]
            if here == dest:
                if charged:
                    return total, path
                continue
            if tried > MAX_TRIES:
                raise self._outgrown(origin, dest, station)
            for link in self._leaving[here] if self._may_pass(here, origin) else ():
                node = int(self.network.to_node[link])
                if node not in nodes:
                    go_on(spent + self._cost[link], charged, (*path, link), (*nodes, node))
        return None

    def _may_pass(self, node: int, origin: int) -> bool:
        through = self.network.through
        return through is None or node == origin or bool(through[node])

    def _outgrown(self, origin: int, dest: int, station: int) -> ConfigError:
        network = self.network
        where = f"OD {network.nodes[origin]}-{network.nodes[dest]}"
        problem = (
            f"the search for a loop-free path by station {network.stations[station]} outgrew its limit; list "
            "more paths (budget:B or k:K) and add none, or use bushes"
        )
        return ConfigError(where, [problem])
