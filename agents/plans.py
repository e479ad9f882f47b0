"""What every EV intends to do on a day, and the random numbers its decisions will use."""

from dataclasses import dataclass

from cosim.ev.mobility import Diaries, sample_diaries, trip_uniforms
from cosim.scenario import Scenario
from cosim.scenario.trips import trip_ods

PURPOSE = "agents"


@dataclass(frozen=True, slots=True, kw_only=True)
class TripPlan:
    """One intended trip; the two uniforms decide on a fast charge and on the route."""

    trip: int
    departure_s: int
    length_km: float
    from_activity: int
    to_activity: int
    od: int
    charge_uniform: float
    route_uniform: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPlan:
    """One EV's day."""

    ev: int
    """Number of the EV, from 1."""
    soc_first: float
    has_home_charger: bool
    has_work_charger: bool
    trips: tuple[TripPlan, ...]


def plan_day(scenario: Scenario, n_ev: int, seed: int, day: int = 1) -> list[DayPlan]:
    """Return the plan of each of *n_ev* EVs; every random number is drawn here, in EV order."""
    diaries = sample_diaries(scenario.mobility, n_ev, seed, PURPOSE, day)
    trips = _trip_plans(scenario, diaries, seed)
    bounds = diaries.first_row.tolist()
    return [
        DayPlan(
            ev=ev + 1,
            soc_first=float(diaries.soc_first[ev]),
            has_home_charger=bool(diaries.has_home_charger[ev]),
            has_work_charger=bool(diaries.has_work_charger[ev]),
            trips=tuple(trips[bounds[ev] : bounds[ev + 1]]),
        )
        for ev in range(n_ev)
    ]


def _trip_plans(scenario: Scenario, diaries: Diaries, seed: int) -> list[TripPlan]:
    columns = zip(
        diaries.trip.tolist(),
        diaries.departure_s.tolist(),
        diaries.length_km.tolist(),
        diaries.from_activity.tolist(),
        diaries.to_activity.tolist(),
        trip_ods(scenario, diaries, seed, PURPOSE).tolist(),
        trip_uniforms(diaries, seed, f"{PURPOSE}/fast charge").tolist(),
        trip_uniforms(diaries, seed, f"{PURPOSE}/route").tolist(),
        strict=True,
    )
    return [
        TripPlan(
            trip=trip,
            departure_s=departure_s,
            length_km=length_km,
            from_activity=from_activity,
            to_activity=to_activity,
            od=od,
            charge_uniform=charge,
            route_uniform=route,
        )
        for trip, departure_s, length_km, from_activity, to_activity, od, charge, route in columns
    ]
