"""Agents that do not answer, and meters that do not read, for some time."""

from collections.abc import Sequence
from typing import ClassVar

import mesa

from agents.coordinator import Coordinator
from agents.events.room import EventRoom
from agents.grid_operator import GridOperator
from agents.station import Reading, StationAgent
from cosim.config.events import MeterEvent
from cosim.periods import SECONDS_PER_DAY, Periods
from cosim.scenario import Event

EFFECTS = {
    "operator": "periods without a dispatch",
    "coordinator": "periods without an announcement",
    "meter": "reports without a reading",
}


class Silence:
    """Events of operators, the coordinator and meters: they act as periods begin, and so do these events."""

    kinds: ClassVar[frozenset[str]] = frozenset(EFFECTS)
    effects: ClassVar[tuple[str, ...]] = ()

    def __init__(self, model: mesa.Model) -> None:
        """Let the events befall the agents of a model."""
        self.agents = model.agents

    def told(self, event: Event) -> str:  # noqa: ARG002  (as every family is called)
        """Return that nobody is told."""
        return ""

    def hold(self, now_s: int, events: Sequence[Event]) -> None:  # noqa: ARG002  (as every family is called)
        """Let exactly these agents be out."""
        for operator in self.agents.select(agent_type=GridOperator):
            feeder = operator.feeder.name
            operator.is_out = any(event.kind == "operator" and event.thing == feeder for event in events)
        for coordinator in self.agents.select(agent_type=Coordinator):
            coordinator.is_out = any(event.kind == "coordinator" for event in events)
        for station in self.agents.select(agent_type=StationAgent):
            station.reading = _reading(station.name, events)


def _reading(station: str, events: Sequence[Event]) -> Reading:
    """Return what a station reads: nothing, if one of several events says so."""
    configs = [event.config for event in events if isinstance(event.config, MeterEvent)]
    found = {config.reading for config in configs if config.name == station}
    return Reading.MISSING if "missing" in found else Reading.FROZEN if found else Reading.TRUE


def tell_silence(room: EventRoom, periods: Periods, end_s: int) -> None:
    """Tell of each event how many periods began during it."""
    for event in room.events:
        today = event.interval_s(room.start_s // SECONDS_PER_DAY + 1)
        if event.kind in EFFECTS and today is not None:
            from_s, until_s = today
            begun = [-(-second // periods.seconds) for second in (from_s, min(until_s, end_s))]
            room.effects.add(event, room.start_s, EFFECTS[event.kind], max(0, begun[1] - begun[0]))
