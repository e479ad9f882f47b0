"""The electric vehicle and its driver: the trips of a day as a SimPy process."""

from collections.abc import Callable, Generator, Sequence
from math import isfinite
from typing import Any

import mesa
import numpy as np
import simpy

from agents.clock import Clock, Phase
from agents.decisions import DecisionContext, DepartingEVs, decide, sessions
from agents.diversion import decide_anew, turned_away
from agents.plans import DrawnDay, draw_day
from agents.watch import Watch
from cosim.arrays import BoolArray
from cosim.ev.draws import Row
from cosim.ev.mobility import EVState
from cosim.ev.session import Session
from cosim.mailbox import PostOffice
from cosim.messages import (
    ChargeEnded,
    ChargeRequest,
    ChargeStarted,
    Message,
    TripReported,
    TurnedAway,
    ev_address,
)
from cosim.scenario import Scenario


class EV(mesa.Agent):
    """One EV; its trips are rows of the table of trips."""

    def __init__(self, model: mesa.Model, draws: Row, clock: Clock, post: PostOffice) -> None:
        """Create the EV whose row of the random streams is *draws*."""
        super().__init__(model)
        self.draws, self.index, self.number = draws, np.array([draws.ev]), draws.ev + 1
        self.name = ev_address(self.number)
        self.clock, self.post, self.inbox = clock, post, post.inbox(self.name)
        post.open_group(self.name, 1, self.receive)

    def draw_day(self, scenario: Scenario, day: int, state: EVState | None) -> DrawnDay:
        """Return the EV's trips of the day, each with the numbers of its decisions, from its row of the streams.

        *state*, of all EVs, is that of the evening before; None where every day begins at home.
        """
        return draw_day(scenario, self.draws, day, None if state is None else state.of_ev(self.draws.ev))

    def wake_up(
        self,
        rows: Sequence[int],
        *,
        soc: float,
        parked_since_s: int,
        session: Session | None,
        context: DecisionContext,
        watch: Watch,
    ) -> None:
        """Set the state at the start of the day; *session*: the one under way, or to come on the trip under way."""
        self.trip_rows = rows
        self.soc, self.parked_since_s, self.session = soc, parked_since_s, session
        self.context, self.trips, self.watch = context, context.trips, watch

    def start(self) -> None:
        """Register the EV's process on the clock."""
        self.day = self.clock.begin(self.name, self.make_trips())

    def receive(self, message: Message, lost: BoolArray) -> None:
        """Update the information state with a broadcast, unless it is *lost*."""
        self.context.information.receive(message, self.index, lost)

    def make_trips(self) -> Generator[simpy.Event, Any, None]:
        """Make the day's trips, one after another; the first may have begun the day before."""
        for row in self.trip_rows:
            self.row = row
            if self.trips.departure_s[row] < 0:
                yield self.clock.until(int(self.trips.planned_s[row]), Phase.ACT, self.number)
                self.depart(row)
                if self.trips.path[row] < 0:
                    return  # stranded
            while self.session is not None:  # more than once where a station fails
                yield from self.charge(row, self.session)
            yield from self.drive(lambda: int(self.trips.arrival_s[self.row]))
            self.arrive(row)

    def depart(self, row: int) -> None:
        """Decide on charging and path, and start the trip."""
        now_s, period = self.clock.now_s, self.clock.period
        departing = DepartingEVs(
            ev=self.index,
            trip_row=np.array([row]),
            departure_s=np.array([now_s]),
            soc=np.array([self.soc]),
            parked_since_s=np.array([self.parked_since_s]),
        )
        decision = decide(self.context, departing, period)
        self.watch.note(self.context, departing, period)
        self.trips.write(departing.trip_row, decision, decision.charging, decision.charging.energy_use)
        for _, session in sessions(self.context, departing, decision):
            self.session = session
        if decision.not_charging.size:
            self.trips.arrival_s[row] = now_s + int(decision.drive_s[0])

    def charge(self, row: int, session: Session) -> Generator[simpy.Event, Any, None]:
        """Drive to the station, queue, charge, record the bill; the first steps may lie in the day before."""
        if session.arrival_s >= self.clock.now_s:
            yield from self.drive(lambda: session.arrival_s)
            if self.context.in_service.refuses(session, int(self.trips.station[row])):
                self.divert(row, session)
                return
            self.post.send(self.station, self.request(session))
        start_s = session.start_s
        if start_s < 0:
            mail = yield self.inbox.next(ChargeStarted, TurnedAway)
            start_s = mail.sent_s
        if session.start_s >= 0 or isinstance(mail, ChargeStarted):
            mail = yield self.inbox.next(ChargeEnded, TurnedAway)
        self.trips.wait_s[row] += start_s - session.arrival_s
        self.trips.charge_s[row] += mail.sent_s - start_s
        self.trips.fast_kwh[row] += mail.energy_kwh
        self.trips.paid_cny[row] += mail.paid_cny
        if isinstance(mail, TurnedAway):
            yield self.clock.until(self.clock.now_s, Phase.ACT, self.number)
            self.divert(row, turned_away(session, self.clock.now_s, mail.soc, mail.remaining_kwh))
        else:
            (self.trips.arrival_s[row],) = self.context.drives.arrivals_s(
                np.array([row]), np.array([self.clock.now_s])
            )
            self.session = None

    def drive(self, arrival_s: Callable[[], int]) -> Generator[simpy.Event, Any, None]:
        """Drive up to the second of arrival, which may change under way."""
        while True:
            arrival = self.clock.until(arrival_s(), Phase.ACT, self.number)
            if not self.context.roads.closures.any_events:
                yield arrival
                return
            self.new_way = self.clock.env.event()
            yield arrival | self.new_way
            if arrival.processed:
                return

    def change_way(self) -> None:
        """Wake the driver, whose way and arrival have changed."""
        self.new_way.succeed()

    def divert(self, row: int, session: Session) -> None:
        """Decide anew at a station that does not serve the vehicle."""
        self.session = decide_anew(self.context, row, session, self.clock.period)

    @property
    def station(self) -> str:
        """Name of the station of the trip under way."""
        return self.context.roads.stations[int(self.trips.station[self.row])]

    def request(self, session: Session) -> ChargeRequest:
        """Return the message that requests a session."""
        return ChargeRequest(
            **self.clock.envelope(self.name),
            ev=self.number,
            day_of_trip=session.day,
            trip=session.trip,
            energy_kwh=session.energy_kwh,
            soc=session.soc,
            soc_target=session.soc_target,
            max_power_kw=session.max_power_kw if isfinite(session.max_power_kw) else None,
        )

    def arrive(self, row: int) -> None:
        """Park, and report the trip to the coordinator."""
        trips = self.trips
        self.soc, self.parked_since_s = float(trips.soc_arrival[row]), self.clock.now_s
        report = TripReported(
            **self.clock.envelope(self.name),
            ev=self.number,
            trip=int(trips.trip[row]),
            path=int(trips.path[row]),
            departure_s=int(trips.departure_s[row]),
            arrival_s=int(trips.arrival_s[row]),
            wait_s=int(trips.wait_s[row]),
            charge_s=int(trips.charge_s[row]),
        )
        self.post.send("coordinator", report, float(trips.report_uniform[row]))
