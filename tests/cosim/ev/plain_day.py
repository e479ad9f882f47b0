"""The day of one EV as a plain loop, written again from the description: the twin of the array code.

It shares the uniform numbers with the array code and nothing else: it has its own inverse distributions.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

from scipy import stats

from cosim.arrays import FloatArray
from cosim.ev.draws import Draws

HOME, WORK = 0, 1


@dataclass
class PlainTrip:
    """One row of the diary and of the battery's record."""

    ev: int
    trip: int
    departure_s: int
    arrival_s: int
    length_km: float
    from_activity: int
    to_activity: int
    soc_departure: float = 0.0
    soc_arrival: float = 0.0
    fast_charge: bool = False
    session_kwh: float = 0.0
    slow_kwh: float = 0.0
    cancelled: bool = False


def _normal(uniform: float) -> float:
    return NormalDist().inv_cdf(uniform) if uniform else -math.inf


def _dwell_h(activity: int, arrival_s: int, uniform: float) -> float:
    if activity == HOME:
        hours = 2.2 * math.exp(0.8 * _normal(uniform))
    elif activity == WORK and arrival_s < 11 * 3600:
        hours = 8.0 + 1.5 * _normal(uniform)
    elif activity == WORK:
        hours = 3.0 + _normal(uniform)
    else:
        hours = 1.1 * math.exp(0.7 * _normal(uniform))
    return min(max(hours, 0.25), 14.0)


def _next_activity(probabilities: list[float], uniform: float) -> int:
    reached = 0.0
    for activity, probability in enumerate(probabilities):
        reached += probability
        if uniform < reached:
            return activity
    return max(activity for activity, probability in enumerate(probabilities) if probability)


class PlainPopulation:
    """Looks a uniform number up by EV, and walks through one EV's day."""

    def __init__(self, transition: FloatArray, n_ev: int, seed: int, purpose: str) -> None:
        """Keep the table as lists and the streams by name."""
        self.transition = transition.tolist()
        self.draws = Draws(n_ev, seed, purpose)
        self.drawn: dict[tuple[str, int], list[float]] = {}

    def uniform(self, ev: int, what: str, trip: int = 0, *, day: int | None = 1) -> float:
        """Return the number with this name for one EV."""
        if (what, trip) not in self.drawn:
            indices = [index for index in (day, trip) if index]
            self.drawn[what, trip] = self.draws.uniform(what, *indices).tolist()
        return self.drawn[what, trip][ev]

    def diary(self, ev: int) -> list[PlainTrip]:
        """Return the planned trips of one EV."""
        if self.uniform(ev, "travels") >= 0.8:
            return []
        first_min = 114.54 + 65.76 * float(stats.gamma.ppf(self.uniform(ev, "first departure"), 6.63))
        departure_s, activity = round(first_min * 60), HOME
        trips: list[PlainTrip] = []
        while departure_s < 86_400:
            number = len(trips) + 1
            to = _next_activity(
                self.transition[activity][departure_s // 3600], self.uniform(ev, "destination", number)
            )
            length_km = math.exp(2.451 + 0.75 * _normal(self.uniform(ev, "length", number)))
            length_km = min(max(length_km, 1.0), 100.0)
            arrival_s = departure_s + round(length_km / 35 * 3600)
            trips.append(PlainTrip(ev, number, departure_s, arrival_s, length_km, activity, to))
            if to == HOME and arrival_s >= 16 * 3600 and self.uniform(ev, "evening", number) < 0.75:
                break
            dwell_h = _dwell_h(to, arrival_s, self.uniform(ev, "dwell", number))
            departure_s, activity = arrival_s + round(dwell_h * 3600), to
        return trips

    def day(self, ev: int, battery_kwh: float = 50.0) -> list[PlainTrip]:
        """Return the trips of one EV with its battery along them."""
        soc = min(max(0.6 + 0.15 * _normal(self.uniform(ev, "first soc")), 0.2), 0.9)
        home_charger = self.uniform(ev, "home charger", day=None) < 0.5
        work_charger = self.uniform(ev, "work charger", day=None) < 0.2
        before: PlainTrip | None = None
        for trip in (trips := self.diary(ev)):
            trip.cancelled = bool(before and before.cancelled)
            if before and not trip.cancelled:
                at_home = trip.from_activity == HOME and home_charger and soc < 0.7
                if at_home or (trip.from_activity == WORK and work_charger):
                    hours = (trip.departure_s - before.arrival_s) / 3600
                    gain = min(7 * hours * 0.92 / battery_kwh, 1 - soc)
                    trip.slow_kwh = gain * battery_kwh / 0.92
                    soc += gain
            trip.soc_departure = soc
            if not trip.cancelled:
                soc = self._drive(trip, soc, battery_kwh)
            trip.soc_arrival = soc
            before = trip
        return trips

    def _drive(self, trip: PlainTrip, soc: float, battery_kwh: float) -> float:
        used = trip.length_km * 0.17 / battery_kwh
        chance = 1 / (1 + math.exp((soc - 0.3) / 0.05))
        wants = soc - used < 0.1 or self.uniform(trip.ev, "fast charge", trip.trip) < chance
        wants = wants and soc - used / 2 < 0.8
        if soc - used / 2 < 0 or (wants and 0.8 - used / 2 < 0) or (not wants and soc - used < 0):
            trip.cancelled = True
            return soc
        if not wants:
            return soc - used
        trip.fast_charge = True
        trip.session_kwh = (0.8 - (soc - used / 2)) * battery_kwh / 0.92
        return 0.8 - used / 2
