"""The electric vehicle and its driver: a day of trips, told as a process."""

from collections.abc import Generator
from dataclasses import dataclass
from math import isfinite
from typing import Any

import mesa
import simpy

from agents.clock import Clock, Phase
from agents.journey import Journey, ev_name
from agents.plans import DayPlan, TripPlan
from agents.price_list import TariffBook
from agents.roads import Roads, Route
from cosim.ev.charging import TripSoc, drive, plugs_in, soc_after_parking, wants_fast_charge
from cosim.ev.session import Session
from cosim.mailbox import PostOffice
from cosim.messages import ChargeEnded, ChargeRequest, ChargeStarted, PeriodOpened, TariffIssued, TripReported
from cosim.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """What the days before have left an EV with."""

    soc: float
    parked_s: int
    opened: PeriodOpened | None
    """The last news of link times, and of prices, that reached it."""
    tariff: TariffIssued | None
    journey: Journey | None
    """The trip that midnight interrupted, with what it wants at a station it has not left."""
    session: Session | None


class EV(mesa.Agent):
    """One EV: what it has (charge), what it was told (times, prices), and what it does with its day."""

    def __init__(
        self,
        model: mesa.Model,
        plan: DayPlan,
        scenario: Scenario,
        roads: Roads,
        tariffs: TariffBook,
        clock: Clock,
        post: PostOffice,
        since: Since,
    ) -> None:
        """Start the EV's day from where the night has left it."""
        super().__init__(model)
        self.plan, self.number, self.name = plan, plan.ev, ev_name(plan.ev)
        self.world, self.battery, self.behaviour = scenario, plan.battery, plan.behaviour
        self.roads, self.tariffs, self.clock, self.post = roads, tariffs, clock, post
        self.inbox = post.inbox(self.name)
        self.soc, self.parked_s = since.soc, since.parked_s
        self.belief = roads.belief(since.opened) if since.opened else roads.at_free_flow
        self.tariff = tariffs.tariff(since.tariff) if since.tariff else tariffs.published
        self.journeys: list[Journey] = []
        """The trips of the day so far, the one under way included, and one that began the day before."""
        self.day = clock.env.process(self.live(since))

    def live(self, since: Since) -> Generator[simpy.Event, Any, None]:
        """Bring a trip of the day before to its end, then make the day's trips, one after another."""
        if since.journey is not None:
            yield from self.finish(since.journey, since.session)
        for trip in self.plan.trips:
            yield self.clock.until(trip.departure_s, Phase.ACT, self.number)
            self.read_news()
            slow_kwh = self.leave_the_parking_place(trip)
            journey = self.decide(trip, slow_kwh)
            self.journeys.append(journey)
            if journey.is_stranded:
                return
            if journey.route.station is not None:
                yield from self.drive(journey.route.before_s)
                yield from self.charge(journey, self.request(journey))
                yield from self.leave_the_station(journey)
            else:
                journey.arrival_s = self.clock.now_s + journey.route.before_s
                yield from self.drive(journey.route.before_s)
            self.arrive(journey)

    def finish(self, journey: Journey, session: Session | None) -> Generator[simpy.Event, Any, None]:
        """Go on with a trip that midnight interrupted: on the road, or before, in or at the end of a *session*."""
        self.journeys.append(journey)
        if session is None:
            yield from self.drive(journey.arrival_s - self.clock.now_s)
        else:
            request = None
            if session.arrival_s >= self.clock.now_s:
                yield from self.drive(session.arrival_s - self.clock.now_s)
                request = self.request(journey)
            yield from self.charge(journey, request, session)
            yield from self.leave_the_station(journey)
        self.arrive(journey)

    def leave_the_station(self, journey: Journey) -> Generator[simpy.Event, Any, None]:
        """Drive on, charged."""
        journey.arrival_s = self.clock.now_s + journey.route.after_s
        yield from self.drive(journey.route.after_s)

    def drive(self, duration_s: int) -> Generator[simpy.Event, Any, None]:
        """Be on the road."""
        yield self.clock.until(self.clock.now_s + duration_s, Phase.ACT, self.number)

    def request(self, journey: Journey) -> ChargeRequest:
        """Return what the EV asks of the station it has reached."""
        return ChargeRequest(
            **self.clock.envelope(self.name),
            ev=self.number,
            trip=journey.plan.trip,
            energy_kwh=float(journey.course.session_kwh),
            soc=float(journey.course.soc_charge_point),
            target_soc=self.behaviour.target_soc,
            most_kw=self.plan.most_kw if isfinite(self.plan.most_kw) else None,
        )

    def charge(
        self, journey: Journey, request: ChargeRequest | None, session: Session | None = None
    ) -> Generator[simpy.Event, Any, None]:
        """Queue at the station, charge, and leave with the bill; a *session* of the day before may have begun."""
        if request is not None:
            self.post.send(str(journey.route.station), request)
        if session is not None and session.start_s >= 0:
            started_s, journey.wait_s = session.start_s, session.start_s - session.arrival_s
        else:
            started = yield self.inbox.next(ChargeStarted)
            started_s, journey.wait_s = started.sent_s, started.wait_s
        ended = yield self.inbox.next(ChargeEnded)
        journey.charge_s = ended.sent_s - started_s
        journey.fast_kwh, journey.paid_cny = ended.energy_kwh, ended.paid_cny

    # decisions

    def read_news(self) -> None:
        """Take in what has arrived; what never came leaves the last knowledge in force."""
        if opened := self.inbox.latest(PeriodOpened):
            self.belief = self.roads.belief(opened)
        if issued := self.inbox.latest(TariffIssued):
            self.tariff = self.tariffs.tariff(issued)

    def leave_the_parking_place(self, trip: TripPlan) -> float:
        """Return the energy slow-charged while parked [kWh at the grid side]; a morning may start as drawn."""
        if trip.trip == 1 and self.plan.soc_is_drawn:
            self.soc = self.plan.soc_first
            return 0.0
        home, work = self.plan.has_home_charger, self.plan.has_work_charger
        plugged = plugs_in(trip.from_activity, self.soc, home, work, self.behaviour)
        parked_h = (self.clock.now_s - self.parked_s) / 3600
        before = self.soc
        self.soc = float(soc_after_parking(before, plugged, parked_h, self.battery, self.behaviour))
        return float(self.battery.charging_kwh(before, self.soc))

    def decide(self, trip: TripPlan, slow_kwh: float) -> Journey:
        """Decide whether to fast-charge on this trip, and on the path, or the path and station."""
        trip_kwh = self.battery.trip_kwh(trip.length_km)
        charges = bool(
            wants_fast_charge(
                self.soc,
                trip_kwh,
                trip.charge_uniform,
                battery=self.battery,
                behaviour=self.behaviour,
                price_ratio=self.tariff.ratio(self.clock.period),
            )
        )
        course = drive(self.soc, trip_kwh, charges, self.battery, self.behaviour)
        route = self.choose_route(trip, course, charges=charges)
        return Journey(
            ev=self.number,
            plan=trip,
            course=course,
            route=route,
            departure_s=self.clock.now_s,
            soc_departure=self.soc,
            slow_kwh=slow_kwh,
        )

    def choose_route(self, trip: TripPlan, course: TripSoc, *, charges: bool) -> Route:
        """Draw a path, or a (path, station) pair, at the costs the driver was told (Eq. 7)."""
        if not charges:
            return self.roads.route(self.roads.choose_path(trip.od, self.belief, trip.route_uniform))
        own = self.world.config.population.energy_in_choice == "own"
        energy_kwh = float(course.session_kwh) if own else self.roads.day_ahead.session_kwh
        prices = self.tariff.prices(self.roads.stations, self.clock.period)
        pair = self.roads.choose_pair(trip.od, self.belief, trip.route_uniform, prices, energy_kwh)
        return self.roads.route(pair)

    # the end of a trip, or of a day

    def coming(self, now_s: int) -> Session | None:
        """Return the session the EV will ask for, if it heads for a station that it reaches from *now_s* on."""
        journey = self.journeys[-1] if self.journeys else None
        if journey is None or journey.is_stranded or journey.arrival_s >= 0:
            return None
        station_s = journey.departure_s + journey.route.before_s
        if station_s < now_s:
            return None
        return Session(
            ev=self.number,
            trip=journey.plan.trip,
            arrival_s=station_s,
            energy_kwh=float(journey.course.session_kwh),
            soc=float(journey.course.soc_charge_point),
            target_soc=self.behaviour.target_soc,
            most_kw=self.plan.most_kw,
        )

    def arrive(self, journey: Journey) -> None:
        """Park, and tell the coordinator how the trip went."""
        self.soc = float(journey.course.soc_arrival)
        self.parked_s = self.clock.now_s
        report = TripReported(
            **self.clock.envelope(self.name),
            ev=self.number,
            trip=journey.plan.trip,
            path=journey.route.path,
            departure_s=journey.departure_s,
            arrival_s=journey.arrival_s,
            wait_s=journey.wait_s,
            charge_s=journey.charge_s,
        )
        self.post.send("coordinator", report, journey.plan.report_uniform)
