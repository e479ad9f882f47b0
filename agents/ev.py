"""The electric vehicle and its driver: a day of trips, told as a process."""

from collections.abc import Generator
from typing import Any

import mesa
import simpy

from agents.clock import Clock, Phase
from agents.journey import Journey
from agents.plans import DayPlan, TripPlan
from agents.price_list import TariffBook
from agents.roads import Roads, Route
from agents.trip_log import TripLog
from cosim.ev.charging import TripSoc, drive, plugs_in, soc_after_parking, wants_fast_charge
from cosim.mailbox import PostOffice
from cosim.messages import ChargeEnded, ChargeRequest, ChargeStarted, PeriodOpened, TariffIssued, TripReported
from cosim.scenario import Scenario


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
    ) -> None:
        """Park the EV at home and start its day."""
        super().__init__(model)
        self.plan, self.number, self.name = plan, plan.ev, ev_name(plan.ev)
        self.world, self.battery, self.behaviour = scenario, scenario.battery, scenario.behaviour
        self.roads, self.tariffs, self.clock, self.post = roads, tariffs, clock, post
        self.inbox = post.inbox(self.name)
        self.soc = plan.soc_first
        self.parked_s = 0
        self.belief, self.tariff = roads.at_free_flow, tariffs.published
        self.journeys: list[Journey] = []
        """The trips made so far, the one under way included."""
        self.day = clock.env.process(self.live())

    def live(self) -> Generator[simpy.Event, Any, None]:
        """Make the day's trips, one after another."""
        for trip in self.plan.trips:
            yield self.clock.until(trip.departure_s, Phase.ACT, self.number)
            self.read_news()
            slow_kwh = self.leave_the_parking_place(trip)
            journey = self.decide(trip, slow_kwh)
            self.journeys.append(journey)
            if journey.is_stranded:
                return
            yield from self.drive(journey.route.before_s)
            if journey.route.station is not None:
                yield from self.charge(journey)
            yield from self.drive(journey.route.after_s)
            self.arrive(journey)

    def drive(self, duration_s: int) -> Generator[simpy.Event, Any, None]:
        """Be on the road."""
        yield self.clock.until(self.clock.now_s + duration_s, Phase.ACT, self.number)

    def charge(self, journey: Journey) -> Generator[simpy.Event, Any, None]:
        """Queue at the station, charge, and leave with the bill."""
        request = ChargeRequest(
            **self.clock.envelope(self.name),
            ev=self.number,
            trip=journey.plan.trip,
            energy_kwh=float(journey.course.session_kwh),
            soc=float(journey.course.soc_charge_point),
            target_soc=self.behaviour.target_soc,
        )
        self.post.send(str(journey.route.station), request)
        started = yield self.inbox.next(ChargeStarted)
        ended = yield self.inbox.next(ChargeEnded)
        journey.wait_s, journey.charge_s = started.wait_s, ended.sent_s - started.sent_s
        journey.fast_kwh, journey.paid_cny = ended.energy_kwh, ended.paid_cny

    # decisions

    def read_news(self) -> None:
        """Take in what has arrived; what never came leaves the last knowledge in force."""
        if opened := self.inbox.latest(PeriodOpened):
            self.belief = self.roads.belief(opened)
        if issued := self.inbox.latest(TariffIssued):
            self.tariff = self.tariffs.tariff(issued)

    def leave_the_parking_place(self, trip: TripPlan) -> float:
        """Return the energy slow-charged while parked [kWh at the grid side]; the first trip starts as drawn."""
        if trip is self.plan.trips[0]:
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

    # the end of a trip

    def arrive(self, journey: Journey) -> None:
        """Park, and tell the coordinator how the trip went."""
        self.soc = float(journey.course.soc_arrival)
        self.parked_s = journey.arrival_s = self.clock.now_s
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


class Drivers:
    """All EVs of a scenario, each living alone (individual resolution)."""

    def __init__(self, evs: list[EV]) -> None:
        """Hold them together."""
        self.evs = evs

    def anyone_out(self) -> bool:
        """Tell whether somebody has not arrived, or has not left yet."""
        return any(ev.day.is_alive for ev in self.evs)

    def trips(self) -> TripLog:
        """Return the trips begun, in the order of EVs."""
        return TripLog.of_journeys([journey for ev in self.evs for journey in ev.journeys])


def ev_name(number: int) -> str:
    """Return the address of an EV."""
    return f"ev {number}"
