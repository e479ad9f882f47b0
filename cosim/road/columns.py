"""Column generation: paths and (path, station) pairs are added to a path set when they become the cheapest."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.errors import Problem, refuse
from cosim.road.assignment import Equilibrium, solve_sue
from cosim.road.network import Network, OdTable
from cosim.road.pairs import PairSearch
from cosim.road.path_search import NO_PATH, LinkSequence, od_name
from cosim.road.path_size import path_size_cost_min
from cosim.road.paths import PathSet, UserClass, packed, packed_paths
from cosim.road.problem import AssignmentProblem
from cosim.road.shortest import Trees, trees_from
from cosim.road.station_capacity import check_station_capacity, station_shortfall

MIN_RELATIVE_SAVING = 1e-9
"""Relative difference of cost by which a path must be cheaper than all listed ones to be added."""
MAX_ITERATIONS = 50
"""Equilibria solved in one column generation."""
VEHICLES = (UserClass("vehicles"),)
"""The classes of a problem with one class."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExtendedPathSet:
    """A path set after a search for cheaper paths."""

    paths: PathSet
    previous_index: IntArray
    """Index of each path in the previous set; -1 for a new path."""
    cheapest_cost_min: FloatArray
    """Cost of the cheapest path in the network per group; of charging groups the cheapest pair."""

    @property
    def added(self) -> int:
        """Number of new paths."""
        return int(np.count_nonzero(self.previous_index < 0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ColumnGenerationResult:
    """Equilibrium on a path set extended by column generation, and its problem."""

    problem: AssignmentProblem
    equilibrium: Equilibrium
    complete: bool
    """Whether every group's cheapest path is listed; False if the iterations ended before."""


def shortest_paths(network: Network, od: OdTable, classes: Sequence[UserClass] = VEHICLES) -> PathSet:
    """Return one path per group, the cheapest at free flow; ConfigError names every OD without one.

    Charging classes get the cheapest pair. Index of a group: class index * number of ODs + OD index.
    """
    origins, tree = np.unique(od.origin, return_inverse=True)
    trees = trees_from(network, network.free_flow_cost_min, origins)
    unreachable = np.flatnonzero(~np.isfinite(trees.cost_min[tree, od.dest]))
    problems = [Problem(NO_PATH).within("OD", od_name(network, od, int(index))) for index in unreachable]
    pairs: list[LinkSequence] = []
    if not problems and any(klass.charges for klass in classes):
        pairs, problems = _cheapest_pairs(network, od)
    refuse("paths", problems)
    roads = _paths_along(network, trees, tree, od.origin, od.dest)
    rows = [packed(pairs) if klass.charges else roads for klass in classes]
    indptr = np.concatenate([[0], np.cumsum(np.concatenate([np.diff(starts) for starts, _ in rows]))])
    links = np.concatenate([class_links for _, class_links in rows])
    return packed_paths(network, od, tuple(classes), np.arange(indptr.size), indptr, links)


def with_cheaper_paths(
    paths: PathSet, link_cost_min: FloatArray, keep: BoolArray | None = None
) -> ExtendedPathSet:
    """Return the path set with each group's cheapest path added, if it is cheaper than all listed ones.

    Charging groups get pairs; *link_cost_min* includes the cost of charging arcs. *keep* is a mask of the paths to keep
    (default: all).
    """
    listed = paths.groups.minimum(paths.time_min(link_cost_min))
    cheaper = _cheaper_paths(paths, link_cost_min, listed)
    kept = np.flatnonzero(np.ones(paths.count, dtype=bool) if keep is None else keep)
    group = np.concatenate([paths.groups.group_of_path[kept], cheaper.group])
    order = np.argsort(group, kind="stable")
    length = np.concatenate([np.diff(paths.indptr)[kept], np.diff(cheaper.indptr)])
    first = np.concatenate([paths.indptr[kept], paths.links.size + cheaper.indptr[:-1]])[order]
    indptr = np.concatenate([[0], np.cumsum(length[order])])
    entry = np.repeat(first - indptr[:-1], length[order]) + np.arange(indptr[-1])
    extended = packed_paths(
        paths.network,
        paths.od,
        paths.classes,
        np.searchsorted(group[order], np.arange(paths.groups.count + 1)),
        indptr,
        np.concatenate([paths.links, cheaper.links])[entry],
    )
    previous = np.concatenate([kept, np.full(cheaper.group.size, -1)])[order]
    return ExtendedPathSet(
        paths=extended, previous_index=previous, cheapest_cost_min=cheaper.cheapest_cost_min
    )


def with_enough_stations(problem: AssignmentProblem) -> AssignmentProblem:
    """Return the problem with pairs added until the listed stations have the capacity for the demand.

    Groups whose listed stations are too small get their cheapest pair at another station. The extra cost must be one
    number. Raises InfeasibleError if no pairs are left to add.
    """
    while not problem.extends and (shortfall := station_shortfall(problem)) is not None:
        cost = problem.network.free_flow_cost_min.copy()
        cost[problem.network.charging_arcs[shortfall.stations]] = np.inf
        extended = with_cheaper_paths(problem.paths, cost)
        if not extended.added:
            check_station_capacity(problem)  # raises with the missing capacity
        problem = replace(problem, paths=extended.paths)
    return problem


def solve_sue_adding_paths(
    problem: AssignmentProblem, *, path_size: float = 0.0, **options: Any
) -> ColumnGenerationResult:
    """Return the SUE whose path set contains, at its costs, every group's cheapest path or pair.

    *path_size* is the weight of ln PS, with PS of the extended set. The extra cost must be one number, because new
    paths have none of their own: the price of a station belongs in ``Network.fixed_cost_min``. *options* as in
    :func:`cosim.road.assignment.solve_sue`, except ``start``.
    """
    if np.ndim(problem.extra_cost_min):
        msg = "paths cannot be added to a problem whose extra cost is given path by path"
        raise ValueError(msg)
    problem = with_enough_stations(problem)
    start = None
    for _ in range(MAX_ITERATIONS):
        sized = _with_path_sizes(problem, path_size)
        solution = solve_sue(sized, start=start, **options)
        cost = problem.network.cost_min(solution.link_time_min + solution.toll_min)
        extended = with_cheaper_paths(problem.paths, cost)
        if not extended.added:
            break
        previous = extended.previous_index
        start = np.where(previous >= 0, solution.path_flow_veh_h[previous], 0.0)
        problem = replace(problem, paths=extended.paths)
    return ColumnGenerationResult(problem=sized, equilibrium=solution, complete=not extended.added)


def _with_path_sizes(problem: AssignmentProblem, weight: float) -> AssignmentProblem:
    if not weight:
        return problem
    correction = path_size_cost_min(problem.paths, problem.theta_per_min, weight)
    return replace(problem, extra_cost_min=problem.extra_cost_min + correction)


def _cheapest_pairs(network: Network, od: OdTable) -> tuple[list[LinkSequence], list[Problem]]:
    """Return each OD's cheapest pair at free flow, and a problem for each OD without one."""
    search = PairSearch(network, network.free_flow_cost_min)
    pairs = [search.cheapest(int(a), int(b)) for a, b in zip(od.origin, od.dest, strict=True)]
    problems = [
        Problem("no path passes a station").within("OD", od_name(network, od, index))
        for index, pair in enumerate(pairs)
        if not pair
    ]
    return [pair[1] for pair in pairs if pair], problems


@dataclass(frozen=True, slots=True, eq=False)
class _CheaperPaths:
    """A path for each group with a cheaper one than those listed, as compressed rows of links."""

    group: IntArray
    """Group of each path."""
    indptr: IntArray
    links: IntArray
    cheapest_cost_min: FloatArray
    """Cost of the cheapest path in the network, per group."""


def _cheaper_paths(paths: PathSet, link_cost_min: FloatArray, listed_min: FloatArray) -> _CheaperPaths:
    network, od, od_of_group = paths.network, paths.od, paths.od_of_group
    charges = np.array([klass.charges for klass in paths.classes])[paths.class_of_group]
    origins, tree = np.unique(od.origin, return_inverse=True)
    trees = trees_from(network, link_cost_min, origins)
    cheapest = np.where(charges, listed_min, trees.cost_min[tree, od.dest][od_of_group])
    limit = listed_min * (1 - MIN_RELATIVE_SAVING)
    groups = np.flatnonzero(cheapest < limit)
    index = od_of_group[groups]
    indptr, links = _paths_along(network, trees, tree[index], od.origin[index], od.dest[index])
    pairs: dict[int, LinkSequence] = {}
    if charges.any():
        search = PairSearch(network, link_cost_min)
        for group in np.flatnonzero(charges).tolist():
            index = od_of_group[group]
            pair = search.cheapest(int(od.origin[index]), int(od.dest[index]), float(limit[group]))
            if pair:
                cheapest[group], pairs[group] = pair
    pair_indptr, pair_links = packed(pairs.values())
    return _CheaperPaths(
        np.concatenate([groups, np.array(list(pairs), dtype=np.int64)]),
        np.concatenate([indptr, indptr[-1] + pair_indptr[1:]]),
        np.concatenate([links, pair_links]),
        cheapest,
    )


def _paths_along(
    network: Network, trees: Trees, tree: IntArray, origin: IntArray, dest: IntArray
) -> tuple[IntArray, IntArray]:
    """Return the paths along the trees as compressed rows, traced back from the destinations for all ODs at once."""
    node, steps = dest.copy(), []
    incomplete = dest != origin
    while incomplete.any():
        link = np.where(incomplete, trees.link[tree, node], -1)
        steps.append(link)
        node = np.where(incomplete, network.from_node[link], node)
        incomplete &= node != origin
    table = np.array(steps[::-1], dtype=np.int64).reshape(len(steps), dest.size).T
    used = table >= 0
    return np.concatenate([[0], np.cumsum(used.sum(axis=1))]), table[used]
