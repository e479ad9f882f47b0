"""The loop-free paths of an OD: all, those within a cost budget, or the k cheapest."""

from collections.abc import Iterator
from heapq import heappop, heappush
from math import fsum, inf

import numpy as np

from cosim.arrays import BoolArray
from cosim.errors import Problem
from cosim.road.network import Network, OdTable, natural_order
from cosim.road.shortest import costs_to

MAX_PATHS = 100_000
"""Loop-free paths that one OD may have before the search gives up."""
MAX_LINKS = 20_000_000
"""Links that all paths together may have: some 500 MB in the compressed rows."""
STEPS_PER_PATH = 100
"""Links the search may try per allowed path, so that dead ends are limited, too."""
MAX_FAILED_ODS = 3
"""ODs with too many paths after which the search ends, because each costs a full search."""
COST_DECIMALS = 9
"""Decimals to which costs are rounded for ties."""

NO_PATH = "no path leads from origin to destination"
FEWER_PATHS = "set a smaller budget, ask for the k cheapest, or use bushes"

NO_BUDGET = float(np.finfo(np.float64).max)
"""Cost limit that all paths meet, but not the infinite cost of an unreachable node."""

LinkSequence = tuple[int, ...]
"""Link indices in travel order."""


class TooManyPathsError(Exception):
    """The search exceeded its limit of links or paths; caught in this module."""


class PathSearch:
    """Search for the paths of ODs at free-flow cost; keeps the network as plain lists, for speed."""

    def __init__(
        self,
        network: Network,
        *,
        budget: float | None = None,
        k: int | None = None,
        path_limit: int = MAX_PATHS,
        closed: BoolArray | None = None,
    ) -> None:
        """Search for paths within a *budget* (cost over that of the cheapest), the *k* cheapest, or all paths.

        None uses a link that is *closed*, (links,).
        """
        if budget is not None and k is not None:
            msg = "give a cost budget or a number of paths, not both"
            raise ValueError(msg)
        if (budget is not None and not budget >= 1) or (k is not None and k < 1):
            msg = f"budget is {budget}, k is {k}; they must be 1 or more"
            raise ValueError(msg)
        self.network, self.budget, self.k, self.path_limit = network, budget, k, path_limit
        free_min = network.free_flow_cost_min
        self._cost_min = free_min if closed is None else np.where(closed, inf, free_min)
        self._cost = self._cost_min.tolist()
        self._to = network.to_node.tolist()
        by_name = sorted(range(len(network.links)), key=lambda link: natural_order(network.links[link]))
        self._rank = [0] * len(by_name)
        for rank, link in enumerate(by_name):
            self._rank[link] = rank
        self._outgoing: list[list[int]] = [[] for _ in network.nodes]
        for link in by_name:
            if not network.is_charging[link] and self._cost[link] < inf:
                self._outgoing[network.from_node[link]].append(link)
        no_through = set() if network.through is None else set((~network.through).nonzero()[0].tolist())
        self._through_outgoing = [
            [] if node in no_through else links for node, links in enumerate(self._outgoing)
        ]

    def paths(self, od: OdTable) -> tuple[list[list[LinkSequence]], list[Problem]]:
        """Return every OD's paths in order, and a problem for each OD without paths or with too many."""
        problems: list[Problem] = []
        sequences: list[list[LinkSequence]] = []
        links = failed = 0
        dests, column = np.unique(od.dest, return_inverse=True)
        to_go = costs_to(self.network, self._cost_min, dests).tolist()
        for index in range(od.origin.size):
            paths = self._paths_of(int(od.origin[index]), int(od.dest[index]), to_go[column[index]])
            name = od_name(self.network, od, index)
            if paths is None:
                limited = " within the budget" if self.budget else ""
                exceeded = f"the search for all loop-free paths{limited} exceeded its limit of {self.path_limit} paths"
                advice = f"raise path_limit, {FEWER_PATHS}"
                problems.append(Problem(exceeded, advice=advice).within("OD", name))
                failed += 1
                if failed == MAX_FAILED_ODS:
                    break
            elif not paths:
                problems.append(Problem(NO_PATH).within("OD", name))
            sequences.append(paths or [])
            links += sum(map(len, sequences[-1]))
            if links > MAX_LINKS:
                too_many_links = f"with it the paths have more than {MAX_LINKS} links in total"
                problems.append(Problem(too_many_links, advice=FEWER_PATHS).within("OD", name))
                break
        return sequences, problems

    def _paths_of(self, origin: int, dest: int, to_go: list[float]) -> list[LinkSequence] | None:
        """Return one OD's paths in order; None if there are too many."""
        cheapest = to_go[origin]
        if cheapest == inf:
            return []
        try:
            if self.k is not None:
                return self._cheapest(origin, dest, to_go, self.k)
            limit = NO_BUDGET if self.budget is None else cheapest * self.budget + 10.0**-COST_DECIMALS
            paths = list(self._within(origin, dest, to_go, limit))
        except TooManyPathsError:
            return None
        return sorted(paths, key=self._order)

    def _order(self, path: LinkSequence) -> tuple[float, list[int]]:
        # Exact sums, rounded: equal costs must compare equal, whatever the order of summation.
        return round(fsum([self._cost[link] for link in path]), COST_DECIMALS), [
            self._rank[link] for link in path
        ]

    def _within(self, origin: int, dest: int, to_go: list[float], limit: float) -> Iterator[LinkSequence]:
        """Yield every loop-free path of at most this cost, depth first."""
        cost, to, onward = self._cost, self._to, self._through_outgoing
        trail: list[int] = []
        spent = [0.0]
        visited = {origin}
        open_links = [iter(self._outgoing[origin])]
        tries, path_count = STEPS_PER_PATH * self.path_limit, 0
        while open_links:
            link = next(open_links[-1], None)
            if link is None:  # all links of this node are tried: backtrack
                open_links.pop()
                spent.pop()
                if trail:
                    visited.discard(to[trail.pop()])
                continue
            tries -= 1
            node = to[link]
            node_cost = spent[-1] + cost[link]
            if node in visited or not node_cost + to_go[node] <= limit:
                continue
            if node == dest:
                path_count += 1
                yield (*trail, link)
            else:
                trail.append(link)
                spent.append(node_cost)
                visited.add(node)
                open_links.append(iter(onward[node]))
            if tries <= 0 or path_count > self.path_limit:
                raise TooManyPathsError

    def _cheapest(self, origin: int, dest: int, to_go: list[float], k: int) -> list[LinkSequence]:
        """Return the k cheapest loop-free paths by A* search: cost so far plus lower bound of the cost to go."""
        heap: list[tuple[float, list[int], float, LinkSequence, tuple[int, ...]]] = [
            (0.0, [], 0.0, (), (origin,))
        ]
        paths: list[LinkSequence] = []
        tries = STEPS_PER_PATH * self.path_limit
        while heap:
            total, ranks, spent, path, nodes = heappop(heap)
            if (
                len(paths) >= k and total > self._order(paths[k - 1])[0]
            ):  # all paths that tie with the k-th are listed
                break
            end = nodes[-1]
            if end == dest:
                paths.append(path)
                continue
            for link in self._outgoing[end] if end == origin else self._through_outgoing[end]:
                node, node_cost = self._to[link], spent + self._cost[link]
                if node not in nodes and to_go[node] < inf:
                    total = round(node_cost + to_go[node], COST_DECIMALS)
                    heappush(
                        heap, (total, [*ranks, self._rank[link]], node_cost, (*path, link), (*nodes, node))
                    )
                    tries -= 1
            if tries <= 0 or len(paths) > self.path_limit:
                raise TooManyPathsError
        return sorted(paths, key=self._order)[:k]


def pairs_on(network: Network, path: LinkSequence) -> Iterator[LinkSequence]:
    """Yield the path once per station on it, with the charging arc inserted at the node of the station."""
    nodes = [int(network.from_node[path[0]]), *(int(network.to_node[link]) for link in path)]
    for arc in network.charging_arcs.tolist():
        node = int(network.from_node[arc])
        if node in nodes:
            position = nodes.index(node)
            yield (*path[:position], arc, *path[position:])


def od_name(network: Network, od: OdTable, index: int) -> str:
    """Return the name of an OD, of its nodes: ``1-2``."""
    return f"{network.nodes[od.origin[index]]}-{network.nodes[od.dest[index]]}"
