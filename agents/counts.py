"""The traffic of the day, counted from the trips that were made."""

import numpy as np

from agents.day_boundary import DayTraffic
from agents.traffic_information import mean_station_min
from agents.trip_table import TripTable
from cosim.arrays import FloatArray, IntArray
from cosim.periods import PeriodOfDay
from cosim.results import Recorder
from cosim.road.latency import link_time_min
from cosim.road.paths import PathSet
from cosim.road.records import record_link_flows, record_path_flows
from cosim.scenario import CHARGING, DayAhead, Scenario


class TripsOfPeriod:
    """The trips of one period, by departure; times are whole seconds, so that no sum depends on their order."""

    def __init__(self, trips: TripTable, rows: IntArray) -> None:
        """Take these rows of the table."""
        self.path = trips.path[rows]
        self.departure_s = trips.departure_s[rows]
        self.has_arrived = trips.has_arrived[rows]
        self.station_s = np.where(self.has_arrived, trips.wait_s[rows] + trips.charge_s[rows], 0)
        """Wait and charge; 0 for those that have not arrived."""


def trips_by_period(traffic: DayTraffic, scenario: Scenario) -> list[TripsOfPeriod]:
    """Return the trips made, for each period of the day and as many more as there were departures."""
    trips, first = traffic.trips, _first_period(traffic, scenario)
    period = np.where(trips.is_made, trips.departure_s // scenario.periods.seconds - first, -1)
    order = np.argsort(period, kind="stable")
    last = max(scenario.periods.count - 1, int(period.max(initial=-1)))
    bounds = np.searchsorted(period[order], np.arange(last + 2))
    return [TripsOfPeriod(trips, order[bounds[number] : bounds[number + 1]]) for number in range(last + 1)]


def _first_period(traffic: DayTraffic, scenario: Scenario) -> int:
    return scenario.periods.index(PeriodOfDay(traffic.day, 1))


def entries_after(traffic: DayTraffic, scenario: Scenario, paths: PathSet) -> IntArray:
    """Return how many EVs of a day enter each link on the day after, (periods, links)."""
    count = scenario.periods.count
    return entering_links(traffic, trips_by_period(traffic, scenario), scenario, paths)[count : 2 * count]


def record_traffic(recorder: Recorder, scenario: Scenario, day_ahead: DayAhead, traffic: DayTraffic) -> None:
    """Record links and paths of a day, and of later periods in which its trips began.

    That is counts of EVs by departure period, and the expected flow of conventional cars.
    """
    paths, by_period = day_ahead.paths, trips_by_period(traffic, scenario)
    counts = entering_links(traffic, by_period, scenario, paths)
    counts[: scenario.periods.count] += traffic.carried_over_entries
    first, overlap_min = _first_period(traffic, scenario), scenario.path_size_cost_min(paths)
    for number, trips in enumerate(by_period):
        now, car_veh_h = scenario.periods.nth(first + number), traffic.car_veh_h[number]
        ev_veh_h = np.bincount(trips.path, minlength=paths.count) / scenario.periods.hours
        entering_veh_h = counts[number] / scenario.periods.hours
        _record_links(recorder, paths, now, traffic, number, trips, (car_veh_h, ev_veh_h, entering_veh_h))
        at_station_min = scenario.charging_cost_min(traffic.price_cny_per_kwh[number], day_ahead.session_kwh)
        cost_min = paths.time_min(traffic.announced_min[number]) + overlap_min
        cost_min += np.where(paths.station >= 0, at_station_min[paths.station], 0.0)
        _record_paths(recorder, paths, now, car_veh_h + ev_veh_h, cost_min)


def entering_links(
    traffic: DayTraffic, by_period: list[TripsOfPeriod], scenario: Scenario, paths: PathSet
) -> IntArray:
    """Return how many EVs enter each link in each period from the first of the day on, (periods, links).

    A trip's links take the times in effect at its departure; its charging arc takes its own wait and charge.
    """
    periods, first = scenario.periods, _first_period(traffic, scenario)
    shape = (len(traffic.effective_min) + periods.count, len(paths.network.links))
    counts = np.zeros(shape[0] * shape[1], dtype=np.int64)
    for trips, effective_min in zip(by_period, traffic.effective_min, strict=False):
        passed_min = _passed_min(paths, effective_min)
        for place in range(int(np.diff(paths.indptr).max(initial=0))):
            here = np.flatnonzero(paths.indptr[trips.path] + place < paths.indptr[trips.path + 1])
            entry = paths.indptr[trips.path[here]] + place
            after_charge = (paths.charges_at[trips.path[here]] >= 0) & (
                paths.charges_at[trips.path[here]] < entry
            )
            entry_s = trips.departure_s[here] + 60 * passed_min[entry] + after_charge * trips.station_s[here]
            period = (entry_s // periods.seconds).astype(np.int64) - first
            cell = period * shape[1] + paths.links[entry]
            counts += np.bincount(cell[cell < counts.size], minlength=counts.size)
    return counts.reshape(shape)


def _passed_min(paths: PathSet, link_time_min: FloatArray) -> FloatArray:
    """Return the driving time from the start of its path to each entry of ``paths.links``."""
    spent_min = np.where(paths.network.is_charging[paths.links], 0.0, link_time_min[paths.links])
    passed_min = np.cumsum(spent_min) - spent_min
    at_start: FloatArray = np.repeat(passed_min[paths.indptr[:-1]], np.diff(paths.indptr))
    return passed_min - at_start


def _record_links(
    recorder: Recorder,
    paths: PathSet,
    now: PeriodOfDay,
    traffic: DayTraffic,
    number: int,
    trips: TripsOfPeriod,
    flows_veh_h: tuple[FloatArray, FloatArray, FloatArray],
) -> None:
    car_veh_h, ev_veh_h, entering = flows_veh_h
    charges = paths.class_of_group[paths.groups.group_of_path] == CHARGING
    cars = paths.link_flow_veh_h(car_veh_h)
    passing = paths.link_flow_veh_h(np.where(charges, 0.0, ev_veh_h))
    charging = paths.link_flow_veh_h(np.where(charges, ev_veh_h, 0.0))
    record_link_flows(
        recorder,
        paths.network,
        now,
        cars,
        passing,
        charging,
        ev_traversal_veh_h=entering,
        time_min=_experienced_min(paths, cars + passing + charging, trips),
        announced_min=traffic.announced_min[number],
        effective_min=traffic.effective_min[number],
    )


def _experienced_min(paths: PathSet, flow_veh_h: FloatArray, trips: TripsOfPeriod) -> FloatArray:
    """Return link times at the counted flow; at stations the mean of wait and charge (free time without arrivals)."""
    network = paths.network
    arcs = network.charging_arcs
    on_roads = flow_veh_h.copy()
    on_roads[arcs] = 0.0
    times = link_time_min(network, on_roads)
    charged = trips.has_arrived & (paths.station[trips.path] >= 0)
    station = paths.station[trips.path[charged]]
    times[arcs] = mean_station_min(
        np.bincount(station, minlength=arcs.size),
        np.bincount(station, trips.station_s[charged], minlength=arcs.size),
        times[arcs],
    )
    return times


def _record_paths(
    recorder: Recorder, paths: PathSet, now: PeriodOfDay, flow_veh_h: FloatArray, cost_min: FloatArray
) -> None:
    total = paths.groups.expand(paths.groups.total(flow_veh_h))
    share = np.divide(flow_veh_h, total, out=np.full(paths.count, np.nan), where=total > 0)
    record_path_flows(recorder, paths, now, flow_veh_h, share=share, cost_min=cost_min)
