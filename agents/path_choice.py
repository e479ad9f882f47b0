"""The choice among paths, or (path, station) pairs, at perceived link times and prices (Eq. 7 of Ma et al. 2024)."""

from dataclasses import dataclass

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.messages import PeriodOpened
from cosim.periods import PeriodOfDay
from cosim.road.choice import choose_in_rows, cumulative_probabilities, padded_members
from cosim.road.route_choice import Alternatives
from cosim.scenario import CHARGING, NOT_CHARGING, DayAhead, Scenario

MAX_COSTS_IN_MEMORY = 2_000_000
"""Entries of a cost matrix, (drivers, alternatives), up to which drivers choose in one block."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PerceivedTimes:
    """Path times and shares at the link times of one message, the same for all its receivers."""

    path_cumulative: FloatArray
    """(ODs, max. paths of an OD): cumulative path shares of EVs that do not charge."""
    time_min: FloatArray
    """(paths + 1,): time along every path, with the station's wait and charge; the last entry, infinite, is padding.

    It is infinite too along a path that is closed, or over a station that is known to be.
    """
    has_path: BoolArray
    """(ODs,): whether a path is open."""
    has_pair: BoolArray
    """(ODs,): whether a (path, station) pair is open, as far as known."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChoiceSet:
    """Alternatives of one driver: one value for each path, or (path, station) pair."""

    path: IntArray
    time_min: FloatArray
    """Perceived time on roads and at the station."""
    cost_min: FloatArray
    """Perceived time plus the charging cost in minutes."""
    cumulative: FloatArray
    """Cumulative choice probability."""

    @property
    def probability(self) -> FloatArray:
        """Probability of each alternative."""
        return np.diff(self.cumulative, prepend=0.0)


class PathChoice:
    """Choice model of the drivers (``population.choice``) on the path set; a uniform number picks the alternative."""

    def __init__(self, scenario: Scenario, day_ahead: DayAhead) -> None:
        """Use the agents' theta (``population.theta_per_min``) if given, else that of the roads."""
        self.scenario, self.paths = scenario, day_ahead.paths
        self.theta_per_min = scenario.config.population.theta_per_min or scenario.config.road.theta_per_min
        self._mean_session_kwh = day_ahead.session_kwh
        self._uses_own_energy = scenario.config.population.energy_in_choice == "own"
        ods = self.paths.od.origin.size
        self._path_members = padded_members(
            self.paths.groups, slice(NOT_CHARGING * ods, (NOT_CHARGING + 1) * ods)
        )
        self._pair_members = padded_members(self.paths.groups, slice(CHARGING * ods, (CHARGING + 1) * ods))
        self._closed = np.zeros(self.paths.count, dtype=np.bool_)
        self._perceived: dict[tuple[PeriodOfDay, str], PerceivedTimes] = {}
        self._at_free_flow = self._perceive(self.paths.network.t0_min)

    def perceived(self, opened: PeriodOpened | None) -> PerceivedTimes:
        """Return the perceived times of a message, computed once for all its receivers; at free flow for None."""
        if opened is None:
            return self._at_free_flow
        key = PeriodOfDay(opened.day, opened.period), opened.information_class
        if key not in self._perceived:
            self._perceived[key] = self._perceive(np.array(opened.link_time_min))
        return self._perceived[key]

    def close(self, links: BoolArray) -> None:
        """Let nobody choose a path over these links and charging arcs, (links,), from now on."""
        self._closed = self.paths.uses(links)
        self._perceived.clear()
        self._at_free_flow = self._perceive(self.paths.network.t0_min)

    def _perceive(self, link_time_min: FloatArray) -> PerceivedTimes:
        time_min = np.append(np.where(self._closed, np.inf, self.paths.time_min(link_time_min)), np.inf)
        path_min = time_min[self._path_members]
        has_path = np.isfinite(path_min).any(axis=1)
        return PerceivedTimes(
            # where no path is open nobody drives, and the shares do not count
            path_cumulative=self._cumulative(self._path_members, np.where(has_path[:, None], path_min, 0.0)),
            time_min=time_min,
            has_path=has_path,
            has_pair=np.isfinite(time_min[self._pair_members]).any(axis=1),
        )

    def priced_kwh(self, session_kwh: FloatArray) -> FloatArray:
        """Return the energy at which drivers price a station: their own *session_kwh*, or the mean session's."""
        return session_kwh if self._uses_own_energy else np.full(session_kwh.size, self._mean_session_kwh)

    def choose_paths(self, od: IntArray, perceived: PerceivedTimes, uniform: FloatArray) -> IntArray:
        """Return the path of each driver that does not charge."""
        path = np.empty_like(od)
        for block in _blocks(od.size, self._path_members.shape[1]):
            column = choose_in_rows(perceived.path_cumulative[od[block]], uniform[block])
            path[block] = self._path_members[od[block], column]
        return path

    def choose_pairs(
        self,
        od: IntArray,
        perceived: PerceivedTimes,
        uniform: FloatArray,
        prices_cny_per_kwh: FloatArray,
        priced_kwh: FloatArray,
    ) -> IntArray:
        """Return the (path, station) pair of each driver, at the prices of the stations (Eq. 7)."""
        pair = np.empty_like(od)
        for block in _blocks(od.size, self._pair_members.shape[1]):
            members = self._pair_members[od[block]]
            cost_min = self._pair_cost_min(members, perceived, prices_cny_per_kwh, priced_kwh[block])
            column = choose_in_rows(self._cumulative(members, cost_min), uniform[block])
            pair[block] = members[np.arange(column.size), column]
        return pair

    def paths_of(self, od: int, perceived: PerceivedTimes) -> ChoiceSet:
        """Return the choice set of a driver that does not charge."""
        members = self._path_members[od]
        return _choice_set(members, perceived, perceived.time_min[members], perceived.path_cumulative[od])

    def pairs_of(
        self, od: int, perceived: PerceivedTimes, prices_cny_per_kwh: FloatArray, priced_kwh: float
    ) -> ChoiceSet:
        """Return the choice set of a driver that charges."""
        members = self._pair_members[[od]]
        cost_min = self._pair_cost_min(members, perceived, prices_cny_per_kwh, np.array([priced_kwh]))
        return _choice_set(members[0], perceived, cost_min[0], self._cumulative(members, cost_min)[0])

    def _pair_cost_min(
        self,
        members: IntArray,
        perceived: PerceivedTimes,
        prices_cny_per_kwh: FloatArray,
        priced_kwh: FloatArray,
    ) -> FloatArray:
        """Return the cost of each driver's pairs: time on roads and at the station, charging cost."""
        charging_cost_min = self.scenario.charging_cost_min(prices_cny_per_kwh, priced_kwh[:, np.newaxis])
        at_station: FloatArray = np.take_along_axis(charging_cost_min, self.paths.station[members], axis=1)
        return perceived.time_min[members] + at_station

    def _cumulative(self, members: IntArray, cost_min: FloatArray) -> FloatArray:
        """Return the cumulative choice probabilities of each row's alternatives."""
        alternatives = Alternatives(
            cost_min=cost_min, theta_per_min=self.theta_per_min, path=members, paths=self.paths
        )
        return cumulative_probabilities(self.scenario.choice.weights(alternatives))


def _choice_set(
    members: IntArray, perceived: PerceivedTimes, cost_min: FloatArray, cumulative: FloatArray
) -> ChoiceSet:
    """Return the alternatives of one row, without its padding."""
    exists = members >= 0
    return ChoiceSet(
        path=members[exists],
        time_min=perceived.time_min[members[exists]],
        cost_min=cost_min[exists],
        cumulative=cumulative[exists],
    )


def _blocks(drivers: int, alternatives: int) -> list[slice]:
    """Return the drivers in blocks whose cost matrix has at most ``MAX_COSTS_IN_MEMORY`` entries."""
    step = max(1, MAX_COSTS_IN_MEMORY // max(1, alternatives))
    return [slice(first, first + step) for first in range(0, drivers, step)]
