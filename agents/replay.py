"""A driver's decisions again: each worked out anew from the seed, from what was said, and from what is on record.

Works for a run of either resolution: random numbers come from the seed, beliefs and prices from the broadcasts, the
times that trips take from the table of links, waits from those of trips and sessions. ``agents.replay_days`` strings
the decisions of one EV together.
"""

from dataclasses import dataclass

import numpy as np

from agents.journey import Journey
from agents.news import Archive, Delivery, Knowledge, TimesInForce, knowledge
from agents.plans import DayPlan, TripPlan
from agents.price_list import TariffBook
from agents.roads import ChoiceSet, Roads, Route
from cosim.arrays import Frame
from cosim.ev.charging import TripSoc, drive, fast_charge_probability, wants_fast_charge
from cosim.scenario import DayAhead, Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How long a trip took, and what its charge gave and cost."""

    arrival_s: int
    """-1 if the EV has not arrived."""
    plugged_s: int = -1
    """Second of plugging in, -1 if it did not."""
    charge_s: int = 0
    """Time plugged in, 0 if the charge has not ended."""
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

    @property
    def station_s(self) -> int:
        """Second of arrival at the station."""
        return self.departure_s + self.route.before_s

    @property
    def wait_s(self) -> int:
        """Time waiting for a charger, 0 if it did not plug in."""
        came = self.outcome
        return 0 if came is None or came.plugged_s < 0 else came.plugged_s - self.station_s

    def is_under_way(self, now_s: int) -> bool:
        """Tell whether the EV has set out, and not arrived before *now_s*."""
        return self.outcome is not None and not 0 <= self.outcome.arrival_s < now_s

    def journey(self, ev: int, now_s: int) -> Journey:
        """Return the trip as it stands at *now_s*: the arrival is known as soon as the last stretch begins."""
        came = self.outcome or Outcome(arrival_s=-1)
        last_stretch_s = came.plugged_s + came.charge_s if self.fast.chosen else self.departure_s
        return Journey(
            ev=ev,
            plan=self.plan,
            course=self.course,
            route=self.route,
            departure_s=self.departure_s,
            soc_departure=self.soc,
            slow_kwh=self.slow_kwh,
            arrival_s=came.arrival_s if last_stretch_s <= now_s else -1,
        )


class Replay:
    """The kernels that decided, what was said, and how long trips took."""

    def __init__(
        self, scenario: Scenario, day_ahead: DayAhead, seed: int, messages: Frame, links: Frame
    ) -> None:
        """Read the tables of messages and of links."""
        self.world, self.day_ahead, self.seed = scenario, day_ahead, seed
        self.roads = Roads(scenario, day_ahead, scenario.config.population.theta_per_min)
        self.tariffs = TariffBook(scenario.periods, day_ahead)
        self.archive = Archive(scenario, day_ahead.n_ev, seed, messages)
        free_min = self.roads.paths.network.t0_min
        self.in_force = TimesInForce(free_min, scenario.periods, links, self.archive.opened())

    def decide(
        self,
        plan: DayPlan,
        trip: TripPlan,
        departure_s: int,
        soc: float,
        slow_kwh: float,
        news: list[Delivery],
        *,
        is_recorded: bool,
    ) -> Decision:
        """Return the decisions at a departure; what comes of them is left open."""
        period = self.world.periods.at(departure_s)
        knows = knowledge(news, departure_s, self.roads, self.tariffs)
        trip_kwh = float(plan.battery.trip_kwh(trip.length_km))
        fast = _fast_charge(plan, trip, soc, trip_kwh, knows.tariff.ratio(period))
        course = drive(soc, trip_kwh, fast.chosen, plan.battery, plan.behaviour)
        choice, path = self._choose(
            trip, departure_s, knows, float(course.session_kwh) if fast.chosen else None
        )
        if not course.stranded:
            self.roads.set_times(self.in_force.at(departure_s))
        return Decision(
            plan=trip,
            departure_s=departure_s,
            slow_kwh=slow_kwh,
            soc=soc,
            trip_kwh=trip_kwh,
            knows=knows,
            fast=fast,
            course=course,
            choice=choice,
            route=self.roads.route(path),
            outcome=None,
            is_recorded=is_recorded,
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

    def reckoned(self, plan: DayPlan, made: Decision) -> Outcome:
        """Return what came of a trip if nobody waited and the charger gave what it can."""
        driven_s = made.route.before_s + made.route.after_s
        if not made.fast.chosen:
            return Outcome(arrival_s=made.departure_s + driven_s)
        station = next(one for one in self.world.stations if one.name == made.route.station)
        energy_kwh = float(made.course.session_kwh)
        charge_s = int(np.ceil(3600 * energy_kwh / min(station.charger_power_kw, plan.most_kw)))
        return Outcome(
            arrival_s=made.departure_s + driven_s + charge_s,
            plugged_s=made.station_s,
            charge_s=charge_s,
            fast_kwh=energy_kwh,
            paid_cny=None,
        )


def _fast_charge(
    plan: DayPlan, trip: TripPlan, soc: float, trip_kwh: float, price_ratio: float
) -> FastCharge:
    """Return whether the driver fast-charges on this trip."""
    battery, behaviour = plan.battery, plan.behaviour
    chosen = wants_fast_charge(
        soc, trip_kwh, trip.charge_uniform, battery=battery, behaviour=behaviour, price_ratio=price_ratio
    )
    return FastCharge(
        probability=float(fast_charge_probability(soc, behaviour, price_ratio)),
        price_ratio=price_ratio,
        soc_without=float(battery.soc_after_driving(soc, trip_kwh)),
        chosen=bool(chosen),
    )
