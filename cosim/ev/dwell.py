"""The mobility model of dwell times: after an arrival the EV stays for a random time that depends on the activity.

The next activity is drawn from a transition matrix by hour of departure. Sources: the transitions are those of V2Sim
(BSD-3-Clause); lengths and dwell times are assumptions of this project.
"""

from dataclasses import dataclass, field
from math import log
from typing import NamedTuple

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.ev.distributions import Distribution, LogNormal, Normal, ShiftedGamma
from cosim.ev.mobility import MobilityModel, Uniform, whole_seconds
from cosim.ev.transitions import HOME, LEISURE, OTHER, WORK, ActivityArray
from cosim.periods import SECONDS_PER_DAY


class Stay(NamedTuple):
    """One kind of stay: arrivals at an activity from one second of the day to another."""

    activity: int
    from_s: float
    to_s: float
    dwell_h: Distribution


@dataclass(frozen=True, kw_only=True, eq=False)
class DwellModel(MobilityModel):
    """Departures by dwell times, and next activities by a transition matrix, which has no default."""

    transition: FloatArray
    """Probability of the next activity, (4 from, 24 hours of departure, 4 to)."""
    first_departure_min: Distribution = field(default=ShiftedGamma(6.63, 65.76, 114.54))
    home_dwell_h: Distribution = field(default=LogNormal(log(2.2), 0.8, 0.25, 14.0))
    work_dwell_h: Distribution = field(default=Normal(8.0, 1.5, 0.25, 14.0))
    late_work_dwell_h: Distribution = field(default=Normal(3.0, 1.0, 0.25, 14.0))
    leisure_dwell_h: Distribution = field(default=LogNormal(log(1.1), 0.7, 0.25, 14.0))
    other_dwell_h: Distribution = field(default=LogNormal(log(1.1), 0.7, 0.25, 14.0))
    late_work_from_h: float = 11.0
    """Hour of the day from which arrivals at work stay for ``late_work_dwell_h``."""
    evening_from_h: float = 16.0
    share_evening_at_home: float = 0.75
    """Share of the arrivals at home in the evening after which the EV makes no more trips on the day."""
    shortest_stay_h: float = 0.25
    """Least stay after an arrival on the way at the day boundary."""

    def __post_init__(self) -> None:
        """Raise ValueError for a matrix that is not one of probabilities."""
        if self.transition.shape != (4, 24, 4):
            msg = f"the transition matrix has shape {self.transition.shape}, not (4, 24, 4)"
            raise ValueError(msg)
        row_sum = self.transition.sum(axis=2)
        if (self.transition < 0).any() or not np.allclose(row_sum, 1.0, atol=1e-9, rtol=0):
            msg = "every row of the transition matrix must hold probabilities that sum to 1"
            raise ValueError(msg)

    def first_departure_s(
        self,
        activity: ActivityArray,  # noqa: ARG002  (the first departure does not depend on it)
        arrival_s: IntArray,
        uniform: Uniform,
    ) -> IntArray:
        """Return the first departures; after an arrival on this day, the shortest stay must have passed."""
        drawn_s = whole_seconds(self.first_departure_min.quantile(uniform("first departure")) * 60)
        earliest_s = np.where(arrival_s < 0, 0, arrival_s + round(self.shortest_stay_h * 3600))
        return np.maximum(drawn_s, earliest_s)

    def next_departure_s(self, activity: ActivityArray, arrival_s: IntArray, uniform: Uniform) -> IntArray:
        """Return the ends of the stays; for most arrivals at home in the evening it is not on this day."""
        evening_at_home = (activity == HOME) & (arrival_s >= self.evening_from_h * 3600)
        stays_overnight = evening_at_home & (uniform("evening") < self.share_evening_at_home)
        departure_s = arrival_s + self._dwell_s(activity, arrival_s, uniform("dwell"))
        return np.where(stays_overnight, SECONDS_PER_DAY, departure_s)

    def weights_of_next(self, activity: ActivityArray, departure_s: IntArray) -> FloatArray:
        """Return the rows of the transition matrix for the hours of departure."""
        return self.transition[activity, departure_s // 3600]

    def stays(self) -> tuple[Stay, ...]:
        """Return the kinds of stays, which cover all activities and hours of arrival."""
        late_s = self.late_work_from_h * 3600
        return (
            Stay(HOME, 0.0, np.inf, self.home_dwell_h),
            Stay(WORK, 0.0, late_s, self.work_dwell_h),
            Stay(WORK, late_s, np.inf, self.late_work_dwell_h),
            Stay(LEISURE, 0.0, np.inf, self.leisure_dwell_h),
            Stay(OTHER, 0.0, np.inf, self.other_dwell_h),
        )

    def _dwell_s(self, activity: ActivityArray, arrival_s: IntArray, uniform: FloatArray) -> IntArray:
        """Return the dwell time of each EV after its arrival."""
        dwell_h = np.empty(uniform.size)
        for stay in self.stays():
            rows = (activity == stay.activity) & (arrival_s >= stay.from_s) & (arrival_s < stay.to_s)
            if rows.any():
                dwell_h[rows] = stay.dwell_h.quantile(uniform[rows])
        return whole_seconds(dwell_h * 3600)
