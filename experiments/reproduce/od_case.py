"""Repeated estimation of OD trips from synthetic counts (Eq. 1 of Ma et al. 2024), with the true trips known."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cosim.arrays import BoolArray, FloatArray
from cosim.randomness import stream
from cosim.road.assignment import Equilibrium, solve_sue
from cosim.road.link_counts import LinkCounts
from cosim.road.od_estimation import OdEstimate, estimate_od
from cosim.road.paths import PathSet, UserClass, find_paths
from cosim.road.problem import AssignmentProblem
from cosim.scenario import Scenario

DAYS, REPEATS = 30, 20
"""Counted days per estimation, and number of estimations."""


@dataclass(frozen=True, eq=False)
class OdCase:
    """OD estimation for the peak hour: counts on every road on 30 days, repeated 20 times."""

    scenario: Scenario

    @cached_property
    def paths(self) -> PathSet:
        """The loop-free paths of a single class."""
        return find_paths(self.scenario.network, self.scenario.paths.od, [UserClass("car")])

    @cached_property
    def truth(self) -> Equilibrium:
        """The equilibrium of the peak hour, from which counts are drawn."""
        return solve_sue(
            AssignmentProblem(
                paths=self.paths,
                demand_veh_h=self.demand_veh_h,
                theta_per_min=np.full(self.paths.groups.count, self.scenario.config.road.theta_per_min),
            )
        )

    @property
    def demand_veh_h(self) -> FloatArray:
        """The true trips per OD."""
        return self.paths.od.demand_veh_h * self.scenario.config.road.demand_scale

    @property
    def is_road(self) -> BoolArray:
        """Mask of the links that are roads, which are counted."""
        return ~self.scenario.network.is_charging

    @cached_property
    def counts(self) -> tuple[LinkCounts, ...]:
        """The counts of each repeat, from Poisson path flows."""
        return tuple(self._draw_counts(repeat) for repeat in range(REPEATS))

    def _draw_counts(self, repeat: int) -> LinkCounts:
        draws = stream(self.scenario.config.seed, "reproduction/link counts", repeat)
        trips = draws.poisson(self.truth.path_flow_veh_h, size=(DAYS, self.paths.count)).astype(float)
        return LinkCounts(
            link=np.flatnonzero(self.is_road),
            flow_veh_h=np.array([self.paths.link_flow_veh_h(day)[self.is_road] for day in trips]),
        )

    @cached_property
    def estimates(self) -> tuple[OdEstimate, ...]:
        """The maximum likelihood estimate of each repeat, with theta given."""
        theta = self.scenario.config.road.theta_per_min
        return tuple(
            estimate_od(self.paths, counts, self.truth.link_time_min, theta_per_min=theta)
            for counts in self.counts
        )

    @cached_property
    def least_squares_veh_h(self) -> FloatArray:
        """The unweighted least squares fit of the mean counts, (repeats, ODs)."""
        by_od = np.zeros((self.paths.count, self.demand_veh_h.size))
        by_od[np.arange(self.paths.count), self.paths.groups.group_of_path] = self.truth.path_share
        design = (self.paths.link_loading @ by_od)[self.is_road]
        means = np.array([counts.flow_veh_h.mean(axis=0) for counts in self.counts])
        fit: FloatArray = np.linalg.lstsq(design, means.T, rcond=None)[0].T
        return fit

    def relative_error(self, trips_veh_h: FloatArray) -> float:
        """Return the root mean square error over repeats and ODs, over the mean trips of an OD."""
        error = trips_veh_h - self.demand_veh_h
        return float(np.sqrt(np.mean(error**2)) / self.demand_veh_h.mean())

    @property
    def estimated_veh_h(self) -> FloatArray:
        """The estimated trips, (repeats, ODs)."""
        return np.array([estimate.od.demand_veh_h for estimate in self.estimates])
