"""The road network as arrays: nodes, one-way links, and one charging arc per station."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cosim.arrays import BoolArray, FloatArray, Frame, IntArray
from cosim.errors import ConfigError
from cosim.short_repr import short_repr

LINK_DEFAULTS = {
    **dict.fromkeys(("t0_min", "capacity_veh_h", "alpha", "davidson_j", "length_km", "fixed_cost_min"), 0.0),
    "beta": 1.0,
}
"""Fields of Network with one number per link, and their values of added links."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingArc:
    """A station in the road network: a loop at its node, with a Davidson time that is infinite at capacity."""

    name: str
    node: str
    t0_min: float
    """Session time without waiting: mean energy / charger power."""
    capacity_veh_h: float
    davidson_j: float
    """Davidson's J, the weight of the wait; fitted to the M/M/c wait by :func:`cosim.road.latency.fit_davidson_j`."""


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """Road network with charging arcs: BPR times on roads, Davidson times on charging arcs; arrays in link order."""

    nodes: tuple[str, ...]
    links: tuple[str, ...]
    from_node: IntArray
    to_node: IntArray
    t0_min: FloatArray
    capacity_veh_h: FloatArray
    alpha: FloatArray
    """BPR coefficient; 0 on charging arcs."""
    beta: FloatArray
    """BPR exponent; a linear link time has beta = 1."""
    davidson_j: FloatArray
    """Davidson coefficient of charging arcs; 0 on roads."""
    node_xy: FloatArray | None = None
    length_km: FloatArray | None = None
    fixed_cost_min: FloatArray | None = None
    """Cost of a link besides its time, as minutes: length and toll with their weights; None: zero."""
    through: BoolArray | None = None
    """Mask of the nodes that trips may pass through; at others they only begin and end. None: all nodes."""
    marginal: bool = False
    """Whether link times are marginal costs t + x t', so that an equilibrium is a system optimum."""
    charging_arcs: IntArray = field(init=False, repr=False)
    """Link index of each station's arc, in station order."""

    def __post_init__(self) -> None:
        """Compute the charging arcs once; every iteration of an assignment uses them."""
        object.__setattr__(self, "charging_arcs", np.flatnonzero(self.is_charging))

    @property
    def is_charging(self) -> BoolArray:
        """True for charging arcs, the links that start and end at one node."""
        loops: BoolArray = self.from_node == self.to_node
        return loops

    @property
    def free_flow_cost_min(self) -> FloatArray:
        """Return the free-flow cost of every link [min]."""
        return self.cost_min(self.t0_min)

    def cost_min(self, link_time_min: FloatArray) -> FloatArray:
        """Return the generalised cost of every link at these times [min]."""
        return link_time_min if self.fixed_cost_min is None else link_time_min + self.fixed_cost_min

    @property
    def stations(self) -> tuple[str, ...]:
        """Names of the stations, in the order of their charging arcs."""
        return tuple(self.links[arc] for arc in self.charging_arcs)

    def node_index(self, name: str) -> int:
        """Return the index of a node in the node arrays; ValueError for an unknown node."""
        return self.nodes.index(name)

    def frame(self, flow_veh_h: FloatArray, time_min: FloatArray, toll_min: FloatArray) -> Frame:
        """Return a table with one row per link: end nodes, flow, time, cost, toll, capacity, flow / capacity."""
        import pandas as pd

        columns = {
            "link": self.links,
            "from_node": [self.nodes[node] for node in self.from_node],
            "to_node": [self.nodes[node] for node in self.to_node],
            "flow_veh_h": flow_veh_h,
            "time_min": time_min,
            "cost_min": self.cost_min(time_min),
            "toll_min": toll_min,
            "capacity_veh_h": self.capacity_veh_h,
            "saturation": flow_veh_h / self.capacity_veh_h,
        }
        return pd.DataFrame(columns)

    def with_charging_arcs(self, stations: Sequence[ChargingArc]) -> "Network":
        """Return the network with a charging arc per station, in station order.

        Raises ConfigError that lists every unknown node, repeated name and value out of range.
        """
        problems = [problem for station in stations for problem in _faults(self, station)]
        names = [*self.links, *(station.name for station in stations)]
        problems += [f"the name {name!r} is given twice" for name in _repeated(names)]
        if problems:
            raise ConfigError(", ".join(station.name for station in stations), problems)
        nodes = np.array([self.node_index(station.node) for station in stations], dtype=np.int64)
        return self.with_links(
            [station.name for station in stations],
            nodes,
            nodes,
            t0_min=[station.t0_min for station in stations],
            capacity_veh_h=[station.capacity_veh_h for station in stations],
            davidson_j=[station.davidson_j for station in stations],
        )

    def with_links(
        self,
        names: Sequence[str],
        from_node: IntArray,
        to_node: IntArray,
        **columns: FloatArray | Sequence[float] | float,
    ) -> "Network":
        """Return the network with more links; *columns* are link arrays or numbers for all, by default 0 (beta: 1)."""
        extended: dict[str, Any] = {
            name: np.append(getattr(self, name), np.broadcast_to(columns.get(name, default), len(names)))
            for name, default in LINK_DEFAULTS.items()
            if getattr(self, name) is not None
        }
        return replace(
            self,
            links=(*self.links, *names),
            from_node=np.append(self.from_node, from_node),
            to_node=np.append(self.to_node, to_node),
            **extended,
        )


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OdTable:
    """Demand between pairs of nodes, as node indices of one network; one entry per OD."""

    origin: IntArray
    dest: IntArray
    demand_veh_h: FloatArray


def natural_order(name: str) -> tuple[int, int, str]:
    """Return a sorting key that puts '9' before '10', and numbers before words."""
    return (0, int(name), name) if name.isdecimal() else (1, 0, name)


def _faults(network: Network, station: ChargingArc) -> list[str]:
    """Return a sentence for each fault of one station."""
    problems = []
    if station.node not in network.nodes:
        problems.append(f"station {station.name!r}: node {station.node!r} is not in the road network")
    for quantity in ("t0_min", "capacity_veh_h", "davidson_j"):
        value = getattr(station, quantity)
        if not 0 < value < np.inf:
            problems.append(f"station {station.name!r}: {quantity} is {value:g}; it must be above 0")
    return problems


def _repeated(names: Sequence[str]) -> list[str]:
    """Return the names that occur more than once, each once."""
    counts = Counter(names)
    return [name for name, count in counts.items() if count > 1]
