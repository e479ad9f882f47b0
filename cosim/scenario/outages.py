"""What is in service on a feeder in each period of a day, for the events that befall it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cosim.arrays import FloatArray
from cosim.config.events import DeviceEvent
from cosim.config.grid import GridConfig
from cosim.grid.in_service import InService
from cosim.periods import SECONDS_PER_DAY, Periods
from cosim.scenario.events import Event
from cosim.scenario.grid_references import feeder_of


def events_of(feeder: str, events: Sequence[Event], grid: GridConfig) -> tuple[Event, ...]:
    """Return the events that befall one feeder."""
    of_grid = (event for event in events if isinstance(event.config, DeviceEvent))
    return tuple(event for event in of_grid if feeder_of(event.config, grid) == feeder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outages:
    """The events that befall one feeder."""

    events: tuple[Event, ...]
    periods: Periods

    def planned(self, day: int = 1) -> InService:
        """Return what is known beforehand to be in service in each period of a day."""
        return self.known((), day)

    def known(self, reported: Collection[int], day: int = 1) -> InService:
        """Return what is in service by planned events, and by sudden ones whose numbers were *reported*."""
        return self._under([event for event in self.events if event.planned or event.number in reported], day)

    def actual(self, day: int = 1) -> InService:
        """Return what is in service by all events."""
        return self._under(self.events, day)

    def worst(self, device: str, start_s: int, seconds: int) -> Event:
        """Return the event that leaves a device the least power in some seconds; one befalls it then."""
        day = start_s // SECONDS_PER_DAY + 1
        own = [event for event in self.events if event.thing == device]
        then = [
            event
            for event in own
            if (at := event.interval_s(day)) and at[0] < start_s + seconds and start_s < at[1]
        ]
        return min(then, key=lambda event: event.config.power)  # type: ignore[union-attr]

    def _under(self, events: Sequence[Event], day: int) -> InService:
        by_device: dict[str, list[Event]] = {}
        for event in events:
            if event.interval_s(day) is not None:
                by_device.setdefault(event.thing, []).append(event)
        return InService(power={name: self._share(own, day) for name, own in by_device.items()})

    def _share(self, events: Sequence[Event], day: int) -> FloatArray:
        """Return the mean share of a device's power in each period; of events at once the worst holds."""
        start_s = (day - 1) * SECONDS_PER_DAY
        changes = {second - start_s for event in events for second in event.interval_s(day) or ()}
        pieces = np.array(list(pairwise(sorted({0, SECONDS_PER_DAY, *changes}))))
        least = [
            min([1.0, *(event.config.power for event in events if event.holds_at(start_s + int(first)))])  # type: ignore[union-attr]
            for first in pieces[:, 0]
        ]
        begins = np.arange(self.periods.count)[:, None] * self.periods.seconds
        overlap_s = np.minimum(begins + self.periods.seconds, pieces[:, 1]) - np.maximum(begins, pieces[:, 0])
        share: FloatArray = np.maximum(overlap_s, 0) @ np.array(least) / self.periods.seconds
        return share
