"""The choice among paths, or (path, station) pairs, at the link times and prices that a driver has been told."""

from dataclasses import dataclass

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.messages import PeriodOpened
from cosim.periods import PeriodOfDay
from cosim.road.choice import choose_in_rows, cumulative_chances, padded_members
from cosim.road.route_choice import Alternatives
from cosim.scenario import CHARGING, PASSING, DayAhead, Scenario

ENTRIES_AT_ONCE = 2_000_000
"""Costs held in memory while many drivers choose."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PerceivedTimes:
    """What drivers make of the link times of one message; all who received it hold the same one.

    Arrays over paths end in an infinite one, which fills up short rows.
    """

    passing: FloatArray
    """(ODs, most paths): cumulative shares among those who do not charge."""
    time_min: FloatArray
    """Time along every path, with the expected stay of each station."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChoiceSet:
    """What one driver chooses from, and with what probabilities."""

    path: IntArray
    time_min: FloatArray
    """On roads and at the station, as the driver perceives it."""
    cost_min: FloatArray
    """The same, and the price of the charge."""
    cumulative: FloatArray

    @property
    def probability(self) -> FloatArray:
        """The probability of each alternative."""
        return np.diff(self.cumulative, prepend=0.0)


class PathChoice:
    """Knows the path set and how drivers choose (``population.choice``): the path that a uniform number falls on."""

    def __init__(self, scenario: Scenario, day_ahead: DayAhead) -> None:
        """Choose by the drivers' own theta, or else by that of the scenario."""
        self.scenario, self.paths = scenario, day_ahead.paths
        self.theta_per_min = scenario.config.population.theta_per_min or scenario.config.road.theta_per_min
        self._mean_session_kwh = day_ahead.session_kwh
        self._own_energy = scenario.config.population.energy_in_choice == "own"
        ods = self.paths.od.origin.size
        self._passing = padded_members(self.paths.groups, slice(PASSING * ods, (PASSING + 1) * ods))
        self._pairs = padded_members(self.paths.groups, slice(CHARGING * ods, (CHARGING + 1) * ods))
        self._perceived: dict[tuple[PeriodOfDay, str], PerceivedTimes] = {}
        self._at_free_flow = self._perceive(self.paths.network.t0_min)

    def perceived(self, opened: PeriodOpened | None) -> PerceivedTimes:
        """Return what drivers make of a message, worked out once for all who receive it; without one, free flow."""
        if opened is None:
            return self._at_free_flow
        name = PeriodOfDay(opened.day, opened.period), opened.information_class
        if name not in self._perceived:
            self._perceived[name] = self._perceive(np.array(opened.link_time_min))
        return self._perceived[name]

    def _perceive(self, link_time_min: FloatArray) -> PerceivedTimes:
        time_min = np.append(self.paths.time_min(link_time_min), np.inf)
        return PerceivedTimes(
            passing=self._cumulative(self._passing, time_min[self._passing]), time_min=time_min
        )

    def priced_kwh(self, wanted_kwh: FloatArray) -> FloatArray:
        """Return the energy with which drivers price a station: their own, or that of the mean session."""
        return wanted_kwh if self._own_energy else np.full(wanted_kwh.size, self._mean_session_kwh)

    def choose_paths(self, od: IntArray, perceived: PerceivedTimes, uniform: FloatArray) -> IntArray:
        """Return the path of each of many drivers who do not charge."""
        path = np.empty_like(od)
        for some in _portions(od.size, self._passing.shape[1]):
            place = choose_in_rows(perceived.passing[od[some]], uniform[some])
            path[some] = self._passing[od[some], place]
        return path

    def choose_pairs(
        self,
        od: IntArray,
        perceived: PerceivedTimes,
        uniform: FloatArray,
        prices_cny_per_kwh: FloatArray,
        priced_kwh: FloatArray,
    ) -> IntArray:
        """Return the (path, station) pair of each of many drivers, at the prices of the stations (Eq. 7)."""
        pair = np.empty_like(od)
        for some in _portions(od.size, self._pairs.shape[1]):
            members = self._pairs[od[some]]
            cost_min = self._pair_cost_min(members, perceived, prices_cny_per_kwh, priced_kwh[some])
            place = choose_in_rows(self._cumulative(members, cost_min), uniform[some])
            pair[some] = members[np.arange(place.size), place]
        return pair

    def paths_of(self, od: int, perceived: PerceivedTimes) -> ChoiceSet:
        """Return what a driver who does not charge chooses from."""
        members = self._passing[od]
        return _choice_set(members, perceived, perceived.time_min[members], perceived.passing[od])

    def pairs_of(
        self, od: int, perceived: PerceivedTimes, prices_cny_per_kwh: FloatArray, priced_kwh: float
    ) -> ChoiceSet:
        """Return what a driver who charges chooses from."""
        members = self._pairs[[od]]
        cost_min = self._pair_cost_min(members, perceived, prices_cny_per_kwh, np.array([priced_kwh]))
        return _choice_set(members[0], perceived, cost_min[0], self._cumulative(members, cost_min)[0])

    def _pair_cost_min(
        self,
        members: IntArray,
        perceived: PerceivedTimes,
        prices_cny_per_kwh: FloatArray,
        priced_kwh: FloatArray,
    ) -> FloatArray:
        """Return road, station with its expected stay, and price of each row's pairs."""
        charging_cost_min = self.scenario.charging_cost_min(prices_cny_per_kwh, priced_kwh[:, np.newaxis])
        at_station: FloatArray = np.take_along_axis(charging_cost_min, self.paths.station[members], axis=1)
        return perceived.time_min[members] + at_station

    def _cumulative(self, members: IntArray, cost_min: FloatArray) -> FloatArray:
        """Return the probabilities of each row's paths, as drivers weigh them, summed up."""
        among = Alternatives(
            cost_min=cost_min, theta_per_min=self.theta_per_min, path=members, paths=self.paths
        )
        return cumulative_chances(self.scenario.choice.weights(among))


def _choice_set(
    members: IntArray, perceived: PerceivedTimes, cost_min: FloatArray, cumulative: FloatArray
) -> ChoiceSet:
    """Return the alternatives of one row, without what fills it up."""
    there = members >= 0
    return ChoiceSet(
        path=members[there],
        time_min=perceived.time_min[members[there]],
        cost_min=cost_min[there],
        cumulative=cumulative[there],
    )


def _portions(drivers: int, alternatives: int) -> list[slice]:
    """Return all drivers in portions whose costs fit into memory."""
    step = max(1, ENTRIES_AT_ONCE // max(1, alternatives))
    return [slice(first, first + step) for first in range(0, drivers, step)]
