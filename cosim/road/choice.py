"""Logit choice among the paths of a group (Eq. 7 of Ma et al. 2024), for any number of groups at once."""

from dataclasses import dataclass, field

import numpy as np

from cosim.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Paths in groups, one after another; travellers of one class and OD choose within a group.

    Arrays over paths have the paths as last axis; a leading axis may be the periods.
    """

    start: IntArray
    """First path of each group, and the number of paths at the end; no group is empty."""
    of_path: IntArray = field(init=False, repr=False)
    """Group of each path."""

    def __post_init__(self) -> None:
        """Write the group beside each path once."""
        object.__setattr__(self, "of_path", np.repeat(np.arange(self.count), np.diff(self.start)))

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
        """Return the smallest value among each group's paths."""
        return np.minimum.reduceat(values, self.start[:-1], axis=-1)

    def spread(self, values: FloatArray) -> FloatArray:
        """Return each group's value beside each of its paths."""
        return values[..., self.of_path]


def logit_shares(cost_min: FloatArray, groups: Groups, theta_per_min: FloatArray) -> FloatArray:
    """Return the share of each path in its group (Eq. 7), in the shape of *cost_min*: (..., paths).

    Costs are shifted by the group's minimum: the shares are the same, and the exponentials of a long day's
    costs cannot underflow to zero together. *theta_per_min* has one entry per group.
    """
    weight = _weight(cost_min, groups, theta_per_min)
    return weight / groups.spread(groups.total(weight))


def expected_minimum_cost_min(cost_min: FloatArray, groups: Groups, theta_per_min: FloatArray) -> FloatArray:
    """Return each group's satisfaction -1/theta ln sum_k exp(-theta c_k) [min]."""
    weight = _weight(cost_min, groups, theta_per_min)
    return groups.minimum(cost_min) - np.log(groups.total(weight)) / theta_per_min


def choose(cumulative: FloatArray, uniform: float | FloatArray) -> IntArray:
    """Return the path that each *uniform* in [0, 1) falls on, counted within the group of *cumulative*.

    *cumulative* are the chances of :func:`cumulative_chances`, which end in 1. One draw or an array of draws give the
    same result. A path with share 0 is never chosen.
    """
    return np.searchsorted(cumulative, uniform, side="right")


def padded_members(groups: Groups, of: slice) -> IntArray:
    """Return the paths of the groups *of*, a row for each; short rows end in -1."""
    start, size = groups.start[:-1][of], np.diff(groups.start)[of]
    place = np.arange(size.max(initial=0))
    return np.where(place < size[:, np.newaxis], start[:, np.newaxis] + place, -1)


def cumulative_chances(weight: FloatArray) -> FloatArray:
    """Return the chances that follow from weights, summed up over the last axis, ending in exactly 1.

    Weights may be 0 after all others: rows padded with them are, to the bit, those without.
    """
    summed = np.cumsum(weight, axis=-1)
    # Dividing by the last sum makes it 1 without giving its rounding error to a path nobody takes.
    chances: FloatArray = summed / summed[..., -1:]
    return chances


def choose_in_rows(cumulative: FloatArray, uniform: FloatArray) -> IntArray:
    """Return for each row of *cumulative* the place that its *uniform* falls on: :func:`choose`, row by row."""
    place: IntArray = np.count_nonzero(cumulative <= uniform[:, np.newaxis], axis=1)
    return place


def _weight(cost_min: FloatArray, groups: Groups, theta_per_min: FloatArray) -> FloatArray:
    excess = cost_min - groups.spread(groups.minimum(cost_min))
    return np.exp(-groups.spread(theta_per_min) * excess)
