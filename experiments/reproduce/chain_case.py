"""Speed, flow, OD trips, assignment in one chain (Section 3 of Ma et al. 2024), with noise and theta estimated.

The paper prints no speeds, so those of its network are told with an error, from the trips of :mod:`od_case`. Means over
five days are inverted: near free flow the inverse of BPR bends so much that that of a noisy day is biased.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.randomness import stream
from cosim.road.assignment import Equilibrium, solve_sue
from cosim.road.latency import link_time_min
from cosim.road.link_counts import LinkCounts, counts_from_times
from cosim.road.network import Network
from cosim.road.od_estimation import OdEstimate, estimate_od
from cosim.road.problem import AssignmentProblem
from experiments.reproduce.od_case import OdCase

SPEED_ERROR = 0.005
"""Relative error (standard deviation) of the mean speed of a road on a day [chosen]."""
DAYS_PER_MEAN = 5
"""Days whose mean time is inverted."""
FREE_SPEED_KM_H = 50.0
"""Speed of every road at free flow [chosen]: the network has times, no lengths."""
BUSY = 0.5
"""Flow over capacity from which on a road is busy."""


@dataclass(frozen=True, eq=False)
class ChainCase:
    """The chain for the peak hour, 20 times: mean speeds of all roads on 30 days to assigned flows."""

    trips: OdCase
    speed_error: float = SPEED_ERROR
    whole_km_h: bool = False
    """Whether the service tells whole km/h."""

    @property
    def network(self) -> Network:
        """The roads and stations."""
        return self.trips.scenario.network

    @cached_property
    def roads(self) -> IntArray:
        """The links whose speeds are told."""
        return np.flatnonzero(self.trips.is_road)

    @cached_property
    def speeds_km_h(self) -> FloatArray:
        """The told speeds, (repeats, days, roads)."""
        draws = stream(self.trips.scenario.config.seed, "reproduction/speeds", 0)
        counted = np.array([counts.flow_veh_h for counts in self.trips.counts])
        flow = np.zeros((*counted.shape[:2], self.trips.is_road.size))
        flow[..., self.roads] = counted
        times = np.array([[link_time_min(self.network, day) for day in days] for days in flow])
        speeds = FREE_SPEED_KM_H * (self.network.t0_min / times)[..., self.roads]
        told = speeds * np.exp(self.speed_error * draws.standard_normal(speeds.shape))
        return np.asarray(np.round(told) if self.whole_km_h else told)

    @cached_property
    def times_min(self) -> FloatArray:
        """The times of the told speeds, each the mean of five days, (repeats, means, roads)."""
        times = self.network.t0_min[self.roads] * FREE_SPEED_KM_H / self.speeds_km_h
        means: FloatArray = times.reshape(len(times), -1, DAYS_PER_MEAN, self.roads.size).mean(axis=2)
        return means

    @cached_property
    def counts(self) -> tuple[LinkCounts, ...]:
        """The flows at these times, with a noise in proportion to the time."""
        return tuple(self._counts(times) for times in self.times_min)

    def _counts(self, times_min: FloatArray) -> LinkCounts:
        counts = counts_from_times(self.network, self.roads, times_min)
        return replace(counts, noise_shape=_shape(counts) * self._seen_min(times_min)[counts.link])

    @cached_property
    def estimates(self) -> tuple[OdEstimate, ...]:
        """The trips, theta and noise of each repeat, by maximum likelihood."""
        return tuple(
            estimate_od(self.trips.paths, counts, self._seen_min(times), hours=DAYS_PER_MEAN)
            for counts, times in zip(self.counts, self.times_min, strict=True)
        )

    def _seen_min(self, times_min: FloatArray) -> FloatArray:
        """Return the mean time of every link, 0 for those that nobody is asked about."""
        seen = np.zeros(self.trips.is_road.size)
        seen[self.roads] = times_min.mean(axis=0)
        return seen

    @cached_property
    def assigned(self) -> tuple[Equilibrium, ...]:
        """The equilibrium of each estimate's trips at its theta."""
        paths = self.trips.paths
        return tuple(
            solve_sue(
                AssignmentProblem(
                    paths=paths,
                    demand_veh_h=estimate.od.demand_veh_h,
                    theta_per_min=np.full(paths.groups.count, estimate.theta_per_min),
                )
            )
            for estimate in self.estimates
        )

    @property
    def true_flow_veh_h(self) -> FloatArray:
        """The flow of each road from which the speeds come."""
        return self.trips.truth.link_flow_veh_h[self.roads]

    @property
    def read_flow_veh_h(self) -> FloatArray:
        """The mean flow read from the speeds, (repeats, roads); NaN where a road is never slower than at free flow."""
        read = np.full((len(self.counts), self.trips.is_road.size), np.nan)
        for row, counts in zip(read, self.counts, strict=True):
            row[counts.link] = counts.flow_veh_h.mean(axis=0)
        return read[:, self.roads]

    @property
    def assigned_flow_veh_h(self) -> FloatArray:
        """The flow of the assignment, (repeats, roads)."""
        return np.array([solution.link_flow_veh_h[self.roads] for solution in self.assigned])

    @property
    def speed_errors(self) -> FloatArray:
        """The estimated relative error of a day's speed, of each repeat."""
        noises: FloatArray = np.array(
            [
                np.median(estimate.noise_veh_h / _shape(counts))
                for estimate, counts in zip(self.estimates, self.counts, strict=True)
            ]
        )
        errors: FloatArray = np.sqrt(DAYS_PER_MEAN) * noises
        return errors


def _shape(counts: LinkCounts) -> FloatArray:
    """Return the relative size of the noise of each link."""
    assert counts.noise_shape is not None  # noqa: S101  (flows from times have it)
    return counts.noise_shape
