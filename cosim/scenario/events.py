"""The events of a scenario on the clock, with every reference checked.

Events of one thing may overlap: the worst holds. What refers to a part of the scenario is checked by a function of
``CHECKS``, one for each kind.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from cosim.arrays import IntArray
from cosim.config import ScenarioConfig
from cosim.config.events import AnyEvent, RoadEvent
from cosim.errors import Problem, refuse
from cosim.mail_settings import EVS
from cosim.periods import SECONDS_PER_DAY
from cosim.road.network import Network
from cosim.road.paths import PathSet
from cosim.scenario.grid_references import device_problems
from cosim.scenario.station import Station

STATION_KINDS = frozenset({"station", "chargers"})
"""Kinds of events of a charging station."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event on the clock, whose seconds count from the start of day 1."""

    number: int
    """Position in the file, from 1."""
    config: AnyEvent

    @property
    def kind(self) -> str:
        """Kind of event."""
        return self.config.kind

    @property
    def thing(self) -> str:
        """Name of what it happens to; empty where there is only one."""
        return self.config.thing

    @property
    def planned(self) -> bool:
        """Whether it is known beforehand."""
        return self.config.planned

    def interval_s(self, day: int) -> tuple[int, int] | None:
        """Return the second at which it begins on a day, and the first without it; None on a day without it."""
        if self.config.day not in {None, day}:
            return None
        start_s = (day - 1) * SECONDS_PER_DAY
        return start_s + self.config.from_s, start_s + self.config.until_s

    def holds_at(self, now_s: int) -> bool:
        """Whether it goes on in this second; nothing does before the first day."""
        if now_s < 0:
            return False
        interval = self.interval_s(now_s // SECONDS_PER_DAY + 1)
        return interval is not None and interval[0] <= now_s < interval[1]


def holding(events: Iterable[Event], now_s: int) -> list[Event]:
    """Return the events that go on in this second."""
    return [event for event in events if event.holds_at(now_s)]


def changes_s(events: Iterable[Event], from_s: int, before_s: int) -> list[int]:
    """Return the seconds in [from_s, before_s) in which an event begins or ends, in order."""
    days = range(max(1, from_s // SECONDS_PER_DAY), (before_s - 1) // SECONDS_PER_DAY + 2)
    intervals = filter(None, (event.interval_s(day) for event in events for day in days))
    return sorted({second for interval in intervals for second in interval if from_s <= second < before_s})


def parts(events: Sequence[Event], from_s: int, until_s: int) -> list[tuple[float, list[Event]]]:
    """Return the parts of an interval in which nothing changes: their shares of the time, and what goes on in each."""
    bounds = sorted({from_s, *changes_s(events, from_s, until_s), until_s})
    return [((end - start) / (until_s - from_s), holding(events, start)) for start, end in pairwise(bounds)]


def chargers_in_service(station: Station, events: Iterable[Event]) -> int:
    """Return the chargers of a station that remain while these events of it go on: 0 where it is closed."""
    remaining = [event.config.chargers if event.config.kind == "chargers" else 0 for event in events]
    return min([station.chargers, *remaining])


def events_in(config: ScenarioConfig) -> tuple[Event, ...]:
    """Return the events in the order of the file."""
    return tuple(Event(number=number, config=entry) for number, entry in enumerate(config.events, start=1))


def check_events(events: Sequence[Event], config: ScenarioConfig, paths: PathSet | None) -> None:
    """Raise ConfigError with all problems of what events refer to, but for branches, see `branch_events`.

    Roads that could not be read (*paths* None) are not checked.
    """
    refuse("events", (problem for event in events for problem in _problems(event, config, paths)))


def place_of(event: Event, config: ScenarioConfig) -> str:
    """Return the field of an event in the scenario file, by its name where no other has it."""
    name = getattr(event.config, "name", "")
    names = [getattr(entry, "name", "") for entry in config.events]
    return f"events.{name if name and names.count(name) == 1 else event.number - 1}"


def _problems(event: Event, config: ScenarioConfig, paths: PathSet | None) -> Iterator[Problem]:
    """Yield the problems of one event."""
    place = place_of(event, config)
    day = event.config.day
    if day is not None and day > config.days:
        yield Problem(field=f"{place}.day", value=day, allowed=f"a day of the run, 1 to {config.days}")
    if day is not None and event.planned and config.days > 1:
        clause = f"is {day}, and the event is planned: the equilibrium it is part of is one of all days"
        yield Problem(clause, field=f"{place}.day", value=day, advice="leave out day, or planned")
    yield from CHECKS[event.kind](event.config, place, config, paths)


def _station_problems(
    event: Any, place: str, config: ScenarioConfig, _paths: PathSet | None
) -> Iterator[Problem]:
    """Yield the problem of a station that does not exist, or does not have so many chargers."""
    chargers = {station.name: station.chargers for station in config.stations}
    if event.name not in chargers:
        yield _unknown(place, event.name, "station", list(chargers))
    elif event.kind == "chargers" and event.chargers >= chargers[event.name]:
        allowed = f"below {chargers[event.name]}, the chargers of the station"
        yield Problem(field=f"{place}.chargers", value=event.chargers, allowed=allowed)


def _road_problems(
    event: Any, place: str, _config: ScenarioConfig, paths: PathSet | None
) -> Iterator[Problem]:
    """Yield the problem of a link that does not exist."""
    if paths is None:
        return
    network = paths.network
    roads = [link for link, charges in zip(network.links, network.is_charging, strict=True) if not charges]
    for name in set(event.link_names) - set(roads):
        yield _unknown(place, name, "road link", roads, "name" if event.name else "links")
    if not event.link_names and not links_of(network, event).size:
        clause = f"leads from node '{event.from_node}' to node '{event.to_node}'; no road does"
        yield Problem(clause, field=place, value=event.thing)


def links_of(network: Network, event: RoadEvent) -> IntArray:
    """Return the road links that an event names, or that lead from one of its nodes to the other."""
    ends, names = (event.from_node, event.to_node), set(event.link_names)
    nodes = network.nodes
    found = [
        link
        for link in np.flatnonzero(~network.is_charging).tolist()
        if network.links[link] in names
        or (nodes[network.from_node[link]], nodes[network.to_node[link]]) == ends
    ]
    return np.array(found, dtype=np.int64)


def _operator_problems(
    event: Any, place: str, config: ScenarioConfig, _paths: PathSet | None
) -> Iterator[Problem]:
    """Yield the problem of a feeder that does not exist."""
    feeders = [feeder.name for feeder in config.grid.feeders]
    if event.name not in feeders:
        yield _unknown(place, event.name, "feeder", feeders)


def _mail_problems(
    event: Any, place: str, config: ScenarioConfig, _paths: PathSet | None
) -> Iterator[Problem]:
    """Yield the problem of a sender that does not exist."""
    operators = [f"operator {feeder.name}" for feeder in config.grid.feeders]
    senders = [*(station.name for station in config.stations), *operators, "coordinator", EVS]
    if event.sender and event.sender not in senders:
        allowed = f"one of {', '.join(senders)}"
        yield Problem(field=f"{place}.sender", value=event.sender, allowed=allowed)


def _unknown(place: str, name: str, kind: str, names: list[str], field: str = "name") -> Problem:
    allowed = f"one of the {len(names)} {kind}s, {names[0]} to {names[-1]}" if len(names) > 1 else names[0]
    return Problem(field=f"{place}.{field}", value=name, allowed=allowed)


CHECKS: dict[str, Callable[[Any, str, ScenarioConfig, PathSet | None], Iterator[Problem]]] = {
    "station": _station_problems,
    "chargers": _station_problems,
    "road": _road_problems,
    **dict.fromkeys(("pv", "wind", "turbine", "storage", "v2g"), device_problems),
    "branch": lambda *_: iter(()),  # checked against the networks, in branch_events.py
    "mail": _mail_problems,
    "operator": _operator_problems,
    "coordinator": lambda *_: iter(()),
    "meter": _station_problems,
}
"""What checks the references of an event, by its kind."""
