"""Path sets: the alternatives of each group of travellers, (path, station) pairs for those that charge.

Equation numbers are those of Ma et al. (2024).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import Annotated

import numpy as np
from scipy.sparse import csr_array

from cosim.arguments import Allowed
from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.errors import Problem, refuse
from cosim.road.choice import Groups
from cosim.road.network import Network, OdTable
from cosim.road.path_search import MAX_PATHS, LinkSequence, PathSearch, od_name, pairs_on


@dataclass(frozen=True, slots=True)
class UserClass:
    """A class of travellers with the same costs; charging classes choose a (path, station) pair."""

    name: str
    charges: bool = False


UserClasses = Annotated[
    Sequence[UserClass],
    Allowed(
        "a list of user classes, at least one",
        lambda value: (
            isinstance(value, Sequence) and bool(value) and all(isinstance(v, UserClass) for v in value)
        ),
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Legs:
    """Travel time of each path before, at and after its station [min]; without charging all of it is ``before_min``."""

    before_min: FloatArray
    station_min: FloatArray
    after_min: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResponsivePaths:
    """The paths of groups with several paths: the flows of only these respond to a change of the costs."""

    path: IntArray
    """Index of each path in the set."""
    groups: Groups
    incidence: csr_array
    link_loading: csr_array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PathSet:
    """Paths of all groups in order; index of a group = class index * number of ODs + OD index.

    Link sequences are compressed rows: path k has ``links[indptr[k]:indptr[k+1]]`` in travel order.
    """

    network: Network
    od: OdTable
    classes: tuple[UserClass, ...]
    groups: Groups
    indptr: IntArray
    links: IntArray
    station: IntArray
    """Station index of each path; -1 without charging."""
    charges_at: IntArray
    """Position of the charging arc in ``links``; -1 without charging."""
    incidence: csr_array
    """Paths x links: 1 where the path uses the link."""
    link_loading: csr_array
    """The transpose, in compressed rows, because every iteration multiplies by it."""
    _responsive: list[ResponsivePaths] = field(init=False, default_factory=list, repr=False)

    def __repr__(self) -> str:
        """Return the numbers of paths, ODs and classes."""
        return f"<PathSet: {self.count:,} paths of {self.od.origin.size:,} ODs, {len(self.classes)} user classes>"

    @property
    def responsive(self) -> ResponsivePaths:
        """The paths of groups with several paths; computed once."""
        if not self._responsive:
            several = np.diff(self.groups.start) > 1
            path = np.flatnonzero(several[self.groups.group_of_path])
            start = np.concatenate([[0], np.cumsum(np.diff(self.groups.start)[several])])
            rows = self.incidence if path.size == self.count else self.incidence[path]
            columns = self.link_loading if path.size == self.count else csr_array(rows.T)
            self._responsive.append(
                ResponsivePaths(path=path, groups=Groups(start), incidence=rows, link_loading=columns)
            )
        return self._responsive[0]

    @property
    def count(self) -> int:
        """Number of paths and pairs of all groups."""
        return self.indptr.size - 1

    @property
    def od_of_group(self) -> IntArray:
        """OD index of each group."""
        return np.arange(self.groups.count) % self.od.origin.size

    @property
    def class_of_group(self) -> IntArray:
        """Class index of each group."""
        return np.arange(self.groups.count) // self.od.origin.size

    def links_of(self, path: int) -> IntArray:
        """Return the links of one path in travel order."""
        return self.links[self.indptr[path] : self.indptr[path + 1]]

    def group_name(self, group: int) -> str:
        """Return the name of a group: class and OD."""
        klass, od = divmod(group, self.od.origin.size)
        return f"{self.classes[klass].name} {od_name(self.network, self.od, od)}"

    def pair_name(self, path: int) -> str:
        """Return the name of a path, its nodes and the station of a pair: ``1-5-6 @ S6``."""
        station = f" @ {self.network.stations[self.station[path]]}" if self.station[path] >= 0 else ""
        return self.path_name(path) + station

    def path_name(self, path: int) -> str:
        """Return the nodes of a path: ``1-5-6``."""
        links, position = self.links_of(path), self.charges_at[path] - self.indptr[path]
        roads = links if position < 0 else np.delete(links, position)
        nodes = [self.network.from_node[roads[0]], *self.network.to_node[roads]]
        return "-".join([self.network.nodes[node] for node in nodes])

    def link_flow_veh_h(self, path_flow_veh_h: FloatArray) -> FloatArray:
        """Return the flow on every link, x = Delta' f (Eq. 5)."""
        flow: FloatArray = self.link_loading @ path_flow_veh_h
        return flow

    def time_min(self, link_time_min: FloatArray) -> FloatArray:
        """Return the time along every path, Delta t (Eq. 6)."""
        time: FloatArray = self.incidence @ link_time_min
        return time

    def uses(self, links: BoolArray) -> BoolArray:
        """Return whether each path uses any of these links, (links,)."""
        uses: BoolArray = self.incidence @ links.astype(np.float64) > 0
        return uses

    def legs(self, link_time_min: FloatArray) -> Legs:
        """Return the time of every path before, at and after its station."""
        time, path = link_time_min[self.links], np.repeat(np.arange(self.count), np.diff(self.indptr))
        offset = (
            np.arange(self.links.size) - np.where(self.charges_at < 0, self.links.size, self.charges_at)[path]
        )

        def summed(part: BoolArray) -> FloatArray:
            return np.bincount(path, np.where(part, time, 0.0), self.count).astype(np.float64, copy=False)

        return Legs(
            before_min=summed(offset < 0), station_min=summed(offset == 0), after_min=summed(offset > 0)
        )


def find_paths(
    network: Network,
    od: OdTable,
    classes: Sequence[UserClass],
    *,
    budget: float | None = None,
    k: int | None = None,
    path_limit: int = MAX_PATHS,
    closed_together: Sequence[BoolArray] = (),
) -> PathSet:
    """Return the loop-free paths of every OD, and for charging classes all (path, station) pairs on them.

    *budget* limits the cost relative to the cheapest path at free flow, *k* the number of paths. Paths of an OD are
    ordered by free-flow cost, then by the names of their links, so the order of links in a file does not matter; pairs
    are ordered by path, then station. An OD of which links *closed_together*, (links,) each, leave no path has those
    around them, too, as far as there are any: they come last. Raises ConfigError with every OD without a path, with
    more than *path_limit* paths, or without a station on a path of a charging class.
    """
    search = PathSearch(network, budget=budget, k=k, path_limit=path_limit)
    sequences, problems = search.paths(od)
    for closed in closed_together:
        around = PathSearch(network, budget=budget, k=k, path_limit=path_limit, closed=closed)
        _add_paths_around(sequences, closed, od, around)
    pairs = [[pair for path in paths for pair in pairs_on(network, path)] for paths in sequences]
    problems += [
        Problem(f"no path passes a station, where class {klass.name!r} could charge").within(
            "OD", od_name(network, od, index)
        )
        for klass in classes
        if klass.charges
        for index, paths in enumerate(sequences)
        if paths and not pairs[index]
    ]
    refuse("paths", problems)
    by_group = [paths for klass in classes for paths in (pairs if klass.charges else sequences)]
    return path_set(network, od, tuple(classes), by_group)


def _add_paths_around(
    sequences: list[list[LinkSequence]], closed: BoolArray, od: OdTable, around: PathSearch
) -> None:
    """Add the paths around closed links to those of each OD that has no open one."""
    without = [
        index for index, paths in enumerate(sequences) if all(closed[list(path)].any() for path in paths)
    ]
    cut = OdTable(origin=od.origin[without], dest=od.dest[without], demand_veh_h=od.demand_veh_h[without])
    found, _ = around.paths(cut)
    for index, paths in zip(without, found, strict=False):
        sequences[index] += paths


def path_set(
    network: Network, od: OdTable, classes: tuple[UserClass, ...], by_group: Sequence[Sequence[LinkSequence]]
) -> PathSet:
    """Return the path set of the link sequences of each group."""
    start = np.array([0, *accumulate(map(len, by_group))], dtype=np.int64)
    return packed_paths(network, od, classes, start, *packed(chain.from_iterable(by_group)))


def packed(sequences: Iterable[LinkSequence]) -> tuple[IntArray, IntArray]:
    """Return the sequences as compressed rows: row pointers and concatenated links."""
    sequences = list(sequences)
    indptr = np.array([0, *accumulate(map(len, sequences))], dtype=np.int64)
    return indptr, np.fromiter(chain.from_iterable(sequences), dtype=np.int64, count=int(indptr[-1]))


def packed_paths(
    network: Network,
    od: OdTable,
    classes: tuple[UserClass, ...],
    start: IntArray,
    indptr: IntArray,
    links: IntArray,
) -> PathSet:
    """Return the path set of compressed rows; *start* is the first path of each group, then the number of paths."""
    count = indptr.size - 1
    shape = (count, len(network.links))
    incidence = csr_array((np.ones(links.size), links, indptr), shape=shape)
    charging = np.flatnonzero(network.is_charging[links])
    station, charges_at = np.full((2, count), -1, dtype=np.int64)
    path = np.searchsorted(indptr, charging, side="right") - 1
    station[path] = np.searchsorted(network.charging_arcs, links[charging])
    charges_at[path] = charging
    return PathSet(
        network=network,
        od=od,
        classes=classes,
        groups=Groups(start),
        indptr=indptr,
        links=links,
        station=station,
        charges_at=charges_at,
        incidence=incidence,
        link_loading=csr_array(incidence.T),
    )
