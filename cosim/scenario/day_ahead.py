"""The day-ahead forecast: the equilibrium as plain arrays, the input of the agents."""

from dataclasses import dataclass

import numpy as np

from cosim.arrays import FloatArray
from cosim.periods import PeriodOfDay
from cosim.road.paths import PathSet


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayAhead:
    """Forecast of the equilibrium for every day; arrays have one row per period."""

    days: int
    """Number of days, with the same forecast for each."""
    n_ev: int
    """Number of EVs that make the EVs' share of the trips."""
    session_kwh: float
    """Mean energy of a fast charge, on the grid side."""
    paths: PathSet
    """Path set with the charging arcs for that energy."""
    link_time_min: FloatArray
    """(periods, links): link times in equilibrium."""
    car_path_veh_h: FloatArray
    """(periods, paths): demand of conventional cars of each path's OD pair; zero for paths of other classes."""
    station_load_kw: FloatArray
    """(periods, stations): station load."""
    tariff_cny_per_kwh: FloatArray
    """(periods,): price of energy from the upper grid."""
    nodal_price_cny_per_kwh: FloatArray
    """(periods, stations): nodal prices of the day-ahead dispatch."""
    charging_price_cny_per_kwh: FloatArray
    """(periods, stations): charging prices published the day before."""
    share_drawn_on_arrival: float
    """Mean share of a session's energy that is drawn in the period of arrival."""

    @property
    def station_names(self) -> tuple[str, ...]:
        """Names of the stations, in the order of their numbers."""
        return tuple(self.paths.network.links[arc] for arc in self.paths.network.charging_arcs)

    def expected_load_kw(self, period: PeriodOfDay) -> FloatArray:
        """Return the load of vehicles yet to arrive in this and each later period of the day, (periods, stations).

        It is zero after the last day, when no EV departs.
        """
        load_kw = self.station_load_kw[period.row :]
        return load_kw if period.day <= self.days else np.zeros_like(load_kw)
