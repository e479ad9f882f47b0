"""Road links that are closed, or have less capacity.

Drivers who set out see which roads are closed. Those under way finish the link they are on, and drive around what is
closed (``agents/rerouting.py``). With less capacity, trips take longer from then on; those under way take the time
with which they set out.
"""

from collections.abc import Sequence
from itertools import chain
from typing import ClassVar

import numpy as np

from agents.events.closures import Closures
from agents.events.room import Effects, EventRoom
from agents.population import Population
from agents.rerouting import OTHER_WAY, WAITS, Drives
from agents.roads import Roads
from cosim.periods import SECONDS_PER_DAY
from cosim.scenario import Event

NO_PATH = "cars without a path"


class RoadEvents:
    """Events of kind road (``EventFamily``)."""

    kinds: ClassVar[frozenset[str]] = frozenset({"road"})
    effects: ClassVar[tuple[str, ...]] = (OTHER_WAY, WAITS)

    def __init__(
        self,
        roads: Roads,
        drives: Drives,
        population: Population,
        closures: Closures,
        effects: Effects,
        start_s: int,
    ) -> None:
        """Go to the state as the day begins."""
        self.roads, self.drives, self.population = roads, drives, population
        self.closures, self.done = closures, effects
        self._set(start_s - 1)

    def told(self, event: Event) -> str:  # noqa: ARG002  (as every family is called)
        """Return that the coordinator is told."""
        return "coordinator"

    def hold(self, now_s: int, _events: Sequence[Event]) -> None:
        """Close and open links, and let vehicles drive around those that are closed from now on."""
        before = self.roads.closed
        self._set(now_s)
        closed = self.roads.closed & ~before
        if not closed.any():
            return
        sessions = {one.ev: one for one in chain(*self.population.sessions_by_station(now_s))}
        rerouted = self.drives.reroute(sessions, now_s, closed)
        for one in rerouted:
            self._tell(one.closed_link, now_s, waits=one.waits)
        self.population.reroute(rerouted)

    def _set(self, now_s: int) -> None:
        if self.roads.closures.any_events:
            self.roads.set_share(self.roads.closures.share(now_s))
            self.closures.set("roads", self.roads.closed)

    def _tell(self, link: int, now_s: int, *, waits: bool) -> None:
        """Add a vehicle to the event that has closed a link ahead of it."""
        event = self.roads.closures.closed_by(link, now_s)
        if event is not None:
            self.done.add(event, now_s, WAITS if waits else OTHER_WAY)

    def tell_departures(self, room: EventRoom) -> None:
        """Tell, as the day is over, of vehicles that left a station by another way, and of cars without one."""
        for second, link, waits in self.drives.left_station.values():
            self._tell(link, second, waits=waits)
        for event in self.roads.closures.events:
            today = event.interval_s(room.start_s // SECONDS_PER_DAY + 1)
            if today is not None and self.roads.closures.closes(event):
                self.done.add(event, room.start_s, NO_PATH, self._cars_without_path(*today))

    def _cars_without_path(self, from_s: int, until_s: int) -> float:
        """Return the conventional cars that are expected to set out in an interval of this day, and to no open path."""
        paths, ahead, seconds = self.roads.paths, self.roads.day_ahead, self.roads.scenario.periods.seconds
        first, cars = paths.groups.start[:-1], 0.0
        for start_s in range(from_s - from_s % seconds, until_s, seconds):
            begin_s, end_s = max(from_s, start_s), min(until_s, start_s + seconds)
            demand_veh_h = ahead.car_path_veh_h[start_s % SECONDS_PER_DAY // seconds, first]
            for part, share in self.roads.closures.parts(begin_s, end_s):
                is_open = paths.groups.total((~paths.uses(share == 0)).astype(np.float64)) > 0
                cars += part * (end_s - begin_s) / 3600 * float(demand_veh_h[~is_open].sum())
        return cars
