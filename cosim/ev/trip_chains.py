"""Which OD each trip of a diary takes where trips chain: the next one begins where the last one ended.

Home is a zone of each EV, drawn by the trips its zone sends out; work another, drawn from the OD table's row of the
home. Whoever goes home goes to the home zone, whoever goes to work to the work zone. All other destinations, and
work for who is at work already, are *visits*: drawn from the table's row of the zone the EV is in, never the home
zone (nor the work zone, if there is any other), and only zones from which the table has trips back home. So no trip
stays within its zone, and every trip is an OD of the table.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.mobility import Diaries, Draws, trip_uniforms
from cosim.ev.transitions import ACTIVITIES, HOME, WORK, ActivityArray

MAX_ZONES = 100
N_HISTORIES = 4**6
"""The expectation remembers the last six places since home; hardly a trip has more before it."""
_WEIGHT_TOLERANCE = 1e-12


@dataclass(frozen=True, eq=False)
class TripChains:
    """The OD table between zones, and the rules above."""

    weight: FloatArray
    """Trips of the OD table, (Z origins, Z destinations)."""
    number: IntArray
    """Number of each OD in the table, -1 where there is none."""

    @property
    def n_zones(self) -> int:
        """Number of zones."""
        return len(self.weight)

    @cached_property
    def visits(self) -> FloatArray:
        """Weights of the zones to visit, (Z homes, Z zones the EV is in, Z zones to go to)."""
        back = self.weight > 0
        np.fill_diagonal(back, val=False)
        possible = np.broadcast_to(back.T[:, np.newaxis, :], (self.n_zones,) * 3)
        return np.where(possible, np.where(np.eye(self.n_zones, dtype=bool), 0.0, self.weight), 0.0)

    @cached_property
    def home_share(self) -> FloatArray:
        """Share of the EVs that live in each zone: that of the trips that start there."""
        share: FloatArray = self.weight.sum(axis=1) / self.weight.sum()
        return share

    @cached_property
    def work_share(self) -> FloatArray:
        """Share of the EVs of each home that work in each zone, (Z homes, Z works)."""
        own = self.visits[np.arange(self.n_zones), np.arange(self.n_zones)]
        share: FloatArray = own / own.sum(axis=1, keepdims=True)
        return share

    @cached_property
    def _cumulative(self) -> tuple[FloatArray, FloatArray, IntArray]:
        """Return cumulative weights of each row (home, zone), the rows one after another, their last choices."""
        rows = self.visits.reshape(-1, self.n_zones)
        cumulative = rows.cumsum(axis=1)
        total = np.where(cumulative[:, -1:] > 0, cumulative[:, -1:], 1.0)
        last = self.n_zones - 1 - (rows[:, ::-1] > 0).argmax(axis=1)
        ascending: FloatArray = np.minimum(cumulative / total, 1.0) + np.arange(len(rows))[:, np.newaxis]
        return cumulative, ascending.ravel(), last.astype(np.int64)

    def homes(self, n_ev: int, seed: int, purpose: str) -> IntArray:
        """Return the zone each EV lives in."""
        cumulative = self.home_share.cumsum()
        uniform = Draws(n_ev, seed, purpose).uniform("home zone")
        return np.searchsorted(cumulative[:-1] / cumulative[-1], uniform, side="right")

    def works(self, home: IntArray, seed: int, purpose: str) -> IntArray:
        """Return the zone each EV works in."""
        uniform = Draws(home.size, seed, purpose).uniform("work zone")
        return self._visit(home, home, np.full(home.size, -1), uniform)

    def ods(self, diaries: Diaries, seed: int, purpose: str, zone: IntArray | None = None) -> IntArray:
        """Return the OD number of every trip of the diaries; EVs begin the day at home, or in their *zone*."""
        home = self.homes(diaries.n_ev, seed, purpose)
        work = self.works(home, seed, purpose)
        now = home.copy() if zone is None else zone.copy()
        uniform = trip_uniforms(diaries, seed, f"{purpose}/od")
        number = np.empty(diaries.ev.size, dtype=np.int64)
        for trip in range(1, diaries.trips_per_ev.max(initial=0) + 1):
            row = diaries.rows_of_trip(trip)
            ev = diaries.ev[row]
            to = self._destinations(now[ev], home[ev], work[ev], diaries.to_activity[row], uniform[row])
            number[row] = self.number[now[ev], to]
            now[ev] = to
        return number

    def zone_after(self, start: IntArray, diaries: Diaries, od: IntArray, cancelled: BoolArray) -> IntArray:
        """Return the zone each EV is in after its last trip that was made."""
        zone, made = start.copy(), np.flatnonzero(~cancelled)
        zone[diaries.ev[made]] = self.zone_of_arrival(od[made])  # in trip order: the last one stands
        return zone

    def zone_of_arrival(self, od: IntArray) -> IntArray:
        """Return the zone in which trips of these ODs end."""
        destination = np.empty(self.number.max() + 1, dtype=np.int64)
        origins, destinations = np.nonzero(self.number >= 0)
        destination[self.number[origins, destinations]] = destinations
        zone: IntArray = destination[od]
        return zone

    def _destinations(
        self, now: IntArray, home: IntArray, work: IntArray, activity: ActivityArray, uniform: FloatArray
    ) -> IntArray:
        to = self._visit(home, now, work, uniform)
        to = np.where((activity == WORK) & (self.number[now, work] >= 0), work, to)
        return np.where((activity == HOME) & (self.number[now, home] >= 0), home, to)

    def _visit(self, home: IntArray, now: IntArray, work: IntArray, uniform: FloatArray) -> IntArray:
        """Return zones drawn from the row (home, zone) without the work zone, unless there is no other."""
        cumulative, ascending, last = self._cumulative
        row = home * self.n_zones + now
        total = cumulative[row, -1]
        at_work = np.where(work >= 0, self.visits[home, now, work], 0.0)
        at_work = np.where(total - at_work > _WEIGHT_TOLERANCE * total, at_work, 0.0)
        before_work = cumulative[row, work] - self.visits[home, now, work]
        point = uniform * (total - at_work)
        point += np.where(point >= before_work, at_work, 0.0)
        place = np.searchsorted(ascending, point / np.where(total > 0, total, 1.0) + row, side="right")
        zone: IntArray = np.clip(place - row * self.n_zones, 0, last[row])
        return zone

    def expected_ods(self, diaries: Diaries, made: BoolArray, period: IntArray, n_periods: int) -> FloatArray:
        """Return the expected number of trips of each OD that start in each period, (periods, ODs).

        Which activities follow which, and when, is counted in the diaries; the zones are not drawn but summed over.
        An EV that is away from home in the morning is taken to have come from there.
        """
        kind = _since_home(diaries)[made]
        kinds, place = np.unique(kind, return_inverse=True)
        cell = np.bincount(period[made] * kinds.size + place, minlength=n_periods * kinds.size)
        counts = cell.reshape(n_periods, kinds.size).astype(np.float64)
        matrices = _Excursions(self)
        joint = np.array([matrices.trip(int(one)) for one in kinds]).reshape(kinds.size, -1)
        known = np.flatnonzero(self.number.ravel() >= 0)
        ods = np.zeros((n_periods, self.number.max() + 1))
        ods[:, self.number.ravel()[known]] = (counts @ joint)[:, known]
        return ods


def _since_home(diaries: Diaries) -> IntArray:
    """Return for every trip where the EV has been since it left home and where it goes, as digits of base 4."""
    been = np.zeros(diaries.n_ev, dtype=np.int64)
    code = np.empty(diaries.ev.size, dtype=np.int64)
    for trip in range(1, diaries.trips_per_ev.max(initial=0) + 1):
        row = diaries.rows_of_trip(trip)
        ev, to = diaries.ev[row], diaries.to_activity[row].astype(np.int64)
        if trip == 1:
            been[ev] = diaries.from_activity[row]
        code[row] = been[ev] * 4 + to
        been[ev] = np.where(to == HOME, 0, code[row] % N_HISTORIES)
    return code


class _Excursions:
    """Sums over all homes, work zones and zones: where an EV is that has been here and there since home."""

    def __init__(self, chains: TripChains) -> None:
        zones = np.arange(chains.n_zones)
        self.chains = chains
        at_home = np.zeros((chains.n_zones,) * 3)
        at_home[zones, :, zones] = chains.home_share[:, np.newaxis] * chains.work_share
        self.where = {0: at_home}  # (homes, work zones, zones) by the digits of the places since home
        self.trips: dict[int, FloatArray] = {}

    def trip(self, code: int) -> FloatArray:
        """Return P(origin zone, destination zone) of a trip with these digits."""
        if code not in self.trips:
            been, to = divmod(code, len(ACTIVITIES))
            if been not in self.where:
                self.trip(been)
            self.where[code], self.trips[code] = self._step(self.where[been], to)
        return self.trips[code]

    def _step(self, where: FloatArray, to: int) -> tuple[FloatArray, FloatArray]:
        """Return where EVs are after a trip to the activity *to*, and the zones of that trip."""
        number = self.chains.number
        then, joint = np.zeros_like(where), np.zeros_like(number, dtype=np.float64)
        for home, visits in enumerate(self.chains.visits):
            now = where[home].copy()
            if to == HOME:
                goes = np.where(number[:, home] >= 0, now, 0.0)
                joint[:, home] += goes.sum(axis=0)
                then[home, :, home] += goes.sum(axis=1)
                now -= goes
            if to == WORK:
                goes = np.where(number.T >= 0, now, 0.0)
                joint += goes.T
                np.fill_diagonal(then[home], then[home].diagonal() + goes.sum(axis=1))
                now -= goes
            if now.any():
                _visit(now, visits, then[home], joint)
        return then, joint


def _visit(now: FloatArray, visits: FloatArray, then: FloatArray, joint: FloatArray) -> None:
    """Add the visits of EVs of one home that are *now* (by work zone) in the zones; rows of *visits* are zones."""
    total = visits.sum(axis=1)
    without_work = total - visits.T  # (work zones, zones)
    others = without_work > _WEIGHT_TOLERANCE * np.maximum(total, _WEIGHT_TOLERANCE)
    rate = np.where(others, now, 0.0) / np.where(others, without_work, 1.0)
    gone = rate @ visits
    np.fill_diagonal(gone, 0.0)
    joint += visits * (rate.sum(axis=0)[:, np.newaxis] - rate.T)
    only_work = np.where(others, 0.0, now) / np.where(total > 0, total, 1.0)
    then += gone + only_work @ visits
    joint += visits * only_work.sum(axis=0)[:, np.newaxis]


def build_trip_chains(origin: IntArray, destination: IntArray, demand: FloatArray) -> TripChains:
    """Return the chains over an OD table; its zones are numbered in ascending order of their nodes."""
    zones = np.unique(np.concatenate((origin, destination)))
    start, end = np.searchsorted(zones, origin), np.searchsorted(zones, destination)
    weight, number = np.zeros((zones.size,) * 2), np.full((zones.size,) * 2, -1)
    some = (demand > 0) & (start != end)
    weight[start[some], end[some]] = demand[some]
    number[start[some], end[some]] = np.flatnonzero(some)
    return TripChains(weight, number)


def chaining_obstacles(
    origin: IntArray, destination: IntArray, demand: FloatArray, names: list[str]
) -> list[str]:
    """Say why trips cannot chain over an OD table; nothing if they can."""
    zones = np.unique(np.concatenate((origin, destination)))
    if zones.size > MAX_ZONES:
        return [f"there are {zones.size} zones; trips chain over {MAX_ZONES} at most"]
    chains = build_trip_chains(origin, destination, demand)
    called = [names[zone] for zone in zones]
    no_start = [name for name, row in zip(called, chains.weight, strict=True) if not row.sum() > 0]
    no_end = [name for name, column in zip(called, chains.weight.T, strict=True) if not column.sum() > 0]
    if no_start or no_end:
        told = [f"no trip starts in zone {', '.join(no_start)}"] if no_start else []
        return [*told, *([f"no trip ends in zone {', '.join(no_end)}"] if no_end else [])]
    stuck = (chains.visits.sum(axis=2) <= 0) & ((chains.weight.T > 0) | np.eye(zones.size, dtype=bool))
    return [
        f"who lives in zone {called[home]} and is in zone {called[zone]} has nowhere to go from which trips lead home"
        for home, zone in np.argwhere(stuck)
    ]
