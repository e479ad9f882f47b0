"""The fleet: all EVs as arrays (batch resolution). It lives through a stretch of time whenever something changes.

Between two pieces of news a driver's decisions depend on nobody else: only on the own charge and on what was told.
So all who leave in a stretch decide at once, and only the queues at the stations have to be followed in order.
"""

from collections import defaultdict
from collections.abc import Generator, Sequence
from functools import partial
from typing import Any

import mesa
import numpy as np
import simpy

from agents.batched_chargers import BatchedChargers
from agents.clock import Clock, Phase
from agents.day_boundary import InitialState
from agents.decisions import DecisionContext, Leaving, depart, sessions
from agents.fleet_state import FleetState
from agents.plans import DayPlan
from agents.watch import Watch
from cosim.arrays import BoolArray, IntArray
from cosim.ev.session import Session
from cosim.mailbox import PostOffice
from cosim.messages import Message, TripsReported
from cosim.periods import PeriodOfDay
from cosim.scenario import Scenario


class Fleet(mesa.Agent):
    """All EVs of a scenario; does what as many ``agents.ev.EV`` would do, to the bit."""

    name = "fleet"

    def __init__(  # noqa: PLR0913, PLR0917  (the world it lives in)
        self,
        model: mesa.Model,
        plan: DayPlan,
        initial: InitialState,
        context: DecisionContext,
        watch: Watch,
        chargers: Sequence[BatchedChargers],
        clock: Clock,
        post: PostOffice,
        scenario: Scenario,
    ) -> None:
        """Begin all EVs' day as the day before has left them."""
        super().__init__(model)
        self.context, self.watch, self.chargers = context, watch, chargers
        self.trips, self.information = context.trips, context.information
        self.state = FleetState(plan, initial.soc(plan.evs.soc_first), initial.parked_since_s(plan.evs.count))
        self.clock, self.post = clock, post
        self.counts_reports = scenario.config.population.information.needs_reports
        self.began_s = self.lived_s = clock.now_s
        """Everything before this second has happened."""
        everyone = np.arange(plan.evs.count)
        post.open_group(self.name, everyone.size, partial(self.receive, everyone))
        self.addresses = [self.name]
        self.addresses_by_class: dict[str, list[str]] = {}
        for number, name in enumerate(initial.classes):
            members = np.flatnonzero(initial.information_class == number)
            address = self.name if members.size == everyone.size else f"{self.name}: {name}"
            self.addresses_by_class[name] = [address] if members.size else []
            if address != self.name:
                post.open_group(address, members.size, partial(self.receive, members))

    def start(self) -> None:
        """Begin the day."""
        self.clock.env.process(self.read_meters())

    # on the clock

    def receive(self, members: IntArray, message: Message, lost: BoolArray) -> None:
        """Let the *members* of a group take in a broadcast, except those for which it is lost."""
        if not lost.all():
            self.advance()
        self.information.receive(message, members, lost)

    def read_meters(self) -> Generator[simpy.Event, Any, None]:
        """At each boundary, live through what is left of the period, read the meters and report the trips."""
        while True:
            yield self.clock.end_of_period(Phase.METER)
            boundary_s = self.clock.now_s
            self.live(boundary_s, last_s=boundary_s)
            for station in self.chargers:
                station.read_all(boundary_s)
            if self.counts_reports:
                self.report_trips(boundary_s)

    def advance(self) -> None:
        """Live through the time before this second."""
        if self.lived_s < self.clock.now_s:
            self.live(self.clock.now_s, last_s=self.clock.now_s - 1)

    def report_trips(self, boundary_s: int) -> None:
        """Tell the coordinator which reports of trips have reached it in this period, by the period of departure."""
        trips, rules, paths = self.trips, self.post.rules, self.context.roads.paths.count
        before_s = boundary_s - max(rules.delay_s, 1) + 1
        from_s = max(before_s - self.clock.periods.seconds, self.began_s)
        rows = trips.reported(from_s, before_s, rules.loss_probability)
        seconds = self.clock.periods.seconds
        departed = trips.departure_s[rows] // seconds
        for number in np.unique(departed).tolist():
            some = rows[departed == number]
            spent_s = np.bincount(
                trips.path[some], trips.wait_s[some] + trips.charge_s[some], minlength=paths
            )
            report = TripsReported(
                **self.clock.envelope(self.name),
                departed_s=number * seconds,
                trips=tuple(np.bincount(trips.path[some], minlength=paths).tolist()),
                spent_s=tuple(spent_s.astype(np.int64).tolist()),
            )
            self.post.send("coordinator", report)

    # a stretch of time without news

    def live(self, now_s: int, last_s: int) -> None:
        """Let drivers act before *now_s*, and vehicles at stations be full up to *last_s*."""
        period = self.clock.periods.at(self.lived_s)
        self.announce(self.depart(now_s, period))
        for station in self.chargers:
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
        """Let the stations serve up to the horizon, unless an EV that leaves one is back at one before it.

        Then nothing has happened, and the second of that arrival is returned: the horizon to try next.
        """
        look_aheads = [station.look_ahead(horizon_s, last_s) for station in self.chargers]
        ended = [end for ahead in look_aheads for end in ahead.ends]
        snapshot = self.state.snapshot(np.array([session.ev - 1 for _, session in ended], dtype=np.int64))
        heading = self.drive_on(ended, now_s, period)
        back_s = min((session.arrival_s for _, session in heading), default=horizon_s)
        if back_s < horizon_s:
            self.state.roll_back(snapshot)
            return back_s
        for station, ahead in zip(self.chargers, look_aheads, strict=True):
            station.serve(ahead, horizon_s)
        self.record_charges(ended, snapshot.row)
        self.announce(heading)
        return None

    def drive_on(
        self, ended: list[tuple[int, Session]], now_s: int, period: PeriodOfDay
    ) -> list[tuple[int, Session]]:
        """Let vehicles that are full drive on, park, and leave again; return who heads for which station."""
        if not ended:
            return []
        ev = np.array([session.ev - 1 for _, session in ended])
        end_s = np.array([end_s for end_s, _ in ended])
        self.state.arrive(ev, end_s + self.trips.after_s[self.state.row[ev]])
        return self.depart(now_s, period)

    def announce(self, heading: list[tuple[int, Session]]) -> None:
        """Let stations, by number, expect the vehicles that head for them."""
        coming: dict[int, list[Session]] = defaultdict(list)
        for station, session in heading:
            coming[station].append(session)
        for station, vehicles in coming.items():
            self.chargers[station].queue.announce(vehicles)

    def record_charges(self, ended: list[tuple[int, Session]], rows: IntArray) -> None:
        """Record the waits, the time at the charger and the energy of the vehicles that are full."""
        for (end_s, session), row in zip(ended, rows.tolist(), strict=True):
            self.trips.wait_s[row] = session.start_s - session.arrival_s
            self.trips.charge_s[row] = end_s - session.start_s
            self.trips.fast_kwh[row], self.trips.paid_cny[row] = session.delivered_kwh, session.paid_cny

    # departures

    def depart(self, now_s: int, period: PeriodOfDay) -> list[tuple[int, Session]]:
        """Let all leave who do so before *now_s*, some more than once; return who heads for which station."""
        heading = []
        while (ev := np.flatnonzero(self.state.departure_s < now_s)).size:
            heading += self.set_out(ev, period)
        return heading

    def set_out(self, ev: IntArray, period: PeriodOfDay) -> list[tuple[int, Session]]:
        """Let EVs leave on their next trip: those who pass by arrive some time, the others head for a station."""
        state = self.state
        who = Leaving(
            ev=ev,
            row=state.row[ev],
            departure_s=state.departure_s[ev],
            soc=state.soc[ev],
            parked_since_s=state.parked_since_s[ev],
        )
        made = depart(self.context, who, period)
        self.watch.note(self.context, who, period)
        self.trips.write(who.row, made, made.charging, made.charging.course)
        state.set_out(ev, made.charging.course.soc_arrival)
        state.arrive(ev[made.passes], (made.departure_s + made.drive_s)[made.passes])
        return sessions(self.context, who, made)

    # the end

    def anyone_out(self) -> bool:
        """Tell whether an EV has not arrived, or has not left yet."""
        at_stations = any(not station.queue.is_empty for station in self.chargers)
        return at_stations or self.state.anyone_out(self.clock.now_s)

    def at_stations(self, _now_s: int) -> tuple[tuple[Session, ...], ...]:
        """Return for each station the vehicles that charge, wait or are coming, in order of arrival."""
        return tuple(tuple(station.queue.vehicles) for station in self.chargers)
