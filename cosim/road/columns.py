"""Column generation: a path set that grows where a path it does not list has become the cheapest."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.errors import ConfigError
from cosim.road.assignment import Equilibrium, solve_sue
from cosim.road.network import Network, OdTable
from cosim.road.paths import PathSet, UserClass, packed_paths
from cosim.road.problem import AssignmentProblem
from cosim.road.routes import od_name
from cosim.road.shortest import Trees, trees_from

CHEAPER = 1e-9
"""A path is a new one if it is cheaper than all listed ones by more than this share of their cost."""
MAX_ROUNDS = 50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grown:
    """A path set after a search for cheaper paths."""

    paths: PathSet
    before: IntArray
    """Number each path had before; -1 for a new one."""
    least_cost_min: FloatArray
    """Cost of each group's cheapest path in the network; of the listed ones, for who charges."""

    @property
    def added(self) -> int:
        """Number of new paths."""
        return int(np.count_nonzero(self.before < 0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GrownEquilibrium:
    """The equilibrium on a path set that lists every group's cheapest path, and the question it answers."""

    problem: AssignmentProblem
    equilibrium: Equilibrium


def cheapest_paths(network: Network, od: OdTable, *, name: str = "vehicles") -> PathSet:
    """Return one path per OD, the cheapest at free flow; ConfigError names every OD without a path."""
    origins, tree = np.unique(od.origin, return_inverse=True)
    trees = trees_from(network, network.free_flow_cost_min, origins)
    lost = np.flatnonzero(~np.isfinite(trees.cost_min[tree, od.dest]))
    if lost.size:
        where = "paths"
        problems = [
            f"OD {od_name(network, od, int(number))}: no path leads from origin to destination"
            for number in lost
        ]
        raise ConfigError(where, problems)
    indptr, links = _routes_on(network, trees, tree, od.origin, od.dest)
    return packed_paths(network, od, (UserClass(name),), np.arange(indptr.size), indptr, links)


def with_cheaper_paths(paths: PathSet, link_cost_min: FloatArray, keep: BoolArray | None = None) -> Grown:
    """Return the paths of *keep* (all), and after those of each group its cheapest one if it is cheaper still.

    Groups that charge keep the pairs they have.
    """
    network, od = paths.network, paths.od
    origins, tree = np.unique(od.origin, return_inverse=True)
    trees = trees_from(network, link_cost_min, origins)
    of_group = paths.od_of_group
    listed = paths.groups.minimum(paths.time_min(link_cost_min))
    charges = np.array([klass.charges for klass in paths.classes])[paths.class_of_group]
    least = np.where(charges, listed, trees.cost_min[tree, od.dest][of_group])
    grows = np.flatnonzero(least < listed * (1 - CHEAPER))
    number = of_group[grows]
    indptr, links = _routes_on(network, trees, tree[number], od.origin[number], od.dest[number])
    kept = np.flatnonzero(np.ones(paths.count, dtype=bool) if keep is None else keep)
    group = np.concatenate([paths.groups.of_path[kept], grows])
    order = np.argsort(group, kind="stable")
    length = np.concatenate([np.diff(paths.indptr)[kept], np.diff(indptr)])
    first = np.concatenate([paths.indptr[kept], paths.links.size + indptr[:-1]])[order]
    new_indptr = np.concatenate([[0], np.cumsum(length[order])])
    entry = np.repeat(first - new_indptr[:-1], length[order]) + np.arange(new_indptr[-1])
    grown = packed_paths(
        network,
        od,
        paths.classes,
        np.searchsorted(group[order], np.arange(paths.groups.count + 1)),
        new_indptr,
        np.concatenate([paths.links, links])[entry],
    )
    before = np.concatenate([kept, np.full(grows.size, -1)])[order]
    return Grown(paths=grown, before=before, least_cost_min=least)


def solve_sue_adding_paths(problem: AssignmentProblem, **options: Any) -> GrownEquilibrium:
    """Return the equilibrium whose path set lists, at its costs, every group's cheapest path.

    The extra cost must be one number, for new paths have none of their own. *options* as in
    :func:`cosim.road.assignment.solve_sue`, except ``start``.
    """
    if np.ndim(problem.extra_cost_min):
        msg = "paths cannot be added to a problem whose extra cost is given path by path"
        raise ValueError(msg)
    answer = solve_sue(problem, **options)
    for _ in range(MAX_ROUNDS):
        grown = with_cheaper_paths(problem.paths, problem.network.cost_min(answer.link_time_min))
        if not grown.added:
            break
        start = np.where(grown.before >= 0, answer.path_flow_veh_h[grown.before], 0.0)
        problem = replace(problem, paths=grown.paths)
        answer = solve_sue(problem, start=start, **options)
    return GrownEquilibrium(problem=problem, equilibrium=answer)


def _routes_on(
    network: Network, trees: Trees, tree: IntArray, origin: IntArray, dest: IntArray
) -> tuple[IntArray, IntArray]:
    """Return the ways along the trees as compressed rows, found backwards for all at once."""
    node, steps = dest.copy(), []
    under_way = np.ones(dest.size, dtype=bool)
    while under_way.any():
        link = np.where(under_way, trees.link[tree, node], -1)
        steps.append(link)
        node = np.where(under_way, network.from_node[link], node)
        under_way &= node != origin
    table = np.array(steps[::-1], dtype=np.int64).reshape(len(steps), dest.size).T
    taken = table >= 0
    return np.concatenate([[0], np.cumsum(taken.sum(axis=1))]), table[taken]
