"""What is known the day before: the equilibrium's forecast, handed to the agents as plain arrays."""

from dataclasses import dataclass

import numpy as np

from cosim.arrays import FloatArray
from cosim.periods import PeriodOfDay
from cosim.road.paths import PathSet


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayAhead:
    """The day as the equilibrium expects it; arrays have one row per period."""

    days: int
    """Days that are all expected to be like this one."""
    n_ev: int
    """Number of EVs that make the EVs' share of the trips."""
    session_kwh: float
    """Mean energy of a fast charge, at the grid side."""
    paths: PathSet
    """Path set whose charging arcs follow from that energy."""
    link_time_min: FloatArray
    """(periods, links): equilibrium times."""
    car_path_veh_h: FloatArray
    """(periods, paths): demand of conventional cars, beside each of their paths; zero for other classes."""
    station_load_kw: FloatArray
    """(periods, stations)."""
    tariff_cny_per_kwh: FloatArray
    """(periods,): what energy from the upper grid costs."""
    nodal_price_cny_per_kwh: FloatArray
    """(periods, stations): nodal prices of the day-ahead dispatch."""
    charging_price_cny_per_kwh: FloatArray
    """(periods, stations): what was published the day before; all know it."""
    share_drawn_on_arrival: float
    """Part of a session's energy that is drawn in the period of arrival, on average."""

    @property
    def station_names(self) -> tuple[str, ...]:
        """Names of the stations, in the order of their numbers."""
        return tuple(self.paths.network.links[arc] for arc in self.paths.network.charging_arcs)

    def expected_load_kw(self, now: PeriodOfDay) -> FloatArray:
        """Return the load of vehicles yet to arrive in this and each later period of the day, (periods, stations).

        After the last day nobody departs any more.
        """
        ahead = self.station_load_kw[now.period - 1 :]
        return ahead if now.day <= self.days else np.zeros_like(ahead)
