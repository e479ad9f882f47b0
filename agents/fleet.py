"""The fleet: all EVs as arrays (batch resolution). It lives through a stretch of time whenever something changes.

Between two pieces of news a driver's decisions depend on nobody else: only on the own charge and on what was told.
So all who leave in a stretch decide at once, and only the queues at the stations have to be followed in order.
"""

from collections.abc import Generator, Sequence
from typing import Any

import mesa
import numpy as np
import simpy

from agents.clock import Clock, Phase
from agents.fleet_drivers import FleetDrivers
from agents.fleet_state import FleetState
from agents.midnight import LastHeard, Morning, Reports, UnderWay
from agents.plans import DayPlans
from agents.price_list import TariffBook
from agents.reckoned_plugs import ReckonedPlugs
from agents.roads import Roads
from agents.trip_log import TripLog
from cosim.arrays import BoolArray, IntArray
from cosim.ev.charging import TripSoc
from cosim.ev.session import Session
from cosim.mailbox import PostOffice
from cosim.messages import Message, PeriodOpened, TariffIssued, TripsReported
from cosim.periods import PeriodOfDay
from cosim.scenario import Scenario


class Fleet(mesa.Agent):
    """All EVs of a scenario; does what as many ``agents.ev.EV`` would do, to the bit."""

    name = "fleet"

    def __init__(  # noqa: PLR0913, PLR0917  (the world it lives in)
        self,
        model: mesa.Model,
        plans: DayPlans,
        scenario: Scenario,
        roads: Roads,
        tariffs: TariffBook,
        plugs: Sequence[ReckonedPlugs],
        clock: Clock,
        post: PostOffice,
        morning: Morning,
    ) -> None:
        """Begin all EVs' day as the night has left them."""
        super().__init__(model)
        start = morning.start
        self.state = FleetState(plans, morning.state, start.under_way if start else None)
        self.plans, self.plugs = self.state.plans, plugs
        self.drivers = FleetDrivers(scenario, self.plans, roads, tariffs, start)
        self.world, self.roads, self.clock, self.post = scenario, roads, clock, post
        n_ev = plans.diaries.n_ev
        self.began_s = self.lived_s = clock.now_s
        """Everything before this second has happened."""
        post.open_group(self.name, n_ev, self.hear)
        self.members: dict[str, IntArray] = {}
        """EVs of each kind of knowledge."""
        for number, kind in enumerate(scenario.config.population.information.shares()):
            self.members[kind] = np.flatnonzero(morning.knowledge == number)
            post.open_group(f"{self.name}: {kind}", self.members[kind].size, self.hear)
        roads.before_change = self.live_until_now
        for station in plugs:
            station.before_change = self.live_until_now
        clock.env.process(self.read_meters())

    def addresses(self) -> dict[str, list[str]]:
        """Return where to reach those who have each kind of knowledge."""
        one = {kind: [f"{self.name}: {kind}"] if who.size else [] for kind, who in self.members.items()}
        n_ev = self.state.soc.size
        return {kind: [self.name] if self.members[kind].size == n_ev else one[kind] for kind in one}

    # on the clock

    def hear(self, message: Message, lost: BoolArray) -> None:
        """Take in what everyone is told, except those whom it did not reach."""
        if lost.all():
            return
        self.live_until_now()
        if isinstance(message, PeriodOpened):
            self.drivers.hear_of_roads(message, lost, self.members[message.knowledge])
        elif isinstance(message, TariffIssued):
            self.drivers.hear_of_prices(message, lost)

    def read_meters(self) -> Generator[simpy.Event, Any, None]:
        """At each boundary, live through what is left of the period, read the meters and report the trips."""
        while True:
            yield self.clock.end_of_period(Phase.METER)
            boundary_s = self.clock.now_s
            self.live(boundary_s, last_s=boundary_s)
            for station in self.plugs:
                station.read_all(boundary_s)
            if self.world.config.population.information.needs_reports:
                self.report_trips(boundary_s)

    def live_until_now(self) -> None:
        """Live through the time before this second."""
        if self.lived_s < self.clock.now_s:
            self.live(self.clock.now_s, last_s=self.clock.now_s - 1)

    def report_trips(self, boundary_s: int) -> None:
        """Tell the coordinator which reports of trips have reached it in this period, by the period of departure."""
        state, rules, paths = self.state, self.post.rules, self.roads.paths
        before_s = boundary_s - max(rules.delay_s, 1) + 1
        from_s = max(before_s - self.clock.periods.seconds, self.began_s)
        rows = state.arrived(from_s, before_s, rules.loss_probability)
        seconds = self.clock.periods.seconds
        departed = state.departed_s[rows] // seconds
        for number in np.unique(departed).tolist():
            some = rows[departed == number]
            spent_s = np.bincount(
                state.path[some], (state.wait_s + state.charge_s)[some], minlength=paths.count
            )
            report = TripsReported(
                **self.clock.envelope(self.name),
                departed_s=number * seconds,
                trips=tuple(np.bincount(state.path[some], minlength=paths.count).tolist()),
                spent_s=tuple(spent_s.astype(np.int64).tolist()),
            )
            self.post.send("coordinator", report)

    # a stretch of time without news

    def live(self, now_s: int, last_s: int) -> None:
        """Let drivers act before *now_s*, and vehicles at stations be full up to *last_s*."""
        period = self.clock.periods.at(self.lived_s)
        self.announce(self.depart(now_s, period))
        for station in self.plugs:
            station.resume(period)
        reached_s, horizon_s = self.lived_s, now_s
        while True:
            back_s = self.serve(horizon_s, last_s if horizon_s == now_s else horizon_s, now_s, period)
            if back_s is not None:
                horizon_s = back_s
            elif horizon_s == now_s:
                break
            else:
                reached_s, horizon_s = horizon_s, min(now_s, 3 * horizon_s - 2 * reached_s + 1)
        self.lived_s = now_s

    def serve(self, horizon_s: int, last_s: int, now_s: int, period: PeriodOfDay) -> int | None:
        """Let the stations serve up to the horizon, unless somebody who leaves one is back at one before it.

        Then nothing has happened, and the second of that arrival is returned: the horizon to try next.
        """
        looked = [station.look_ahead(horizon_s, last_s) for station in self.plugs]
        ended = [end for ahead in looked for end in ahead.ends]
        memory = self.state.remember(np.array([session.ev - 1 for _, session in ended], dtype=np.int64))
        heading = self.go_on(ended, now_s, period)
        back_s = min((s.arrival_s for _, sessions in heading for s in sessions), default=horizon_s)
        if back_s < horizon_s:
            self.state.take_back(memory)
            return back_s
        for station, ahead in zip(self.plugs, looked, strict=True):
            station.serve(ahead, horizon_s)
        self.log_charges(ended, memory.row)
        self.announce(heading)
        return None

    def go_on(
        self, ended: list[tuple[int, Session]], now_s: int, period: PeriodOfDay
    ) -> list[tuple[ReckonedPlugs, list[Session]]]:
        """Let vehicles that are full drive on, park, and leave again; return who heads for which station."""
        if not ended:
            return []
        ev = np.array([session.ev - 1 for _, session in ended])
        end_s = np.array([end_s for end_s, _ in ended])
        self.state.arrive(ev, end_s + self.state.after_s[self.state.row[ev]])
        return self.depart(now_s, period)

    def announce(self, heading: list[tuple[ReckonedPlugs, list[Session]]]) -> None:
        """Let stations expect the vehicles that head for them."""
        for station, sessions in heading:
            station.queue.announce(sessions)

    def log_charges(self, ended: list[tuple[int, Session]], rows: IntArray) -> None:
        """Log the waits, the time at the charger and the energy of the vehicles that are full."""
        for (end_s, session), row in zip(ended, rows.tolist(), strict=True):
            self.state.wait_s[row] = session.start_s - session.arrival_s
            self.state.charge_s[row] = end_s - session.start_s
            self.state.fast_kwh[row], self.state.paid_cny[row] = session.delivered_kwh, session.paid_cny

    # departures

    def depart(self, now_s: int, period: PeriodOfDay) -> list[tuple[ReckonedPlugs, list[Session]]]:
        """Let all leave who do so before *now_s*, some more than once; return who heads for which station."""
        heading = []
        while (ev := np.flatnonzero(self.state.departure_s < now_s)).size:
            heading += self.set_out(ev, period)
        return heading

    def set_out(self, ev: IntArray, period: PeriodOfDay) -> list[tuple[ReckonedPlugs, list[Session]]]:
        """Let EVs leave on their next trip: those who pass by arrive some time, the others head for a station."""
        state, row = self.state, self.state.row[ev]
        left_s = state.departure_s[ev]
        soc, slow_kwh = self.drivers.leave_the_parking_place(state, ev, row)
        charges, course = self.drivers.decide(ev, row, soc, period)
        path = self.drivers.choose_routes(ev, row, charges, course, period)
        before_s, after_s = self.roads.before_s[path], self.roads.after_s[path]
        state.charges[row], state.path[row] = charges, np.where(course.stranded, -1, path)
        state.drive_s[row], state.after_s[row] = before_s + after_s, after_s
        state.set_out(ev, course, soc, slow_kwh)
        passes = ~charges & ~course.stranded
        state.arrive(ev[passes], (left_s + before_s + after_s)[passes])
        stops = np.flatnonzero(charges & ~course.stranded)
        return self.sessions(ev, row, path, left_s + before_s, course, stops)

    def sessions(
        self,
        ev: IntArray,
        row: IntArray,
        path: IntArray,
        arrival_s: IntArray,
        course: TripSoc,
        stops: IntArray,
    ) -> list[tuple[ReckonedPlugs, list[Session]]]:
        """Return the vehicles that will come to each station, *stops* being their places in the arrays."""
        station = self.roads.paths.station[path[stops]]
        heading, most_kw = [], np.broadcast_to(self.plans.most_kw, self.state.soc.size)[ev]
        for number in np.flatnonzero(np.bincount(station)).tolist():
            here = stops[station == number]
            columns = (ev[here] + 1, self.plans.rows.trip[row[here]], arrival_s[here])
            energies = (course.session_kwh[here], course.soc_charge_point[here], most_kw[here])
            rows = zip(*(column.tolist() for column in (*columns, *energies)), strict=True)
            coming = [
                Session(
                    ev=number_of_ev,
                    trip=trip,
                    arrival_s=second,
                    energy_kwh=energy_kwh,
                    soc=soc,
                    target_soc=self.drivers.behaviour.target_soc,
                    most_kw=limit_kw,
                )
                for number_of_ev, trip, second, energy_kwh, soc, limit_kw in rows
            ]
            heading.append((self.plugs[number], coming))
        return heading

    # the end

    def anyone_out(self) -> bool:
        """Tell whether somebody has not arrived, or has not left yet."""
        at_stations = any(not station.queue.is_empty for station in self.plugs)
        return at_stations or self.state.anyone_out(self.clock.now_s)

    def trips(self) -> TripLog:
        """Return the trips begun; arrivals may be to come."""
        return self.state.log(self.state.begun)

    def under_way(self, rows: IntArray) -> UnderWay:
        """Return the trips in these rows of ``trips``."""
        return self.state.under_way(self.state.begun[rows])

    def at_stations(self, _now_s: int) -> tuple[tuple[Session, ...], ...]:
        """Return for each station the vehicles that charge, wait or are coming, in order of arrival."""
        return tuple(tuple(station.queue.vehicles) for station in self.plugs)

    def opened(self) -> LastHeard[PeriodOpened]:
        """Return the last news of link times that each EV has heard."""
        return self.drivers.opened()

    def tariff(self) -> LastHeard[TariffIssued]:
        """Return the last news of prices that each EV has heard."""
        return self.drivers.tariff()

    def reports(self, now_s: int) -> Reports:
        """Return the reports of trips that have not reached the coordinator yet."""
        rules = self.post.rules
        rows = self.state.arrived(now_s - rules.delay_s + 1, now_s, rules.loss_probability)
        return self.state.reports(rows, rules.delay_s)
