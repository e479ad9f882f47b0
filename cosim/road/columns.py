"""Column generation: a path set that grows where a path, or a (path, station) pair, has become the cheapest."""

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

CHEAPER = 1e-9
"""A path is a new one if it is cheaper than all listed ones by more than this share of their cost."""
MAX_ROUNDS = 50
VEHICLES = (UserClass("vehicles"),)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grown:
    """A path set after a search for cheaper paths."""

    paths: PathSet
    before: IntArray
    """Number each path had before; -1 for a new one."""
    least_cost_min: FloatArray
    """Cost of each group's cheapest path in the network, or pair, for who charges."""

    @property
    def added(self) -> int:
        """Number of new paths."""
        return int(np.count_nonzero(self.before < 0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GrownEquilibrium:
    """The equilibrium on a path set that has grown, and its problem."""

    problem: AssignmentProblem
    equilibrium: Equilibrium
    complete: bool
    """Whether every group's cheapest path is listed; if not, the rounds ended before."""


def shortest_paths(network: Network, od: OdTable, classes: Sequence[UserClass] = VEHICLES) -> PathSet:
    """Return one path per group, the cheapest at free flow; ConfigError names every OD without one.

    Whoever charges gets the cheapest pair. One number per group: class number * number of ODs + OD number.
    """
    origins, tree = np.unique(od.origin, return_inverse=True)
    trees = trees_from(network, network.free_flow_cost_min, origins)
    lost = np.flatnonzero(~np.isfinite(trees.cost_min[tree, od.dest]))
    problems = [Problem(NO_PATH).within("OD", od_name(network, od, int(number))) for number in lost]
    pairs: list[LinkSequence] = []
    if not problems and any(klass.charges for klass in classes):
        pairs, problems = _cheapest_pairs(network, od)
    refuse("paths", problems)
    roads = _paths_along(network, trees, tree, od.origin, od.dest)
    each = [packed(pairs) if klass.charges else roads for klass in classes]
    indptr = np.concatenate([[0], np.cumsum(np.concatenate([np.diff(own) for own, _ in each]))])
    links = np.concatenate([own for _, own in each])
    return packed_paths(network, od, tuple(classes), np.arange(indptr.size), indptr, links)


def with_cheaper_paths(paths: PathSet, link_cost_min: FloatArray, keep: BoolArray | None = None) -> Grown:
    """Return the paths of *keep* (all), and after those of each group its cheapest one if it is cheaper still.

    Groups that charge get pairs; what a charging arc costs is in *link_cost_min*.
    """
    listed = paths.groups.minimum(paths.time_min(link_cost_min))
    of_group, rows, links, least = _cheaper_paths(paths, link_cost_min, listed)
    kept = np.flatnonzero(np.ones(paths.count, dtype=bool) if keep is None else keep)
    group = np.concatenate([paths.groups.of_path[kept], of_group])
    order = np.argsort(group, kind="stable")
    length = np.concatenate([np.diff(paths.indptr)[kept], np.diff(rows)])
    first = np.concatenate([paths.indptr[kept], paths.links.size + rows[:-1]])[order]
    indptr = np.concatenate([[0], np.cumsum(length[order])])
    entry = np.repeat(first - indptr[:-1], length[order]) + np.arange(indptr[-1])
    grown = packed_paths(
        paths.network,
        paths.od,
        paths.classes,
        np.searchsorted(group[order], np.arange(paths.groups.count + 1)),
        indptr,
        np.concatenate([paths.links, links])[entry],
    )
    before = np.concatenate([kept, np.full(of_group.size, -1)])[order]
    return Grown(paths=grown, before=before, least_cost_min=least)


def with_enough_stations(problem: AssignmentProblem) -> AssignmentProblem:
    """Return the problem with pairs added until the stations can take all; InfeasibleError if they never can.

    While some listed stations are too small, whoever can charge nowhere else is given the cheapest other pair.
    The extra cost must be one number.
    """
    while not problem.extends and (short := station_shortfall(problem)) is not None:
        cost = problem.network.free_flow_cost_min.copy()
        cost[problem.network.charging_arcs[short.stations]] = np.inf
        grown = with_cheaper_paths(problem.paths, cost)
        if not grown.added:
            check_station_capacity(problem)  # says what is missing
        problem = replace(problem, paths=grown.paths)
    return problem


def solve_sue_adding_paths(
    problem: AssignmentProblem, *, path_size: float = 0.0, **options: Any
) -> GrownEquilibrium:
    """Return the equilibrium whose path set lists, at its costs, every group's cheapest path or pair.

    *path_size* is the weight of ln PS, and PS that of the grown set. The extra cost must be one number, for new
    paths have none of their own: a station's price belongs in the network's ``fixed_cost_min``. *options* as in
    :func:`cosim.road.assignment.solve_sue`, except ``start``.
    """
    if np.ndim(problem.extra_cost_min):
        msg = "paths cannot be added to a problem whose extra cost is given path by path"
        raise ValueError(msg)
    problem, start = with_enough_stations(problem), None
    for _ in range(MAX_ROUNDS):
        asked = _with_path_sizes(problem, path_size)
        solution = solve_sue(asked, start=start, **options)
        cost = problem.network.cost_min(solution.link_time_min + solution.toll_min)
        grown = with_cheaper_paths(problem.paths, cost)
        if not grown.added:
            break
        start = np.where(grown.before >= 0, solution.path_flow_veh_h[grown.before], 0.0)
        problem = replace(problem, paths=grown.paths)
    return GrownEquilibrium(problem=asked, equilibrium=solution, complete=not grown.added)


def _with_path_sizes(problem: AssignmentProblem, weight: float) -> AssignmentProblem:
    if not weight:
        return problem
    correction = path_size_cost_min(problem.paths, problem.theta_per_min, weight)
    return replace(problem, extra_cost_min=problem.extra_cost_min + correction)


def _cheapest_pairs(network: Network, od: OdTable) -> tuple[list[LinkSequence], list[Problem]]:
    """Return each OD's cheapest pair at free flow, and the ODs that have none."""
    search = PairSearch(network, network.free_flow_cost_min)
    found = [search.cheapest(int(a), int(b)) for a, b in zip(od.origin, od.dest, strict=True)]
    problems = [
        Problem("no path passes a station").within("OD", od_name(network, od, number))
        for number, pair in enumerate(found)
        if not pair
    ]
    return [pair[1] for pair in found if pair], problems


def _cheaper_paths(
    paths: PathSet, link_cost_min: FloatArray, listed_min: FloatArray
) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Return a path for each group that has a cheaper one than those listed, and each group's least cost.

    The paths are the numbers of their groups, and compressed rows: where each begins, and the links.
    """
    network, od, of_group = paths.network, paths.od, paths.od_of_group
    charges = np.array([klass.charges for klass in paths.classes])[paths.class_of_group]
    origins, tree = np.unique(od.origin, return_inverse=True)
    trees = trees_from(network, link_cost_min, origins)
    least = np.where(charges, listed_min, trees.cost_min[tree, od.dest][of_group])
    limit = listed_min * (1 - CHEAPER)
    grows = np.flatnonzero(least < limit)
    number = of_group[grows]
    roads = _paths_along(network, trees, tree[number], od.origin[number], od.dest[number])
    pairs: dict[int, LinkSequence] = {}
    if charges.any():
        search = PairSearch(network, link_cost_min)
        for group in np.flatnonzero(charges).tolist():
            at = of_group[group]
            found = search.cheapest(int(od.origin[at]), int(od.dest[at]), float(limit[group]))
            if found:
                least[group], pairs[group] = found
    indptr, links = packed(pairs.values())
    return (
        np.concatenate([grows, np.array(list(pairs), dtype=np.int64)]),
        np.concatenate([roads[0], roads[0][-1] + indptr[1:]]),
        np.concatenate([roads[1], links]),
        least,
    )


def _paths_along(
    network: Network, trees: Trees, tree: IntArray, origin: IntArray, dest: IntArray
) -> tuple[IntArray, IntArray]:
    """Return the paths along the trees as compressed rows, found backwards for all at once."""
    node, steps = dest.copy(), []
    under_way = dest != origin
    while under_way.any():
        link = np.where(under_way, trees.link[tree, node], -1)
        steps.append(link)
        node = np.where(under_way, network.from_node[link], node)
        under_way &= node != origin
    table = np.array(steps[::-1], dtype=np.int64).reshape(len(steps), dest.size).T
    taken = table >= 0
    return np.concatenate([[0], np.cumsum(taken.sum(axis=1))]), table[taken]
