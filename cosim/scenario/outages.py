"""What is in service on a feeder in each period of a day, for the events that befall it.

Within a period the mean counts: of the power of a device, and of the time in which a bus is supplied. The network of a
period is one: a branch counts as open where it is so from beginning to end; one that a tie replaces, where it is so for
more than half of it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from cosim.arrays import FloatArray
from cosim.config.events import BranchEvent, DeviceEvent
from cosim.grid.cut_off import cut_off
from cosim.grid.device import Devices
from cosim.grid.in_service import ALL_IN_SERVICE, InService
from cosim.grid.radial import Feeder
from cosim.periods import SECONDS_PER_DAY, Periods
from cosim.scenario.events import Event

Events = Sequence[Event]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outages:
    """The events that befall one feeder."""

    events: tuple[Event, ...] = ()
    periods: Periods
    devices: Devices
    feeder: Feeder
    rewired: Mapping[frozenset[int], Feeder] = field(default_factory=dict)
    """The feeder with ties closed, by the numbers of their events."""

    def planned(self, day: int = 1) -> InService:
        """Return what is known beforehand to be in service in each period of a day."""
        return self.known((), day)

    def known(self, reported: Collection[int], day: int = 1) -> InService:
        """Return what is in service by planned events, and by sudden ones whose numbers were *reported*."""
        return self._under([event for event in self.events if event.planned or event.number in reported], day)

    def actual(self, day: int = 1) -> InService:
        """Return what is in service by all events."""
        return self._under(self.events, day)

    def worst(self, device: str, start_s: int) -> Event:
        """Return the event, in the period from *start_s* on, that leaves a *device* the least, or of a branch."""
        day, stop_s = start_s // SECONDS_PER_DAY + 1, start_s + self.periods.seconds
        then = [
            event
            for event in self.events
            if (at := event.interval_s(day)) and at[0] < stop_s and start_s < at[1]
        ]
        own = [event for event in then if isinstance(event.config, DeviceEvent) and event.thing == device]
        cuts = [event for event in then if isinstance(event.config, BranchEvent)]
        return min(
            own or cuts,
            key=lambda event: (getattr(event.config, "power", 0.0), bool(getattr(event.config, "tie", ""))),
        )

    def alone(self, event: Event) -> Feeder:
        """Return the network while an event of a branch, and no other, holds."""
        return self._network([event])

    def without_supply(self, events: Events, day: int) -> list[tuple[int, int, frozenset[str]]]:
        """Return the seconds of a day from and before which buses are cut off by *events*, with their names."""
        branches = [event for event in events if isinstance(event.config, BranchEvent)]
        start_s, found = (day - 1) * SECONDS_PER_DAY, []
        for first, stop in _pieces(branches, day).tolist():
            network = self._network([event for event in branches if event.holds_at(start_s + first)])
            names = frozenset(network.bus_names[bus] for bus in network.cut_off)
            if names:
                found.append((start_s + first, start_s + stop, names))
        return found

    def _under(self, events: Events, day: int) -> InService:
        today = [event for event in events if event.interval_s(day) is not None]
        if not today:
            return ALL_IN_SERVICE
        by_device: dict[str, list[Event]] = {}
        for event in today:
            if isinstance(event.config, DeviceEvent):
                by_device.setdefault(event.thing, []).append(event)
        power = {name: self._share(own, day) for name, own in by_device.items()}
        branches = [event for event in today if isinstance(event.config, BranchEvent)]
        if not branches:
            return InService(power=power)
        networks = self._networks(branches, day)
        supplied = self._supplied(branches, day, networks)
        base = self.feeder
        for device in self.devices.all:
            share = supplied[:, base.bus_index(device.bus)]
            if (share < 1).any():
                power[device.name] = power.get(device.name, np.ones_like(share)) * share
        stand_ins = tuple(None if network is base else network for network in networks)
        return InService(power=power, networks=stand_ins, supplied=supplied)

    def _share(self, events: Events, day: int) -> FloatArray:
        """Return the mean share of a device's power in each period; of events at once the worst holds."""
        pieces, start_s = _pieces(events, day), (day - 1) * SECONDS_PER_DAY
        least = [
            min([1.0, *(event.config.power for event in events if event.holds_at(start_s + first))])  # type: ignore[union-attr]
            for first in pieces[:, 0].tolist()
        ]
        share: FloatArray = self._weights(pieces) @ np.array(least) / self.periods.seconds
        return share

    def _weights(self, pieces: np.ndarray) -> np.ndarray:
        """Return the seconds of each period in each piece of the day, (periods, pieces)."""
        begins = np.arange(self.periods.count)[:, None] * self.periods.seconds
        overlap_s = np.minimum(begins + self.periods.seconds, pieces[:, 1]) - np.maximum(begins, pieces[:, 0])
        return np.asarray(np.maximum(overlap_s, 0))

    def _networks(self, branches: Events, day: int) -> list[Feeder]:
        """Return the network of each period."""
        pieces, start_s = _pieces(branches, day), (day - 1) * SECONDS_PER_DAY
        weights = self._weights(pieces)
        open_s = {
            event.number: weights[
                :, [event.holds_at(start_s + first) for first in pieces[:, 0].tolist()]
            ].sum(axis=1)
            for event in branches
        }
        least = {
            event.number: self.periods.seconds / 2 + 0.5 if event.config.tie else self.periods.seconds  # type: ignore[union-attr]
            for event in branches
        }
        return [
            self._network([event for event in branches if open_s[event.number][row] >= least[event.number]])
            for row in range(self.periods.count)
        ]

    def _supplied(self, branches: Events, day: int, networks: Sequence[Feeder]) -> FloatArray:
        """Return the share of each period in which each bus is supplied; 0 where its network cuts it off."""
        pieces, start_s = _pieces(branches, day), (day - 1) * SECONDS_PER_DAY
        fed = np.ones((len(pieces), networks[0].bus_count))
        for row, first in enumerate(pieces[:, 0].tolist()):
            now = self._network([event for event in branches if event.holds_at(start_s + first)])
            fed[row, list(now.cut_off)] = 0.0
        supplied: FloatArray = self._weights(pieces) @ fed / self.periods.seconds
        for row, network in enumerate(networks):
            supplied[row, list(network.cut_off)] = 0.0
        return supplied

    def _network(self, branches: Events) -> Feeder:
        """Return the network while exactly these events hold."""
        ties = frozenset[int]()
        for event in branches:  # of ties that make no tree together, those of the events listed first
            if ties | {event.number} in self.rewired:
                ties |= {event.number}
        opened = frozenset(event.thing for event in branches if event.number not in ties)
        network = self.rewired[ties] if ties else self.feeder
        return cut_off(network, opened) if opened else network


def _pieces(events: Events, day: int) -> np.ndarray:
    """Return the pieces of a day in which nothing changes, each by its first second and the one after its last."""
    start_s = (day - 1) * SECONDS_PER_DAY
    changes = {second - start_s for event in events for second in event.interval_s(day) or ()}
    return np.array(list(pairwise(sorted({0, SECONDS_PER_DAY, *changes}))))
