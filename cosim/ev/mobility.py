"""Mobility models and the travel diaries drawn from them.

A diary is the planned day of one EV, without the roads and the stations. Departures and next activities come from a
model of dwell times (``cosim.ev.dwell``) or a Markov chain in slots (``cosim.ev.markov``).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from itertools import count

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.distributions import Distribution, LogNormal, Normal
from cosim.ev.draws import Draws, Uniforms
from cosim.ev.ev_types import EvType, TypeArray, draw_types
from cosim.ev.transitions import HOME, ActivityArray
from cosim.periods import SECONDS_PER_DAY
from cosim.randomness import stream

Uniform = Callable[[str], FloatArray]
"""Uniform numbers of the EVs at hand, from the stream named by the argument."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MobilityModel(ABC):
    """Share of EVs that travel, trip lengths and cars; a subclass adds departures and next activities."""

    travel_share: float = 0.80
    """Share that travels of the EVs at home at the start of the day; an EV that is away travels with certainty."""
    home_charger_share: float = 0.50
    work_charger_share: float = 0.20
    types: tuple[EvType, ...] = ()
    """Types of EVs, if there are several; their shares of chargers then replace the two above."""
    soc_first: Distribution = field(default=Normal(0.60, 0.15, 0.2, 0.9))
    """State of charge at the first departure of the day."""
    length_km: Distribution = field(default=LogNormal(2.451, 0.75, 1.0, 100.0))
    diary_speed_km_h: float = 35.0
    """Mean speed in the diary; on a road network the links give the travel time."""

    def trip_s(self, length_km: FloatArray) -> IntArray:
        """Return the duration of trips in the diary, in whole seconds."""
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
        """Return weights to which the probabilities of the next activities are proportional, (EVs, 4 activities)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EVState:
    """Parking place and state of charge of the EVs between two days; one value per EV."""

    activity: ActivityArray
    """Activity at which the EV is parked, or will arrive on the next day."""
    parked_since_s: IntArray
    """Clock second of the arrival; later than the day boundary while the EV is on the way."""
    soc: FloatArray
    """State of charge on that arrival; energy charged during the stay belongs to the next departure."""
    zone: IntArray
    """Number of the zone of the EV; all 0 where trips do not chain."""

    def of_ev(self, ev: int) -> "EVState":
        """Return the state of one EV."""
        one = {column.name: getattr(self, column.name)[ev : ev + 1] for column in fields(self)}
        return EVState(**one)

    def at_home(self, day_start_s: int) -> BoolArray:
        """Return whether each EV is parked at home at the start of the day."""
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
    """Index of the type in ``MobilityModel.types``; all 0 for one type."""
    has_home_charger: BoolArray
    has_work_charger: BoolArray
    first_row: IntArray
    """(EVs + 1,)"""
    # one value per trip
    ev: IntArray
    trip: IntArray
    """Number of the trip in the EV's day: 1, 2, ..."""
    departure_s: IntArray
    arrival_s: IntArray
    """Arrival at the diary's speed."""
    length_km: FloatArray
    from_activity: ActivityArray
    to_activity: ActivityArray

    @property
    def n_ev(self) -> int:
        """Number of EVs, at home or not."""
        return self.travels.size

    @property
    def trips_per_ev(self) -> IntArray:
        """Number of trips that each EV plans."""
        return np.diff(self.first_row)

    def rows_of_trip(self, number: int) -> IntArray:
        """Return the rows of all trips with this number, in EV order."""
        return self.first_row[:-1][self.trips_per_ev >= number] + (number - 1)


def types_of_evs(types: Sequence[EvType], draws: Uniforms) -> TypeArray:
    """Return the index of the type of each EV, the same on all days."""
    return draw_types(types, draws.uniform("type") if len(types) > 1 else np.zeros(draws.n_ev))


def trip_uniforms(diaries: Diaries, seed: int, purpose: str) -> FloatArray:
    """Return a uniform number in [0, 1) for every trip, in the diaries' order.

    The streams are named by *purpose*, day and trip number, and drawn in EV order, as those of the diaries are.
    """
    return _by_trip(diaries, lambda number: stream(seed, purpose, diaries.day, number).random(diaries.n_ev))


def trip_draws(diaries: Diaries, draws: Uniforms, name: str) -> FloatArray:
    """Return likewise the numbers of the stream *name* of *draws*."""
    return _by_trip(diaries, lambda number: draws.uniform(name, diaries.day, number))


def _by_trip(diaries: Diaries, numbers_of_trip: Callable[[int], FloatArray]) -> FloatArray:
    uniform, first, trips = np.empty(diaries.ev.size), diaries.first_row[:-1], diaries.trips_per_ev
    for number in range(1, int(trips.max(initial=0)) + 1):
        has_trip = trips >= number
        uniform[first[has_trip] + (number - 1)] = numbers_of_trip(number)[has_trip]
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
    """Return the planned day of *n_ev* EVs, from their *state*, or else from home; see ``draw_diaries``."""
    return draw_diaries(model, Draws(n_ev, seed, purpose), day, state)


def draw_diaries(
    model: MobilityModel, draws: Uniforms, day: int = 1, state: EVState | None = None
) -> Diaries:
    """Return the planned day of the EVs of *draws*, from their *state*, or else from home.

    Types and chargers of an EV are the same on all days; everything else is drawn anew for each day. The streams are
    named by day and trip number, so the plan of an EV does not depend on those of the others. Departures after the
    end of the day are dropped; a last arrival may be after it.
    """
    n_ev = draws.n_ev
    if n_ev < 0:
        msg = f"{n_ev} EVs: there cannot be fewer than none"
        raise ValueError(msg)
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
    """Return the probabilities of each EV, by its type, to have a charger at home and at work."""
    if not model.types:
        return model.home_charger_share, model.work_charger_share
    home = np.array([kind.home_charger_share for kind in model.types])
    work = np.array([kind.work_charger_share for kind in model.types])
    return home[ev_type], work[ev_type]


def _legs(
    model: MobilityModel,
    draws: Uniforms,
    day: int,
    ev: IntArray,
    activity: ActivityArray,
    arrival_s: IntArray,
) -> list[_Leg]:
    """Return the first trips of the EVs *ev*, then the second ones, and so on until none departs on the day."""
    activity = activity[ev]
    first = draws.uniform("first departure", day)[ev]
    departure_s = model.first_departure_s(activity, arrival_s[ev], lambda _: first)
    legs: list[_Leg] = []
    for trip in count(1):
        today = departure_s < SECONDS_PER_DAY
        ev, departure_s, activity = ev[today], departure_s[today], activity[today]
        if not ev.size and legs:
            break
        uniform = partial(_trip_uniform, draws, (day, trip), ev)
        leg = _leg(model, uniform, ev, departure_s, activity)
        legs.append(leg)
        activity = leg.to_activity
        departure_s = model.next_departure_s(activity, leg.arrival_s, uniform)
    return legs


def _trip_uniform(draws: Uniforms, day_and_trip: tuple[int, int], ev: IntArray, name: str) -> FloatArray:
    """Return the uniform numbers of the EVs *ev* for a day and trip number, from the stream *name*."""
    return draws.uniform(name, *day_and_trip)[ev]


def _leg(
    model: MobilityModel, uniform: Uniform, ev: IntArray, departure_s: IntArray, activity: ActivityArray
) -> _Leg:
    """Return the trips that leave at *departure_s*."""
    cumulative = model.weights_of_next(activity, departure_s).cumsum(axis=1)
    # the last sum may miss 1 by rounding; divided by it, no activity of probability 0 is ever chosen
    cumulative = cumulative[:, :-1] / cumulative[:, -1:]
    destination = (uniform("destination")[:, np.newaxis] >= cumulative).sum(axis=1)
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
    """Return durations rounded to whole seconds."""
    return np.rint(duration_s).astype(np.int64)


def join_diaries(parts: Sequence[Diaries]) -> Diaries:
    """Return the diaries of EVs, each drawn by itself, as those of all in this order."""
    trips = [part.ev.size for part in parts]
    joined = {
        column.name: np.concatenate([getattr(part, column.name) for part in parts])
        for column in fields(Diaries)
        if column.name not in {"day", "first_row", "ev"}
    }
    first_row = np.append(0, np.cumsum(trips))
    return Diaries(
        day=parts[0].day, first_row=first_row, ev=np.repeat(np.arange(len(parts)), trips), **joined
    )


def _in_ev_order(legs: list[_Leg]) -> _Leg:
    """Return all trips as one table, ordered by EV and then by trip number."""
    order = np.argsort(np.concatenate([leg.ev for leg in legs]), kind="stable")
    names = [field.name for field in fields(_Leg)]
    return _Leg(**{name: np.concatenate([getattr(leg, name) for leg in legs])[order] for name in names})
