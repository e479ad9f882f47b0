"""The roads of a day: effective link times, driving times, and the record of each period."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.config.travel import FREE_FLOW, SHARE_SUM_TOLERANCE
from cosim.ev.session import NEVER_S
from cosim.periods import PeriodOfDay
from cosim.road.choice import logit_shares, open_shares
from cosim.road.shortest import Trees, trees_from
from cosim.scenario import DayAhead, Scenario
from cosim.scenario.road_closures import RoadClosures, time_at_capacity


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Links that a vehicle drives, one after another, from a node on."""

    node: int
    links: tuple[int, ...] = ()
    minutes: tuple[float, ...] = ()
    """Times of the links."""
    start_s: int = -1
    """Second in which it leaves the node; -1: as the leg begins."""

    @property
    def drive_s(self) -> int:
        """Driving time."""
        return round(60 * math.fsum(self.minutes))


class Roads:
    """Effective link times, and the expected flows of conventional cars."""

    def __init__(
        self, scenario: Scenario, day_ahead: DayAhead, link_time_min: FloatArray | None = None
    ) -> None:
        """Start with the link times of the period before, or at free flow."""
        self.scenario, self.day_ahead, self.paths = scenario, day_ahead, day_ahead.paths
        network = self.paths.network
        self.closures = RoadClosures(network, scenario.events)
        self.share = np.ones(len(network.links))
        """Share of the capacity that each link has at present; 0: closed."""
        self._trees: dict[tuple[int, bytes], Trees] = {}
        self.stations = [station.name for station in scenario.stations]
        self.overlap_min = scenario.path_size_cost_min(self.paths)
        """Path-size term of each path's cost, for conventional cars and in the equilibrium."""
        self.periods: dict[PeriodOfDay, RoadPeriod] = {}
        """Record of each period so far."""
        self._full_min = network.t0_min if link_time_min is None else link_time_min
        """Link times at full capacity."""
        self._set_times(self._full_min)

    def open(
        self,
        period: PeriodOfDay,
        full_min: FloatArray,
        announced_min: dict[str, FloatArray],
        price_cny_per_kwh: FloatArray,
    ) -> None:
        """Set the effective link times of a period, *full_min* at full capacity.

        *announced_min* holds the times of each information class.
        """
        shares = self.scenario.config.population.information.shares()
        shares[FREE_FLOW] = max(0.0, 1 - sum(shares.values()))
        perceived_min = announced_min | {FREE_FLOW: self.paths.network.t0_min}
        if len(announced_min) == 1 and shares[FREE_FLOW] < SHARE_SUM_TOLERANCE:
            shares = dict.fromkeys(announced_min, 1.0)
        mean_share = self.closures.in_period(self.scenario.periods, period)
        self.periods[period] = RoadPeriod(
            effective_min=self._at_share(full_min, mean_share),
            announced_min=_array_sum(share * perceived_min[name] for name, share in shares.items()),
            car_veh_h=self._car_flow_veh_h(period, perceived_min, shares),
            price_cny_per_kwh=price_cny_per_kwh.copy(),
        )
        self._full_min = full_min
        self._set_times(self._at_share(full_min, self.share))

    def set_share(self, share: FloatArray) -> None:
        """Let each link have this share of its capacity from now on."""
        self.share = share
        self._set_times(self._at_share(self._full_min, share))

    @property
    def closed(self) -> BoolArray:
        """Links that are closed, (links,)."""
        closed: BoolArray = self.share == 0
        return closed

    def _at_share(self, full_min: FloatArray, share: FloatArray) -> FloatArray:
        return time_at_capacity(self.paths.network, full_min, np.ones_like(share), share)

    def _set_times(self, link_time_min: FloatArray) -> None:
        """Set the driving times of all paths at these link times."""
        legs = self.paths.legs(link_time_min)
        self._link_time_min = link_time_min
        self._detours_s: tuple[IntArray, IntArray] | None = None
        self._trees.clear()
        self.origin_to_station_s: IntArray = np.rint(legs.before_min * 60).astype(np.int64)
        """(paths,): driving time to the station, or of the whole path without one."""
        self.station_to_destination_s: IntArray = np.rint(legs.after_min * 60).astype(np.int64)
        """(paths,): driving time from the station on, 0 without one."""

    def times_min(self, departure_s: int) -> FloatArray:
        """Return the link times of a trip that departed in a second of this day; of an earlier one the present ones."""
        period = self.scenario.periods.at(departure_s)
        return self.periods[period].effective_min if period in self.periods else self._link_time_min

    def way(self, node: int, goal: int, second: int) -> Way | None:
        """Return the shortest way at the present link times on links that are open in a second, None without one."""
        network, closed = self.paths.network, self.closures.closed(second)
        key = node, closed.tobytes()
        if key not in self._trees:
            cost_min = np.where(closed, np.inf, self._link_time_min)
            self._trees[key] = trees_from(network, cost_min, np.array([node]))
        tree, links = self._trees[key], list[int]()
        if not np.isfinite(tree.cost_min[0, goal]):
            return None
        while (link := int(tree.link[0, goal])) >= 0 and goal != node:
            links.append(link)
            goal = int(network.from_node[link])
        links.reverse()
        return Way(node=node, links=tuple(links), minutes=tuple(self._link_time_min[links].tolist()))

    @property
    def detours_s(self) -> tuple[IntArray, IntArray]:
        """Shortest driving times from each station at the effective link times: to each station, and to each node.

        They are (stations, stations) and (stations, nodes); NEVER_S where no way leads.
        """
        if self._detours_s is None:
            network = self.paths.network
            nodes = network.from_node[network.charging_arcs]
            open_min = np.where(self.closed, np.inf, self._link_time_min)
            cost_min = trees_from(network, open_min, nodes).cost_min
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
        path_share = _array_sum(
            share * self._car_shares(period, self.paths.time_min(perceived_min[name]) + self.overlap_min)
            for name, share in shares.items()
        )
        flow: FloatArray = self.day_ahead.car_path_veh_h[period.row] * path_share
        return flow

    def _car_shares(self, period: PeriodOfDay, cost_min: FloatArray) -> FloatArray:
        """Return the shares of the paths in a period; where none is open for a time, cars stay where they are."""
        groups, start_s = self.paths.groups, self.scenario.periods.start_s(period)
        theta = np.full(groups.count, self.scenario.config.road.theta_per_min)
        if not self.closures.any_events:
            return logit_shares(cost_min, groups, theta)
        return _array_sum(
            weight * open_shares(cost_min, ~self.paths.uses(share == 0), groups, theta)
            for weight, share in self.closures.parts(start_s, start_s + self.scenario.periods.seconds)
        )


def _array_sum(arrays: Iterable[FloatArray]) -> FloatArray:
    return reduce(np.add, arrays)
