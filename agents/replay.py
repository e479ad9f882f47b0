"""A driver's day again: each decision worked out anew from the seed, from what was said, and from what is on record.

Works for a run of either resolution: random numbers come from the seed, link times and prices from the broadcasts,
waits from the tables of trips. Where these were not kept, nobody is taken to have waited.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from agents.news import Archive, Knowledge, News, knowledge
from agents.plans import DayPlan, TripPlan
from agents.price_list import TariffBook
from agents.roads import ChoiceSet, Roads, Route
from cosim.arrays import Frame
from cosim.ev.charging import (
    TripSoc,
    drive,
    fast_charge_probability,
    plugs_in,
    soc_after_parking,
    wants_fast_charge,
)
from cosim.scenario import DayAhead, Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How long a trip took, and what its charge gave and cost."""

    arrival_s: int
    """-1 if the EV has not arrived."""
    wait_s: int = 0
    charge_s: int = 0
    fast_kwh: float = 0.0
    paid_cny: float | None = 0.0
    """None if nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FastCharge:
    """Whether to fast-charge on the way."""

    probability: float
    """By chance, before the end of the trip forces a charge."""
    price_ratio: float
    soc_without: float
    """At the end of the trip if nothing is charged on the way; below 0 if the battery lacks it."""
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decision:
    """One trip: what the driver knew, what there was to choose from, where the draws fell, what came of it."""

    plan: TripPlan
    departure_s: int
    slow_kwh: float
    """Charged while parked before the trip, at the grid side."""
    soc: float
    """At departure."""
    trip_kwh: float
    knows: Knowledge
    fast: FastCharge
    course: TripSoc
    choice: ChoiceSet
    route: Route
    outcome: Outcome | None
    """None if the EV is stranded: then nothing of the route came true."""
    is_recorded: bool
    """Whether departure and battery follow from the tables; else from waits that nobody wrote down."""

    @property
    def is_stranded(self) -> bool:
        """Whether the battery cannot reach the charge point, or the end."""
        return bool(self.course.stranded)


class Replay:
    """The kernels that decided, and what was said."""

    def __init__(self, scenario: Scenario, day_ahead: DayAhead, seed: int, messages: Frame) -> None:
        """Read the broadcasts."""
        self.world, self.day_ahead = scenario, day_ahead
        self.roads = Roads(scenario, day_ahead, scenario.config.population.theta_per_min)
        self.tariffs = TariffBook(scenario.periods, day_ahead)
        self.archive = Archive(scenario, day_ahead.n_ev, seed, messages)

    def day(self, plan: DayPlan, recorded: Mapping[int, Outcome] | None) -> Iterator[Decision]:
        """Yield the decisions of an EV, trip by trip; *recorded* is by trip number, None if nobody kept it."""
        self.battery, self.behaviour, self.most_kw = plan.battery, plan.behaviour, plan.most_kw
        news, soc, parked_s, is_recorded = self.archive.news(plan.ev), plan.soc_first, 0, True
        for trip in plan.trips:
            departure_s, slow_kwh = max(trip.departure_s, parked_s), 0.0
            if trip is not plan.trips[0]:
                soc, slow_kwh = self._leave_the_parking_place(plan, trip, soc, departure_s - parked_s)
            made = replace(
                self._decide(trip, soc, departure_s, news), slow_kwh=slow_kwh, is_recorded=is_recorded
            )
            if made.is_stranded:
                yield made
                return
            came = self._reckoned(made) if recorded is None else recorded[trip.trip]
            yield replace(made, outcome=came)
            if came.arrival_s < 0:
                return
            is_recorded &= recorded is not None or not made.fast.chosen
            soc, parked_s = float(made.course.soc_arrival), came.arrival_s

    def _leave_the_parking_place(
        self, plan: DayPlan, trip: TripPlan, before: float, parked_s: int
    ) -> tuple[float, float]:
        """Return SOC at departure, and the energy slow-charged since the arrival."""
        home, work = plan.has_home_charger, plan.has_work_charger
        plugged = plugs_in(trip.from_activity, before, home, work, self.behaviour)
        soc = float(soc_after_parking(before, plugged, parked_s / 3600, self.battery, self.behaviour))
        return soc, float(self.battery.charging_kwh(before, soc))

    def _decide(self, trip: TripPlan, soc: float, departure_s: int, news: list[News]) -> Decision:
        """Return the decisions at a departure."""
        knows = knowledge(news, departure_s, self.roads, self.tariffs)
        trip_kwh = float(self.battery.trip_kwh(trip.length_km))
        fast = self._fast_charge(trip, soc, trip_kwh, knows.tariff.ratio(self.world.periods.at(departure_s)))
        course = drive(soc, trip_kwh, fast.chosen, self.battery, self.behaviour)
        choice, path = self._choose(
            trip, departure_s, knows, float(course.session_kwh) if fast.chosen else None
        )
        in_force = self.archive.opened_by(departure_s)
        self.roads.set_times(np.array(in_force.link_time_min))
        return Decision(
            plan=trip,
            departure_s=departure_s,
            slow_kwh=0.0,
            soc=soc,
            trip_kwh=trip_kwh,
            knows=knows,
            fast=fast,
            course=course,
            choice=choice,
            route=self.roads.route(path),
            outcome=None,
            is_recorded=True,
        )

    def _fast_charge(self, trip: TripPlan, soc: float, trip_kwh: float, price_ratio: float) -> FastCharge:
        battery, behaviour = self.battery, self.behaviour
        chosen = wants_fast_charge(
            soc, trip_kwh, trip.charge_uniform, battery=battery, behaviour=behaviour, price_ratio=price_ratio
        )
        return FastCharge(
            probability=float(fast_charge_probability(soc, behaviour, price_ratio)),
            price_ratio=price_ratio,
            soc_without=float(battery.soc_after_driving(soc, trip_kwh)),
            chosen=bool(chosen),
        )

    def _choose(
        self, trip: TripPlan, departure_s: int, knows: Knowledge, session_kwh: float | None
    ) -> tuple[ChoiceSet, int]:
        """Return the choice set, and the path or (path, station) pair that was drawn from it."""
        roads, belief, uniform = self.roads, knows.belief, trip.route_uniform
        if session_kwh is None:
            return roads.choice_set(trip.od, belief), roads.choose_path(trip.od, belief, uniform)
        own = self.world.config.population.energy_in_choice == "own"
        energy_kwh = session_kwh if own else self.day_ahead.session_kwh
        prices = knows.tariff.prices(roads.stations, self.world.periods.at(departure_s))
        return (
            roads.choice_set(trip.od, belief, prices, energy_kwh),
            roads.choose_pair(trip.od, belief, uniform, prices, energy_kwh),
        )

    def _reckoned(self, made: Decision) -> Outcome:
        """Return what came of a trip if nobody waited and the charger gave what it can."""
        driven_s = made.route.before_s + made.route.after_s
        if not made.fast.chosen:
            return Outcome(arrival_s=made.departure_s + driven_s)
        station = next(one for one in self.world.stations if one.name == made.route.station)
        energy_kwh = float(made.course.session_kwh)
        power_kw = min(station.charger_power_kw, self.most_kw)
        charge_s = int(np.ceil(3600 * energy_kwh / power_kw))
        return Outcome(
            arrival_s=made.departure_s + driven_s + charge_s,
            charge_s=charge_s,
            fast_kwh=energy_kwh,
            paid_cny=None,
        )
