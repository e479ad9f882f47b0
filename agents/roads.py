"""The roads as drivers meet them: the link times in force, and the choice among paths at the times one believes."""

from dataclasses import dataclass

import numpy as np

from cosim.arrays import FloatArray
from cosim.messages import PeriodOpened
from cosim.periods import PeriodOfDay
from cosim.road.choice import Groups, choose, cumulative_shares, logit_shares
from cosim.scenario import DayAhead, Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A path, or a (path, station) pair, with its driving times in whole seconds."""

    path: int
    station: str | None
    before_s: int
    """Driving time to the station, or of the whole path."""
    after_s: int


class Roads:
    """Holds the times in force; knows the path set and how drivers choose (Eq. 7)."""

    def __init__(self, scenario: Scenario, day_ahead: DayAhead, theta_per_min: float | None) -> None:
        """Start at free flow; *theta_per_min* is the agents' own, or None for that of the scenario."""
        self.scenario, self.day_ahead = scenario, day_ahead
        self.paths = day_ahead.paths
        self.theta_per_min = theta_per_min or scenario.config.road.theta_per_min
        self.times_min: dict[PeriodOfDay, FloatArray] = {}
        """Link times in force in each period so far."""
        self._free_min = self.paths.network.t0_min
        self._believed_for: PeriodOpened | None = None
        self._believed_min = self.paths.time_min(self._free_min)

    def set_times(self, now: PeriodOfDay, link_time_min: FloatArray) -> None:
        """Bring the link times of a period into force."""
        self.times_min[now] = link_time_min
        legs = self.paths.legs(link_time_min)
        self._before_s = np.rint(legs.before_min * 60).astype(np.int64)
        self._after_s = np.rint(legs.after_min * 60).astype(np.int64)

    def car_flow_veh_h(self, now: PeriodOfDay) -> FloatArray:
        """Return the expected path flows of conventional cars, who believe the times in force."""
        cost_min = self.paths.time_min(self.times_min[now])
        theta = np.full(self.paths.groups.count, self.scenario.config.road.theta_per_min)
        shares = logit_shares(cost_min, self.paths.groups, theta)
        flow: FloatArray = self.day_ahead.car_path_veh_h[now.period - 1] * shares
        return flow

    def route(self, path: int) -> Route:
        """Return a path with its driving times at the link times in force."""
        station = int(self.paths.station[path])
        return Route(
            path=path,
            station=None if station < 0 else self.scenario.stations[station].name,
            before_s=int(self._before_s[path]),
            after_s=int(self._after_s[path]),
        )

    def choose(
        self,
        group: int,
        told: PeriodOpened | None,
        uniform: float,
        station_cost_min: FloatArray | None = None,
    ) -> Route:
        """Return the route that *uniform* falls on, at the times the driver was *told* (free flow if never).

        *station_cost_min* is what a charge costs at each station, in minutes.
        """
        members = self.paths.groups.members(group)
        cost_min = self._believed_times(told)[members]
        if station_cost_min is not None:
            cost_min = cost_min + station_cost_min[self.paths.station[members]]
        alone = Groups(np.array([0, cost_min.size]))
        shares = logit_shares(cost_min, alone, np.array([self.theta_per_min]))
        return self.route(members.start + int(choose(cumulative_shares(shares, alone), uniform)))

    def _believed_times(self, told: PeriodOpened | None) -> FloatArray:
        """Return the path times at the link times of one message; nearly all drivers hold the same one."""
        if told is not self._believed_for:
            times = self._free_min if told is None else np.array(told.link_time_min)
            self._believed_for, self._believed_min = told, self.paths.time_min(times)
        return self._believed_min
