"""The traffic of the day, counted from the trips that were made."""

import numpy as np

from agents.knowledge import mean_station_min
from agents.roads import PeriodBook, Roads
from agents.trip_log import TripLog
from cosim.arrays import FloatArray, IntArray
from cosim.periods import PeriodOfDay, Periods
from cosim.results import Recorder
from cosim.road.latency import link_time_min
from cosim.road.paths import PathSet
from cosim.road.records import record_link_flows, record_path_flows
from cosim.scenario import CHARGING, Scenario


class Trips:
    """The trips of one period, by departure; times are whole seconds, so that no sum depends on their order."""

    def __init__(self, log: TripLog, rows: IntArray) -> None:
        """Take these rows of the log."""
        self.path = log.path[rows]
        self.departure_s = log.departure_s[rows]
        self.has_arrived = log.has_arrived[rows]
        self.station_s = np.where(self.has_arrived, log.wait_s[rows] + log.charge_s[rows], 0)
        """Wait and charge; 0 for those who have not arrived."""


def trips_by_period(log: TripLog, scenario: Scenario, day: int) -> list[Trips]:
    """Return the trips made, for each period of *day* and as many more as there were departures."""
    first = (day - 1) * scenario.periods.count
    period = np.where(log.is_stranded, -1, log.departure_s // scenario.periods.seconds - first)
    order = np.argsort(period, kind="stable")
    last = max(scenario.periods.count - 1, int(period.max(initial=-1)))
    bounds = np.searchsorted(period[order], np.arange(last + 2))
    return [Trips(log, order[bounds[number] : bounds[number + 1]]) for number in range(last + 1)]


def record_traffic(
    recorder: Recorder, scenario: Scenario, roads: Roads, log: TripLog, day: int, entering: IntArray
) -> IntArray:
    """Write links and paths of *day*, and of later periods in which trips of the log began.

    That is counts of EVs by departure period, and the expected flow of conventional cars. *entering* are EVs of the
    day before that enter a link on this day, (periods, links); returned are those of this day that do so on the next.
    """
    paths, by_period = roads.paths, trips_by_period(log, scenario, day)
    first, count = scenario.periods.index(PeriodOfDay(day, 1)), scenario.periods.count
    books = [roads.books[now] for now in sorted(roads.books) if now.day >= day]
    counts = entering_links(by_period, paths, books, scenario.periods, first)
    counts[:count] += entering
    for number, trips in enumerate(by_period):
        now, book = scenario.periods.nth(first + number), books[number]
        ev_veh_h = np.bincount(trips.path, minlength=paths.count) / scenario.periods.hours
        flows = (book.car_veh_h, ev_veh_h, counts[number] / scenario.periods.hours)
        _record_links(recorder, roads, now, trips, flows)
        _record_paths(recorder, scenario, roads, now, book.car_veh_h + ev_veh_h)
    return counts[count : 2 * count]


def entering_links(
    by_period: list[Trips], paths: PathSet, books: list[PeriodBook], periods: Periods, first: int
) -> IntArray:
    """Return how many EVs enter each link in each period from the number *first* on, (periods, links).

    A trip's links take the times in force at its departure; its charging arc takes its own wait and charge.
    """
    shape = (len(books) + periods.count, len(paths.network.links))
    counts = np.zeros(shape[0] * shape[1], dtype=np.int64)
    for trips, book in zip(by_period, books, strict=False):
        passed_min = _passed_min(paths, book.time_min)
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
    roads: Roads,
    now: PeriodOfDay,
    trips: Trips,
    flows_veh_h: tuple[FloatArray, FloatArray, FloatArray],
) -> None:
    paths, (car_veh_h, ev_veh_h, entering) = roads.paths, flows_veh_h
    charges = paths.class_of_group[paths.groups.of_path] == CHARGING
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
        time_min=_experienced_min(roads, cars + passing + charging, trips),
        announced_min=roads.books[now].announced_min,
        effective_min=roads.books[now].time_min,
    )


def _experienced_min(roads: Roads, flow_veh_h: FloatArray, trips: Trips) -> FloatArray:
    """Return link times at the counted flow; at stations the mean of wait and charge (free time if nobody came)."""
    network, paths = roads.paths.network, roads.paths
    arcs = network.charging_arcs
    on_roads = flow_veh_h.copy()
    on_roads[arcs] = 0.0
    times = link_time_min(network, on_roads)
    came = trips.has_arrived & (paths.station[trips.path] >= 0)
    station = paths.station[trips.path[came]]
    times[arcs] = mean_station_min(
        np.bincount(station, minlength=arcs.size),
        np.bincount(station, trips.station_s[came], minlength=arcs.size),
        times[arcs],
    )
    return times


def _record_paths(
    recorder: Recorder,
    scenario: Scenario,
    roads: Roads,
    now: PeriodOfDay,
    flow_veh_h: FloatArray,
) -> None:
    paths, book = roads.paths, roads.books[now]
    total = paths.groups.spread(paths.groups.total(flow_veh_h))
    share = np.divide(flow_veh_h, total, out=np.full(paths.count, np.nan), where=total > 0)
    price_min = scenario.price_min(book.price_cny_per_kwh, roads.day_ahead.session_kwh)[paths.station]
    cost_min = paths.time_min(book.announced_min) + roads.overlap_min
    cost_min += np.where(paths.station >= 0, price_min, 0.0)
    record_path_flows(recorder, paths, now, flow_veh_h, share=share, cost_min=cost_min)
