"""Logit loading on bushes (Dial 1971) in soft-min form, and how it responds to a change of the link times.

The label of a state is the expected minimum cost from the origin, V_j = -1/theta ln sum_i exp(-theta (V_i + c_ij)),
shifted by the minimum of its terms against underflow. p_ij = exp(-theta (V_i + c_ij - V_j)) is the share of the flow
through j that uses the arc from i; the flows are summed backwards from the destinations.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array

from cosim.arrays import FloatArray, IntArray
from cosim.road.bushes import BushSet


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BushLoading:
    """The logit loading of a bush set at given costs."""

    bushes: BushSet
    theta_of_arc: FloatArray
    """Theta of the travellers on each arc [1/min]."""
    link_time_min: FloatArray
    """Link times of the loading."""
    label: FloatArray
    """theta V per state."""
    share: FloatArray
    """Share p per arc."""
    volume_veh_h: FloatArray
    """Flow through each state."""
    arc_flow_veh_h: FloatArray
    link_flow_veh_h: FloatArray
    _into: list[csr_array] = field(default_factory=list, repr=False)
    _out: list[csr_array] = field(default_factory=list, repr=False)

    @property
    def expected_cost_min(self) -> FloatArray:
        """Return the expected minimum cost per group [min]."""
        theta_of_state = np.empty(self.bushes.states)
        theta_of_state[self.bushes.head] = self.theta_of_arc
        dest = self.bushes.dest_state
        cost: FloatArray = self.label[dest] / theta_of_state[dest]
        return cost

    def mean_time_min(self, link_time_min: FloatArray) -> FloatArray:
        """Return the mean travel time per group at these link times [min]."""
        bushes = self.bushes
        arc_times = _summed(bushes.head, self.share * link_time_min[bushes.link], bushes.states)
        return self._forwards(arc_times)[bushes.dest_state]

    def response(self, time_change_min: FloatArray) -> FloatArray:
        """Return S v: the change of the labels by a forward pass, that of the flows by a backward pass."""
        bushes = self.bushes
        excess = time_change_min[bushes.link] * self.theta_of_arc
        label = self._forwards(_summed(bushes.head, self.share * excess, bushes.states))
        excess += label[bushes.tail]
        excess -= label[bushes.head]
        excess *= self.arc_flow_veh_h
        volume = self._backwards(_summed(bushes.tail, excess, bushes.states))
        excess += self.share * volume[bushes.head]
        return _summed(bushes.link, excess, time_change_min.size)

    def response_matrix(self) -> None:
        """Return None: on a large network only products with S are computed."""

    def corrected(self, time_change_min: FloatArray) -> None:
        """Return None: path flows are not known."""

    def _forwards(self, values: FloatArray) -> FloatArray:
        """Return u with u_j = values_j + sum_i p_ij u_i, and 0 at the origins; overwrites *values*."""
        bushes = self.bushes
        if not self._into:
            self._into.extend(_depths(bushes, bushes.in_start, bushes.tail, self.share, first=1))
        label = values
        for (start, end), matrix in zip(pairwise(bushes.depth_start[1:]), self._into, strict=True):
            label[start:end] += matrix @ label
        return label

    def _backwards(self, values: FloatArray) -> FloatArray:
        """Return n with n_i = values_i + sum_j p_ij n_j."""
        bushes = self.bushes
        if not self._out:
            self._out.extend(
                _depths(
                    bushes,
                    bushes.out_start,
                    bushes.head[bushes.arcs_by_tail],
                    self.share[bushes.arcs_by_tail],
                    first=0,
                )
            )
        return _summed_backwards(bushes, self._out, values)


def load_bushes(
    bushes: BushSet,
    *,
    link_time_min: FloatArray,
    link_cost_min: FloatArray,
    demand_veh_h: FloatArray,
    theta_per_min: FloatArray,
) -> BushLoading:
    """Return the loading of *demand_veh_h* (per group) at these costs; theta is per class."""
    theta_of_arc = theta_per_min[bushes.class_of_state[bushes.head]]
    label, share = _soft_minimum(bushes, link_cost_min[bushes.link] * theta_of_arc)
    out = _depths(
        bushes, bushes.out_start, bushes.head[bushes.arcs_by_tail], share[bushes.arcs_by_tail], first=0
    )
    volume = _summed_backwards(bushes, out, _summed(bushes.dest_state, demand_veh_h, bushes.states))
    flow = share * volume[bushes.head]
    return BushLoading(
        bushes=bushes,
        theta_of_arc=theta_of_arc,
        link_time_min=link_time_min,
        label=label,
        share=share,
        volume_veh_h=volume,
        arc_flow_veh_h=flow,
        link_flow_veh_h=_summed(bushes.link, flow, len(bushes.network.links)),
        _out=out,
    )


def path_cost_range(bushes: BushSet, arc_cost: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the minimum and the maximum cost of a path to each state."""
    lowest, highest = np.zeros((2, bushes.states))
    for start, end in pairwise(bushes.depth_start[1:]):
        arcs = slice(bushes.in_start[start], bushes.in_start[end])
        first = bushes.in_start[start:end] - bushes.in_start[start]
        lowest[start:end] = np.minimum.reduceat(lowest[bushes.tail[arcs]] + arc_cost[arcs], first)
        highest[start:end] = np.maximum.reduceat(highest[bushes.tail[arcs]] + arc_cost[arcs], first)
    return lowest, highest


def _soft_minimum(bushes: BushSet, arc_cost: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the label of each state and the share of each arc, with costs in units of 1/theta."""
    label, share = np.zeros(bushes.states), np.empty(arc_cost.size)
    for start, end in pairwise(bushes.depth_start[1:]):
        arcs = slice(bushes.in_start[start], bushes.in_start[end])
        first = bushes.in_start[start:end] - bushes.in_start[start]
        rank = bushes.rank_in_depth[arcs]
        cost = label[bushes.tail[arcs]] + arc_cost[arcs]
        minimum = np.minimum.reduceat(cost, first)
        weight = np.exp(minimum[rank] - cost)
        total = _summed(rank, weight, int(end - start))
        share[arcs] = weight / total[rank]
        label[start:end] = minimum - np.log(total)
    return label, share


def _summed_backwards(bushes: BushSet, out: list[csr_array], values: FloatArray) -> FloatArray:
    volume = values.copy()
    for (start, end), matrix in zip(reversed(list(pairwise(bushes.depth_start))), reversed(out), strict=True):
        volume[start:end] += matrix @ volume
    return volume


def _depths(
    bushes: BushSet, rows: IntArray, column: IntArray, share: FloatArray, *, first: int
) -> list[csr_array]:
    """Return one matrix of shares per depth, from *first* on: states of the depth x all states."""
    matrices = []
    for start, end in pairwise(bushes.depth_start[first:]):
        arcs = slice(rows[start], rows[end])
        indptr = rows[start : end + 1] - rows[start]
        matrices.append(csr_array((share[arcs], column[arcs], indptr), shape=(end - start, bushes.states)))
    return matrices


def _summed(index: IntArray, weight: FloatArray, count: int) -> FloatArray:
    """Return the sum of the weights at each index."""
    return np.bincount(index, weight, count).astype(np.float64, copy=False)
