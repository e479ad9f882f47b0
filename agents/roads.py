"""The roads of a day: the link times in effect, the driving times they make, and what each period was like."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.config.travel import FREE_FLOW
from cosim.periods import PeriodOfDay
from cosim.road.choice import logit_shares
from cosim.scenario import DayAhead, Scenario


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoadPeriod:
    """What the roads were like in a period."""

    effective_min: FloatArray
    """Link times that trips take."""
    announced_min: FloatArray
    """Link times announced to drivers, on average over all drivers."""
    car_veh_h: FloatArray
    """Expected path flows of conventional cars."""
    price_cny_per_kwh: FloatArray
    """Charging price of each station."""


class Roads:
    """Holds the link times in effect, and the expected flows of conventional cars."""

    def __init__(
        self, scenario: Scenario, day_ahead: DayAhead, link_time_min: FloatArray | None = None
    ) -> None:
        """Start with the link times of the period before, or at free flow."""
        self.scenario, self.day_ahead, self.paths = scenario, day_ahead, day_ahead.paths
        self.stations = [station.name for station in scenario.stations]
        self.overlap_min = scenario.path_size_cost_min(self.paths)
        """What cars, and the equilibrium, add to the time of each path for its overlap."""
        self.periods: dict[PeriodOfDay, RoadPeriod] = {}
        """What each period so far was like."""
        self._set_times(self.paths.network.t0_min if link_time_min is None else link_time_min)

    def open(
        self,
        now: PeriodOfDay,
        effective_min: FloatArray,
        announced_min: dict[str, FloatArray],
        price_cny_per_kwh: FloatArray,
    ) -> None:
        """Bring the link times of a period into effect; *announced_min* has those of each information class."""
        shares = self.scenario.config.population.information.shares()
        shares[FREE_FLOW] = max(0.0, 1 - sum(shares.values()))
        known = announced_min | {FREE_FLOW: self.paths.network.t0_min}
        if len(announced_min) == 1 and shares[FREE_FLOW] < 1e-9:
            shares = dict.fromkeys(announced_min, 1.0)
        self.periods[now] = RoadPeriod(
            effective_min=effective_min,
            announced_min=_sum_of(share * known[name] for name, share in shares.items()),
            car_veh_h=self._car_flow_veh_h(now, known, shares),
            price_cny_per_kwh=price_cny_per_kwh.copy(),
        )
        self._set_times(effective_min)

    def _set_times(self, link_time_min: FloatArray) -> None:
        """Let trips take these link times."""
        legs = self.paths.legs(link_time_min)
        self.before_s: IntArray = np.rint(legs.before_min * 60).astype(np.int64)
        """Driving time of each path to its station, or of the whole path."""
        self.after_s: IntArray = np.rint(legs.after_min * 60).astype(np.int64)

    def _car_flow_veh_h(
        self, now: PeriodOfDay, known_min: dict[str, FloatArray], shares: dict[str, float]
    ) -> FloatArray:
        """Return the expected path flows of conventional cars: as many know what as of the EVs' drivers."""
        if now.day > self.day_ahead.days:
            return np.zeros(self.paths.count)
        groups = self.paths.groups
        theta = np.full(groups.count, self.scenario.config.road.theta_per_min)
        chosen = _sum_of(
            share * logit_shares(self.paths.time_min(known_min[name]) + self.overlap_min, groups, theta)
            for name, share in shares.items()
        )
        flow: FloatArray = self.day_ahead.car_path_veh_h[now.period - 1] * chosen
        return flow


def _sum_of(parts: Iterable[FloatArray]) -> FloatArray:
    """Return the sum of some arrays."""
    return reduce(np.add, parts)
