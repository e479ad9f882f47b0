"""Shortest paths from many nodes at once, with parallel links and zones without through traffic.

A zone that trips may not pass through has, in the searched graph, a second node, at which its own trips start.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from cosim.arrays import FloatArray, IntArray
from cosim.road.network import Network


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trees:
    """One tree of shortest paths from each root."""

    cost_min: FloatArray
    """Roots x nodes; infinite for unreachable nodes."""
    link: IntArray
    """Roots x nodes: the last link of the path; -1 at the root."""


def trees_from(network: Network, cost_min: FloatArray, roots: IntArray) -> Trees:
    """Return the shortest paths from each root to every node, at these link costs (none negative)."""
    graph, link_of = _graph(network, cost_min)
    exits = _exit_node(network)
    cost, before = dijkstra(graph, indices=exits[roots], return_predecessors=True)
    nodes = len(network.nodes)
    link = _links(link_of, before[:, :nodes], np.arange(nodes)[None, :], graph.shape[0])
    return Trees(cost_min=cost[:, :nodes], link=link)


def costs_to(network: Network, cost_min: FloatArray, roots: IntArray) -> FloatArray:
    """Return the cost of trips from every node to each root: roots x nodes."""
    graph, _ = _graph(network, cost_min)
    cost: FloatArray = dijkstra(csr_array(graph.T), indices=roots)
    cost = cost[:, _exit_node(network)]
    cost[np.arange(roots.size), roots] = 0.0
    return cost


def _exit_node(network: Network) -> IntArray:
    """Return the graph node at which the trips of each node start."""
    exits = np.arange(len(network.nodes))
    if network.through is not None:
        no_through = np.flatnonzero(~network.through)
        exits[no_through] = len(network.nodes) + np.arange(no_through.size)
    return exits


def _graph(network: Network, cost_min: FloatArray) -> tuple[csr_array, dict[str, IntArray]]:
    """Return the roads as a matrix, and the link of each entry by its key; of parallel links the cheapest."""
    roads = np.flatnonzero(~network.is_charging)
    exits = _exit_node(network)
    size = int(exits.max()) + 1 if exits.size else 0
    size = max(size, len(network.nodes))
    key = exits[network.from_node[roads]] * size + network.to_node[roads]
    order = np.lexsort((roads, cost_min[roads], key))
    first = order[np.flatnonzero(np.diff(key[order], prepend=-1))]
    tail, head = np.divmod(key[first], size)
    indptr = np.searchsorted(tail, np.arange(size + 1))
    graph = csr_array((cost_min[roads[first]], head, indptr), shape=(size, size))
    return graph, {"key": key[first], "link": roads[first]}


def _links(link_of: dict[str, IntArray], before: IntArray, node: IntArray, size: int) -> IntArray:
    reached = before >= 0
    key = np.where(reached, before.astype(np.int64) * size + node, link_of["key"][0])
    return np.where(reached, link_of["link"][np.searchsorted(link_of["key"], key)], -1)
