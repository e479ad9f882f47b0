"""Where EVs go: what every mobility model says, and the diaries drawn from it.

A diary is the plan of one EV for one day before it meets a road or a charger. When an EV leaves, and for what,
is a model of its own: dwell times (``cosim.ev.dwell``) or a Markov chain in slots (``cosim.ev.markov``).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from itertools import count

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.distributions import Distribution, LogNormal, Normal
from cosim.ev.ev_types import EvType, TypeArray, draw_types
from cosim.ev.transitions import HOME, ActivityArray
from cosim.periods import SECONDS_PER_DAY
from cosim.randomness import stream

Uniform = Callable[[str], FloatArray]
"""Gives the random numbers of the EVs at hand, by what they decide."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MobilityModel(ABC):
    """How many travel, how far, with what car; a kind of model adds when they leave and for what activity."""

    travel_share: float = 0.80
    """Of the EVs that are at home at the start of the day; one that is away travels that day for certain."""
    home_charger_share: float = 0.50
    work_charger_share: float = 0.20
    types: tuple[EvType, ...] = ()
    """Types of EVs, if there are several; their shares of chargers then stand in place of the two above."""
    soc_first: Distribution = field(default=Normal(0.60, 0.15, 0.2, 0.9))
    """State of charge at the first departure of the day."""
    length_km: Distribution = field(default=LogNormal(2.451, 0.75, 1.0, 100.0))
    diary_speed_km_h: float = 35.0
    """In the diary; on a network the road gives the travel time."""

    def trip_s(self, length_km: FloatArray) -> IntArray:
        """Return the time trips take in the diary, in whole seconds."""
        return whole_seconds(length_km / self.diary_speed_km_h * 3600)

    @abstractmethod
    def first_departure_s(self, activity: ActivityArray, arrival_s: IntArray, uniform: Uniform) -> IntArray:
        """Return the second of the day of the first trip of EVs that are, or arrive, at *activity*.

        *arrival_s* is below 0 for EVs that arrived the day before; a departure beyond the day means that none follows.
        """

    @abstractmethod
    def next_departure_s(self, activity: ActivityArray, arrival_s: IntArray, uniform: Uniform) -> IntArray:
        """Return the second of the day at which EVs leave again that arrived at *activity* at *arrival_s*."""

    @abstractmethod
    def weights_of_next(self, activity: ActivityArray, departure_s: IntArray) -> FloatArray:
        """Return what the chances of the next activities are in proportion to, (EVs, 4 activities)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EVState:
    """Where the EVs are between two days, and what their batteries hold; one value per EV."""

    activity: ActivityArray
    """Where the EV is parked, or arrives on the next day."""
    parked_since_s: IntArray
    """Clock second of the arrival; later than the day boundary while it is on the way."""
    soc: FloatArray
    """On that arrival: what is charged during the stay is booked to the next departure."""
    zone: IntArray
    """Number of the zone it is in; all 0 where trips do not chain."""

    def at_home(self, day_start_s: int) -> BoolArray:
        """Return which EVs are parked at home at the start of the day."""
        parked: BoolArray = (self.activity == HOME) & (self.parked_since_s < day_start_s)
        return parked


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Diaries:
    """The planned day of every EV; trips are ordered by EV, then by trip number.

    The trips of EV i are the rows ``first_row[i]`` to ``first_row[i + 1] - 1``. Times are clock seconds.
    """

    day: int
    # one value per EV
    travels: BoolArray
    soc_first: FloatArray
    ev_type: TypeArray
    """Number of the type in ``MobilityModel.types``; all 0 where there is one."""
    has_home_charger: BoolArray
    has_work_charger: BoolArray
    first_row: IntArray
    """One longer than there are EVs."""
    # one value per trip
    ev: IntArray
    trip: IntArray
    """Number of the trip in the EV's day: 1, 2, ..."""
    departure_s: IntArray
    arrival_s: IntArray
    """At the diary's speed."""
    length_km: FloatArray
    from_activity: ActivityArray
    to_activity: ActivityArray

    @property
    def n_ev(self) -> int:
        """Number of EVs, at home or not."""
        return self.travels.size

    @property
    def trips_per_ev(self) -> IntArray:
        """Return the number of trips each EV plans."""
        return np.diff(self.first_row)

    def rows_of_trip(self, number: int) -> IntArray:
        """Return the rows of all trips with this number, in EV order."""
        return self.first_row[:-1][self.trips_per_ev >= number] + (number - 1)


@dataclass(frozen=True, slots=True)
class Draws:
    """Uniform numbers of one day: an array in EV order for every thing to decide and trip number.

    More EVs leave the numbers of the first ones unchanged.
    """

    n_ev: int
    seed: int
    purpose: str

    def uniform(self, what: str, *indices: int) -> FloatArray:
        """Return one number in [0, 1) per EV from the stream named by purpose, *what* and *indices*."""
        return stream(self.seed, f"{self.purpose}/{what}", *indices).random(self.n_ev)


def types_of_evs(types: Sequence[EvType], draws: Draws) -> TypeArray:
    """Return the number of the type of each EV, the same on all days."""
    return draw_types(types, draws.uniform("type") if len(types) > 1 else np.zeros(draws.n_ev))


def trip_uniforms(diaries: Diaries, seed: int, purpose: str) -> FloatArray:
    """Return a number in [0, 1) for every trip, in the diaries' order: what decides *purpose* on that trip.

    The numbers of a trip are named by day and trip number and drawn in EV order, as those of the diaries are.
    """
    uniform = np.empty(diaries.ev.size)
    for number in range(1, diaries.trips_per_ev.max(initial=0) + 1):
        row = diaries.rows_of_trip(number)
        uniform[row] = stream(seed, purpose, diaries.day, number).random(diaries.n_ev)[diaries.ev[row]]
    return uniform


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leg:
    """The trips with one number; seconds of the day."""

    ev: IntArray
    departure_s: IntArray
    arrival_s: IntArray
    length_km: FloatArray
    from_activity: ActivityArray
    to_activity: ActivityArray


def sample_diaries(
    model: MobilityModel, n_ev: int, seed: int, purpose: str, day: int = 1, state: EVState | None = None
) -> Diaries:
    """Return the planned day of *n_ev* EVs, from where *state* says they are, or else from home.

    Types and chargers belong to the EV and stay the same on all days; everything else is drawn anew for each
    day. The numbers of a trip are named by day and trip number, so no EV's plan depends on how the others'
    turn out. Departures after the end of the day are dropped; a last arrival may be after it.
    """
    if n_ev < 1:
        msg = f"{n_ev} EVs: there must be at least one"
        raise ValueError(msg)
    draws = Draws(n_ev, seed, purpose)
    day_start_s = (day - 1) * SECONDS_PER_DAY
    travels = draws.uniform("travels", day) < model.travel_share
    activity, arrival_s = np.full(n_ev, HOME, dtype=np.int8), np.full(n_ev, -1)
    if state is not None:
        travels |= ~state.at_home(day_start_s)
        activity, arrival_s = state.activity, state.parked_since_s - day_start_s
    trips = _in_ev_order(_legs(model, draws, day, np.flatnonzero(travels), activity, arrival_s))
    first_row = np.append(0, np.bincount(trips.ev, minlength=n_ev).cumsum())
    ev_type = types_of_evs(model.types, draws)
    home_share, work_share = _charger_shares(model, ev_type)
    return Diaries(
        day=day,
        travels=travels,
        soc_first=model.soc_first.quantile(draws.uniform("first soc", day)),
        ev_type=ev_type,
        has_home_charger=draws.uniform("home charger") < home_share,
        has_work_charger=draws.uniform("work charger") < work_share,
        first_row=first_row,
        ev=trips.ev,
        trip=np.arange(trips.ev.size) - first_row[trips.ev] + 1,
        departure_s=trips.departure_s + day_start_s,
        arrival_s=trips.arrival_s + day_start_s,
        length_km=trips.length_km,
        from_activity=trips.from_activity,
        to_activity=trips.to_activity,
    )


def _charger_shares(
    model: MobilityModel, ev_type: TypeArray
) -> tuple[FloatArray | float, FloatArray | float]:
    """Return the share of the EVs like each one that have a charger at home, and at work."""
    if not model.types:
        return model.home_charger_share, model.work_charger_share
    home = np.array([kind.home_charger_share for kind in model.types])
    work = np.array([kind.work_charger_share for kind in model.types])
    return home[ev_type], work[ev_type]


def _legs(
    model: MobilityModel, draws: Draws, day: int, ev: IntArray, activity: ActivityArray, arrival_s: IntArray
) -> list[_Leg]:
    """Return the first trips of the EVs that travel, then the second ones, until all days have ended."""
    activity = activity[ev]
    first = draws.uniform("first departure", day)[ev]
    departure_s = model.first_departure_s(activity, arrival_s[ev], lambda _: first)
    legs: list[_Leg] = []
    for trip in count(1):
        today = departure_s < SECONDS_PER_DAY
        ev, departure_s, activity = ev[today], departure_s[today], activity[today]
        if not ev.size and legs:
            break
        uniform = partial(_of_trip, draws, (day, trip), ev)
        leg = _leg(model, uniform, ev, departure_s, activity)
        legs.append(leg)
        activity = leg.to_activity
        departure_s = model.next_departure_s(activity, leg.arrival_s, uniform)
    return legs


def _of_trip(draws: Draws, name: tuple[int, int], ev: IntArray, what: str) -> FloatArray:
    """Return the numbers of a day and trip number that decide *what*, for the EVs *ev*."""
    return draws.uniform(what, *name)[ev]


def _leg(
    model: MobilityModel, uniform: Uniform, ev: IntArray, departure_s: IntArray, activity: ActivityArray
) -> _Leg:
    """Return the trips that leave at *departure_s*."""
    row = model.weights_of_next(activity, departure_s).cumsum(axis=1)
    # the last sum may miss 1 by rounding; divided by it, no activity of probability 0 is ever chosen
    row = row[:, :-1] / row[:, -1:]
    destination = (uniform("destination")[:, np.newaxis] >= row).sum(axis=1)
    length_km = model.length_km.quantile(uniform("length"))
    return _Leg(
        ev=ev,
        departure_s=departure_s,
        arrival_s=departure_s + model.trip_s(length_km),
        length_km=length_km,
        from_activity=activity,
        to_activity=destination.astype(np.int8),
    )


def whole_seconds(duration_s: FloatArray) -> IntArray:
    """Return durations as the clock counts them."""
    return np.rint(duration_s).astype(np.int64)


def _in_ev_order(legs: list[_Leg]) -> _Leg:
    """Return all trips as one table, ordered by EV and then by trip number."""
    order = np.argsort(np.concatenate([leg.ev for leg in legs]), kind="stable")
    names = [field.name for field in fields(_Leg)]
    return _Leg(**{name: np.concatenate([getattr(leg, name) for leg in legs])[order] for name in names})
