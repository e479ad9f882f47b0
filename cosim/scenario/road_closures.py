"""Road links that are closed, or have less capacity, at each second: a function of the network and the events alone.

Of several events of one link the worst holds. In a period that an event covers in part, a link has its mean capacity.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

import numpy as np

from cosim.arrays import BoolArray, FloatArray
from cosim.config.events import MIN_CAPACITY_SHARE, AnyEvent, RoadEvent
from cosim.periods import SECONDS_PER_DAY, PeriodOfDay, Periods
from cosim.road.network import Network
from cosim.scenario.events import Event, changes_s, holding, links_of, parts


class RoadClosures:
    """The share of its capacity that each link has at a time, 0 where it is closed: (links,)."""

    def __init__(self, network: Network, events: Iterable[Event]) -> None:
        """Find the links of each event of a road."""
        self.network = network
        self._roads = [
            (event, links_of(network, event.config), event.config.capacity)
            for event in events
            if isinstance(event.config, RoadEvent)
        ]
        self.events = [event for event, _, _ in self._roads]
        """Events of roads, in the order of the file."""

    @property
    def any_events(self) -> bool:
        """Whether anything ever happens to a road."""
        return bool(self.events)

    def share(self, now_s: int) -> FloatArray:
        """Return the shares in a second."""
        return self._share_under(holding(self.events, now_s))

    def _share_under(self, going_on: Collection[Event]) -> FloatArray:
        share = np.ones(len(self.network.links))
        for event, links, capacity in self._roads if going_on else ():
            if event in going_on:
                share[links] = np.minimum(share[links], capacity)
        return share

    def closed(self, now_s: int) -> BoolArray:
        """Return the links that are closed in a second."""
        closed: BoolArray = self.share(now_s) == 0
        return closed

    def closes(self, event: Event) -> bool:
        """Whether an event of a road closes it."""
        return any(own is event and capacity == 0 for own, _, capacity in self._roads)

    def closed_by(self, link: int, now_s: int) -> Event | None:
        """Return the first event that keeps a link closed in a second."""
        for event, links, capacity in self._roads:
            if capacity == 0 and event.holds_at(now_s) and link in links:
                return event
        return None

    def parts(self, from_s: int, until_s: int) -> list[tuple[float, FloatArray]]:
        """Return the parts of an interval in which nothing changes: the part of the time, and the shares."""
        return [(part, self._share_under(going_on)) for part, going_on in parts(self.events, from_s, until_s)]

    def in_period(self, periods: Periods, period: PeriodOfDay) -> FloatArray:
        """Return the mean shares in a period; 0 where less remains than counts as passable."""
        start_s = periods.start_s(period)
        mean = np.zeros(len(self.network.links))
        for weight, share in self.parts(start_s, start_s + periods.seconds):
            mean += weight * share
        return np.where(mean < MIN_CAPACITY_SHARE, 0.0, mean)

    def changes_s(self, now_s: int, days: int) -> list[int]:
        """Return this second, and those up to the end of the day after the last in which anything changes."""
        return [now_s, *changes_s(self.events, now_s + 1, (days + 1) * SECONDS_PER_DAY)]


def closed_together(network: Network, events: Sequence[AnyEvent], days: int) -> list[BoolArray]:
    """Return each set of links that are closed at the same time on one of the days, (links,), in order of time."""
    roads = RoadClosures(network, [Event(number=1, config=event) for event in events])
    seconds = changes_s(roads.events, 0, days * SECONDS_PER_DAY)
    sets = (closed for closed in map(roads.closed, seconds) if closed.any())
    return list({closed.tobytes(): closed for closed in sets}.values())


def at_share(network: Network, share: FloatArray) -> Network:
    """Return the network with a share of each capacity; that of a closed link stays, for it takes no flow."""
    if (share == 1).all():
        return network
    return replace(network, capacity_veh_h=network.capacity_veh_h * np.where(share > 0, share, 1.0))


def time_at_capacity(
    network: Network, time_min: FloatArray, share: FloatArray, new_share: FloatArray
) -> FloatArray:
    """Return link times at another share of the capacity and the same flow: t0 + (t - t0) (share / new share)^beta.

    It is exact for BPR. The time of a link that is closed before or afterwards is not changed.
    """
    changes = (share > 0) & (new_share > 0) & (share != new_share)
    if not changes.any():
        return time_min
    ratio = np.divide(share, new_share, out=np.ones_like(share), where=changes)
    scaled = network.t0_min + (time_min - network.t0_min) * ratio**network.beta
    return np.where(changes, scaled, time_min)
