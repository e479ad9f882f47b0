"""The loop-free paths of an OD: all, those within a cost budget, or the k cheapest."""

from collections.abc import Iterator
from heapq import heappop, heappush
from math import fsum, inf

import numpy as np

from cosim.errors import Problem
from cosim.road.network import Network, OdTable, natural_order
from cosim.road.shortest import costs_to

MAX_PATHS = 100_000
"""Loop-free paths that one OD may have before the search gives up."""
MAX_LINKS = 20_000_000
"""Links that all paths together may have: some 500 MB in the compressed rows."""
STEPS_PER_PATH = 100
"""Links the search may try per allowed path: dead ends must not cost for ever either."""
ENOUGH = 3
"""ODs with too many paths after which the others are not asked."""
DECIMALS = 9
"""Costs that agree to so many places tie."""

NO_PATH = "no path leads from origin to destination"
FEWER_PATHS = "set a smaller budget, ask for the k cheapest, or use bushes"

LARGE = float(np.finfo(np.float64).max)
"""A budget for all paths, and yet below infinity, where none leads."""

LinkSequence = tuple[int, ...]
"""Link numbers in travel order."""


class TooManyPathsError(Exception):
    """The search tried more links than it may; known to this module alone."""


class PathSearch:
    """Finds paths at free-flow cost, one OD after another; knows the network as plain lists, for speed."""

    def __init__(
        self,
        network: Network,
        *,
        budget: float | None = None,
        k: int | None = None,
        path_limit: int = MAX_PATHS,
    ) -> None:
        """Without *budget* and *k* all loop-free paths."""
        if budget is not None and k is not None:
            msg = "give a cost budget or a number of paths, not both"
            raise ValueError(msg)
        if (budget is not None and not budget >= 1) or (k is not None and k < 1):
            msg = f"budget is {budget}, k is {k}; they must be 1 or more"
            raise ValueError(msg)
        self.network, self.budget, self.k, self.path_limit = network, budget, k, path_limit
        self._cost = network.free_flow_cost_min.tolist()
        self._to = network.to_node.tolist()
        by_name = sorted(range(len(network.links)), key=lambda link: natural_order(network.links[link]))
        self._rank = [0] * len(by_name)
        for rank, link in enumerate(by_name):
            self._rank[link] = rank
        self._leaving: list[list[int]] = [[] for _ in network.nodes]
        for link in by_name:
            if not network.is_charging[link]:
                self._leaving[network.from_node[link]].append(link)
        closed = set() if network.through is None else set((~network.through).nonzero()[0].tolist())
        self._onward = [[] if node in closed else links for node, links in enumerate(self._leaving)]

    def paths(self, od: OdTable) -> tuple[list[list[LinkSequence]], list[Problem]]:
        """Return every OD's paths in their order, and what is wrong with them."""
        problems: list[Problem] = []
        found: list[list[LinkSequence]] = []
        links = outgrown = 0
        dests, column = np.unique(od.dest, return_inverse=True)
        to_go = costs_to(self.network, self.network.free_flow_cost_min, dests).tolist()
        for number in range(od.origin.size):
            paths = self._paths_of(int(od.origin[number]), int(od.dest[number]), to_go[column[number]])
            name = od_name(self.network, od, number)
            if paths is None:
                limited = " within the budget" if self.budget else ""
                found_more = f"the search for all loop-free paths{limited} outgrew its limit of {self.path_limit} paths"
                advice = f"raise path_limit, {FEWER_PATHS}"
                problems.append(Problem(found_more, advice=advice).within("OD", name))
                outgrown += 1
                if outgrown == ENOUGH:  # each cost a whole search, and more would say no more
                    break
            elif not paths:
                problems.append(Problem(NO_PATH).within("OD", name))
            found.append(paths or [])
            links += sum(map(len, found[-1]))
            if links > MAX_LINKS:
                too_long = f"with it the paths have more than {MAX_LINKS} links in all"
                problems.append(Problem(too_long, advice=FEWER_PATHS).within("OD", name))
                break
        return found, problems

    def _paths_of(self, origin: int, dest: int, to_go: list[float]) -> list[LinkSequence] | None:
        """Return one OD's paths in order; None if there are too many."""
        least = to_go[origin]
        if least == inf:
            return []
        try:
            if self.k is not None:
                return self._cheapest(origin, dest, to_go, self.k)
            limit = LARGE if self.budget is None else least * self.budget + 10.0**-DECIMALS
            paths = list(self._within(origin, dest, to_go, limit))
        except TooManyPathsError:
            return None
        return sorted(paths, key=self._order)

    def _order(self, path: LinkSequence) -> tuple[float, list[int]]:
        # Exact sums, rounded: costs that tie on paper must tie here, whatever the order of adding.
        return round(fsum([self._cost[link] for link in path]), DECIMALS), [self._rank[link] for link in path]

    def _within(self, origin: int, dest: int, to_go: list[float], limit: float) -> Iterator[LinkSequence]:
        """Yield every loop-free path of at most this cost, depth first."""
        cost, to, onward = self._cost, self._to, self._onward
        trail: list[int] = []
        spent = [0.0]
        visited = {origin}
        open_links = [iter(self._leaving[origin])]
        tries, found = STEPS_PER_PATH * self.path_limit, 0
        while open_links:
            link = next(open_links[-1], None)
            if link is None:  # this node is done: step back
                open_links.pop()
                spent.pop()
                if trail:
                    visited.discard(to[trail.pop()])
                continue
            tries -= 1
            node = to[link]
            so_far = spent[-1] + cost[link]
            if node in visited or not so_far + to_go[node] <= limit:
                continue
            if node == dest:
                found += 1
                yield (*trail, link)
            else:
                trail.append(link)
                spent.append(so_far)
                visited.add(node)
                open_links.append(iter(onward[node]))
            if tries <= 0 or found > self.path_limit:
                raise TooManyPathsError

    def _cheapest(self, origin: int, dest: int, to_go: list[float], k: int) -> list[LinkSequence]:
        """Return the k cheapest loop-free paths, best first: what is spent and the least that is to go."""
        heap: list[tuple[float, list[int], float, LinkSequence, tuple[int, ...]]] = [
            (0.0, [], 0.0, (), (origin,))
        ]
        found: list[LinkSequence] = []
        tries = STEPS_PER_PATH * self.path_limit
        while heap:
            total, ranks, spent, path, nodes = heappop(heap)
            if len(found) >= k and total > self._order(found[k - 1])[0]:  # the last of equal cost is known
                break
            here = nodes[-1]
            if here == dest:
                found.append(path)
                continue
            for link in self._leaving[here] if here == origin else self._onward[here]:
                node, so_far = self._to[link], spent + self._cost[link]
                if node not in nodes and to_go[node] < inf:
                    total = round(so_far + to_go[node], DECIMALS)
                    heappush(heap, (total, [*ranks, self._rank[link]], so_far, (*path, link), (*nodes, node)))
                    tries -= 1
            if tries <= 0 or len(found) > self.path_limit:
                raise TooManyPathsError
        return sorted(found, key=self._order)[:k]


def pairs_on(network: Network, path: LinkSequence) -> Iterator[LinkSequence]:
    """Yield the path once per station on it, the charging arc put in where the path passes its node."""
    nodes = [int(network.from_node[path[0]]), *(int(network.to_node[link]) for link in path)]
    for arc in network.charging_arcs.tolist():
        node = int(network.from_node[arc])
        if node in nodes:
            at = nodes.index(node)
            yield (*path[:at], arc, *path[at:])


def od_name(network: Network, od: OdTable, number: int) -> str:
    """Name an OD by its nodes: ``1-2``."""
    return f"{network.nodes[od.origin[number]]}-{network.nodes[od.dest[number]]}"
