"""Event-driven chargers (individual resolution): a SimPy resource, and a process for every vehicle."""

import math
from collections.abc import Generator, Sequence
from typing import Any

import simpy
from simpy.resources.resource import PriorityRequest

from agents.clock import Clock, Phase
from agents.station_records import StationRecords
from cosim.ev.session import Session
from cosim.mailbox import PostOffice
from cosim.messages import ChargeEnded, ChargeRequest, ChargeStarted, TurnedAway, ev_address

OUT_OF_SERVICE, VEHICLE = -1, 0
"""Priorities of what takes a charger: a failure, then vehicles in order of arrival."""


class EventDrivenChargers:
    """c chargers and one queue; each vehicle arrives, waits, charges and leaves in a process of its own."""

    def __init__(
        self,
        records: StationRecords,
        clock: Clock,
        post: PostOffice,
        present: Sequence[Session],
        in_service: int,
    ) -> None:
        """Start with the sessions *present*, in order of arrival, that have arrived; the others will send a request."""
        self.records, self.clock, self.post = records, clock, post
        self.inbox = post.inbox(records.name)
        self.chargers = simpy.PriorityResource(clock.env, capacity=records.data.chargers)
        self.out_of_service: list[PriorityRequest] = []
        """Requests of the chargers that are out of service."""
        self.lose_place: dict[int, simpy.Event] = {}
        """By the number of the EV, the event that takes its charger or its place in the queue."""
        self.take_out_of_service(in_service)
        self.plugged: list[Session] = []
        self.waiting: list[Session] = []
        self.limit_changed = clock.env.event()
        arrived = [session for session in present if session.arrival_s < clock.now_s]
        self.plugged += [session for session in arrived if session.start_s >= 0]
        self.waiting += [session for session in arrived if session.start_s < 0]
        records.carry_over(self.plugged, self.waiting)

    def start(self) -> None:
        """Register the processes of the vehicles present, and of the station's requests, on the clock."""
        for session in (*self.plugged, *self.waiting):
            self.clock.env.process(self.resume(session))
        self.clock.env.process(self.serve_vehicles())

    def serve_vehicles(self) -> Generator[simpy.Event, Any, None]:
        """Start a process for each request."""
        while True:
            request = yield self.inbox.next(ChargeRequest)
            self.clock.env.process(self.serve(request))

    def serve(self, request: ChargeRequest) -> Generator[simpy.Event, Any, None]:
        """Serve one vehicle: it waits for a charger, charges to its target, and leaves."""
        session = self.requested_session(request)
        with self.chargers.request(VEHICLE) as charger:
            self.record_arrival(session, must_wait=not charger.triggered)
            yield from self.wait_and_fill(session, charger)

    def resume(self, session: Session) -> Generator[simpy.Event, Any, None]:
        """Serve one vehicle that charged, or waited, when the day before ended."""
        with self.chargers.request(VEHICLE) as charger:
            yield from self.wait_and_fill(session, charger)

    def wait_and_fill(self, session: Session, charger: simpy.Event) -> Generator[simpy.Event, Any, None]:
        """Wait for a charger, and charge a vehicle to its target, unless it loses its place."""
        lost = self.lose_place[session.ev] = self.clock.env.event()
        yield charger | lost
        if not lost.triggered and session.start_s < 0:
            self.plug_in(session)
        while session.remaining_kwh > 0 and not lost.triggered:
            yield self.clock.until(self.clock.now_s, Phase.RESUME) | lost
            if lost.triggered:
                return
            session.set_power(self.records.charger_power_kw(self.clock.period))
            yield self.clock.until(self.next_reading_s(session), Phase.METER) | self.limit_changed | lost
            if not lost.triggered:
                self.records.read_meter(session, self.clock.now_s)
        if not lost.triggered:
            self.unplug(session)

    @property
    def in_service(self) -> int:
        """Chargers in service."""
        return self.records.data.chargers - len(self.out_of_service)

    def set_in_service(self, chargers: int) -> list[Session]:
        """Change the chargers in service; return the vehicles that lost their place."""
        self.take_out_of_service(chargers)
        while self.in_service < chargers:
            back = self.out_of_service.pop()
            back.cancel()
            self.chargers.release(back)
        by_start = sorted(self.plugged, key=lambda session: (session.start_s, session.ev))
        lost = by_start[: max(0, len(by_start) - chargers)] + (self.waiting if not chargers else [])
        for session in lost:
            self.turn_away(session)
        return lost

    def take_out_of_service(self, chargers: int) -> None:
        """Let no more than these chargers be in service; those in use follow as they are freed."""
        while self.in_service > chargers:
            self.out_of_service.append(self.chargers.request(OUT_OF_SERVICE))

    def turn_away(self, session: Session) -> None:
        """Take a vehicle's charger, or its place in the queue, and notify its driver."""
        now_s = self.clock.now_s
        if session.start_s >= 0:
            self.plugged.remove(session)
            self.records.stop(session, now_s)
        else:
            self.waiting.remove(session)
            self.records.queue_record.leave(now_s)
        self.lose_place.pop(session.ev).succeed()
        away = TurnedAway(
            **self._envelope(),
            energy_kwh=session.delivered_kwh,
            paid_cny=session.paid_cny,
            soc=session.soc_now,
            remaining_kwh=session.remaining_kwh,
        )
        self.post.send(ev_address(session.ev), away)

    def requested_session(self, request: ChargeRequest) -> Session:
        """Return the session that a vehicle requests."""
        return Session(
            ev=request.ev,
            day=request.day_of_trip,
            trip=request.trip,
            arrival_s=request.sent_s,
            energy_kwh=request.energy_kwh,
            soc=request.soc,
            soc_target=request.soc_target,
            max_power_kw=math.inf if request.max_power_kw is None else request.max_power_kw,
        )

    def record_arrival(self, session: Session, *, must_wait: bool) -> None:
        """Count a vehicle that has arrived, and queue it if it must wait."""
        self.records.queue_record.arrivals += 1
        if must_wait:
            self.waiting.append(session)
            self.records.queue_record.join(self.clock.now_s)

    def plug_in(self, session: Session) -> None:
        """Start a session, and notify its driver."""
        now_s = self.clock.now_s
        if session in self.waiting:
            self.waiting.remove(session)
            self.records.queue_record.leave(now_s)
        session.plug_in(now_s)
        self.plugged.append(session)
        self.records.begin(session)
        started = ChargeStarted(**self._envelope(), wait_s=now_s - session.arrival_s)
        self.post.send(ev_address(session.ev), started)

    def next_reading_s(self, session: Session) -> int:
        """Return the second at which the session completes or the period ends, whichever is first."""
        return min(session.completion_s(), self.clock.next_boundary_s)

    def unplug(self, session: Session) -> None:
        """End a session, and send its driver the bill."""
        self.plugged.remove(session)
        del self.lose_place[session.ev]
        session.end_s = self.clock.now_s
        bill = ChargeEnded(
            **self._envelope(),
            energy_kwh=session.delivered_kwh,
            paid_cny=session.paid_cny,
            soc=session.soc_target,
        )
        self.post.send(ev_address(session.ev), bill)

    def on_limit_changed(self) -> None:
        """Note that the power limit changed: wake the process of every session, to go on at the new power."""
        changed, self.limit_changed = self.limit_changed, self.clock.env.event()
        changed.succeed()

    def _envelope(self) -> dict[str, Any]:
        return self.clock.envelope(self.records.name)
