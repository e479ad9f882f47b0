"""The traffic of a day, counted from the trips that were made."""

from itertools import pairwise
from typing import NamedTuple

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
from cosim.scenario.road_closures import RoadClosures, at_share


class TripsOfPeriod:
    """The trips of one period, by departure; times are whole seconds, so that no sum depends on their order."""

    def __init__(self, trips: TripTable, rows: IntArray) -> None:
        """Select these rows of the table."""
        self.path = trips.path[rows]
        self.departure_s = trips.departure_s[rows]
        self.station = trips.station[rows]
        self.has_arrived = trips.has_arrived[rows]
        self.station_s = np.where(self.has_arrived, trips.wait_s[rows] + trips.charge_s[rows], 0)
        """Wait and charge; 0 for trips that have not arrived."""


def trips_by_period(traffic: DayTraffic, scenario: Scenario) -> list[TripsOfPeriod]:
    """Return the trips made by departure, for each period of the day and for later periods up to the last departure."""
    trips, first = traffic.trips, _first_period(traffic, scenario)
    period = np.where(trips.is_made, trips.departure_s // scenario.periods.seconds - first, -1)
    order = np.argsort(period, kind="stable")
    last = max(scenario.periods.count - 1, int(period.max(initial=-1)))
    bounds = np.searchsorted(period[order], np.arange(last + 2))
    return [TripsOfPeriod(trips, order[start:end]) for start, end in pairwise(bounds)]


def _first_period(traffic: DayTraffic, scenario: Scenario) -> int:
    return scenario.periods.index(PeriodOfDay(traffic.day, 1))


def entries_after(traffic: DayTraffic, scenario: Scenario, paths: PathSet) -> IntArray:
    """Return the number of EVs of a day that enter each link on the day after, (periods, links)."""
    count = scenario.periods.count
    return entering_links(traffic, trips_by_period(traffic, scenario), scenario, paths)[count : 2 * count]


def record_traffic(recorder: Recorder, scenario: Scenario, day_ahead: DayAhead, traffic: DayTraffic) -> None:
    """Write links and paths of a day and of later periods in which its trips began.

    EVs are counted by departure period; the flow of conventional cars is the expected one.
    """
    paths, by_period = day_ahead.paths, trips_by_period(traffic, scenario)
    counts = entering_links(traffic, by_period, scenario, paths)
    counts[: scenario.periods.count] += traffic.carried_over_entries
    first, overlap_min = _first_period(traffic, scenario), scenario.path_size_cost_min(paths)
    closures = RoadClosures(paths.network, scenario.events)
    for row, trips in enumerate(by_period):
        period, hours = scenario.periods.nth(first + row), scenario.periods.hours
        ev_veh_h = np.bincount(trips.path, minlength=paths.count) / hours
        flows = _Flows(traffic.car_veh_h[row], ev_veh_h, counts[row] / hours)
        share = closures.in_period(scenario.periods, period)
        _record_links(recorder, paths, share, period, traffic, row, trips, flows)
        charging_cost_min = scenario.charging_cost_min(traffic.price_cny_per_kwh[row], day_ahead.session_kwh)
        cost_min = paths.time_min(traffic.announced_min[row]) + overlap_min
        cost_min += np.where(paths.station >= 0, charging_cost_min[paths.station], 0.0)
        _record_paths(recorder, paths, period, flows.car_veh_h + flows.ev_veh_h, cost_min)


class _Flows(NamedTuple):
    car_veh_h: FloatArray
    """Expected path flows of conventional cars, (paths,)."""
    ev_veh_h: FloatArray
    """Path flows of EVs by departure period, (paths,)."""
    traversal_veh_h: FloatArray
    """Link flows of EVs by the period in which they enter the link, (links,)."""


def entering_links(
    traffic: DayTraffic, by_period: list[TripsOfPeriod], scenario: Scenario, paths: PathSet
) -> IntArray:
    """Return the number of EVs that enter each link in each period from the first of the day on, (periods, links).

    The travel times of a trip are the effective link times at its departure; on a charging arc its own wait and charge.
    """
    periods, first = scenario.periods, _first_period(traffic, scenario)
    shape = (len(traffic.effective_min) + periods.count, len(paths.network.links))
    counts = np.zeros(shape[0] * shape[1], dtype=np.int64)
    for trips, effective_min in zip(by_period, traffic.effective_min, strict=False):
        entry_min = _entry_min(paths, effective_min)
        for position in range(int(np.diff(paths.indptr).max(initial=0))):
            rows = np.flatnonzero(paths.indptr[trips.path] + position < paths.indptr[trips.path + 1])
            path = trips.path[rows]
            entry = paths.indptr[path] + position
            after_charge = (paths.charges_at[path] >= 0) & (paths.charges_at[path] < entry)
            entry_s = trips.departure_s[rows] + 60 * entry_min[entry] + after_charge * trips.station_s[rows]
            period = (entry_s // periods.seconds).astype(np.int64) - first
            cell = period * shape[1] + paths.links[entry]
            counts += np.bincount(cell[cell < counts.size], minlength=counts.size)
    return counts.reshape(shape)


def _entry_min(paths: PathSet, link_time_min: FloatArray) -> FloatArray:
    """Return the driving time from the start of the path to each entry of ``paths.links``."""
    drive_min = np.where(paths.network.is_charging[paths.links], 0.0, link_time_min[paths.links])
    cumulative_min = np.cumsum(drive_min) - drive_min
    path_start_min: FloatArray = np.repeat(cumulative_min[paths.indptr[:-1]], np.diff(paths.indptr))
    return cumulative_min - path_start_min


def _record_links(
    recorder: Recorder,
    paths: PathSet,
    share: FloatArray,
    period: PeriodOfDay,
    traffic: DayTraffic,
    row: int,
    trips: TripsOfPeriod,
    flows: _Flows,
) -> None:
    charges = paths.class_of_group[paths.groups.group_of_path] == CHARGING
    cars = paths.link_flow_veh_h(flows.car_veh_h)
    not_charging = paths.link_flow_veh_h(np.where(charges, 0.0, flows.ev_veh_h))
    charging = paths.link_flow_veh_h(np.where(charges, flows.ev_veh_h, 0.0))
    record_link_flows(
        recorder,
        paths.network,
        period,
        share,
        cars,
        not_charging,
        charging,
        ev_traversal_veh_h=flows.traversal_veh_h,
        time_min=_experienced_min(paths, share, cars + not_charging + charging, trips),
        announced_min=traffic.announced_min[row],
        effective_min=traffic.effective_min[row],
    )


def _experienced_min(
    paths: PathSet, share: FloatArray, flow_veh_h: FloatArray, trips: TripsOfPeriod
) -> FloatArray:
    """Return link times at the counted flow; at stations the mean of wait and charge (t0 without arrivals)."""
    network = at_share(paths.network, share)
    arcs = network.charging_arcs
    road_flow_veh_h = flow_veh_h.copy()
    road_flow_veh_h[arcs] = 0.0
    times = link_time_min(network, road_flow_veh_h)
    charged = trips.has_arrived & (trips.station >= 0)
    station = trips.station[charged]
    times[arcs] = mean_station_min(
        np.bincount(station, minlength=arcs.size),
        np.bincount(station, trips.station_s[charged], minlength=arcs.size),
        times[arcs],
    )
    return times


def _record_paths(
    recorder: Recorder, paths: PathSet, period: PeriodOfDay, flow_veh_h: FloatArray, cost_min: FloatArray
) -> None:
    total = paths.groups.expand(paths.groups.total(flow_veh_h))
    share = np.divide(flow_veh_h, total, out=np.full(paths.count, np.nan), where=total > 0)
    record_path_flows(recorder, paths, period, flow_veh_h, share=share, cost_min=cost_min)
