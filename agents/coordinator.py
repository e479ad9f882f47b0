"""The coordinator: opens the periods, broadcasts what drivers may know, and counts the traffic."""

from collections.abc import Generator
from typing import Any

import mesa
import numpy as np
import simpy

from agents.clock import Clock, Phase
from agents.counts import mean_station_min
from agents.roads import Roads
from cosim.arrays import FloatArray, IntArray
from cosim.mailbox import PostOffice
from cosim.messages import DispatchIssued, PeriodOpened, TariffIssued, TripReported, TripsReported
from cosim.periods import PeriodOfDay
from cosim.results import Recorder
from cosim.road.latency import link_time_min
from cosim.scenario import DayAhead, Scenario, charging_price_cny_per_kwh


class Coordinator(mesa.Agent):
    """Brings the two networks' news together."""

    name = "coordinator"

    def __init__(
        self,
        model: mesa.Model,
        scenario: Scenario,
        day_ahead: DayAhead,
        roads: Roads,
        clock: Clock,
        post: PostOffice,
        recorder: Recorder,
    ) -> None:
        """Start the coordinator's process."""
        super().__init__(model)
        self.world, self.day_ahead, self.roads = scenario, day_ahead, roads
        self.clock, self.post, self.recorder = clock, post, recorder
        self.inbox = post.inbox(self.name)
        self.operators = [f"operator {case.feeder.name}" for case in scenario.feeders]
        self.stations = [station.name for station in scenario.stations]
        self.evs: list[str] = []
        self.measured_min = day_ahead.paths.network.t0_min
        """Link times at the traffic of the last period; free flow before there was any."""
        self.nodal_cny_per_kwh = day_ahead.nodal_price_cny_per_kwh.copy()
        """(periods of the day, stations): those of the day ahead, overwritten by what operators say."""
        self.price_cny_per_kwh = day_ahead.charging_price_cny_per_kwh.copy()
        """(periods of the day, stations): the charging prices that were in force, are, and are to come."""
        clock.env.process(self.run())

    def run(self) -> Generator[simpy.Event, Any, None]:
        """Open each period as soon as the operators have dispatched it; count it when it ends."""
        patience_s = self.post.rules.dispatches_due_s
        while True:
            yield self.clock.until(self.clock.now_s, Phase.REPORT)
            now = self.clock.period
            dispatches = yield from self.inbox.collect(
                DispatchIssued, self.operators, (now.day, now.period), patience_s
            )
            self.hear(now, dispatches)
            self.issue_tariff(now)
            self.open_period(now)
            yield self.clock.end_of_period(Phase.CLOSE)
            self.close_period(now)

    def hear(self, now: PeriodOfDay, dispatches: dict[str, DispatchIssued]) -> None:
        """Take in the nodal prices; an operator that was not heard leaves its last ones."""
        if now.period == 1:
            self.nodal_cny_per_kwh = self.day_ahead.nodal_price_cny_per_kwh.copy()
            self.price_cny_per_kwh = self.day_ahead.charging_price_cny_per_kwh.copy()
        for dispatch in dispatches.values():
            for station, prices in dispatch.nodal_price_cny_per_kwh.items():
                self.nodal_cny_per_kwh[now.period - 1 :, self.stations.index(station)] = prices

    def issue_tariff(self, now: PeriodOfDay) -> None:
        """Send the charging prices to stations and drivers when they change.

        That is as each day begins; with nodal pricing at every re-dispatch, as operators make them known.
        """
        nodal = self.world.config.tariff.charging_price == "nodal"
        if now.period > 1 and not nodal:
            return
        coming = slice(now.period - 1, None)
        self.price_cny_per_kwh[coming] = charging_price_cny_per_kwh(
            self.world, self.day_ahead.tariff_cny_per_kwh[coming], self.nodal_cny_per_kwh[coming]
        )
        prices = {
            station: tuple(self.price_cny_per_kwh[coming, number].tolist())
            for number, station in enumerate(self.stations)
        }
        tariff = TariffIssued(**self.clock.envelope(self.name), price_cny_per_kwh=prices)
        self.post.broadcast([*self.stations, *self.evs], "stations and EVs", tariff)

    def open_period(self, now: PeriodOfDay) -> None:
        """Bring the link times of the period into force and tell everyone."""
        times_min = self.times_to_tell(now)
        self.roads.set_times(now, times_min)
        opened = PeriodOpened(**self.clock.envelope(self.name), link_time_min=tuple(times_min.tolist()))
        everyone = [*self.stations, *self.operators, *self.evs]
        self.post.broadcast(everyone, "all", opened)

    def times_to_tell(self, now: PeriodOfDay) -> FloatArray:
        """Return the link times of the equilibrium, or those measured in the last period (free flow at first)."""
        if self.world.config.population.information == "equilibrium":
            told_min: FloatArray = self.day_ahead.link_time_min[now.period - 1]
            return told_min
        return self.measured_min

    def measure(self, ended: PeriodOfDay) -> FloatArray:
        """Return link times at the flow of the trips reported in the period that ended and the expected cars."""
        paths = self.day_ahead.paths
        counts, spent_s = self.reported()
        path_flow = counts / self.clock.periods.hours + self.roads.car_flow_veh_h(ended)
        flow, arcs = paths.link_flow_veh_h(path_flow), paths.network.charging_arcs
        flow[arcs] = 0.0
        times = link_time_min(paths.network, flow)
        charging = paths.station >= 0
        at = paths.station[charging]
        vehicles = np.bincount(at, counts[charging], minlength=arcs.size)
        seconds = np.bincount(at, spent_s[charging], minlength=arcs.size)
        times[arcs] = mean_station_min(vehicles, seconds, paths.network.t0_min[arcs])
        return times

    def reported(self) -> tuple[IntArray, IntArray]:
        """Return the trips on each path whose reports have come, and the seconds they spent at a station."""
        paths = self.day_ahead.paths
        counts, spent_s = np.zeros((2, paths.count), dtype=np.int64)
        for trip in self.inbox.read(TripReported):
            counts[trip.path] += 1
            spent_s[trip.path] += trip.wait_s + trip.charge_s
        for fleet in self.inbox.read(TripsReported):
            counts += fleet.trips
            spent_s += fleet.spent_s
        return counts, spent_s

    def close_period(self, now: PeriodOfDay) -> None:
        """Measure the traffic of the period that ended, and write down its prices."""
        self.measured_min = self.measure(now)
        self.recorder.add(
            "prices",
            day=now.day,
            period=now.period,
            station=self.stations,
            tariff_cny_per_kwh=self.day_ahead.tariff_cny_per_kwh[now.period - 1],
            nodal_price_cny_per_kwh=self.nodal_cny_per_kwh[now.period - 1],
            charging_price_cny_per_kwh=self.price_cny_per_kwh[now.period - 1],
            published_cny_per_kwh=self.day_ahead.charging_price_cny_per_kwh[now.period - 1],
        )
