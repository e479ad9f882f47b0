"""OD pairs of the trips of a diary where trips chain: the next trip begins in the zone where the last one ended.

Each EV has a home zone, drawn in proportion to the trips that start in a zone, and a work zone, drawn from the row of
the home zone in the OD table. Trips to home and to work end in these zones. All other destinations, and work for an EV
that is at work already, are *visits*: drawn from the table's row of the present zone, without the home zone (and
without the work zone, if there is another), and only zones from which the table has trips to the home zone. So no trip
stays within its zone, and every trip is an OD pair of the table.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.draws import Uniforms
from cosim.ev.mobility import Diaries, trip_draws
from cosim.ev.transitions import ACTIVITIES, HOME, WORK, ActivityArray

MAX_ZONES = 100
"""Zones up to which trips chain: memory grows with their cube."""
N_HISTORIES = 4**6
"""Histories in the expectation: the last six activities since home, as digits of base 4."""
_WEIGHT_TOLERANCE = 1e-12
"""Share of a row's weight up to which a remainder is rounding."""


class _VisitTable(NamedTuple):
    """Weights of visits in rows (home zone, present zone), for drawing by inversion."""

    cumulative: FloatArray
    """(rows, zones): cumulative weights."""
    ascending: FloatArray
    """(rows * zones,): cumulative shares plus the number of the row, an ascending sequence."""
    last_zone: IntArray
    """(rows,): last zone with a positive weight."""


@dataclass(frozen=True, eq=False)
class TripChains:
    """OD table between zones, with the rules of the module."""

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
        """Weights of visits, (Z home zones, Z present zones, Z destinations)."""
        leads_home = self.weight > 0
        np.fill_diagonal(leads_home, val=False)
        allowed = np.broadcast_to(leads_home.T[:, np.newaxis, :], (self.n_zones,) * 3)
        return np.where(allowed, np.where(np.eye(self.n_zones, dtype=bool), 0.0, self.weight), 0.0)

    @cached_property
    def home_share(self) -> FloatArray:
        """Share of the EVs with each home zone: the share of trips that start there."""
        share: FloatArray = self.weight.sum(axis=1) / self.weight.sum()
        return share

    @cached_property
    def work_share(self) -> FloatArray:
        """Share of the EVs of each home zone by work zone, (Z home zones, Z work zones)."""
        from_home = self.visits[np.arange(self.n_zones), np.arange(self.n_zones)]
        share: FloatArray = from_home / from_home.sum(axis=1, keepdims=True)
        return share

    @cached_property
    def _visit_table(self) -> _VisitTable:
        rows = self.visits.reshape(-1, self.n_zones)
        cumulative = rows.cumsum(axis=1)
        total = np.where(cumulative[:, -1:] > 0, cumulative[:, -1:], 1.0)
        last_zone = self.n_zones - 1 - (rows[:, ::-1] > 0).argmax(axis=1)
        ascending: FloatArray = np.minimum(cumulative / total, 1.0) + np.arange(len(rows))[:, np.newaxis]
        return _VisitTable(cumulative, ascending.ravel(), last_zone.astype(np.int64))

    def homes(self, draws: Uniforms) -> IntArray:
        """Return the home zone of each EV."""
        cumulative = self.home_share.cumsum()
        return np.searchsorted(cumulative[:-1] / cumulative[-1], draws.uniform("home zone"), side="right")

    def works(self, home: IntArray, draws: Uniforms) -> IntArray:
        """Return the work zone of each EV."""
        return self._visit(home, home, np.full(home.size, -1), draws.uniform("work zone"))

    def ods(self, diaries: Diaries, draws: Uniforms, zone: IntArray | None = None) -> IntArray:
        """Return the OD number of every trip of the diaries; EVs begin the day at home, or in their *zone*."""
        home = self.homes(draws)
        work = self.works(home, draws)
        zone = home.copy() if zone is None else zone.copy()
        uniform = trip_draws(diaries, draws, "od")
        od = np.empty(diaries.ev.size, dtype=np.int64)
        for trip in range(1, diaries.trips_per_ev.max(initial=0) + 1):
            row = diaries.rows_of_trip(trip)
            ev, activity = diaries.ev[row], diaries.to_activity[row]
            destination = self._destinations(zone[ev], home[ev], work[ev], activity, uniform[row])
            od[row] = self.number[zone[ev], destination]
            zone[ev] = destination
        return od

    def zone_after(self, start: IntArray, diaries: Diaries, od: IntArray, cancelled: BoolArray) -> IntArray:
        """Return the zone of each EV after its last trip that was made."""
        zone, made = start.copy(), np.flatnonzero(~cancelled)
        zone[diaries.ev[made]] = self.zone_of_arrival(od[made])  # in trip order: the last one is kept
        return zone

    def zone_of_arrival(self, od: IntArray) -> IntArray:
        """Return the destination zone of these OD numbers."""
        destination = np.empty(self.number.max() + 1, dtype=np.int64)
        origins, destinations = np.nonzero(self.number >= 0)
        destination[self.number[origins, destinations]] = destinations
        zone: IntArray = destination[od]
        return zone

    def _destinations(
        self, zone: IntArray, home: IntArray, work: IntArray, activity: ActivityArray, uniform: FloatArray
    ) -> IntArray:
        destination = self._visit(home, zone, work, uniform)
        destination = np.where((activity == WORK) & (self.number[zone, work] >= 0), work, destination)
        return np.where((activity == HOME) & (self.number[zone, home] >= 0), home, destination)

    def _visit(self, home: IntArray, zone: IntArray, work: IntArray, uniform: FloatArray) -> IntArray:
        """Return zones drawn from the row (home, zone) without the work zone, unless there is no other."""
        table, row = self._visit_table, home * self.n_zones + zone
        total = table.cumulative[row, -1]
        work_weight = np.where(work >= 0, self.visits[home, zone, work], 0.0)
        work_weight = np.where(total - work_weight > _WEIGHT_TOLERANCE * total, work_weight, 0.0)
        below_work = table.cumulative[row, work] - self.visits[home, zone, work]
        point = uniform * (total - work_weight)
        point += np.where(point >= below_work, work_weight, 0.0)
        index = np.searchsorted(table.ascending, point / np.where(total > 0, total, 1.0) + row, side="right")
        visited: IntArray = np.clip(index - row * self.n_zones, 0, table.last_zone[row])
        return visited

    def expected_ods(self, diaries: Diaries, made: BoolArray, period: IntArray, n_periods: int) -> FloatArray:
        """Return the expected number of trips of each OD that start in each period, (periods, ODs).

        The sequence of activities and its times are counted in the diaries; the expectation over zones is exact. An EV
        that is away from home as the day begins is taken to have come directly from home.
        """
        history = _histories(diaries)[made]
        histories, column = np.unique(history, return_inverse=True)
        cell = np.bincount(period[made] * histories.size + column, minlength=n_periods * histories.size)
        counts = cell.reshape(n_periods, histories.size).astype(np.float64)
        distributions = _ZoneDistributions(self)
        joint = np.array([distributions.trip(code) for code in histories.tolist()])
        in_table = np.flatnonzero(self.number.ravel() >= 0)
        ods = np.zeros((n_periods, self.number.max() + 1))
        ods[:, self.number.ravel()[in_table]] = (counts @ joint.reshape(histories.size, -1))[:, in_table]
        return ods


def _histories(diaries: Diaries) -> IntArray:
    """Return for every trip the activities since the EV left home, and the next one last, as digits of base 4."""
    past = np.zeros(diaries.n_ev, dtype=np.int64)
    history = np.empty(diaries.ev.size, dtype=np.int64)
    for trip in range(1, diaries.trips_per_ev.max(initial=0) + 1):
        row = diaries.rows_of_trip(trip)
        ev, activity = diaries.ev[row], diaries.to_activity[row].astype(np.int64)
        if trip == 1:
            past[ev] = diaries.from_activity[row]
        history[row] = past[ev] * 4 + activity
        past[ev] = np.where(activity == HOME, 0, history[row] % N_HISTORIES)
    return history


class _ZoneDistributions:
    """Distributions of the zone of an EV by its history: P(home zone, work zone, zone)."""

    def __init__(self, chains: TripChains) -> None:
        zones = np.arange(chains.n_zones)
        self.chains = chains
        at_home = np.zeros((chains.n_zones,) * 3)
        at_home[zones, :, zones] = chains.home_share[:, np.newaxis] * chains.work_share
        self.zones = {0: at_home}
        self.trips: dict[int, FloatArray] = {}

    def trip(self, history: int) -> FloatArray:
        """Return P(origin zone, destination zone) of the last trip of a history."""
        if history not in self.trips:
            past, activity = divmod(history, len(ACTIVITIES))
            if past not in self.zones:
                self.trip(past)
            self.zones[history], self.trips[history] = self._step(self.zones[past], activity)
        return self.trips[history]

    def _step(self, before: FloatArray, activity: int) -> tuple[FloatArray, FloatArray]:
        """Return the distribution after a trip to *activity*, and P(origin zone, destination zone) of the trip."""
        number = self.chains.number
        after, joint = np.zeros_like(before), np.zeros_like(number, dtype=np.float64)
        for home, visits in enumerate(self.chains.visits):
            remaining = before[home].copy()
            if activity == HOME:
                moving = np.where(number[:, home] >= 0, remaining, 0.0)
                joint[:, home] += moving.sum(axis=0)
                after[home, :, home] += moving.sum(axis=1)
                remaining -= moving
            if activity == WORK:
                moving = np.where(number.T >= 0, remaining, 0.0)
                joint += moving.T
                np.fill_diagonal(after[home], after[home].diagonal() + moving.sum(axis=1))
                remaining -= moving
            if remaining.any():
                _add_visits(remaining, visits, after[home], joint)
        return after, joint


def _add_visits(before: FloatArray, visits: FloatArray, after: FloatArray, joint: FloatArray) -> None:
    """Add the visits of the EVs of one home zone to *after* and *joint*.

    *before* and *after* are (work zones, zones), *visits* the weights (zones, destinations).
    """
    total = visits.sum(axis=1)
    without_work = total - visits.T  # (work zones, zones)
    has_other = without_work > _WEIGHT_TOLERANCE * np.maximum(total, _WEIGHT_TOLERANCE)
    rate = np.where(has_other, before, 0.0) / np.where(has_other, without_work, 1.0)
    to_others = rate @ visits
    np.fill_diagonal(to_others, 0.0)
    joint += visits * (rate.sum(axis=0)[:, np.newaxis] - rate.T)
    only_work = np.where(has_other, 0.0, before) / np.where(total > 0, total, 1.0)
    after += to_others + only_work @ visits
    joint += visits * only_work.sum(axis=0)[:, np.newaxis]


def build_trip_chains(origin: IntArray, destination: IntArray, demand: FloatArray) -> TripChains:
    """Return the trip chains over an OD table; zones are numbered in ascending order of their nodes."""
    zones = np.unique(np.concatenate((origin, destination)))
    start, end = np.searchsorted(zones, origin), np.searchsorted(zones, destination)
    weight, number = np.zeros((zones.size,) * 2), np.full((zones.size,) * 2, -1)
    chained = (demand > 0) & (start != end)
    weight[start[chained], end[chained]] = demand[chained]
    number[start[chained], end[chained]] = np.flatnonzero(chained)
    return TripChains(weight, number)


def chaining_obstacles(
    origin: IntArray, destination: IntArray, demand: FloatArray, names: list[str]
) -> list[str]:
    """Return sentences on why trips cannot chain over an OD table; empty if they can."""
    zones = np.unique(np.concatenate((origin, destination)))
    if zones.size > MAX_ZONES:
        return [f"there are {zones.size} zones; trips chain over {MAX_ZONES} at most"]
    chains = build_trip_chains(origin, destination, demand)
    zone_names = [names[zone] for zone in zones]
    no_start = [name for name, row in zip(zone_names, chains.weight, strict=True) if not row.sum() > 0]
    no_end = [name for name, column in zip(zone_names, chains.weight.T, strict=True) if not column.sum() > 0]
    if no_start or no_end:
        sentences = [f"no trip starts in zone {', '.join(no_start)}"] if no_start else []
        return [*sentences, *([f"no trip ends in zone {', '.join(no_end)}"] if no_end else [])]
    stuck = (chains.visits.sum(axis=2) <= 0) & ((chains.weight.T > 0) | np.eye(zones.size, dtype=bool))
    return [
        f"an EV with home zone {zone_names[home]} has no destination in zone {zone_names[zone]} from which trips lead "
        "home"
        for home, zone in np.argwhere(stuck)
    ]
