"""From the population to the demand of each period, class and OD (Eq. 2 of Ma et al. 2024)."""

from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np

from cosim.arrays import FloatArray
from cosim.ev.charging_demand import ChargingDemand, by_profile, estimate_charging_demand
from cosim.kept_by_content import kept_by_content
from cosim.scenario import CAR, CHARGING, NOT_CHARGING, Scenario
from cosim.scenario.places import TYPICAL_SESSION_KWH


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayDemand:
    """The expected demand of a day."""

    charging: ChargingDemand
    n_ev: int
    group_veh_h: FloatArray
    """(periods, groups of the path set)."""

    @property
    def session_kwh(self) -> float:
        """Mean energy of a fast charge on the grid side [kWh]."""
        return self.charging.mean_session_kwh or TYPICAL_SESSION_KWH


def expected_demand(scenario: Scenario, tariff_cny_per_kwh: FloatArray) -> DayDemand:
    """Return the demand of each period: cars by the trip profile, EVs by the departures of the diaries.

    Where EVs leave by the profile, too, their planned trips are those of the diaries, and the share of each period
    that of the profile: the diaries say the same but for their sampling error. Stranded EVs do not set out;
    where they stay behind from day to day, no profile holds for the others, and the departures are those sampled.

    Of N departing EVs q = N p_t fast-charge on the way (Eq. 2); the others, N - q, travel without charging.
    """
    is_price_sensitive = scenario.behaviour.price_sensitivity > 0
    ratio = tuple((tariff_cny_per_kwh / tariff_cny_per_kwh.mean()).tolist()) if is_price_sensitive else None
    charging = _charging_demand(scenario, ratio)
    population = scenario.config.population
    if population.timing == "profile" and (population.soc == "daily" or not charging.stranded_per_ev):
        charging = by_profile(charging, scenario.trip_share)
    n_ev = scenario.n_ev(charging.trips_per_ev)
    evs_veh_h = n_ev * charging.departures_per_ev / scenario.periods.hours
    cars_veh_h = (1 - population.ev_share) * scenario.trips_veh_h
    by_class = np.empty((3, scenario.periods.count))
    by_class[CAR] = cars_veh_h
    by_class[CHARGING] = evs_veh_h * charging.charging_share
    by_class[NOT_CHARGING] = evs_veh_h - by_class[CHARGING]
    by_group = by_class.T[:, :, np.newaxis] * scenario.od_share
    if charging.od_departures_per_ev is not None:  # trips chain: EVs have ODs of their own in each period
        evs_by_od = n_ev * charging.od_departures_per_ev / scenario.periods.hours
        by_group[:, CHARGING] = evs_by_od * charging.charging_share[:, np.newaxis]
        by_group[:, NOT_CHARGING] = evs_by_od - by_group[:, CHARGING]
    return DayDemand(charging=charging, n_ev=n_ev, group_veh_h=by_group.reshape(scenario.periods.count, -1))


_estimated = kept_by_content(8)(estimate_charging_demand)


@lru_cache(maxsize=8)
def _charging_demand(scenario: Scenario, price_ratio: tuple[float, ...] | None) -> ChargingDemand:
    """Return the estimate from the diaries; one serves all prices where drivers ignore the price (None)."""
    estimate = _estimated(
        scenario.mobility,
        scenario.battery,
        scenario.behaviour,
        scenario.periods,
        n_ev=scenario.config.population.estimate_diaries,
        price_ratio=None if price_ratio is None else np.array(price_ratio),
        carry_over=scenario.config.population.soc == "carried",
        chains=scenario.chains,
    )
    for field in fields(estimate):
        if isinstance(shared := getattr(estimate, field.name), np.ndarray):
            shared.setflags(write=False)
    return estimate
