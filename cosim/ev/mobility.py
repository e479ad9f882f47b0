"""Where EVs go: the mobility model and the diaries drawn from it.

A diary is the plan of one EV for one day before it meets a road or a charger. It begins at home. After every
arrival the EV stays for a random time; then the next activity comes from a transition matrix by hour of
departure. Sources: the transitions are V2Sim's (BSD-3-Clause), lengths and dwell times are ours.
"""

from dataclasses import dataclass, field
from itertools import count
from math import log
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.distributions import Distribution, LogNormal, Normal, ShiftedGamma
from cosim.ev.transitions import HOME, LEISURE, OTHER, WORK, ActivityArray
from cosim.periods import SECONDS_PER_DAY
from cosim.randomness import stream

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MobilityModel:
    """When, how far and to what activity EVs drive; ``transition`` is all that has no default."""

    transition: FloatArray
    """Probability of the next activity, (4 activities left, 24 hours of departure, 4 activities gone to)."""
    share_travelling: float = 0.80
    share_home_charger: float = 0.50
    share_work_charger: float = 0.20
    soc_first: Distribution = field(default=Normal(0.60, 0.15, 0.2, 0.9))
    """State of charge at the first departure of the day."""
    first_departure_min: Distribution = field(default=ShiftedGamma(6.63, 65.76, 114.54))
    length_km: Distribution = field(default=LogNormal(2.451, 0.75, 1.0, 100.0))
    speed_km_h: float = 35.0
    """In the diary; on a network the road gives the travel time."""
    home_dwell_h: Distribution = field(default=LogNormal(log(2.2), 0.8, 0.25, 14.0))
    work_dwell_h: Distribution = field(default=Normal(8.0, 1.5, 0.25, 14.0))
    late_work_dwell_h: Distribution = field(default=Normal(3.0, 1.0, 0.25, 14.0))
    leisure_dwell_h: Distribution = field(default=LogNormal(log(1.1), 0.7, 0.25, 14.0))
    other_dwell_h: Distribution = field(default=LogNormal(log(1.1), 0.7, 0.25, 14.0))
    late_work_from_h: float = 11.0
    """Who arrives at work from this hour on stays for ``late_work_dwell_h``."""
    evening_from_h: float = 16.0
    share_evening_at_home: float = 0.75
    """Of those who arrive at home in the evening, the share whose day ends there."""

    def __post_init__(self) -> None:
        """Refuse a matrix that holds no probabilities."""
        if self.transition.shape != (4, 24, 4):
            msg = f"the transition matrix has shape {self.transition.shape}, not (4, 24, 4)"
            raise ValueError(msg)
        row_sum = self.transition.sum(axis=2)
        if (self.transition < 0).any() or not np.allclose(row_sum, 1.0, atol=1e-9, rtol=0):
            msg = "every row of the transition matrix must hold probabilities that sum to 1"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Diaries:
    """The planned day of every EV; trips are ordered by EV, then by trip number.

    The trips of EV i are the rows ``first_row[i]`` to ``first_row[i + 1] - 1``. Times are clock seconds.
    """

    day: int
    # one value per EV
    travels: BoolArray
    soc_first: FloatArray
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


def sample_diaries(model: MobilityModel, n_ev: int, seed: int, purpose: str, day: int = 1) -> Diaries:
    """Return the planned day of *n_ev* EVs.

    Chargers belong to the EV and stay the same on all days; everything else is drawn anew for each day. The
    numbers of a trip are named by day and trip number, so no EV's plan depends on how the others' turn out.
    Departures after midnight are dropped; a last arrival may be after it.
    """
    if n_ev < 1:
        msg = f"{n_ev} EVs: there must be at least one"
        raise ValueError(msg)
    draws = Draws(n_ev, seed, purpose)
    travels = draws.uniform("travels", day) < model.share_travelling
    legs = _legs(model, draws, day, np.flatnonzero(travels))
    trips_per_ev = np.zeros(n_ev, dtype=np.int64)
    for leg in legs:
        trips_per_ev[leg.ev] += 1
    first_row = np.concatenate(([0], np.cumsum(trips_per_ev)))
    trips = _in_ev_order(legs, first_row)
    return Diaries(
        day=day,
        travels=travels,
        soc_first=model.soc_first.quantile(draws.uniform("first soc", day)),
        has_home_charger=draws.uniform("home charger") < model.share_home_charger,
        has_work_charger=draws.uniform("work charger") < model.share_work_charger,
        first_row=first_row,
        ev=trips.ev,
        trip=np.arange(trips.ev.size) - first_row[trips.ev] + 1,
        departure_s=trips.departure_s + (day - 1) * SECONDS_PER_DAY,
        arrival_s=trips.arrival_s + (day - 1) * SECONDS_PER_DAY,
        length_km=trips.length_km,
        from_activity=trips.from_activity,
        to_activity=trips.to_activity,
    )


def _legs(model: MobilityModel, draws: Draws, day: int, ev: IntArray) -> list[_Leg]:
    """Return the first trips of the EVs that travel, then the second ones, until all days have ended."""
    first_min = model.first_departure_min.quantile(draws.uniform("first departure", day)[ev])
    departure_s = _whole_seconds(first_min * 60)
    activity = np.full(ev.size, HOME, dtype=np.int8)
    legs: list[_Leg] = []
    for trip in count(1):
        today = departure_s < SECONDS_PER_DAY
        ev, departure_s, activity = ev[today], departure_s[today], activity[today]
        if not ev.size:
            break
        leg = _leg(model, draws, (day, trip), ev, departure_s, activity)
        legs.append(leg)
        ends = _day_ends(model, leg, draws.uniform("evening", day, trip)[leg.ev])
        dwell_s = _dwell_s(model, leg, draws.uniform("dwell", day, trip)[leg.ev])
        ev, departure_s, activity = ev[~ends], (leg.arrival_s + dwell_s)[~ends], leg.to_activity[~ends]
    return legs


def _leg(
    model: MobilityModel,
    draws: Draws,
    name: tuple[int, int],
    ev: IntArray,
    departure_s: IntArray,
    activity: ActivityArray,
) -> _Leg:
    """Return the trips that leave at *departure_s*; the transition row is that of the hour of departure."""
    row = model.transition[activity, departure_s // 3600].cumsum(axis=1)
    # the last sum may miss 1 by rounding; divided by it, no activity of probability 0 is ever chosen
    row = row[:, :-1] / row[:, -1:]
    destination = (draws.uniform("destination", *name)[ev, np.newaxis] >= row).sum(axis=1)
    length_km = model.length_km.quantile(draws.uniform("length", *name)[ev])
    return _Leg(
        ev=ev,
        departure_s=departure_s,
        arrival_s=departure_s + _whole_seconds(length_km / model.speed_km_h * 3600),
        length_km=length_km,
        from_activity=activity,
        to_activity=destination.astype(np.int8),
    )


def _day_ends(model: MobilityModel, leg: _Leg, uniform: FloatArray) -> BoolArray:
    """Return for whom the trip is the last: most of those who come home in the evening."""
    evening_at_home = (leg.to_activity == HOME) & (leg.arrival_s >= model.evening_from_h * 3600)
    ends: BoolArray = evening_at_home & (uniform < model.share_evening_at_home)
    return ends


def _dwell_s(model: MobilityModel, leg: _Leg, uniform: FloatArray) -> IntArray:
    """Return how long each EV stays where it arrived."""
    late = leg.arrival_s >= model.late_work_from_h * 3600
    dwell_h = np.empty(uniform.size)
    for there, distribution in (
        (leg.to_activity == HOME, model.home_dwell_h),
        ((leg.to_activity == WORK) & ~late, model.work_dwell_h),
        ((leg.to_activity == WORK) & late, model.late_work_dwell_h),
        (leg.to_activity == LEISURE, model.leisure_dwell_h),
        (leg.to_activity == OTHER, model.other_dwell_h),
    ):
        dwell_h[there] = distribution.quantile(uniform[there])
    return _whole_seconds(dwell_h * 3600)


def _whole_seconds(duration_s: FloatArray) -> IntArray:
    return np.rint(duration_s).astype(np.int64)


def _in_ev_order(legs: list[_Leg], first_row: IntArray) -> _Leg:
    """Return all trips as one table, ordered by EV and then by trip number."""
    rows = [first_row[leg.ev] + number for number, leg in enumerate(legs)]

    def column(name: str, dtype: type[T]) -> NDArray[T]:
        values = np.empty(first_row[-1], dtype=dtype)
        for row, leg in zip(rows, legs, strict=True):
            values[row] = getattr(leg, name)
        return values

    return _Leg(
        ev=column("ev", np.int64),
        departure_s=column("departure_s", np.int64),
        arrival_s=column("arrival_s", np.int64),
        length_km=column("length_km", np.float64),
        from_activity=column("from_activity", np.int8),
        to_activity=column("to_activity", np.int8),
    )
