"""Devices of feeders that fail: what each event did, from what the operators noted.

What is in service is a function of the scenario (``cosim/scenario/outages.py``): operators plan with what they know of
it, and what was planned beyond what is there is not carried out.
"""

from collections.abc import Sequence
from typing import ClassVar

import mesa

from agents.events.room import EventRoom
from agents.grid_operator import GridOperator
from cosim.config.events import BranchEvent
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


class BranchEvents(DeviceEvents):
    """Events of branches, which operators learn of likewise; stations without supply have events of their own."""

    kinds: ClassVar[frozenset[str]] = frozenset({"branch"})
    effects: ClassVar[tuple[str, ...]] = (
        "buses without supply",
        "periods fed over the tie",
        "kWh of load not served",
        "kWh planned and not delivered",
    )


def tell_devices(room: EventRoom, model: mesa.Model, periods: Periods) -> None:
    """Tell of each event how long it lasted, who was without supply, and what devices did not deliver as planned."""
    day, start_s = room.start_s // SECONDS_PER_DAY + 1, room.start_s
    for operator in model.agents.select(agent_type=GridOperator):
        outages = operator.case.outages
        for event in outages.events:
            interval = event.interval_s(day)
            if interval is None:
                continue
            if isinstance(event.config, BranchEvent):
                network = outages.alone(event)
                room.effects.add(event, start_s, BranchEvents.effects[0], len(network.cut_off))
                tied = sum(one is network for one in outages.actual(day).networks) if event.config.tie else 0
                room.effects.add(event, start_s, BranchEvents.effects[1], tied)
            else:
                begun, ended = interval[0] // periods.seconds, -(-interval[1] // periods.seconds)
                room.effects.add(event, start_s, DeviceEvents.effects[0], ended - begun)
        for period, kwh in operator.unserved_kwh.items():
            at_s = periods.start_s(period)
            room.effects.add(outages.worst("", at_s), at_s, BranchEvents.effects[2], kwh)
        for (period, device), kwh in operator.undelivered_kwh.items():
            at_s = periods.start_s(period)
            room.effects.add(outages.worst(device, at_s), at_s, DeviceEvents.effects[1], kwh)
