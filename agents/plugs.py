"""The chargers on the clock (individual resolution): a SimPy resource, and a process for every vehicle."""

import math
from collections.abc import Generator, Sequence
from typing import Any

import simpy

from agents.clock import Clock, Phase
from agents.journey import ev_name
from agents.site import Site
from cosim.ev.session import Session
from cosim.mailbox import PostOffice
from cosim.messages import ChargeEnded, ChargeRequest, ChargeStarted


class ClockedPlugs:
    """c chargers and one queue; vehicles come, wait, charge and leave, each on its own."""

    def __init__(self, site: Site, clock: Clock, post: PostOffice, present: Sequence[Session] = ()) -> None:
        """Serve the vehicles that are there, plugged in or waiting in order of arrival, and those who write."""
        self.site, self.clock, self.post = site, clock, post
        self.inbox = post.inbox(site.name)
        self.chargers = simpy.Resource(clock.env, capacity=site.data.chargers)
        self.plugged: list[Session] = []
        self.waiting: list[Session] = []
        self.limit_changed = clock.env.event()
        self.plugged += [session for session in present if session.start_s >= 0]
        self.waiting += [session for session in present if session.start_s < 0]
        site.keep(self.plugged, self.waiting)
        for session in (*self.plugged, *self.waiting):
            clock.env.process(self.go_on(session))
        clock.env.process(self.serve_vehicles())

    def serve_vehicles(self) -> Generator[simpy.Event, Any, None]:
        """Receive vehicles as they come."""
        while True:
            request = yield self.inbox.next(ChargeRequest)
            self.clock.env.process(self.serve(request))

    def serve(self, request: ChargeRequest) -> Generator[simpy.Event, Any, None]:
        """Let one vehicle wait for a charger, charge to its target, and leave."""
        session = self.session(request)
        with self.chargers.request() as charger:
            self.welcome(session, must_wait=not charger.triggered)
            yield charger
            self.plug_in(session)
            yield from self.fill(session)

    def go_on(self, session: Session) -> Generator[simpy.Event, Any, None]:
        """Serve one vehicle that was plugged in, or waited, when the day before ended."""
        with self.chargers.request() as charger:
            yield charger
            if session.start_s < 0:
                self.plug_in(session)
            yield from self.fill(session)

    def fill(self, session: Session) -> Generator[simpy.Event, Any, None]:
        """Charge a vehicle to its target, and let it leave."""
        while session.remaining_kwh > 0:
            yield self.clock.until(self.clock.now_s, Phase.RESUME)
            session.draw(self.site.charger_power_kw(self.clock.period))
            yield self.clock.until(self.next_reading_s(session), Phase.METER) | self.limit_changed
            self.site.read_off(session, self.clock.now_s)
        self.unplug(session)

    def session(self, request: ChargeRequest) -> Session:
        """Return what the vehicle wants."""
        return Session(
            ev=request.ev,
            trip=request.trip,
            arrival_s=request.sent_s,
            energy_kwh=request.energy_kwh,
            soc=request.soc,
            target_soc=request.target_soc,
            most_kw=math.inf if request.most_kw is None else request.most_kw,
        )

    def welcome(self, session: Session, *, must_wait: bool) -> None:
        """Take a vehicle in."""
        self.site.book.arrivals += 1
        if must_wait:
            self.waiting.append(session)
            self.site.book.join(self.clock.now_s)

    def plug_in(self, session: Session) -> None:
        """Start a session."""
        now_s = self.clock.now_s
        if session in self.waiting:
            self.waiting.remove(session)
            self.site.book.leave(now_s)
        session.plug_in(now_s)
        self.plugged.append(session)
        self.site.begin(session)
        started = ChargeStarted(**self._envelope(), wait_s=now_s - session.arrival_s)
        self.post.send(ev_name(session.ev), started)

    def next_reading_s(self, session: Session) -> int:
        """Return the second at which the session is full or the period ends, whichever is first."""
        return min(session.full_s(), self.clock.next_boundary_s)

    def unplug(self, session: Session) -> None:
        """End a session and hand the driver the bill."""
        self.plugged.remove(session)
        session.end_s = self.clock.now_s
        bill = ChargeEnded(
            **self._envelope(),
            energy_kwh=session.delivered_kwh,
            paid_cny=session.paid_cny,
            soc=session.target_soc,
        )
        self.post.send(ev_name(session.ev), bill)

    def before_change(self) -> None:
        """Nothing to do: on the clock, everything up to now has happened."""

    def after_limit(self) -> None:
        """Wake all who charge, so that they go on at the new power."""
        changed, self.limit_changed = self.limit_changed, self.clock.env.event()
        changed.succeed()

    def _envelope(self) -> dict[str, Any]:
        return self.clock.envelope(self.site.name)
