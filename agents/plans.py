"""What every EV intends to do on a day, and the random numbers its decisions will use."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.midnight import UnderWay
from cosim.arrays import FloatArray, IntArray
from cosim.ev.battery import Battery
from cosim.ev.charging import ChargingBehaviour
from cosim.ev.days import of_each_ev, state_at_home
from cosim.ev.mobility import Diaries, EVState, sample_diaries, trip_uniforms
from cosim.ev.transitions import ActivityArray
from cosim.randomness import stream
from cosim.scenario import Scenario
from cosim.scenario.trips import trip_ods

PURPOSE = "agents"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TripRows:
    """Intended trips: one value for each, ordered by EV, then by departure."""

    ev: IntArray
    """From 0."""
    trip: IntArray
    departure_s: IntArray
    length_km: FloatArray
    from_activity: ActivityArray
    to_activity: ActivityArray
    od: IntArray
    charge_uniform: FloatArray
    """Decides on a fast charge."""
    route_uniform: FloatArray
    """Decides on the path, or the path and station."""
    report_uniform: FloatArray
    """Decides whether the report of the trip is lost."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayPlans:
    """The day of all EVs as arrays: the diaries, what cars they are, and what is intended trip by trip.

    Both resolutions draw from these; the trips of EV i are the rows ``first_row[i]`` to ``first_row[i + 1] - 1``.
    """

    diaries: Diaries
    battery: Battery
    behaviour: ChargingBehaviour
    most_kw: FloatArray | float
    """What an EV takes from a fast charger at most."""
    soc_is_drawn: bool
    """Whether the state of charge at the first departure is the diary's, and not what the night left."""
    first_row: IntArray
    rows: TripRows

    def after(self, under_way: UnderWay) -> "DayPlans":
        """Return the plans with the trips that midnight interrupted before those of the day."""
        log, ev = under_way.log, under_way.log.ev - 1
        begun = TripRows(
            ev=ev,
            trip=log.trip,
            departure_s=log.departure_s,
            length_km=log.length_km,
            from_activity=log.from_activity,
            to_activity=log.to_activity,
            od=log.od,
            charge_uniform=np.full(ev.size, np.nan),
            route_uniform=np.full(ev.size, np.nan),
            report_uniform=under_way.report_uniform,
        )
        place, names = self.first_row[ev], [field.name for field in fields(TripRows)]
        rows = {name: np.insert(getattr(self.rows, name), place, getattr(begun, name)) for name in names}
        earlier = np.searchsorted(ev, np.arange(self.first_row.size))
        return replace(self, first_row=self.first_row + earlier, rows=TripRows(**rows))


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
    ev_type: int
    """Number of its type, 0 where there is one."""
    battery: Battery
    behaviour: ChargingBehaviour
    most_kw: float
    soc_first: float
    soc_is_drawn: bool
    has_home_charger: bool
    has_work_charger: bool
    trips: tuple[TripPlan, ...]


def plan_day(
    scenario: Scenario, n_ev: int, seed: int, day: int = 1, state: EVState | None = None
) -> DayPlans:
    """Return the plans of *n_ev* EVs, from home or from *state*; every random number of the day is drawn here."""
    diaries = sample_diaries(scenario.mobility, n_ev, seed, PURPOSE, day, state)
    battery, behaviour = of_each_ev(scenario.mobility, scenario.battery, scenario.behaviour, diaries)
    types = scenario.mobility.types
    mail_is_lost = scenario.config.messages.loss_probability > 0
    return DayPlans(
        diaries=diaries,
        battery=battery,
        behaviour=behaviour,
        most_kw=np.array([kind.fast_kw for kind in types])[diaries.ev_type] if types else np.inf,
        soc_is_drawn=scenario.config.population.soc == "daily",
        first_row=diaries.first_row,
        rows=TripRows(
            ev=diaries.ev,
            trip=diaries.trip,
            departure_s=diaries.departure_s,
            length_km=diaries.length_km,
            from_activity=diaries.from_activity,
            to_activity=diaries.to_activity,
            od=trip_ods(scenario, diaries, seed, PURPOSE, state),
            charge_uniform=trip_uniforms(diaries, seed, f"{PURPOSE}/fast charge"),
            route_uniform=trip_uniforms(diaries, seed, f"{PURPOSE}/route"),
            report_uniform=trip_uniforms(diaries, seed, f"{PURPOSE}/report")
            if mail_is_lost
            else np.ones(diaries.ev.size),
        ),
    )


def first_evening(scenario: Scenario, n_ev: int, seed: int) -> EVState:
    """Return EVs that have come home before day 1, with the state of charge drawn for its morning."""
    diaries = sample_diaries(scenario.mobility, n_ev, seed, PURPOSE)
    home = state_at_home(diaries.soc_first)
    chains = scenario.chains
    return home if chains is None else replace(home, zone=chains.homes(n_ev, seed, PURPOSE))


def knowledge_of_each(shares: dict[str, float], n_ev: int, seed: int) -> IntArray:
    """Return which kind of knowledge each EV has, as a place in *shares*; beyond the last: none.

    It belongs to the driver and is the same on all days.
    """
    uniform = stream(seed, f"{PURPOSE}/knowledge").random(n_ev)
    bounds = np.cumsum(list(shares.values()))
    if bounds.size and bounds[-1] >= 1 - 1e-9:
        bounds[-1] = 1.0
    return np.searchsorted(bounds, uniform, side="right")


def plan_of(plans: DayPlans, ev: int) -> DayPlan:
    """Return the plan of one EV, counted from 1."""
    diaries, place = plans.diaries, ev - 1
    return DayPlan(
        ev=ev,
        ev_type=int(diaries.ev_type[place]),
        battery=plans.battery.of(np.int64(place)),
        behaviour=plans.behaviour.of(np.int64(place)),
        most_kw=float(np.broadcast_to(plans.most_kw, diaries.n_ev)[place]),
        soc_first=float(diaries.soc_first[place]),
        soc_is_drawn=plans.soc_is_drawn,
        has_home_charger=bool(diaries.has_home_charger[place]),
        has_work_charger=bool(diaries.has_work_charger[place]),
        trips=tuple(_trip_plans(plans.rows, slice(*plans.first_row[place : place + 2]))),
    )


def plan_alone(scenario: Scenario, ev: int, seed: int, day: int, state: EVState | None) -> DayPlan:
    """Return the plan of EV number *ev* as among all others; *state* is of this EV alone.

    Who comes later does not change the plan of who comes before, nor does where the others are.
    """
    crowd = None
    if state is not None:
        columns = {field.name: getattr(state, field.name) for field in fields(EVState)}
        crowd = EVState(**{name: np.repeat(column, ev) for name, column in columns.items()})
    return plan_of(plan_day(scenario, ev, seed, day, crowd), ev)


def plan_of_each(plans: DayPlans) -> list[DayPlan]:
    """Return the plans EV by EV, for agents who live alone."""
    diaries, trips = plans.diaries, _trip_plans(plans.rows, slice(None))
    first_row = plans.first_row.tolist()
    most_kw = np.broadcast_to(plans.most_kw, diaries.n_ev).tolist()
    columns = zip(
        diaries.ev_type.tolist(),
        diaries.soc_first.tolist(),
        diaries.has_home_charger.tolist(),
        diaries.has_work_charger.tolist(),
        strict=True,
    )
    return [
        DayPlan(
            ev=number + 1,
            ev_type=ev_type,
            battery=plans.battery.of(np.int64(number)),
            behaviour=plans.behaviour.of(np.int64(number)),
            most_kw=most_kw[number],
            soc_first=soc_first,
            soc_is_drawn=plans.soc_is_drawn,
            has_home_charger=home,
            has_work_charger=work,
            trips=tuple(trips[first_row[number] : first_row[number + 1]]),
        )
        for number, (ev_type, soc_first, home, work) in enumerate(columns)
    ]


def _trip_plans(rows: TripRows, some: slice) -> list[TripPlan]:
    names = [field.name for field in fields(TripPlan)]
    columns: list[NDArray[Any]] = [getattr(rows, name) for name in names]
    values = zip(*(column[some].tolist() for column in columns), strict=True)
    return [TripPlan(**dict(zip(names, row, strict=True))) for row in values]
