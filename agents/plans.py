"""Attributes and planned trips of every EV on a day, with the uniform numbers of its decisions."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np

from agents.events.mail import mail_settings
from agents.trip_table import TripTable
from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.config.travel import SHARE_SUM_TOLERANCE
from cosim.ev.battery import Battery
from cosim.ev.charging import ChargingBehaviour
from cosim.ev.days import per_ev_parameters
from cosim.ev.draws import Draws, Uniforms
from cosim.ev.ev_types import TypeArray
from cosim.ev.mobility import Diaries, EVState, draw_diaries, join_diaries, sample_diaries, trip_draws
from cosim.randomness import stream
from cosim.scenario import Scenario
from cosim.scenario.trips import draw_ods, first_state

PURPOSE = "agents"
"""Prefix of the names of the agents' random streams."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EVAttributes:
    """Attributes of the cars and their drivers: one value per EV, counted from 0."""

    ev_type: TypeArray
    """Index of the type; 0 for one type."""
    battery: Battery
    behaviour: ChargingBehaviour
    max_power_kw: FloatArray
    """Power limit of fast charging on the grid side."""
    has_home_charger: BoolArray
    has_work_charger: BoolArray
    soc_first: FloatArray
    """State of charge drawn for the first departure of the day."""
    soc_is_drawn: bool
    """Whether the first departure has that state of charge, and not the one carried over from the day before."""

    @property
    def count(self) -> int:
        """Number of EVs."""
        return self.soc_first.size


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayPlan:
    """EVs and their trips; the trips of EV i are the rows ``first_row[i]`` to ``first_row[i + 1] - 1``."""

    evs: EVAttributes
    trips: TripTable
    first_row: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrawnDay:
    """The day as EVs draw it in the morning: diaries, and for each trip its OD and the numbers of its decisions."""

    diaries: Diaries
    od: IntArray
    charge_uniform: FloatArray
    route_uniform: FloatArray
    report_uniform: FloatArray


def draw_day(scenario: Scenario, draws: Uniforms, day: int, state: EVState | None) -> DrawnDay:
    """Return the day of the EVs of *draws*, all or one, from home or from *state*: all their random numbers."""
    diaries = draw_diaries(scenario.mobility, draws, day, state)
    arrives = _all_mail_arrives(scenario)
    return DrawnDay(
        diaries=diaries,
        od=draw_ods(scenario, diaries, draws, state),
        charge_uniform=trip_draws(diaries, draws, "fast charge"),
        route_uniform=trip_draws(diaries, draws, "route"),
        report_uniform=np.ones(diaries.ev.size) if arrives else trip_draws(diaries, draws, "report"),
    )


@lru_cache(maxsize=1)
def _all_mail_arrives(scenario: Scenario) -> bool:
    """Return whether no report of a trip can be lost; the seed decides only which are."""
    return mail_settings(scenario, seed=0).is_certain


def join_days(parts: Sequence[DrawnDay]) -> DrawnDay:
    """Return the days of EVs, each drawn by itself, as one."""
    diaries = join_diaries([part.diaries for part in parts])
    numbers = [column.name for column in fields(DrawnDay) if column.name != "diaries"]
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in numbers}
    return DrawnDay(diaries=diaries, **joined)


def plan_day(
    scenario: Scenario,
    n_ev: int,
    seed: int,
    day: int = 1,
    state: EVState | None = None,
    under_way: TripTable | None = None,
) -> DayPlan:
    """Return the plan of *n_ev* EVs from home, or from *state*, drawn for all at once.

    Trips *under_way* as the day begins come before the planned ones.
    """
    return plan_of(scenario, draw_day(scenario, Draws(n_ev, seed, PURPOSE), day, state), under_way)


def plan_of(scenario: Scenario, drawn: DrawnDay, under_way: TripTable | None = None) -> DayPlan:
    """Return the plan of the EVs that have drawn this day; trips *under_way* come before the planned ones."""
    diaries = drawn.diaries
    battery, behaviour = per_ev_parameters(scenario.mobility, scenario.battery, scenario.behaviour, diaries)
    fast_kw = np.array([kind.fast_kw for kind in scenario.mobility.types] or [np.inf])
    trips = TripTable.planned(
        ev=diaries.ev + 1,
        trip=diaries.trip,
        planned_s=diaries.departure_s,
        length_km=diaries.length_km,
        from_activity=diaries.from_activity,
        to_activity=diaries.to_activity,
        od=drawn.od,
        charge_uniform=drawn.charge_uniform,
        route_uniform=drawn.route_uniform,
        report_uniform=drawn.report_uniform,
    )
    first_row = diaries.first_row
    if under_way is not None and under_way.ev.size:
        trips = TripTable.concatenate([under_way, trips])
        first_row = np.searchsorted(trips.ev, np.arange(diaries.n_ev + 1), side="right")
    evs = EVAttributes(
        ev_type=diaries.ev_type,
        battery=battery,
        behaviour=behaviour,
        max_power_kw=fast_kw[diaries.ev_type],
        has_home_charger=diaries.has_home_charger,
        has_work_charger=diaries.has_work_charger,
        soc_first=diaries.soc_first,
        soc_is_drawn=scenario.config.population.soc == "daily",
    )
    return DayPlan(evs=evs, trips=trips, first_row=first_row)


def first_ev_state(scenario: Scenario, n_ev: int, seed: int) -> EVState:
    """Return EVs at home as day 1 begins, with the state of charge drawn for it."""
    diaries = sample_diaries(scenario.mobility, n_ev, seed, PURPOSE)
    return first_state(scenario, diaries.soc_first, seed, PURPOSE)


def information_class_of_each(shares: dict[str, float], n_ev: int, seed: int) -> IntArray:
    """Return the information class of each EV, the same on all days.

    It is an index in *shares*, or their number for a driver without information.
    """
    uniform = stream(seed, f"{PURPOSE}/knowledge").random(n_ev)
    bounds = np.cumsum(list(shares.values()))
    if bounds.size and bounds[-1] >= 1 - SHARE_SUM_TOLERANCE:
        bounds[-1] = 1.0
    return np.searchsorted(bounds, uniform, side="right")
