"""What every EV intends to do on a day, and the random numbers its decisions will use."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim.arrays import FloatArray, IntArray
from cosim.ev.mobility import Diaries, sample_diaries, trip_uniforms
from cosim.scenario import Scenario
from cosim.scenario.trips import trip_ods

PURPOSE = "agents"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayPlans:
    """The day of all EVs as arrays: the diaries, and one value per trip beside them.

    Both resolutions draw from these; the trips of an EV are rows, one after another, as in the diaries.
    """

    diaries: Diaries
    od: IntArray
    charge_uniform: FloatArray
    """Decides on a fast charge."""
    route_uniform: FloatArray
    """Decides on the path, or the path and station."""
    report_uniform: FloatArray
    """Decides whether the report of the trip is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TripPlan:
    """One intended trip: a row of the plans."""

    trip: int
    departure_s: int
    length_km: float
    from_activity: int
    to_activity: int
    od: int
    charge_uniform: float
    route_uniform: float
    report_uniform: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPlan:
    """One EV's day."""

    ev: int
    """Number of the EV, from 1."""
    soc_first: float
    has_home_charger: bool
    has_work_charger: bool
    trips: tuple[TripPlan, ...]


def plan_day(scenario: Scenario, n_ev: int, seed: int, day: int = 1) -> DayPlans:
    """Return the plans of *n_ev* EVs; every random number of the day is drawn here, in EV order."""
    diaries = sample_diaries(scenario.mobility, n_ev, seed, PURPOSE, day)
    mail_is_lost = scenario.config.messages.loss_probability > 0
    return DayPlans(
        diaries=diaries,
        od=trip_ods(scenario, diaries, seed, PURPOSE),
        charge_uniform=trip_uniforms(diaries, seed, f"{PURPOSE}/fast charge"),
        route_uniform=trip_uniforms(diaries, seed, f"{PURPOSE}/route"),
        report_uniform=trip_uniforms(diaries, seed, f"{PURPOSE}/report")
        if mail_is_lost
        else np.ones(diaries.ev.size),
    )


def plan_of(plans: DayPlans, ev: int) -> DayPlan:
    """Return the plan of one EV, counted from 1."""
    diaries, place = plans.diaries, ev - 1
    return DayPlan(
        ev=ev,
        soc_first=float(diaries.soc_first[place]),
        has_home_charger=bool(diaries.has_home_charger[place]),
        has_work_charger=bool(diaries.has_work_charger[place]),
        trips=tuple(_trip_plans(plans, slice(*diaries.first_row[place : place + 2]))),
    )


def plan_of_each(plans: DayPlans) -> list[DayPlan]:
    """Return the plans EV by EV, for agents who live alone."""
    diaries, trips = plans.diaries, _trip_plans(plans, slice(None))
    first_row = diaries.first_row.tolist()
    columns = zip(
        diaries.soc_first.tolist(),
        diaries.has_home_charger.tolist(),
        diaries.has_work_charger.tolist(),
        strict=True,
    )
    return [
        DayPlan(
            ev=number + 1,
            soc_first=soc_first,
            has_home_charger=home,
            has_work_charger=work,
            trips=tuple(trips[first_row[number] : first_row[number + 1]]),
        )
        for number, (soc_first, home, work) in enumerate(columns)
    ]


def _trip_plans(plans: DayPlans, some: slice) -> list[TripPlan]:
    diaries = plans.diaries
    columns: dict[str, NDArray[Any]] = {
        "trip": diaries.trip,
        "departure_s": diaries.departure_s,
        "length_km": diaries.length_km,
        "from_activity": diaries.from_activity,
        "to_activity": diaries.to_activity,
        "od": plans.od,
        "charge_uniform": plans.charge_uniform,
        "route_uniform": plans.route_uniform,
        "report_uniform": plans.report_uniform,
    }
    rows = zip(*(column[some].tolist() for column in columns.values()), strict=True)
    return [TripPlan(**dict(zip(columns, row, strict=True))) for row in rows]
