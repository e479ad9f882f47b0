"""From the population to the demand of each period, class and OD (Eq. 2)."""

from dataclasses import dataclass

import numpy as np

from cosim.arrays import FloatArray
from cosim.ev.charging_demand import ChargingDemand, estimate_charging_demand
from cosim.scenario import CAR, CHARGING, PASSING, Scenario


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayDemand:
    """The expected demand of a day."""

    charging: ChargingDemand
    n_ev: int
    group_veh_h: FloatArray
    """(periods, groups of the path set)."""


def expected_demand(scenario: Scenario, tariff_cny_per_kwh: FloatArray) -> DayDemand:
    """Return who travels in each period: cars by the trip profile, EVs by the diaries' timing.

    q = N p_t of the EVs fast-charge on the way (Eq. 2); the others, N - q, are still loaded on the roads.
    """
    charging = estimate_charging_demand(
        scenario.mobility,
        scenario.battery,
        scenario.behaviour,
        scenario.periods,
        n_ev=scenario.config.population.estimate_diaries,
        price_ratio=tariff_cny_per_kwh / tariff_cny_per_kwh.mean(),
    )
    n_ev = scenario.n_ev(charging.trips_per_ev)
    evs_veh_h = n_ev * charging.departures_per_ev / scenario.periods.hours
    cars_veh_h = (1 - scenario.config.population.ev_share) * scenario.trips_veh_h
    by_class = np.empty((3, scenario.periods.count))
    by_class[CAR] = cars_veh_h
    by_class[CHARGING] = evs_veh_h * charging.charging_share
    by_class[PASSING] = evs_veh_h - by_class[CHARGING]
    by_group = by_class.T[:, :, np.newaxis] * scenario.od_share
    return DayDemand(charging=charging, n_ev=n_ev, group_veh_h=by_group.reshape(scenario.periods.count, -1))
