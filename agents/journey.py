"""A trip under way: the plan, what was decided, and what came of it."""

from dataclasses import dataclass
from typing import Any

from agents.plans import TripPlan
from agents.roads import Route
from cosim.ev.charging import TripSoc


@dataclass(slots=True, kw_only=True)
class Journey:
    """One trip of one EV."""

    ev: int
    plan: TripPlan
    course: TripSoc
    """What the trip does to the battery."""
    route: Route
    departure_s: int
    soc_departure: float
    slow_kwh: float
    """Charged while parked before the trip, at the grid side."""
    arrival_s: int = -1
    wait_s: int = 0
    charge_s: int = 0
    fast_kwh: float = 0.0
    paid_cny: float = 0.0

    @property
    def is_stranded(self) -> bool:
        """Whether the battery cannot reach the charge point, or the end: the EV stays where it is."""
        return bool(self.course.stranded)

    def values(self) -> tuple[Any, ...]:
        """Return what the log keeps of it, in the order of its columns."""
        plan, stranded = self.plan, self.is_stranded
        return (
            self.ev,
            plan.trip,
            plan.from_activity,
            plan.to_activity,
            plan.od,
            plan.length_km,
            self.route.station is not None,
            -1 if stranded else self.route.path,
            self.departure_s,
            self.arrival_s,
            self.route.before_s + self.route.after_s,
            self.wait_s,
            self.charge_s,
            self.soc_departure,
            float(self.course.soc_arrival),
            self.slow_kwh,
            self.fast_kwh,
            self.paid_cny,
        )
