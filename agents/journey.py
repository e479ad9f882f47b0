"""A trip under way: the plan, what was decided, and what came of it."""

from dataclasses import dataclass
from typing import Any

from agents.plans import TripPlan
from agents.roads import Route
from cosim.ev.charging import TripSoc
from cosim.ev.transitions import ACTIVITIES
from cosim.periods import PeriodOfDay
from cosim.scenario import Scenario


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

    @property
    def is_stranded(self) -> bool:
        """Whether the battery cannot reach the charge point, or the end: the EV stays where it is."""
        return bool(self.course.stranded)

    def row(self, scenario: Scenario, period: PeriodOfDay) -> dict[str, Any]:
        """Return the row of the trips table; *period* is that of the departure."""
        plan, nodes, od = self.plan, scenario.network.nodes, scenario.paths.od
        row: dict[str, Any] = {
            "day": period.day,
            "period": period.period,
            "ev": self.ev,
            "trip": plan.trip,
            "from_activity": ACTIVITIES[plan.from_activity],
            "to_activity": ACTIVITIES[plan.to_activity],
            "origin": nodes[od.origin[plan.od]],
            "destination": nodes[od.dest[plan.od]],
            "user_class": "passing" if self.route.station is None else "charging",
            "departure_s": self.departure_s,
            "length_km": plan.length_km,
            "slow_charge_kwh": self.slow_kwh,
            "soc_departure": self.soc_departure,
            "soc_arrival": float(self.course.soc_arrival),
        }
        if self.is_stranded:
            return row | self._not_made("stranded", path=-1)
        if self.arrival_s < 0:
            return row | {"soc_arrival": float("nan")} | self._not_made("on_the_way", path=self.route.path)
        return row | self._made(scenario)

    def _made(self, scenario: Scenario) -> dict[str, Any]:
        return {
            "path": self.route.path,
            "station": self.route.station or "",
            "arrival_s": self.arrival_s,
            "drive_min": (self.route.before_s + self.route.after_s) / 60,
            "wait_min": self.wait_s / 60,
            "charge_min": self.charge_s / 60,
            "drive_kwh": float(scenario.battery.trip_kwh(self.plan.length_km)),
            "fast_charge_kwh": self.fast_kwh,
            "status": "arrived",
        }

    def _not_made(self, status: str, path: int) -> dict[str, Any]:
        """Return the row of a trip that has no end: what it took is not known."""
        station = self.route.station if path >= 0 else None
        return {"path": path, "station": station or "", "arrival_s": -1, "status": status}
