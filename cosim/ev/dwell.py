"""The mobility model of dwell times: who has arrived stays for a random time that depends on the activity.

Then the next activity comes from a transition matrix by hour of departure. Sources: the transitions are V2Sim's
(BSD-3-Clause), lengths and dwell times are ours.
"""

from dataclasses import dataclass, field
from math import log

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.ev.distributions import Distribution, LogNormal, Normal, ShiftedGamma
from cosim.ev.mobility import MobilityModel, Uniform, whole_seconds
from cosim.ev.transitions import HOME, LEISURE, OTHER, WORK, ActivityArray
from cosim.periods import SECONDS_PER_DAY

MIN_STAY_S = 900


@dataclass(frozen=True, kw_only=True, eq=False)
class DwellModel(MobilityModel):
    """When EVs leave, by dwell times, and for what; ``transition`` is all that has no default."""

    transition: FloatArray
    """Probability of the next activity, (4 activities left, 24 hours of departure, 4 activities gone to)."""
    first_departure_min: Distribution = field(default=ShiftedGamma(6.63, 65.76, 114.54))
    home_dwell_h: Distribution = field(default=LogNormal(log(2.2), 0.8, 0.25, 14.0))
    work_dwell_h: Distribution = field(default=Normal(8.0, 1.5, 0.25, 14.0))
    late_work_dwell_h: Distribution = field(default=Normal(3.0, 1.0, 0.25, 14.0))
    leisure_dwell_h: Distribution = field(default=LogNormal(log(1.1), 0.7, 0.25, 14.0))
    other_dwell_h: Distribution = field(default=LogNormal(log(1.1), 0.7, 0.25, 14.0))
    late_work_from_h: float = 11.0
    """Who arrives at work from this hour on stays for ``late_work_dwell_h``."""
    evening_from_h: float = 16.0
    share_evening_at_home: float = 0.75
    """Of those who arrive at home in the evening, the share whose day ends there."""

    def __post_init__(self) -> None:
        """Refuse a matrix that holds no probabilities."""
        if self.transition.shape != (4, 24, 4):
            msg = f"the transition matrix has shape {self.transition.shape}, not (4, 24, 4)"
            raise ValueError(msg)
        row_sum = self.transition.sum(axis=2)
        if (self.transition < 0).any() or not np.allclose(row_sum, 1.0, atol=1e-9, rtol=0):
            msg = "every row of the transition matrix must hold probabilities that sum to 1"
            raise ValueError(msg)

    def first_departure_s(
        self,
        activity: ActivityArray,  # noqa: ARG002  (in the morning it does not matter)
        arrival_s: IntArray,
        uniform: Uniform,
    ) -> IntArray:
        """Return the first departures, never before the shortest stay is over."""
        drawn_s = whole_seconds(self.first_departure_min.quantile(uniform("first departure")) * 60)
        earliest_s = np.where(arrival_s < 0, 0, arrival_s + MIN_STAY_S)
        return np.maximum(drawn_s, earliest_s)

    def next_departure_s(self, activity: ActivityArray, arrival_s: IntArray, uniform: Uniform) -> IntArray:
        """Return when stays end; for most of those who come home in the evening, not on this day."""
        evening_at_home = (activity == HOME) & (arrival_s >= self.evening_from_h * 3600)
        ends = evening_at_home & (uniform("evening") < self.share_evening_at_home)
        left_s = arrival_s + self._dwell_s(activity, arrival_s, uniform("dwell"))
        return np.where(ends, SECONDS_PER_DAY, left_s)

    def weights_of_next(self, activity: ActivityArray, departure_s: IntArray) -> FloatArray:
        """Return the rows of the transition matrix for the hours of departure."""
        return self.transition[activity, departure_s // 3600]

    def stays(self) -> tuple[tuple[int, float, float, Distribution], ...]:
        """Return all kinds of stays: activity, hours of arrival from and to, distribution of the dwell [h]."""
        late = self.late_work_from_h
        return (
            (HOME, 0.0, np.inf, self.home_dwell_h),
            (WORK, 0.0, late, self.work_dwell_h),
            (WORK, late, np.inf, self.late_work_dwell_h),
            (LEISURE, 0.0, np.inf, self.leisure_dwell_h),
            (OTHER, 0.0, np.inf, self.other_dwell_h),
        )

    def _dwell_s(self, activity: ActivityArray, arrival_s: IntArray, uniform: FloatArray) -> IntArray:
        """Return how long each EV stays where it arrived."""
        dwell_h = np.empty(uniform.size)
        for kind, from_h, to_h, distribution in self.stays():
            there = (activity == kind) & (arrival_s >= from_h * 3600) & (arrival_s < to_h * 3600)
            dwell_h[there] = distribution.quantile(uniform[there])
        return whole_seconds(dwell_h * 3600)
