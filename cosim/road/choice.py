"""Logit choice among the paths of a group (Eq. 7 of Ma et al. 2024), for any number of groups at once."""

from dataclasses import dataclass, field

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Choice sets: contiguous paths of one class and OD, among which its travellers choose.

    Arrays over paths have the paths as last axis; a leading axis may be the periods.
    """

    start: IntArray
    """First path of each group, then the number of paths; no group is empty."""
    group_of_path: IntArray = field(init=False, repr=False)
    """Group of each path."""

    def __post_init__(self) -> None:
        """Compute the group of each path."""
        object.__setattr__(self, "group_of_path", np.repeat(np.arange(self.count), np.diff(self.start)))

    @property
    def count(self) -> int:
        """Number of groups."""
        return self.start.size - 1

    def members(self, group: int) -> slice:
        """Return the paths of one group."""
        return slice(int(self.start[group]), int(self.start[group + 1]))

    def total(self, values: FloatArray) -> FloatArray:
        """Return the sum over each group's paths."""
        return np.add.reduceat(values, self.start[:-1], axis=-1)

    def minimum(self, values: FloatArray) -> FloatArray:
        """Return the minimum over each group's paths."""
        return np.minimum.reduceat(values, self.start[:-1], axis=-1)

    def expand(self, values: FloatArray) -> FloatArray:
        """Return each group's value for each of its paths."""
        return values[..., self.group_of_path]


def logit_shares(cost_min: FloatArray, groups: Groups, theta_per_min: FloatArray) -> FloatArray:
    """Return the share of each path in its group (Eq. 7), in the shape of *cost_min*: (..., paths).

    Costs are shifted by the minimum of the group, which does not change the shares and prevents underflow of all
    exponentials. *theta_per_min* has one entry per group.
    """
    weight = _weight(cost_min, groups, theta_per_min)
    return weight / groups.expand(groups.total(weight))


def open_shares(
    cost_min: FloatArray, is_open: BoolArray, groups: Groups, theta_per_min: FloatArray
) -> FloatArray:
    """Return the shares among the open paths of each group; all 0 in one that has none."""
    if is_open.all():
        return logit_shares(cost_min, groups, theta_per_min)
    has_open = groups.expand(groups.total(is_open.astype(np.float64))) > 0
    shares = logit_shares(np.where(is_open | ~has_open, cost_min, np.inf), groups, theta_per_min)
    return np.where(has_open, shares, 0.0)


def expected_minimum_cost_min(cost_min: FloatArray, groups: Groups, theta_per_min: FloatArray) -> FloatArray:
    """Return the expected minimum cost C* = -1/theta ln sum_k exp(-theta c_k) per group [min]."""
    weight = _weight(cost_min, groups, theta_per_min)
    return groups.minimum(cost_min) - np.log(groups.total(weight)) / theta_per_min


def choose(cumulative: FloatArray, uniform: float | FloatArray) -> IntArray:
    """Return the index, within its group, of the path drawn by each *uniform* in [0, 1), by inversion.

    *cumulative* are the probabilities of :func:`cumulative_probabilities`, which end in 1. One draw or an array of
    draws gives the same result. A path with share 0 is never drawn.
    """
    return np.searchsorted(cumulative, uniform, side="right")


def padded_members(groups: Groups, selected: slice) -> IntArray:
    """Return the paths of the *selected* groups, (groups, largest group); shorter rows are padded with -1."""
    start, size = groups.start[:-1][selected], np.diff(groups.start)[selected]
    column = np.arange(size.max(initial=0))
    return np.where(column < size[:, np.newaxis], start[:, np.newaxis] + column, -1)


def cumulative_probabilities(weight: FloatArray) -> FloatArray:
    """Return the cumulative probabilities in proportion to the weights, over the last axis, ending in exactly 1.

    Rows may be padded with zeros: the result is bit-identical to that without padding.
    """
    summed = np.cumsum(weight, axis=-1)
    # Division by the last sum gives exactly 1 there, so that no rounding error goes to a path of share 0.
    probabilities: FloatArray = summed / summed[..., -1:]
    return probabilities


def choose_in_rows(cumulative: FloatArray, uniform: FloatArray) -> IntArray:
    """Return the column drawn by the *uniform* of each row of *cumulative*: :func:`choose` row by row."""
    column: IntArray = np.count_nonzero(cumulative <= uniform[:, np.newaxis], axis=1)
    return column


def _weight(cost_min: FloatArray, groups: Groups, theta_per_min: FloatArray) -> FloatArray:
    excess = cost_min - groups.expand(groups.minimum(cost_min))
    return np.exp(-groups.expand(theta_per_min) * excess)
