"""Planned events in the equilibrium: what is open in each period, with which capacity, and who can set out.

A period that an event covers in part has the mean capacity of its links and stations: a station of four chargers that
is closed for half of it has two. What is closed in all of it is in no path. Who would charge where no station is open
makes the trip without a charge; who has no open path does not make it.
"""

from dataclasses import dataclass, replace

import numpy as np

from cosim.arrays import BoolArray, FloatArray
from cosim.config.events import MIN_CAPACITY_SHARE
from cosim.periods import PeriodOfDay
from cosim.road.latency import fit_davidson_j
from cosim.road.paths import PathSet
from cosim.scenario import CHARGING, NOT_CHARGING, Event, Scenario
from cosim.scenario.events import STATION_KINDS, chargers_in_service, parts
from cosim.scenario.road_closures import RoadClosures, at_share


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpenPaths:
    """What is open in a period."""

    paths: PathSet
    """The paths on the network with the capacities of the period; what is closed keeps its own."""
    capacity_share: FloatArray
    """(links,): share of its capacity that each link and charging arc has; 0: closed."""
    is_open: BoolArray
    """(paths,): whether a path is open."""

    @property
    def has_open(self) -> BoolArray:
        """Whether a group has an open path, (groups,)."""
        has_open: BoolArray = self.paths.groups.total(self.is_open.astype(np.float64)) > 0
        return has_open

    @property
    def closed_cost_min(self) -> FloatArray:
        """(paths,): infinite on each closed path, but in groups that have no other, and no demand."""
        has_open = np.repeat(self.has_open, np.diff(self.paths.groups.start))
        return np.where(~self.is_open & has_open, np.inf, 0.0)

    def demand_veh_h(self, group_veh_h: FloatArray) -> FloatArray:
        """Return the demand of each group that sets out, of the demand there is."""
        if self.is_open.all():
            return group_veh_h
        sets_out: FloatArray = np.where(self.has_open, self._wants_veh_h(group_veh_h), 0.0)
        return sets_out

    def stays_veh_h(self, group_veh_h: FloatArray) -> float:
        """Return how much of the demand there is does not set out."""
        return float(self._wants_veh_h(group_veh_h)[~self.has_open].sum())

    def _wants_veh_h(self, group_veh_h: FloatArray) -> FloatArray:
        """Return the demand of each group when those without a way to any station do without charging."""
        by_class = group_veh_h.reshape(len(self.paths.classes), -1).copy()
        without = ~self.has_open.reshape(by_class.shape)[CHARGING]
        by_class[NOT_CHARGING, without] += by_class[CHARGING, without]
        by_class[CHARGING, without] = 0.0
        return by_class.ravel()


def open_in_periods(scenario: Scenario, paths: PathSet) -> list[OpenPaths]:
    """Return what is open in each period of a day on which the planned events alone happen."""
    planned = [event for event in scenario.all_events if event.planned]
    if not planned:
        return [_open(scenario, paths, np.ones(len(paths.network.links)))] * scenario.periods.count
    found: dict[bytes, OpenPaths] = {}
    periods = []
    for number in range(1, scenario.periods.count + 1):
        share = _capacity_share(scenario, paths, planned, PeriodOfDay(1, number))
        if share.tobytes() not in found:
            found[share.tobytes()] = _open(scenario, paths, share)
        periods.append(found[share.tobytes()])
    return periods


def _capacity_share(
    scenario: Scenario, paths: PathSet, planned: list[Event], period: PeriodOfDay
) -> FloatArray:
    """Return the mean share of its capacity that each link and charging arc has in a period."""
    network, start_s = paths.network, scenario.periods.start_s(period)
    share = RoadClosures(network, planned).in_period(scenario.periods, period)
    for station, arc in zip(scenario.stations, network.charging_arcs, strict=True):
        own = [event for event in planned if event.kind in STATION_KINDS and event.thing == station.name]
        mean = sum(
            part * chargers_in_service(station, going_on) / station.chargers
            for part, going_on in parts(own, start_s, start_s + scenario.periods.seconds)
        )
        share[arc] = mean if mean >= MIN_CAPACITY_SHARE else 0.0
    return share


def _open(scenario: Scenario, paths: PathSet, share: FloatArray) -> OpenPaths:
    return OpenPaths(
        paths=_at_share(scenario, paths, share), capacity_share=share, is_open=~paths.uses(share == 0)
    )


def _at_share(scenario: Scenario, paths: PathSet, share: FloatArray) -> PathSet:
    """Return the paths on the network with these shares of the capacities; fewer chargers have longer queues."""
    network = at_share(paths.network, share)
    if network is paths.network:
        return paths
    davidson_j = network.davidson_j.copy()
    for station, arc in zip(scenario.stations, network.charging_arcs, strict=True):
        if 0 < share[arc] < 1 and not scenario.config.road.davidson_j:
            davidson_j[arc] = fit_davidson_j(max(1, round(share[arc] * station.chargers)))
    return replace(paths, network=replace(network, davidson_j=davidson_j))
