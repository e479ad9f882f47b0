"""The paths each group of travellers chooses from; charging travellers choose a (path, station) pair.

Equation numbers are those of Ma et al. (2024).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain

import numpy as np
from scipy.sparse import csr_array

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.errors import Problem, refuse
from cosim.road.choice import Groups
from cosim.road.network import Network, OdTable
from cosim.road.path_search import MAX_PATHS, LinkSequence, PathSearch, od_name, pairs_on


@dataclass(frozen=True, slots=True)
class UserClass:
    """Travellers who see the roads alike; those who charge choose a (path, station) pair."""

    name: str
    charges: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Legs:
    """A trip's time in three parts [min], one entry per path; a path without charging is all ``before``."""

    before_min: FloatArray
    station_min: FloatArray
    after_min: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choosing:
    """The paths of groups that have several: only these respond when the costs change."""

    path: IntArray
    """Number of each path in the set."""
    groups: Groups
    incidence: csr_array
    link_loading: csr_array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PathSet:
    """Every group's paths, one group after another; group number = class number * number of ODs + OD number.

    Link sequences are compressed rows: path k runs over ``links[indptr[k]:indptr[k+1]]`` in travel order.
    """

    network: Network
    od: OdTable
    classes: tuple[UserClass, ...]
    groups: Groups
    indptr: IntArray
    links: IntArray
    station: IntArray
    """Station of each pair, counted in station order; -1 where the path does not charge."""
    charges_at: IntArray
    """Position of the charging arc in ``links``; -1 where the path does not charge."""
    incidence: csr_array
    """Paths x links: 1 where the path uses the link."""
    link_loading: csr_array
    """The transpose, stored by rows of its own, for it is multiplied in every iteration."""
    _choosing: list[Choosing] = field(init=False, default_factory=list, repr=False)

    def __repr__(self) -> str:
        """Return the sizes of the path set."""
        return f"<PathSet: {self.count:,} paths of {self.od.origin.size:,} ODs, {len(self.classes)} user classes>"

    @property
    def choosing(self) -> Choosing:
        """The paths of groups that have several; found once."""
        if not self._choosing:
            several = np.diff(self.groups.start) > 1
            path = np.flatnonzero(several[self.groups.of_path])
            start = np.concatenate([[0], np.cumsum(np.diff(self.groups.start)[several])])
            rows = self.incidence if path.size == self.count else self.incidence[path]
            columns = self.link_loading if path.size == self.count else csr_array(rows.T)
            self._choosing.append(
                Choosing(path=path, groups=Groups(start), incidence=rows, link_loading=columns)
            )
        return self._choosing[0]

    @property
    def count(self) -> int:
        """Number of paths and pairs of all groups."""
        return self.indptr.size - 1

    @property
    def od_of_group(self) -> IntArray:
        """OD number of each group."""
        return np.arange(self.groups.count) % self.od.origin.size

    @property
    def class_of_group(self) -> IntArray:
        """Class number of each group."""
        return np.arange(self.groups.count) // self.od.origin.size

    def links_of(self, path: int) -> IntArray:
        """Return the links of one path in travel order."""
        return self.links[self.indptr[path] : self.indptr[path + 1]]

    def group_name(self, group: int) -> str:
        """Name a group as a person would: class and OD."""
        klass, od = divmod(group, self.od.origin.size)
        return f"{self.classes[klass].name} {od_name(self.network, self.od, od)}"

    def pair_name(self, path: int) -> str:
        """Name a path by its nodes, and a pair by its station after them: ``1-5-6 @ S6``."""
        station = f" @ {self.network.stations[self.station[path]]}" if self.station[path] >= 0 else ""
        return self.path_name(path) + station

    def path_name(self, path: int) -> str:
        """Name a path by its nodes alone."""
        links, at = self.links_of(path), self.charges_at[path] - self.indptr[path]
        on_roads = links if at < 0 else np.delete(links, at)
        nodes = [self.network.from_node[on_roads[0]], *self.network.to_node[on_roads]]
        return "-".join([self.network.nodes[node] for node in nodes])

    def link_flow_veh_h(self, path_flow_veh_h: FloatArray) -> FloatArray:
        """Return the flow on every link, x = Delta' f (Eq. 5)."""
        flow: FloatArray = self.link_loading @ path_flow_veh_h
        return flow

    def time_min(self, link_time_min: FloatArray) -> FloatArray:
        """Return the time along every path, Delta t (Eq. 6)."""
        time: FloatArray = self.incidence @ link_time_min
        return time

    def legs(self, link_time_min: FloatArray) -> Legs:
        """Return every path's time before, at and after its station, for one array of link times."""
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
) -> PathSet:
    """Return the loop-free paths of every OD, and for charging classes all (path, station) pairs on them.

    All paths; with *budget* those that cost at most *budget* times the cheapest at free flow; with *k* the k
    cheapest. Paths of an OD are ordered by free-flow cost, then by the names of their links, so the order of
    links in a file does not matter; pairs follow their paths, then the stations. Raises ConfigError naming
    every OD without a path, with more than *path_limit*, or whose charging users pass no station.
    """
    search = PathSearch(network, budget=budget, k=k, path_limit=path_limit)
    sequences, problems = search.paths(od)
    pairs = [[pair for sequence in choices for pair in pairs_on(network, sequence)] for choices in sequences]
    problems += [
        Problem(f"no path passes a station, where class {klass.name!r} could charge").within(
            "OD", od_name(network, od, number)
        )
        for klass in classes
        if klass.charges
        for number, choices in enumerate(sequences)
        if choices and not pairs[number]
    ]
    refuse("paths", problems)
    by_group = [choice for klass in classes for choice in (pairs if klass.charges else sequences)]
    return path_set(network, od, tuple(classes), by_group)


def path_set(
    network: Network, od: OdTable, classes: tuple[UserClass, ...], by_group: Sequence[Sequence[LinkSequence]]
) -> PathSet:
    """Return the path set of these sequences, given group by group."""
    start = np.array([0, *accumulate(map(len, by_group))], dtype=np.int64)
    return packed_paths(network, od, classes, start, *packed(chain.from_iterable(by_group)))


def packed(sequences: Iterable[LinkSequence]) -> tuple[IntArray, IntArray]:
    """Return the sequences as compressed rows: where each begins, and their links one after another."""
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
    """Return the path set of compressed rows: *start* is the first path of each group, and their number."""
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
