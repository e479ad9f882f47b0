"""The fleet: all EVs as arrays (batch resolution), an optimistic batch simulation.

Between two messages EVs are independent of each other except in the queues of the stations: all departures of the
interval are computed at once, and rolled back (``serve``) if an EV that has charged returns to a station within it.
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
from agents.decisions import DecisionContext, DepartingEVs, decide, sessions
from agents.diversion import decide_anew, turned_away
from agents.fleet_state import FleetState
from agents.plans import DayPlan
from agents.rerouting import Rerouted
from agents.watch import Watch
from cosim.arrays import BoolArray, IntArray
from cosim.ev.session import Session
from cosim.mailbox import PostOffice
from cosim.messages import Message, TripsReported
from cosim.periods import PeriodOfDay
from cosim.scenario import Scenario


class Fleet(mesa.Agent):
    """All EVs of a scenario, with results bit-identical to those of as many ``agents.ev.EV``."""

    name = "fleet"

    def __init__(  # noqa: PLR0913, PLR0917  (the parts of the model it acts on)
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
        """Set all EVs to their initial state, and open a multicast group for each information class."""
        super().__init__(model)
        self.context, self.watch, self.chargers = context, watch, chargers
        self.trips, self.information = context.trips, context.information
        self.state = FleetState(plan, initial.soc(plan.evs.soc_first), initial.parked_since_s(plan.evs.count))
        self.clock, self.post = clock, post
        self.turned_away: list[Session] = []
        """What vehicles still request that have lost their place in second ``simulated_until_s``."""
        self.reports_trips = scenario.config.population.information.needs_reports
        self.start_s = self.simulated_until_s = clock.now_s
        """Everything before second ``simulated_until_s`` has been simulated."""
        all_evs = np.arange(plan.evs.count)
        post.open_group(self.name, all_evs.size, partial(self.receive, all_evs))
        self.addresses = [self.name]
        self.addresses_by_class: dict[str, list[str]] = {}
        for index, name in enumerate(initial.classes):
            members = np.flatnonzero(initial.information_class == index)
            address = self.name if members.size == all_evs.size else f"{self.name}: {name}"
            self.addresses_by_class[name] = [address] if members.size else []
            if address != self.name:
                post.open_group(address, members.size, partial(self.receive, members))

    def start(self) -> None:
        """Register the fleet's process on the clock."""
        self.clock.env.process(self.read_meters())

    # on the clock

    def receive(self, members: IntArray, message: Message, lost: BoolArray) -> None:
        """Deliver a broadcast to the *members* of a group, except those for which it is *lost*."""
        if not lost.all():
            self.advance()
        self.information.receive(message, members, lost)

    def read_meters(self) -> Generator[simpy.Event, Any, None]:
        """At each period boundary simulate the rest of the period, read the meters and report the trips."""
        while True:
            yield self.clock.end_of_period(Phase.METER)
            boundary_s = self.clock.now_s
            self.advance_to(boundary_s, last_s=boundary_s)
            for station in self.chargers:
                station.read_all(boundary_s)
            if self.reports_trips:
                self.report_trips(boundary_s)

    def advance(self) -> None:
        """Simulate the time before this second, if it has not been simulated."""
        if self.simulated_until_s < self.clock.now_s:
            self.advance_to(self.clock.now_s, last_s=self.clock.now_s - 1)

    def advance_through(self) -> None:
        """Simulate up to this second, ends of sessions in it included; called before events begin or end."""
        self.advance_to(self.clock.now_s, last_s=self.clock.now_s)

    def divert(self, sessions: Sequence[Session]) -> None:
        """Let the drivers of vehicles that have just lost their place decide anew, after what they are told now."""
        now_s = self.clock.now_s
        for session in sessions:
            self.record_charge(now_s, session, int(self.state.row[session.ev - 1]))
            self.turned_away.append(turned_away(session, now_s, session.soc_now, session.remaining_kwh))

    def reroute(self, rerouted: Sequence[Rerouted]) -> None:
        """Let vehicles on the roads arrive when their new ways end."""
        for one in rerouted:
            if one.session is None:
                self.state.arrive_instead(self.trips.ev[one.row] - 1, one.arrival_s)
            else:
                one.session.arrival_s = one.arrival_s
        for station in self.chargers:
            station.queue.announce([])  # puts those to come in order

    def report_trips(self, boundary_s: int) -> None:
        """Send the coordinator the trips whose reports it received in this period, counted by period of departure."""
        trips, mail, paths = self.trips, self.post.settings, self.context.roads.paths.count
        period_s = self.clock.periods.seconds
        rows, _ = trips.reports(mail, self.start_s, boundary_s - period_s, boundary_s)
        departure_period = trips.departure_s[rows] // period_s
        for period in np.unique(departure_period).tolist():
            in_period = rows[departure_period == period]
            spent_s = np.bincount(
                trips.path[in_period],
                trips.wait_s[in_period] + trips.charge_s[in_period],
                minlength=paths,
            )
            report = TripsReported(
                **self.clock.envelope(self.name),
                departed_s=period * period_s,
                trips=tuple(np.bincount(trips.path[in_period], minlength=paths).tolist()),
                spent_s=tuple(spent_s.astype(np.int64).tolist()),
            )
            self.post.send("coordinator", report)

    # an interval without messages

    def advance_to(self, now_s: int, last_s: int) -> None:
        """Simulate departures before *now_s*, and the ends of sessions up to *last_s*."""
        period = self.clock.periods.at(self.simulated_until_s)
        self.announce(self.depart(now_s, period))
        for station in self.chargers:
            station.resume(period)
        reached_s, horizon_s = self.simulated_until_s, now_s
        while True:
            self.decide_anew(now_s, period)
            return_s = self.serve(horizon_s, last_s if horizon_s == now_s else horizon_s, now_s, period)
            if return_s is not None:
                horizon_s = return_s
            elif horizon_s == now_s:
                break
            else:  # the next interval is twice as long as the last one, plus 1 s so that it is never empty
                reached_s, horizon_s = horizon_s, min(now_s, 3 * horizon_s - 2 * reached_s + 1)
        self.simulated_until_s = now_s

    def serve(self, horizon_s: int, last_s: int, now_s: int, period: PeriodOfDay) -> int | None:
        """Serve the queues of all stations up to the horizon, unless an EV that has charged returns before it.

        In that case roll back, and return the second of its arrival: the next horizon to try.
        """
        look_aheads = [station.look_ahead(horizon_s, last_s) for station in self.chargers]
        ended = [end for look_ahead in look_aheads for end in look_ahead.ends]
        snapshot = self.state.snapshot(np.array([session.ev - 1 for _, session in ended], dtype=np.int64))
        station_arrivals = self.drive_on(ended, now_s, period)
        return_s = min((session.arrival_s for _, session in station_arrivals), default=horizon_s)
        if return_s < horizon_s:
            self.state.roll_back(snapshot)
            return return_s
        for station, look_ahead in zip(self.chargers, look_aheads, strict=True):
            station.serve(look_ahead, horizon_s)
        for (end_s, session), row in zip(ended, snapshot.row.tolist(), strict=True):
            self.record_charge(end_s, session, row)
        self.announce(station_arrivals)
        return None

    def drive_on(
        self, ended: list[tuple[int, Session]], now_s: int, period: PeriodOfDay
    ) -> list[tuple[int, Session]]:
        """Simulate EVs from the end of their sessions on: drive, park, depart again; return as ``depart``."""
        if not ended:
            return []
        ev = np.array([session.ev - 1 for _, session in ended])
        end_s = np.array([end_s for end_s, _ in ended])
        self.state.arrive(ev, self.context.drives.arrivals_s(self.state.row[ev], end_s))
        return self.depart(now_s, period)

    def announce(self, station_arrivals: list[tuple[int, Session]]) -> None:
        """Add sessions to come to the queues of their stations, given by number."""
        by_station: dict[int, list[Session]] = defaultdict(list)
        for station, session in station_arrivals:
            by_station[station].append(session)
        for station, sessions_to_come in by_station.items():
            self.chargers[station].queue.announce(sessions_to_come)

    def record_charge(self, end_s: int, session: Session, row: int) -> None:
        """Add wait, charging time, energy and payment of a session, or of a wait that led to none, to its trip."""
        start_s = session.start_s if session.start_s >= 0 else end_s
        self.trips.wait_s[row] += start_s - session.arrival_s
        self.trips.charge_s[row] += end_s - start_s
        self.trips.fast_kwh[row] += session.delivered_kwh
        self.trips.paid_cny[row] += session.paid_cny

    def decide_anew(self, now_s: int, period: PeriodOfDay) -> None:
        """Let drivers who have lost their place, or are turned away before *now_s*, decide anew, and depart again."""
        while deciding := self.deciding_anew(now_s):
            station_arrivals = []
            for session in deciding:
                ev = np.array([session.ev - 1])
                (row,) = self.state.row[ev].tolist()
                to_come = decide_anew(self.context, row, session, period)
                if to_come is None:
                    self.state.soc[ev] = self.trips.soc_arrival[row]
                    self.state.arrive(ev, self.trips.arrival_s[[row]])
                else:
                    station_arrivals.append((int(self.trips.station[row]), to_come))
            self.announce(station_arrivals)
            self.announce(self.depart(now_s, period))

    def deciding_anew(self, before_s: int) -> list[Session]:
        """Take the vehicles that lose their place, or arrive at a closed station, before *before_s*."""
        closed = [station for station in self.chargers if not station.in_service]
        refused = [session for station in closed for session in station.queue.take_arriving(before_s)]
        lost = [session for session in self.turned_away if session.arrival_s < before_s]
        self.turned_away = self.turned_away[len(lost) :]  # all of one second
        return lost + refused

    # departures

    def depart(self, now_s: int, period: PeriodOfDay) -> list[tuple[int, Session]]:
        """Simulate all departures before *now_s*, of an EV possibly several; return (station, session) of each stop."""
        station_arrivals = []
        while (ev := np.flatnonzero(self.state.departure_s < now_s)).size:
            station_arrivals += self.set_out(ev, period)
        return station_arrivals

    def set_out(self, ev: IntArray, period: PeriodOfDay) -> list[tuple[int, Session]]:
        """Start the next trip of EVs: those that do not charge arrive; return (station, session) of the others."""
        state = self.state
        departing = DepartingEVs(
            ev=ev,
            trip_row=state.row[ev],
            departure_s=state.departure_s[ev],
            soc=state.soc[ev],
            parked_since_s=state.parked_since_s[ev],
        )
        decision = decide(self.context, departing, period)
        self.watch.note(self.context, departing, period)
        self.trips.write(departing.trip_row, decision, decision.charging, decision.charging.energy_use)
        state.set_out(ev, decision.charging.energy_use.soc_arrival)
        arriving = decision.not_charging
        state.arrive(ev[arriving], (decision.departure_s + decision.drive_s)[arriving])
        return sessions(self.context, departing, decision)

    # the end

    def has_pending_trips(self) -> bool:
        """Whether an EV has not arrived, or has not departed yet."""
        at_stations = any(not station.queue.is_empty for station in self.chargers)
        return at_stations or self.state.has_pending_trips(self.clock.now_s)

    def sessions_by_station(self, _now_s: int) -> tuple[tuple[Session, ...], ...]:
        """Return for each station the vehicles that charge, wait or are on the way, in order of arrival."""
        return tuple(tuple(station.queue.vehicles) for station in self.chargers)
