"""Traffic information: reported trips, the link times measured from them, and those announced to drivers.

The coordinator counts reported trips twice. Counted by the period of the report, they give the times measured in the
last period, at once. Counted by the period of departure, as in the equilibrium, they give the times of that period a
day later, when all of them have ended; the class ``yesterday`` is told the mean of these over the days.
"""

from operator import attrgetter

import numpy as np

from agents.day_boundary import Measured
from cosim.arrays import FloatArray, IntArray
from cosim.periods import PeriodOfDay
from cosim.road.latency import link_time_min
from cosim.scenario import DayAhead, Scenario
from cosim.scenario.road_closures import RoadClosures, at_share, time_at_capacity


class TrafficInformation:
    """Measured, announced and effective link times."""

    def __init__(self, scenario: Scenario, day_ahead: DayAhead, measured: Measured | None) -> None:
        """Start from the times *measured* on the days before, or from free flow."""
        self.periods, self.day_ahead, self.paths = scenario.periods, day_ahead, day_ahead.paths
        self.shares = scenario.config.population.information.shares()
        network, count = self.paths.network, scenario.periods.count
        self.closures = RoadClosures(network, scenario.events)
        self.planned = RoadClosures(network, filter(attrgetter("planned"), scenario.events))
        self._charging = np.flatnonzero(self.paths.station >= 0)
        free_min = np.tile(network.t0_min, (count, 1))
        start = measured or Measured(
            last_period_min=network.t0_min,
            yesterday_min=free_min,
            perceived_min=free_min,
            trips=np.zeros((count, self.paths.count), dtype=np.int64),
            spent_s=np.zeros((count, network.charging_arcs.size), dtype=np.int64),
            car_link_veh_h=np.zeros_like(free_min),
        )
        self.last_period_min = start.last_period_min
        self.yesterday_min, self.perceived_min = start.yesterday_min.copy(), start.perceived_min.copy()
        self.trips, self.spent_s = start.trips.copy(), start.spent_s.copy()
        self.car_link_veh_h = start.car_link_veh_h.copy()

    def measured(self) -> Measured:
        """Return the measurements from which the next day starts."""
        return Measured(
            last_period_min=self.last_period_min,
            yesterday_min=self.yesterday_min,
            perceived_min=self.perceived_min,
            trips=self.trips,
            spent_s=self.spent_s,
            car_link_veh_h=self.car_link_veh_h,
        )

    # as a period opens

    def learn(self, period: PeriodOfDay) -> None:
        """Update the times of this period by those of the day before: perceived += (measured - perceived) / day."""
        row, day = period.row, period.day - 1
        if day < 1:
            return
        share = self.closures.in_period(self.periods, PeriodOfDay(day, period.period))
        self.yesterday_min[row] = self.times_min(
            self.trips[row], self.spent_s[row], self.car_link_veh_h[row], share
        )
        self.perceived_min[row] += (self.yesterday_min[row] - self.perceived_min[row]) / day
        self.trips[row], self.spent_s[row] = 0, 0

    def announced_min(self, period: PeriodOfDay) -> dict[str, FloatArray]:
        """Return the link times announced to each information class that has members."""
        classes = {
            "equilibrium": self.day_ahead.link_time_min[period.row],
            "last_period": self.last_period_min,
            "yesterday": self.perceived_min[period.row],
        }
        return {name: classes[name].copy() for name in self.shares}

    def full_min(self, period: PeriodOfDay) -> FloatArray:
        """Return the link times that trips of the period take where roads have their full capacity.

        Where all drivers are told the equilibrium, or the last period, these times are taken. Else they are the times
        of this period on the day before, and on the first day those of the last period.
        """
        announced, before = self.announced_min(period), self.periods.nth(self.periods.index(period) - 1)
        if self.shares.get("equilibrium", 0.0) >= 1:
            return self._at_full_capacity(announced["equilibrium"], period, self.planned)
        if self.shares.get("last_period", 0.0) >= 1 or period.day == 1:
            return self._at_full_capacity(self.last_period_min, before, self.closures)
        # a copy: after the end of the last day this period is updated again, and its record is still to be read
        yesterday = PeriodOfDay(period.day - 1, period.period)
        return self._at_full_capacity(self.yesterday_min[period.row].copy(), yesterday, self.closures)

    def _at_full_capacity(
        self, time_min: FloatArray, period: PeriodOfDay, closures: RoadClosures
    ) -> FloatArray:
        """Return link times of a period, in which roads had the capacity that is left by *closures*, without these."""
        share = closures.in_period(self.periods, period)
        return time_at_capacity(self.paths.network, time_min, share, np.ones_like(share))

    # as trips are reported, and the period ends

    def count(self, period: PeriodOfDay, departed_s: IntArray, trips: IntArray, spent_s: IntArray) -> None:
        """Count trips on paths, (departure periods, paths), unless they departed a day ago or earlier."""
        departure_period = departed_s // self.periods.seconds
        for row in np.flatnonzero(departure_period > self.periods.index(period) - self.periods.count):
            period_row = departure_period[row] % self.periods.count
            self.trips[period_row] += trips[row]
            self.spent_s[period_row] += self._at_stations(spent_s[row])

    def close(self, period: PeriodOfDay, trips: IntArray, spent_s: IntArray, car_veh_h: FloatArray) -> None:
        """Measure the period that ended by all trips reported in it, and keep the car flows for the day after."""
        car_link_veh_h = self.paths.link_flow_veh_h(car_veh_h)
        self.car_link_veh_h[period.row] = car_link_veh_h
        share = self.closures.in_period(self.periods, period)
        self.last_period_min = self.times_min(trips, self._at_stations(spent_s), car_link_veh_h, share)

    def _at_stations(self, spent_s: IntArray) -> IntArray:
        """Return the seconds at each station, from those on each path."""
        stations = self.paths.network.charging_arcs.size
        station = self.paths.station[self._charging]
        return np.bincount(station, spent_s[self._charging], minlength=stations).astype(np.int64)

    def times_min(
        self, trips: IntArray, spent_s: IntArray, car_link_veh_h: FloatArray, share: FloatArray
    ) -> FloatArray:
        """Return link times at this traffic, and with this *share* of each capacity; at closed ones as with all of it.

        At stations it is the mean of wait and charge (t0 without arrivals).
        """
        network = at_share(self.paths.network, share)
        arcs = network.charging_arcs
        flow = self.paths.link_flow_veh_h(trips / self.periods.hours) + car_link_veh_h
        flow[arcs] = 0.0
        times = link_time_min(network, flow)
        vehicles = np.bincount(self.paths.station[self._charging], trips[self._charging], minlength=arcs.size)
        times[arcs] = mean_station_min(vehicles, spent_s, times[arcs])
        return times


def mean_station_min(
    vehicles: IntArray, spent_s: FloatArray | IntArray, without_arrivals_min: FloatArray
) -> FloatArray:
    """Return the mean time at each station from the number of vehicles and the sum of their seconds."""
    return np.where(vehicles > 0, spent_s / np.maximum(vehicles, 1) / 60, without_arrivals_min)
