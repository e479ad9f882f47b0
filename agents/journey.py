"""A trip under way: the plan, what was decided, and what came of it."""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from agents.midnight import UnderWay
from agents.plans import TripPlan
from agents.roads import Roads, Route
from cosim.ev.charging import TripSoc
from cosim.ev.session import Session


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
    """As soon as it is known: when the last stretch of the way begins."""
    wait_s: int = 0
    charge_s: int = 0
    fast_kwh: float = 0.0
    paid_cny: float = 0.0

    @classmethod
    def under_way(cls, trips: UnderWay, row: int, roads: Roads, session: Session | None) -> Self:
        """Return the trip in one row of those that midnight interrupted; its station's *session*, if not left."""
        log = trips.log

        def known(column: str) -> Any:
            return getattr(log, column)[row].item()

        path, after_s = known("path"), int(trips.after_s[row])
        station = int(roads.paths.station[path])
        plan = TripPlan(
            **{name: known(name) for name in ("trip", "departure_s", "length_km", "from_activity")},
            to_activity=known("to_activity"),
            od=known("od"),
            charge_uniform=math.nan,
            route_uniform=math.nan,
            report_uniform=float(trips.report_uniform[row]),
        )
        route = Route(
            path=path,
            station=None if station < 0 else roads.stations[station],
            before_s=known("drive_s") - after_s,
            after_s=after_s,
        )
        course = TripSoc(
            soc_charge_point=np.array(session.soc if session else math.nan),
            soc_arrival=log.soc_arrival[row],
            session_kwh=np.array(session.energy_kwh if session else 0.0),
            stranded=np.array(0, dtype=np.bool_),
        )
        names = (
            "ev",
            "departure_s",
            "soc_departure",
            "slow_kwh",
            "arrival_s",
            "wait_s",
            "charge_s",
            "fast_kwh",
        )
        return cls(plan=plan, course=course, route=route, **{name: known(name) for name in names})

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


def ev_name(number: int) -> str:
    """Return the address of an EV."""
    return f"ev {number}"
