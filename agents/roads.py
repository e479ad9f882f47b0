"""The roads of a day: effective link times, driving times, and the record of each period."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.config.travel import FREE_FLOW, SHARE_SUM_TOLERANCE
from cosim.ev.session import NEVER_S
from cosim.periods import PeriodOfDay
from cosim.road.choice import logit_shares
from cosim.road.shortest import trees_from
from cosim.scenario import DayAhead, Scenario


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoadPeriod:
    """Link times, car flows and charging prices of a period."""

    effective_min: FloatArray
    """Link times that trips take, (links,)."""
    announced_min: FloatArray
    """Announced link times, mean over all drivers, (links,)."""
    car_veh_h: FloatArray
    """Expected path flows of conventional cars, (paths,)."""
    price_cny_per_kwh: FloatArray
    """Charging price of each station, (stations,)."""


class Roads:
    """Effective link times, and the expected flows of conventional cars."""

    def __init__(
        self, scenario: Scenario, day_ahead: DayAhead, link_time_min: FloatArray | None = None
    ) -> None:
        """Start with the link times of the period before, or at free flow."""
        self.scenario, self.day_ahead, self.paths = scenario, day_ahead, day_ahead.paths
        self.stations = [station.name for station in scenario.stations]
        self.overlap_min = scenario.path_size_cost_min(self.paths)
        """Path-size term of each path's cost, for conventional cars and in the equilibrium."""
        self.periods: dict[PeriodOfDay, RoadPeriod] = {}
        """Record of each period so far."""
        self._set_times(self.paths.network.t0_min if link_time_min is None else link_time_min)

    def open(
        self,
        period: PeriodOfDay,
        effective_min: FloatArray,
        announced_min: dict[str, FloatArray],
        price_cny_per_kwh: FloatArray,
    ) -> None:
        """Set the effective link times of a period; *announced_min* holds the times of each information class."""
        shares = self.scenario.config.population.information.shares()
        shares[FREE_FLOW] = max(0.0, 1 - sum(shares.values()))
        perceived_min = announced_min | {FREE_FLOW: self.paths.network.t0_min}
        if len(announced_min) == 1 and shares[FREE_FLOW] < SHARE_SUM_TOLERANCE:
            shares = dict.fromkeys(announced_min, 1.0)
        self.periods[period] = RoadPeriod(
            effective_min=effective_min,
            announced_min=_array_sum(share * perceived_min[name] for name, share in shares.items()),
            car_veh_h=self._car_flow_veh_h(period, perceived_min, shares),
            price_cny_per_kwh=price_cny_per_kwh.copy(),
        )
        self._set_times(effective_min)

    def _set_times(self, link_time_min: FloatArray) -> None:
        """Set the driving times of all paths at these link times."""
        legs = self.paths.legs(link_time_min)
        self._link_time_min = link_time_min
        self._detours_s: tuple[IntArray, IntArray] | None = None
        self.origin_to_station_s: IntArray = np.rint(legs.before_min * 60).astype(np.int64)
        """(paths,): driving time to the station, or of the whole path without one."""
        self.station_to_destination_s: IntArray = np.rint(legs.after_min * 60).astype(np.int64)
        """(paths,): driving time from the station on, 0 without one."""

    @property
    def detours_s(self) -> tuple[IntArray, IntArray]:
        """Shortest driving times from each station at the effective link times: to each station, and to each node.

        They are (stations, stations) and (stations, nodes); NEVER_S where no way leads.
        """
        if self._detours_s is None:
            network = self.paths.network
            nodes = network.from_node[network.charging_arcs]
            cost_min = trees_from(network, self._link_time_min, nodes).cost_min
            reached = np.isfinite(cost_min)
            drive_s = np.rint(np.where(reached, cost_min, 0.0) * 60).astype(np.int64)
            drive_s[~reached] = NEVER_S
            self._detours_s = drive_s[:, nodes], drive_s
        return self._detours_s

    def _car_flow_veh_h(
        self, period: PeriodOfDay, perceived_min: dict[str, FloatArray], shares: dict[str, float]
    ) -> FloatArray:
        """Return the expected path flows of conventional cars, with the EVs' shares of information classes."""
        if period.day > self.day_ahead.days:
            return np.zeros(self.paths.count)
        groups = self.paths.groups
        theta = np.full(groups.count, self.scenario.config.road.theta_per_min)
        path_share = _array_sum(
            share * logit_shares(self.paths.time_min(perceived_min[name]) + self.overlap_min, groups, theta)
            for name, share in shares.items()
        )
        flow: FloatArray = self.day_ahead.car_path_veh_h[period.row] * path_share
        return flow


def _array_sum(arrays: Iterable[FloatArray]) -> FloatArray:
    return reduce(np.add, arrays)
