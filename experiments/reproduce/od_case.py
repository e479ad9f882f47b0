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


@dataclass(frozen=True, eq=False)
class OdCase:
    """The peak hour of the paper's roads, counted on every road on thirty days, twenty times over."""

    scenario: Scenario

    @cached_property
    def paths(self) -> PathSet:
        """The loop-free paths, of one class of travellers."""
        return find_paths(self.scenario.network, self.scenario.paths.od, [UserClass("car")])

    @cached_property
    def truth(self) -> Equilibrium:
        """The equilibrium of the peak hour."""
        return solve_sue(
            AssignmentProblem(
                paths=self.paths,
                demand_veh_h=self.demand_veh_h,
                theta_per_min=np.full(self.paths.groups.count, self.scenario.config.road.theta_per_min),
            )
        )

    @property
    def demand_veh_h(self) -> FloatArray:
        """The trips to be found, one value per OD."""
        return self.paths.od.demand_veh_h * self.scenario.config.road.demand_scale

    @property
    def counted(self) -> BoolArray:
        """The links that are roads."""
        return ~self.scenario.network.is_charging

    @cached_property
    def counts(self) -> tuple[LinkCounts, ...]:
        """What was counted: trips on a path are Poisson."""
        return tuple(self._counted(repeat) for repeat in range(REPEATS))

    def _counted(self, repeat: int) -> LinkCounts:
        draws = stream(self.scenario.config.seed, "reproduction/link counts", repeat)
        trips = draws.poisson(self.truth.path_flow_veh_h, size=(DAYS, self.paths.count)).astype(float)
        return LinkCounts(
            link=np.flatnonzero(self.counted),
            flow_veh_h=np.array([self.paths.link_flow_veh_h(day)[self.counted] for day in trips]),
        )

    @cached_property
    def estimates(self) -> tuple[OdEstimate, ...]:
        """The most likely trips of each repeat, with theta known."""
        theta = self.scenario.config.road.theta_per_min
        return tuple(
            estimate_od(self.paths, counts, self.truth.link_time_min, theta_per_min=theta)
            for counts in self.counts
        )

    @cached_property
    def least_squares_veh_h(self) -> FloatArray:
        """The trips that fit the mean counts best if every road counts alike, (repeats, ODs)."""
        by_od = np.zeros((self.paths.count, self.demand_veh_h.size))
        by_od[np.arange(self.paths.count), self.paths.groups.group_of_path] = self.truth.path_share
        effect = (self.paths.link_loading @ by_od)[self.counted]
        means = np.array([counts.flow_veh_h.mean(axis=0) for counts in self.counts])
        fit: FloatArray = np.linalg.lstsq(effect, means.T, rcond=None)[0].T
        return fit

    def relative_error(self, trips_veh_h: FloatArray) -> float:
        """Return the root mean square error over repeats and ODs, as a share of the mean trips of an OD."""
        error = trips_veh_h - self.demand_veh_h
        return float(np.sqrt(np.mean(error**2)) / self.demand_veh_h.mean())

    @property
    def estimated_veh_h(self) -> FloatArray:
        """The most likely trips, (repeats, ODs)."""
        return np.array([estimate.od.demand_veh_h for estimate in self.estimates])
