"""Devices of feeders that fail: what each event did, from what the operators noted.

What is in service is a function of the scenario (``cosim/scenario/outages.py``): operators plan with what they know of
it, and what was planned beyond what is there is not carried out.
"""

from collections.abc import Sequence
from typing import ClassVar

import mesa

from agents.events.room import EventRoom
from agents.grid_operator import GridOperator
from cosim.periods import SECONDS_PER_DAY, Periods
from cosim.scenario import Event, FeederCase

KINDS = frozenset({"pv", "wind", "turbine", "storage", "v2g"})


class DeviceEvents:
    """Events of devices (``EventFamily``): operators learn of sudden ones by the reports."""

    kinds: ClassVar[frozenset[str]] = KINDS
    effects: ClassVar[tuple[str, ...]] = ("periods with less power", "kWh planned and not delivered")

    def __init__(self, feeders: Sequence[FeederCase]) -> None:
        """Find who operates the device of each event."""
        self.operator = {
            event.number: f"operator {case.feeder.name}" for case in feeders for event in case.outages.events
        }

    def told(self, event: Event) -> str:
        """Return who is told of a sudden event."""
        return self.operator[event.number]

    def hold(self, now_s: int, events: Sequence[Event]) -> None:
        """Do nothing."""


def tell_devices(room: EventRoom, model: mesa.Model, periods: Periods) -> None:
    """Tell of each event how long it lasted, and what it kept a device from delivering as planned."""
    day = room.start_s // SECONDS_PER_DAY + 1
    operators = list(model.agents.select(agent_type=GridOperator))
    for event in (one for operator in operators for one in operator.case.outages.events):
        interval = event.interval_s(day)
        if interval is not None:
            begun, ended = (interval[0] // periods.seconds, -(-interval[1] // periods.seconds))
            room.effects.add(event, room.start_s, DeviceEvents.effects[0], ended - begun)
    for operator in operators:
        for (period, device), kwh in operator.undelivered_kwh.items():
            worst = operator.case.outages.worst(device, periods.start_s(period), periods.seconds)
            room.effects.add(worst, periods.start_s(period), DeviceEvents.effects[1], kwh)
