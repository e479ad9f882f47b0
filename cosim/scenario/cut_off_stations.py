"""Charging stations that events of branches leave without supply: closed, as by an event of their own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cosim.config.events import BranchEvent, StationEvent
from cosim.periods import SECONDS_PER_DAY
from cosim.scenario.events import Event
from cosim.scenario.feeder_case import FeederCase
from cosim.scenario.station import Station

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff(Event):
    """A station without supply; its number is that of the event of the branch."""

    by_day: Mapping[int, Interval | None]
    """Seconds of the day from and before which it is, by day; 0 stands for all other days."""

    def interval_s(self, day: int) -> Interval | None:
        """Return the second at which it begins on a day, and the first without it; None on a day without it."""
        found = self.by_day.get(day, self.by_day.get(0))
        start_s = (day - 1) * SECONDS_PER_DAY
        return found and (start_s + found[0], start_s + found[1])


def cut_off_stations(stations: Sequence[Station], feeders: Sequence[FeederCase]) -> tuple[Event, ...]:
    """Return when each station is without supply, as events of kind ``station``."""
    return tuple(
        event
        for case in feeders
        for station in stations
        if station.feeder == case.feeder.name
        for event in _of_station(station, case)
    )


def _of_station(station: Station, case: FeederCase) -> Iterator[CutOff]:
    """Yield an event for each time without supply; those of several days that are alike are one."""
    branches = [event for event in case.outages.events if isinstance(event.config, BranchEvent)]
    days = {event.config.day for event in branches if event.config.day is not None}
    found: dict[tuple[bool, int, int], dict[int, Interval | None]] = {}
    for day in sorted(days | {0}) if branches else ():
        on = day or max(days, default=0) + 1
        for key, interval in _of_day(station, case, branches, on):
            found.setdefault(key, dict.fromkeys(sorted(days | {0})))[day] = interval
    for (planned, number, _), by_day in sorted(found.items()):
        closed = {"kind": "station", "name": station.name, "from": "00:00", "planned": planned}
        yield CutOff(number=number, config=StationEvent.model_validate(closed), by_day=by_day)


def _of_day(
    station: Station, case: FeederCase, branches: Sequence[Event], day: int
) -> Iterator[tuple[tuple[bool, int, int], Interval]]:
    """Yield whether it was planned, the event of the branch, a running number, and when."""
    bus = case.feeder.bus_names[case.feeder.bus_index(station.bus)]
    start_s, times = (day - 1) * SECONDS_PER_DAY, list[tuple[bool, int, int, int]]()
    foreseen = case.outages.without_supply([event for event in branches if event.planned], day)
    for first_s, stop_s, names in case.outages.without_supply(branches, day):
        if bus not in names:
            continue
        planned = any(a <= first_s < b and bus in own for a, b, own in foreseen)
        then = [event for event in branches if event.holds_at(first_s) and event.planned >= planned]
        # by itself, or only together with others
        alone = [event for event in then if case.feeder.bus_index(bus) in case.outages.alone(event).cut_off]
        number = min(event.number for event in alone or then)
        if times and times[-1][:2] == (planned, number) and times[-1][3] == first_s - start_s:
            times[-1] = (planned, number, times[-1][2], stop_s - start_s)
        else:
            times.append((planned, number, first_s - start_s, stop_s - start_s))
    for ordinal, (planned, number, first, stop) in enumerate(times):
        yield (planned, number, ordinal), (first, stop)
