"""The traffic of the day, counted from the trips that were made."""

import numpy as np

from agents.roads import Roads
from cosim.arrays import FloatArray, IntArray
from cosim.periods import PeriodOfDay
from cosim.results import Recorder
from cosim.road.latency import link_time_min
from cosim.road.paths import PathSet
from cosim.road.records import record_link_flows, record_path_flows
from cosim.scenario import CHARGING, DayAhead, Scenario


class Trips:
    """The trips that were made, as arrays; periods are counted from 0 at the start of day 1."""

    def __init__(self, recorder: Recorder, scenario: Scenario) -> None:
        """Read the trips recorded."""
        made = recorder.frame("trips").query("path >= 0")
        self.path: IntArray = made["path"].to_numpy()
        self.departure_s: IntArray = made["departure_s"].to_numpy()
        self.station_min: FloatArray = (made["wait_min"] + made["charge_min"]).to_numpy()
        """Wait and charge; not a number for those who have not arrived."""
        self.period: IntArray = self.departure_s // scenario.periods.seconds


def record_traffic(recorder: Recorder, scenario: Scenario, day_ahead: DayAhead, roads: Roads) -> None:
    """Write links and paths: counts of EVs by departure period, and the expected flow of conventional cars."""
    trips, paths = Trips(recorder, scenario), day_ahead.paths
    periods = max(scenario.periods.count, int(trips.period.max(initial=-1)) + 1)
    entering = entering_veh_h(trips, paths, scenario, roads)
    prices = recorder.frame("prices").set_index(["day", "period"]).charging_price_cny_per_kwh
    for number in range(periods):
        now = scenario.periods.nth(number)
        ev_veh_h = (
            np.bincount(trips.path[trips.period == number], minlength=paths.count) / scenario.periods.hours
        )
        car_veh_h = roads.car_flow_veh_h(now) if now.day == 1 else np.zeros(paths.count)
        _record_links(recorder, roads, now, trips, (car_veh_h, ev_veh_h, entering[number]))
        price = prices.loc[[(now.day, now.period)]].to_numpy()
        _record_paths(recorder, scenario, roads, now, car_veh_h + ev_veh_h, price)


def entering_veh_h(trips: Trips, paths: PathSet, scenario: Scenario, roads: Roads) -> FloatArray:
    """Return the EVs that enter each link in each period, (periods of all days so far, links).

    A trip's links take the times in force at its departure; its charging arc takes its own wait and charge.
    """
    length = np.diff(paths.indptr)[trips.path]
    first = np.concatenate([[0], np.cumsum(length)[:-1]])
    trip = np.repeat(np.arange(trips.path.size), length)
    link = paths.links[np.arange(trip.size) - first[trip] + paths.indptr[trips.path][trip]]
    times = np.array([roads.times_min[now] for now in sorted(roads.times_min)])
    spent_min = times[trips.period[trip], link]
    spent_min = np.where(paths.network.is_charging[link], np.nan_to_num(trips.station_min[trip]), spent_min)
    passed_min = np.cumsum(spent_min) - spent_min
    entry_s = trips.departure_s[trip] + 60 * (passed_min - passed_min[first][trip])
    period = (entry_s // scenario.periods.seconds).astype(np.int64)
    shape = (len(times) + scenario.periods.count, len(paths.network.links))
    counts = np.bincount(period * shape[1] + link, minlength=shape[0] * shape[1])[: shape[0] * shape[1]]
    return counts.reshape(shape) / scenario.periods.hours


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
        time_min=_experienced_min(roads, cars + passing + charging, trips, now),
        told_min=roads.times_min[now],
    )


def _experienced_min(roads: Roads, flow_veh_h: FloatArray, trips: Trips, now: PeriodOfDay) -> FloatArray:
    """Return link times at the counted flow; at stations the mean of wait and charge (free time if nobody came)."""
    network, paths = roads.paths.network, roads.paths
    arcs = network.charging_arcs
    on_roads = flow_veh_h.copy()
    on_roads[arcs] = 0.0
    times = link_time_min(network, on_roads)
    here = trips.period == roads.scenario.periods.index(now)
    station = paths.station[trips.path[here]]
    for number, arc in enumerate(arcs):
        spent = trips.station_min[here][station == number]
        if np.isfinite(spent).any():
            times[arc] = np.nanmean(spent)
    return times


def _record_paths(
    recorder: Recorder,
    scenario: Scenario,
    roads: Roads,
    now: PeriodOfDay,
    flow_veh_h: FloatArray,
    price_cny_per_kwh: FloatArray,
) -> None:
    paths = roads.paths
    total = paths.groups.spread(paths.groups.total(flow_veh_h))
    share = np.divide(flow_veh_h, total, out=np.full(paths.count, np.nan), where=total > 0)
    price_min = scenario.price_min(price_cny_per_kwh, roads.day_ahead.session_kwh)[paths.station]
    cost_min = paths.time_min(roads.times_min[now]) + np.where(paths.station >= 0, price_min, 0.0)
    record_path_flows(recorder, paths, now, flow_veh_h, share=share, cost_min=cost_min)
