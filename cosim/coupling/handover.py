"""From the equilibrium to the day-ahead forecast of the agents."""

import numpy as np

from cosim.coupling.equilibrium import EquilibriumDay
from cosim.coupling.stations import share_drawn_on_arrival
from cosim.scenario import CAR, DayAhead, Scenario


def day_ahead(scenario: Scenario, day: EquilibriumDay) -> DayAhead:
    """Return the day-ahead forecast: link times, station loads and prices of the equilibrium."""
    session_min = float(day.paths.network.t0_min[day.paths.network.charging_arcs].mean())
    is_car = day.paths.class_of_group[day.paths.groups.group_of_path] == CAR
    return DayAhead(
        days=scenario.config.days,
        n_ev=day.demand.n_ev,
        session_kwh=day.demand.session_kwh,
        paths=day.paths,
        link_time_min=np.array([period.link_time_min for period in day.periods]),
        car_path_veh_h=np.where(is_car, day.paths.groups.expand(day.demand.group_veh_h), 0.0),
        station_load_kw=day.load.load_kw,
        tariff_cny_per_kwh=day.tariff_cny_per_kwh,
        nodal_price_cny_per_kwh=day.nodal_price_cny_per_kwh,
        charging_price_cny_per_kwh=day.charging_price_cny_per_kwh,
        share_drawn_on_arrival=share_drawn_on_arrival(session_min, 60 * scenario.periods.hours),
    )
