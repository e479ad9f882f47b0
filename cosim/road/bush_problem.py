"""The assignment problem of one period on bushes, for large networks."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.road.bush_loading import BushLoading, load_bushes, path_cost_range
from cosim.road.bushes import BushSet
from cosim.road.problem import SueProblem
from cosim.short_repr import short_repr


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BushProblem(SueProblem[BushLoading]):
    """Assignment problem of one period on bushes; its groups are those of ``bushes``, theta is per class."""

    bushes: BushSet
    station_cost_min: FloatArray | float = 0.0
    """Flow-independent cost per station, such as the charging cost in minutes."""

    def __post_init__(self) -> None:
        """Raise ValueError for arrays of wrong shape and values out of range."""
        if self.demand_veh_h.shape != self.bushes.dest_state.shape:
            msg = (
                f"demand has shape {self.demand_veh_h.shape}; there are {self.bushes.dest_state.size} groups"
            )
            raise ValueError(msg)
        if self.theta_per_min.shape != (len(self.bushes.classes),):
            msg = f"theta has shape {self.theta_per_min.shape}; there are {len(self.bushes.classes)} classes"
            raise ValueError(msg)
        self.check_values()

    @property
    def alternatives(self) -> BushSet:
        """The bushes."""
        return self.bushes

    def load(self, link_time_min: FloatArray) -> BushLoading:
        """Return the logit loading at these link times."""
        cost = self.network.cost_min(link_time_min).copy()
        cost[self.network.charging_arcs] += self.station_cost_min
        return load_bushes(
            self.bushes,
            link_time_min=link_time_min,
            link_cost_min=cost,
            demand_veh_h=self.demand_veh_h,
            theta_per_min=self.theta_per_min,
        )

    def residual_at(self, loading: BushLoading, link_time_min: FloatArray) -> float:
        """Return an upper bound on max |q P(c(f)) - f| / max(1, q) over all paths, without listing them.

        If the costs of a group's paths change by between l and m, its shares change by at most the factor
        exp(theta (m - l)).
        """
        change = link_time_min - loading.link_time_min
        bushes = self.bushes
        lowest, highest = path_cost_range(bushes, change[bushes.link] * loading.theta_of_arc)
        cost_range = (highest - lowest)[bushes.dest_state]
        bound = np.minimum(1.0, np.expm1(np.minimum(cost_range, 1.0)))
        return float(np.max(bound * self.demand_veh_h / np.maximum(1.0, self.demand_veh_h), initial=0.0))

    def charging_pairs(self) -> tuple[IntArray, IntArray]:
        """Return the (group, station) combinations with a path, as two index arrays."""
        bushes, stations = self.bushes, self.network.charging_arcs.size
        charging = np.flatnonzero(self.network.is_charging[bushes.link])
        charged = np.zeros((bushes.states, stations), dtype=bool)
        station_of_arc = np.searchsorted(self.network.charging_arcs, bushes.link[charging])
        charged[bushes.head[charging], station_of_arc] = True
        for start, end in pairwise(bushes.depth_start[1:]):
            arcs = slice(bushes.in_start[start], bushes.in_start[end])
            first = bushes.in_start[start:end] - bushes.in_start[start]
            charged[start:end] |= np.logical_or.reduceat(charged[bushes.tail[arcs]], first, axis=0)
        group, station = np.nonzero(charged[bushes.dest_state])
        return group, station
