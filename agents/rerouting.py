"""Vehicles under way as a road closes: they finish the link they are on, and drive on around what is closed.

A trip has one leg, or two with a station between. Its links are those of its path until the driver decides anew: at
the end of the link under way as a link of the leg closes, and on leaving a station as a link ahead is closed. The new
way is the shortest at the effective link times; where none is open, the vehicle waits at that node until one is. Where
on a leg a vehicle is follows from the link times as it set out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from agents.roads import Roads, Way
from agents.trip_table import TripTable
from cosim.arrays import BoolArray, IntArray
from cosim.ev.session import NEVER_S, Session

OTHER_WAY, WAITS = "vehicles that take another way", "vehicles that wait for a road to open"

Leg = Literal["to_station", "to_destination"]
"""Part of a trip; one without a station is all to the destination."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """Ways of a trip other than its path; None where they are those of the path."""

    ev: int
    """Number of the EV; with the second of departure that of the trip."""
    departure_s: int
    to_station: Way | None = None
    planned: Way | None = None
    """From a station that was chosen on the way."""
    to_destination: Way | None = None
    """From the station, or without one the whole way, if not as planned."""


class Rerouted(NamedTuple):
    """A vehicle on a new way, which arrives at the station of a session to come, or at the destination."""

    row: int
    session: Session | None
    arrival_s: int
    closed_link: int
    waits: bool
    """Whether no way is open."""


class Drives:
    """The ways of the trips under way."""

    def __init__(self, roads: Roads, trips: TripTable, known: Sequence[Drive] = ()) -> None:
        """Start with the ways that the day before has left."""
        self.roads, self.trips, self.network = roads, trips, roads.paths.network
        self._known = {(drive.ev, drive.departure_s): drive for drive in known}
        self.left_station: dict[tuple[int, int], tuple[int, int, bool]] = {}
        """By trip: the second in which a vehicle left its station by another way, the closed link, and if it waits."""

    # as a road closes

    def reroute(self, sessions: Mapping[int, Session], now_s: int, closed: BoolArray) -> list[Rerouted]:
        """Return the vehicles on the roads whose leg leads on over a link that is *closed* from now on.

        *sessions* are those that have not ended, by the number of the EV.
        """
        trips, rerouted = self.trips, []
        drives_home = trips.arrival_s >= now_s
        for row in np.flatnonzero(trips.is_made & (drives_home | (trips.arrival_s < 0))).tolist():
            session = None if drives_home[row] else sessions.get(int(trips.ev[row]))
            if not drives_home[row] and (session is None or session.arrival_s < now_s):
                continue  # at a station
            leg: Leg = "to_destination" if session is None else "to_station"
            end_s = int(trips.arrival_s[row]) if session is None else session.arrival_s
            found = self._next_node(row, leg, end_s, now_s, closed)
            if found is not None:
                node, node_s, link = found
                way, arrival_s = self._way_on(node, node_s, self._goal(row, leg), now_s)
                self._take(row, leg, way)
                rerouted.append(Rerouted(row, session, arrival_s, link, waits=way.start_s > node_s))
        return rerouted

    def _next_node(
        self, row: int, leg: Leg, end_s: int, now_s: int, closed: BoolArray
    ) -> tuple[int, int, int] | None:
        """Return the node that a vehicle reaches next, when, and the closed link ahead; None if its way is open."""
        way = self._way(row, leg)
        links = np.array(way.links, dtype=np.int64)
        if not closed[links].any():
            return None
        start_s = self._start_s(row, leg) if way.start_s < 0 else way.start_s
        reached_min = np.cumsum(way.minutes)
        entry_s = start_s + (end_s - start_s) * (reached_min - way.minutes) / max(reached_min[-1], 1e-9)
        ahead = entry_s >= now_s
        if not (closed[links] & ahead).any():
            return None
        first, shut = int(np.argmax(ahead)), int(np.argmax(closed[links] & ahead))
        return int(self.network.from_node[links[first]]), int(np.ceil(entry_s[first])), int(links[shut])

    def _start_s(self, row: int, leg: Leg) -> int:
        """Return the second in which a leg began as planned."""
        trips = self.trips
        if leg == "to_station" or trips.station[row] < 0:
            return int(trips.departure_s[row])
        return int(trips.arrival_s[row] - trips.station_to_destination_s[row])

    # as vehicles leave a station

    def arrivals_s(self, rows: IntArray, leave_s: IntArray) -> IntArray:
        """Return when vehicles arrive at their destinations that leave their stations at *leave_s*."""
        arrivals_s: IntArray = leave_s + self.trips.station_to_destination_s[rows]
        if self.roads.closures.any_events:
            for index, (row, second) in enumerate(zip(rows.tolist(), leave_s.tolist(), strict=True)):
                arrivals_s[index] = self._leave(row, second, int(arrivals_s[index]))
        return arrivals_s

    def _leave(self, row: int, leave_s: int, planned_s: int) -> int:
        """Return when a vehicle arrives that leaves its station, by another way if the one it planned is closed.

        A fleet may have let it leave before, and rolled that back.
        """
        key = self._key(row)
        if self._drive(row).to_destination is not None:
            self._take(row, "to_destination", None)
        self.left_station.pop(key, None)
        links = np.array(self._way(row, "to_destination").links, dtype=np.int64)
        if not self.roads.closed[links].any():
            return planned_s
        way, arrival_s = self._way_on(self._station_node(row), leave_s, self._goal(row), leave_s)
        self._take(row, "to_destination", way)
        link = int(links[np.argmax(self.roads.closed[links])])
        self.left_station[key] = leave_s, link, way.start_s > leave_s
        return arrival_s

    def divert(self, row: int, here: int, now_s: int) -> None:
        """Note the ways of a vehicle that drives from station number *here* to the one in its row of the trips."""
        if not self.roads.closures.any_events:
            return
        node, there = int(self.network.from_node[self.network.charging_arcs[here]]), self._station_node(row)
        to_station, planned = self.roads.way(node, there, now_s), self._drive(row).planned
        assert to_station is not None  # noqa: S101  (the station was chosen among those that can be reached)
        if int(self.trips.station[row]) != here:
            planned = self.roads.way(there, self._goal(row), now_s)
        here_on = replace(to_station, start_s=now_s)
        self._known[self._key(row)] = replace(self._drive(row), to_station=here_on, planned=planned)

    # ways

    def _way(self, row: int, leg: Leg) -> Way:
        """Return the way of a leg: the one taken last, the one planned from a new station, or that of the path."""
        drive = self._drive(row)
        own: Way | None = getattr(drive, leg)
        if leg == "to_destination":
            own = own or drive.planned
        return own or self._way_of_path(row, leg)

    def _way_of_path(self, row: int, leg: Leg) -> Way:
        """Return the part of the path before its station, or after it; all of it without one."""
        paths, path = self.roads.paths, int(self.trips.path[row])
        start, end = paths.indptr[path : path + 2].tolist()
        arc = int(paths.charges_at[path])
        if arc >= 0:
            start, end = (start, arc) if leg == "to_station" else (arc + 1, end)
        links = paths.links[start:end]
        times_min = self.roads.times_min(int(self.trips.departure_s[row]))
        node = int(self.network.from_node[links[0]]) if links.size else self._goal(row, leg)
        return Way(node=node, links=tuple(links.tolist()), minutes=tuple(times_min[links].tolist()))

    def _way_on(self, node: int, node_s: int, goal: int, now_s: int) -> tuple[Way, int]:
        """Return the shortest way from a node, as soon as one is open, and when it ends: NEVER_S if none ever is."""
        for second in self.roads.closures.changes_s(now_s, self.roads.day_ahead.days):
            way = self.roads.way(node, goal, second)
            if way is not None:
                start_s = max(node_s, second)
                return replace(way, start_s=start_s), start_s + way.drive_s
        return Way(node=node, start_s=NEVER_S), NEVER_S

    def _goal(self, row: int, leg: Leg = "to_destination") -> int:
        """Return the node at which a leg ends."""
        if leg == "to_station":
            return self._station_node(row)
        return int(self.roads.paths.od.dest[self.trips.od[row]])

    def _station_node(self, row: int) -> int:
        return int(self.network.from_node[self.network.charging_arcs[self.trips.station[row]]])

    # records

    def _key(self, row: int) -> tuple[int, int]:
        return int(self.trips.ev[row]), int(self.trips.departure_s[row])

    def _drive(self, row: int) -> Drive:
        ev, departure_s = self._key(row)
        return self._known.get((ev, departure_s)) or Drive(ev=ev, departure_s=departure_s)

    def _take(self, row: int, leg: Leg, way: Way | None) -> None:
        """Note the way that a vehicle takes; None: as planned."""
        drive = self._drive(row)
        to_station = leg == "to_station"
        taken = replace(drive, to_station=way) if to_station else replace(drive, to_destination=way)
        self._known[self._key(row)] = taken

    def of(self, trips: TripTable) -> tuple[Drive, ...]:
        """Return the ways of these trips."""
        keys = zip(trips.ev.tolist(), trips.departure_s.tolist(), strict=True)
        return tuple(self._known[key] for key in keys if key in self._known)

    def settle(self) -> None:
        """Set the driving times of trips whose way has changed, waits for a road to open included."""
        trips = self.trips
        ended = np.flatnonzero(trips.has_arrived & (trips.arrival_s < NEVER_S))
        for row in ended.tolist() if self._known else ():
            if self._key(row) in self._known:
                at_station_s = trips.wait_s[row] + trips.charge_s[row]
                trips.drive_s[row] = trips.arrival_s[row] - trips.departure_s[row] - at_station_s
