"""The assignment problem of one period: demand, alternatives, costs, and the residual of every method.

Equation numbers are those of Ma et al. (2024).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Generic, Literal

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.road.bushes import BushSet
from cosim.road.choice import logit_shares
from cosim.road.latency import link_time_min
from cosim.road.loading import L, PathLoading
from cosim.road.network import Network
from cosim.road.paths import PathSet
from cosim.short_repr import short_repr

Overload = Literal["refuse", "extend"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SueProblem(ABC, Generic[L]):
    """Demand and alternatives of one period: listed paths, or bushes on a large network."""

    demand_veh_h: FloatArray
    """Demand q per group (Eq. 4)."""
    theta_per_min: FloatArray
    """Logit scale per group, on bushes per class; perception errors are in proportion to 1/theta."""
    overload: Overload = "refuse"
    """'extend': Davidson's function is linear beyond 0.99 c, so that demand may exceed the capacity of the stations."""

    def check_values(self) -> None:
        """Raise ValueError for negative or NaN demand, and for theta that is not above 0."""
        if not (np.isfinite(self.demand_veh_h).all() and np.all(self.demand_veh_h >= 0)):
            msg = "a demand is negative or NaN"
            raise ValueError(msg)
        if not (np.isfinite(self.theta_per_min).all() and np.all(self.theta_per_min > 0)):
            msg = "a theta is not above 0"
            raise ValueError(msg)

    @property
    @abstractmethod
    def alternatives(self) -> PathSet | BushSet:
        """The alternatives of the groups."""

    @property
    def network(self) -> Network:
        """The road network."""
        return self.alternatives.network

    @property
    def extends(self) -> bool:
        """Whether Davidson's function is linear beyond 0.99 c."""
        return self.overload == "extend"

    def link_time_min(self, link_flow_veh_h: FloatArray) -> FloatArray:
        """Return t(x), Eq. 3 [min]; t + x t' on a network of marginal costs."""
        return link_time_min(self.network, link_flow_veh_h, extend=self.extends)

    def residual_of(self, loading: L) -> float:
        """Return the residual of a loading; infinite if it fills a station to its capacity."""
        network, flow = self.network, loading.link_flow_veh_h
        arcs = network.charging_arcs
        if arcs.size and not self.extends and np.any(flow[arcs] >= network.capacity_veh_h[arcs]):
            return np.inf
        return self.residual_at(loading, self.link_time_min(flow))

    @abstractmethod
    def load(self, link_time_min: FloatArray) -> L:
        """Return the logit loading at these link times."""

    @abstractmethod
    def residual_at(self, loading: L, link_time_min: FloatArray) -> float:
        """Return the residual of the loading's flows, at the link times of these flows."""

    @abstractmethod
    def charging_pairs(self) -> tuple[IntArray, IntArray]:
        """Return the (group, station) combinations with a path, as two index arrays."""


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AssignmentProblem(SueProblem[PathLoading]):
    """Assignment problem of one period on listed paths; its groups are those of ``paths``."""

    paths: PathSet
    extra_cost_min: FloatArray | float = 0.0
    """Flow-independent cost per path, such as the charging cost in minutes; infinite: nobody takes it."""
    path_demand_veh_h: FloatArray = field(init=False, repr=False)
    """Demand of the group of each path."""

    def __post_init__(self) -> None:
        """Raise ValueError for arrays of wrong shape and values out of range."""
        groups = (self.paths.groups.count,)
        if self.demand_veh_h.shape != groups or self.theta_per_min.shape != groups:
            shapes = f"demand has shape {self.demand_veh_h.shape}, theta {self.theta_per_min.shape}"
            msg = f"{shapes}; the path set has {groups[0]} groups"
            raise ValueError(msg)
        if np.shape(self.extra_cost_min) not in ((), (self.paths.count,)):
            msg = f"extra cost has shape {np.shape(self.extra_cost_min)}; there are {self.paths.count} paths"
            raise ValueError(msg)
        self.check_values()
        object.__setattr__(self, "path_demand_veh_h", self.paths.groups.expand(self.demand_veh_h))

    @property
    def alternatives(self) -> PathSet:
        """The paths."""
        return self.paths

    def path_cost_min(self, link_time_min: FloatArray) -> FloatArray:
        """Return every path's generalised cost c = Delta t + fixed and extra costs [min]."""
        return self.paths.time_min(self.network.cost_min(link_time_min)) + self.extra_cost_min

    def path_shares(self, path_cost_min: FloatArray) -> FloatArray:
        """Return P(c), Eq. 7."""
        return logit_shares(path_cost_min, self.paths.groups, self.theta_per_min)

    def load(self, link_time_min: FloatArray) -> PathLoading:
        """Return the logit loading at these link times: f = q P(c), x = Delta' f (Eq. 4, 5)."""
        cost = self.path_cost_min(link_time_min)
        share = self.path_shares(cost)
        flow = self.path_demand_veh_h * share
        return PathLoading(
            paths=self.paths,
            theta_per_min=self.theta_per_min,
            path_cost_min=cost,
            path_share=share,
            path_flow_veh_h=flow,
            link_flow_veh_h=self.paths.link_flow_veh_h(flow),
        )

    def residual(self, path_flow_veh_h: FloatArray, path_share: FloatArray) -> float:
        """Return max |q P(c(f)) - f| / max(1, q) over all paths."""
        change = np.abs(self.path_demand_veh_h * path_share - path_flow_veh_h)
        return float(np.max(change / np.maximum(1.0, self.path_demand_veh_h)))

    def residual_at(self, loading: PathLoading, link_time_min: FloatArray) -> float:
        """Return the residual of the loading's path flows, at the link times of these flows."""
        share = self.path_shares(self.path_cost_min(link_time_min))
        return self.residual(loading.path_flow_veh_h, share)

    def charging_pairs(self) -> tuple[IntArray, IntArray]:
        """Return the (group, station) combinations with a path that somebody may take, as two index arrays."""
        pairs = (self.paths.station >= 0) & np.isfinite(self.extra_cost_min)
        group, station = np.unique(
            np.stack([self.paths.groups.group_of_path[pairs], self.paths.station[pairs]]), axis=1
        )
        return group, station

    def free_flow_loading_veh_h(self) -> FloatArray:
        """Return q P(c(0)), the loading at free-flow times."""
        return self.path_demand_veh_h * self.path_shares(self.path_cost_min(self.network.t0_min))


def total_travel_time_veh_min(link_flow_veh_h: FloatArray, link_time_min: FloatArray, hours: float) -> float:
    """Return the total travel time over *hours*, stations included: sum x t [veh min]."""
    return float(link_flow_veh_h @ link_time_min) * hours
