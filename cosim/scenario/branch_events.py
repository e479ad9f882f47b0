"""Branches that events open and ties that they close: what they refer to, and the networks that come of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from pathlib import Path

from cosim.config import ScenarioConfig
from cosim.config.events import BranchEvent, DeviceEvent
from cosim.errors import ConfigError, Problem, Problems, refuse
from cosim.grid.cut_off import cut_off
from cosim.grid.radial import Feeder
from cosim.scenario.events import Event, place_of
from cosim.scenario.feeder_case import FeederCase, read_feeder
from cosim.scenario.grid_references import feeder_of

TIES_AT_ONCE_MAX = 4
"""Ties of one feeder that may be closed at once: each set of them is a network that is read and checked."""
Switch = Callable[[Mapping[str, bool]], Feeder]
"""Reads a feeder with branches in service or not, whatever its file says."""


def events_of(feeder: Feeder, events: Sequence[Event], config: ScenarioConfig) -> tuple[Event, ...]:
    """Return the events that befall the devices and branches of a feeder."""
    return tuple(event for event in events if _befalls(event, feeder, config))


def _befalls(event: Event, feeder: Feeder, config: ScenarioConfig) -> bool:
    if isinstance(event.config, DeviceEvent):
        return feeder_of(event.config, config.grid) == feeder.name
    if not isinstance(event.config, BranchEvent):
        return False
    return event.config.feeder in {None, feeder.name} and event.thing in feeder.branch_names


def check_branches(events: Sequence[Event], config: ScenarioConfig, feeders: Sequence[Feeder | None]) -> None:
    """Raise ConfigError with every branch that does not exist, is not in service, or is one of several of its name."""
    if None not in feeders:
        known = [feeder for feeder in feeders if feeder is not None]
        refuse("events", (problem for event in events for problem in _problems(event, config, known)))


def _problems(event: Event, config: ScenarioConfig, feeders: Sequence[Feeder]) -> Iterator[Problem]:
    if not isinstance(event.config, BranchEvent):
        return
    place, names = place_of(event, config), [feeder.name for feeder in feeders]
    if event.config.feeder is not None and event.config.feeder not in names:
        allowed = f"one of {', '.join(names)}"
        yield Problem(field=f"{place}.feeder", value=event.config.feeder, allowed=allowed)
        return
    found = [feeder.name for feeder in feeders if _befalls(event, feeder, config)]
    if len(found) > 1:
        clause = f"is '{event.thing}', and feeders {', '.join(found)} have a branch of that name"
        yield Problem(clause, field=f"{place}.name", value=event.thing, advice="name one of them as feeder")
    if not found:
        own = [feeder for feeder in feeders if event.config.feeder in {None, feeder.name}]
        branches = [name for feeder in own for name in feeder.branch_names]
        allowed = f"one of the {len(branches)} branches in service, {branches[0]} to {branches[-1]}"
        yield Problem(field=f"{place}.name", value=event.thing, allowed=allowed)


def with_events(
    cases: Sequence[FeederCase],
    feeders: Sequence[Feeder | None],
    events: Sequence[Event],
    config: ScenarioConfig,
    folder: Path,
) -> tuple[FeederCase, ...]:
    """Return each feeder with the events that befall it and the networks they make; ConfigError with all problems."""
    problems, by_name, found = Problems(), {one.name: one for one in config.grid.feeders}, []
    problems.attempt(check_branches, events, config, feeders)
    for case in cases:
        own = events_of(case.feeder, events, config)
        switch = partial(read_feeder, by_name[case.feeder.name], folder)
        networks = problems.attempt(networks_of, case.feeder, own, config, switch) or {}
        found.append(replace(case, outages=replace(case.outages, events=own, rewired=networks)))
    refuse("events", problems)
    return tuple(found)


def networks_of(
    feeder: Feeder, own: Sequence[Event], config: ScenarioConfig, switch: Switch
) -> dict[frozenset[int], Feeder]:
    """Return the feeder with each set of ties that are closed at once, by the numbers of their events.

    Those that make no tree together are left out. Raises ConfigError for a tie that is none by itself, and for events
    that cut off every bus.
    """
    ties = [event for event in own if isinstance(event.config, BranchEvent) and event.config.tie]
    networks, problems = dict[frozenset[int], Feeder](), list[Problem]()
    for count in range(1, min(len(ties), TIES_AT_ONCE_MAX) + 1):
        for chosen in combinations(ties, count):
            if all(_overlap(*pair) for pair in combinations(chosen, 2)):
                try:
                    networks[frozenset(event.number for event in chosen)] = _rewired(feeder, chosen, switch)
                except ConfigError as error:
                    if count == 1:
                        problems.append(_refused(chosen[0], config, error))
    for event in own:
        if isinstance(event.config, BranchEvent) and not event.config.tie:
            problems += _cuts_too_much(event, feeder, config)
    refuse("events", problems)
    return networks


def _overlap(one: Event, other: Event) -> bool:
    """Whether two events hold at once, or in one day at all."""
    if None not in {one.config.day, other.config.day} and one.config.day != other.config.day:
        return False
    return one.config.from_s < other.config.until_s and other.config.from_s < one.config.until_s


def _rewired(feeder: Feeder, events: Sequence[Event], switch: Switch) -> Feeder:
    """Return the feeder with branches open and ties closed; raises ConfigError where it is no tree then."""
    ties = [str(event.config.tie) for event in events]  # type: ignore[union-attr]
    closed = [tie for tie in ties if tie in feeder.branch_names]
    refuse("events", [f"branch {tie} is in service already" for tie in closed])
    return switch(dict.fromkeys((event.thing for event in events), False) | dict.fromkeys(ties, True))


def _refused(event: Event, config: ScenarioConfig, error: ConfigError) -> Problem:
    """Return the problem of a tie that makes no feeder."""
    first, tie = error.problems[0], event.config.tie  # type: ignore[union-attr]
    clause = f"is '{tie}'; it cannot be closed while {event.thing} is open: {first.clause or str(first)}"
    return Problem(clause, field=f"{place_of(event, config)}.tie", value=tie)


def _cuts_too_much(event: Event, feeder: Feeder, config: ScenarioConfig) -> Iterator[Problem]:
    """Yield the problem of an event that leaves nobody supplied, or opens what cannot be opened."""
    place = f"{place_of(event, config)}.name"
    try:
        network = cut_off(feeder, frozenset([event.thing]))
    except ConfigError as error:
        yield Problem(str(error.problems[0]), field=place, value=event.thing)
        return
    if len(network.cut_off) == feeder.bus_count - feeder.slack_buses.size:
        clause = f"is '{event.thing}'; with it open every bus of feeder {feeder.name} is cut off"
        yield Problem(clause, field=place, value=event.thing, advice="open another branch, or name a tie")
