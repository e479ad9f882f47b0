"""The roads as drivers meet them: the link times in force, and the choice among paths at the times one believes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.config.travel import FREE_FLOW
from cosim.messages import PeriodOpened
from cosim.periods import PeriodOfDay
from cosim.road.choice import choose, choose_in_rows, cumulative_chances, logit_shares, padded_members
from cosim.road.route_choice import Alternatives
from cosim.scenario import CHARGING, PASSING, DayAhead, Scenario

ENTRIES_AT_ONCE = 2_000_000
"""Costs held in memory while many drivers choose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A path, or a (path, station) pair, with its driving times in whole seconds."""

    path: int
    station: str | None
    before_s: int
    """Driving time to the station, or of the whole path."""
    after_s: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Belief:
    """What a driver makes of the link times of one message; drivers who were told the same hold the same one.

    Arrays over paths end in an infinite one, which fills up short rows.
    """

    told: PeriodOpened | None
    """The message; None for who was never told anything."""
    passing: FloatArray
    """(ODs, most paths): cumulative shares among those who do not charge."""
    time_min: FloatArray
    """Time along every path."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PeriodBook:
    """What the roads were like in a period."""

    time_min: FloatArray
    """Link times in force."""
    announced_min: FloatArray
    """Link times drivers were told, on average over all drivers."""
    car_veh_h: FloatArray
    """Expected path flows of conventional cars."""
    price_cny_per_kwh: FloatArray
    """Charging price of each station."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChoiceSet:
    """What one driver chooses from, and with what chances."""

    path: IntArray
    time_min: FloatArray
    """On roads and at the station, as the driver believes."""
    cost_min: FloatArray
    """The same, and the price of the charge."""
    cumulative: FloatArray

    @property
    def chances(self) -> FloatArray:
        """The chance of each alternative."""
        return np.diff(self.cumulative, prepend=0.0)


class Roads:
    """Holds the times in force; knows the path set and how drivers choose (``population.choice``)."""

    def __init__(self, scenario: Scenario, day_ahead: DayAhead, theta_per_min: float | None) -> None:
        """Start at free flow; *theta_per_min* is the agents' own, or None for that of the scenario."""
        self.scenario, self.day_ahead = scenario, day_ahead
        self.paths = day_ahead.paths
        self.stations = [station.name for station in scenario.stations]
        self.theta_per_min = theta_per_min or scenario.config.road.theta_per_min
        self.overlap_min = scenario.path_size_min(self.paths)
        """What cars, and the equilibrium, add to the time of each path for its overlap."""
        self.books: dict[PeriodOfDay, PeriodBook] = {}
        """What each period so far was like."""
        self.before_change: Callable[[], None] = lambda: None
        """Called before other times come into force."""
        ods = self.paths.od.origin.size
        self._passing = padded_members(self.paths.groups, slice(PASSING * ods, (PASSING + 1) * ods))
        self._pairs = padded_members(self.paths.groups, slice(CHARGING * ods, (CHARGING + 1) * ods))
        self.set_times(self.paths.network.t0_min)  # until the first period is opened
        self._beliefs: dict[tuple[PeriodOfDay, str], Belief] = {}
        self.at_free_flow = self._believed(self.paths.network.t0_min, None)
        """What a driver believes who was never told anything."""

    def open(
        self,
        now: PeriodOfDay,
        link_time_min: FloatArray,
        told: dict[str, FloatArray],
        price_cny_per_kwh: FloatArray,
    ) -> None:
        """Bring the link times of a period into force; drivers are *told* others, by their kind of knowledge."""
        self.before_change()
        shares = self.scenario.config.population.information.shares()
        shares[FREE_FLOW] = max(0.0, 1 - sum(shares.values()))
        known = told | {FREE_FLOW: self.paths.network.t0_min}
        if len(told) == 1 and shares[FREE_FLOW] < 1e-9:
            shares = dict.fromkeys(told, 1.0)
        self.books[now] = PeriodBook(
            time_min=link_time_min,
            announced_min=sum_of(share * known[kind] for kind, share in shares.items()),
            car_veh_h=self._car_flow_veh_h(now, known, shares),
            price_cny_per_kwh=price_cny_per_kwh.copy(),
        )
        self.set_times(link_time_min)

    def set_times(self, link_time_min: FloatArray) -> None:
        """Let trips take these link times."""
        legs = self.paths.legs(link_time_min)
        self.before_s: IntArray = np.rint(legs.before_min * 60).astype(np.int64)
        """Driving time to the station, or of the whole path."""
        self.after_s: IntArray = np.rint(legs.after_min * 60).astype(np.int64)

    def _car_flow_veh_h(
        self, now: PeriodOfDay, told: dict[str, FloatArray], shares: dict[str, float]
    ) -> FloatArray:
        """Return the expected path flows of conventional cars, who know what as many of the EVs' drivers know."""
        if now.day > self.day_ahead.days:
            return np.zeros(self.paths.count)
        groups = self.paths.groups
        theta = np.full(groups.count, self.scenario.config.road.theta_per_min)
        chosen = sum_of(
            share * logit_shares(self.paths.time_min(told[kind]) + self.overlap_min, groups, theta)
            for kind, share in shares.items()
        )
        flow: FloatArray = self.day_ahead.car_path_veh_h[now.period - 1] * chosen
        return flow

    def route(self, path: int) -> Route:
        """Return a path with its driving times at the link times in force."""
        station = int(self.paths.station[path])
        return Route(
            path=path,
            station=None if station < 0 else self.scenario.stations[station].name,
            before_s=int(self.before_s[path]),
            after_s=int(self.after_s[path]),
        )

    # beliefs

    def belief(self, told: PeriodOpened) -> Belief:
        """Return what a driver makes of a message: worked out once for all who hear it."""
        name = PeriodOfDay(told.day, told.period), told.knowledge
        if name not in self._beliefs:
            self._beliefs[name] = self._believed(np.array(told.link_time_min), told)
        return self._beliefs[name]

    def _believed(self, link_time_min: FloatArray, told: PeriodOpened | None) -> Belief:
        time_min = np.append(self.paths.time_min(link_time_min), np.inf)
        return Belief(
            told=told, passing=self.chances(self._passing, time_min[self._passing]), time_min=time_min
        )

    # choices: the path that a uniform number falls on, at the costs one believes

    def choose_path(self, od: int, belief: Belief, uniform: float) -> int:
        """Return the path of a driver who does not charge."""
        return int(self._passing[od, choose(belief.passing[od], uniform)])

    def choose_paths(self, od: IntArray, belief: Belief, uniform: FloatArray) -> IntArray:
        """Return the path of each of many drivers who do not charge."""
        path = np.empty_like(od)
        for some in _shares_of(od.size, self._passing.shape[1]):
            path[some] = self._passing[od[some], choose_in_rows(belief.passing[od[some]], uniform[some])]
        return path

    def choose_pair(
        self, od: int, belief: Belief, uniform: float, prices_cny_per_kwh: FloatArray, energy_kwh: float
    ) -> int:
        """Return the (path, station) pair of a driver who wants *energy_kwh* at the prices of the stations."""
        alone = np.array([od]), belief, np.array([uniform]), prices_cny_per_kwh, np.array([energy_kwh])
        return int(self.choose_pairs(*alone)[0])

    def choose_pairs(
        self,
        od: IntArray,
        belief: Belief,
        uniform: FloatArray,
        prices_cny_per_kwh: FloatArray,
        energy_kwh: FloatArray,
    ) -> IntArray:
        """Return the (path, station) pair of each of many drivers, who want different energies."""
        pair = np.empty_like(od)
        for some in _shares_of(od.size, self._pairs.shape[1]):
            members = self._pairs[od[some]]
            cost_min = self._pair_cost_min(members, belief, prices_cny_per_kwh, energy_kwh[some])
            place = choose_in_rows(self.chances(members, cost_min), uniform[some])
            pair[some] = members[np.arange(place.size), place]
        return pair

    def choice_set(
        self, od: int, belief: Belief, prices_cny_per_kwh: FloatArray | None = None, energy_kwh: float = 0.0
    ) -> ChoiceSet:
        """Return what a driver chooses from: paths, or with the prices of a charge (path, station) pairs."""
        if prices_cny_per_kwh is None:
            members, cumulative = self._passing[od], belief.passing[od]
            cost_min = belief.time_min[members]
        else:
            members = self._pairs[od]
            energy = np.array([energy_kwh])
            cost_min = self._pair_cost_min(members[np.newaxis], belief, prices_cny_per_kwh, energy)[0]
            cumulative = self.chances(members[np.newaxis], cost_min[np.newaxis])[0]
        there = members >= 0
        return ChoiceSet(
            path=members[there],
            time_min=belief.time_min[members[there]],
            cost_min=cost_min[there],
            cumulative=cumulative[there],
        )

    def _pair_cost_min(
        self, members: IntArray, belief: Belief, prices_cny_per_kwh: FloatArray, energy_kwh: FloatArray
    ) -> FloatArray:
        """Return road, station with its expected wait, and price of each row's pairs."""
        charge_min = self.scenario.price_min(prices_cny_per_kwh, energy_kwh[:, np.newaxis])
        at_station: FloatArray = np.take_along_axis(charge_min, self.paths.station[members], axis=1)
        return belief.time_min[members] + at_station

    def chances(self, members: IntArray, cost_min: FloatArray) -> FloatArray:
        """Return the chances of each row's paths, as the drivers of the scenario weigh them, summed up."""
        among = Alternatives(
            cost_min=cost_min, theta_per_min=self.theta_per_min, path=members, paths=self.paths
        )
        return cumulative_chances(self.scenario.choice.weights(among))


def sum_of(parts: Iterable[FloatArray]) -> FloatArray:
    """Return the sum of some arrays."""
    return reduce(np.add, parts)


def _shares_of(drivers: int, alternatives: int) -> list[slice]:
    """Return all drivers in portions whose costs fit into memory."""
    step = max(1, ENTRIES_AT_ONCE // max(1, alternatives))
    return [slice(first, first + step) for first in range(0, drivers, step)]
