"""The logit loading at given link times, and its response to a change of the times."""

from dataclasses import dataclass, field, replace
from typing import Protocol, Self, TypeVar

import numpy as np
from scipy.sparse import csr_array

from cosim.arrays import FloatArray
from cosim.road.paths import PathSet

DENSE_ENTRIES = 20_000
"""Paths x links up to which the response matrix is computed from a dense incidence matrix."""


class Loading(Protocol):
    """y(t) and its derivative dy/dt = -S, symmetric and positive semidefinite."""

    @property
    def link_flow_veh_h(self) -> FloatArray:
        """Return y(t), the flow on every link [veh/h]."""
        ...

    @property
    def expected_cost_min(self) -> FloatArray:
        """Return the expected minimum cost per group [min]; its derivative with respect to the link times is y."""
        ...

    def response(self, time_change_min: FloatArray) -> FloatArray:
        """Return S v, the decrease of the link flows when the times change by v [veh/h]."""
        ...

    def response_matrix(self) -> FloatArray | None:
        """Return S [veh/h per min]; None where only products S v are available."""
        ...

    def corrected(self, time_change_min: FloatArray) -> Self | None:
        """Return the loading after a change of the times, to first order; None where path flows are not known."""
        ...


L = TypeVar("L", bound=Loading)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PathLoading:
    """The logit loading of a path set, and S = sum_g theta_g [Delta diag(h) Delta' - m m'/q] per group g."""

    paths: PathSet
    theta_per_min: FloatArray
    """Logit scale per group."""
    path_cost_min: FloatArray
    path_share: FloatArray
    path_flow_veh_h: FloatArray
    link_flow_veh_h: FloatArray
    _responding: list[FloatArray] = field(init=False, default_factory=list, repr=False)
    """Share and weight of the responsive paths, computed once for many products."""

    @property
    def expected_cost_min(self) -> FloatArray:
        """Return c + ln P / theta, equal for all paths of a group, from its cheapest path."""
        groups = self.paths.groups
        cheapest_share = np.maximum.reduceat(self.path_share, groups.start[:-1])
        cost: FloatArray = groups.minimum(self.path_cost_min) + np.log(cheapest_share) / self.theta_per_min
        return cost

    @property
    def _weight(self) -> FloatArray:
        return self.paths.groups.expand(self.theta_per_min) * self.path_flow_veh_h

    def response(self, time_change_min: FloatArray) -> FloatArray:
        """Return S v: the flow of a path falls with its cost above the mean cost of its group."""
        responsive = self.paths.responsive
        if not self._responding:
            self._responding.extend([self.path_share[responsive.path], self._weight[responsive.path]])
        share, weight = self._responding
        cost = responsive.incidence @ time_change_min
        cost -= responsive.groups.expand(responsive.groups.total(share * cost))
        cost *= weight
        flow: FloatArray = responsive.link_loading @ cost
        return flow

    def corrected(self, time_change_min: FloatArray) -> Self | None:
        """Return the loading after a change of the times, to first order; None if a path flow would be negative."""
        groups = self.paths.groups
        cost = self.paths.time_min(time_change_min)
        mean = groups.total(self.path_share * cost)
        flow = self.path_flow_veh_h - self._weight * (cost - groups.expand(mean))
        if flow.min(initial=0.0) < 0:
            return None
        return replace(self, path_flow_veh_h=flow, link_flow_veh_h=self.paths.link_flow_veh_h(flow))

    def response_matrix(self) -> FloatArray:
        """Return S as a matrix, links x links."""
        paths, groups, weight = self.paths, self.paths.groups, self._weight
        matrix: FloatArray
        if paths.count * len(paths.network.links) <= DENSE_ENTRIES:
            dense = paths.incidence.toarray()
            mean = np.add.reduceat(self.path_share[:, None] * dense, groups.start[:-1], axis=0)
            matrix = dense.T @ (weight[:, None] * (dense - mean[groups.group_of_path]))
            return matrix
        shape = (groups.count, paths.count)
        mean = (
            csr_array((self.path_share, np.arange(paths.count), groups.start), shape=shape) @ paths.incidence
        )
        spread = csr_array(mean.T * groups.total(weight)) @ mean
        matrix = (csr_array(paths.link_loading * weight) @ paths.incidence - spread).toarray()
        return matrix
