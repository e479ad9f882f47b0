"""The room in which events happen: on the clock, in order, each told.

At every second in which an event begins or ends, and as the day begins, each family (``EventFamily``) is told which of
its events hold from then on, in phase EVENT: sessions that are complete have ended, the period that ends is recorded,
nobody has acted. What a family does, it tells ``Effects``; at the end of the day that is the table ``events``.

To add a family: a file beside this one with a class of that interface, and a line in ``agents/model.py``.
"""

import math
from collections import defaultdict
from collections.abc import Generator, Sequence
from typing import Any, ClassVar, Protocol

import simpy

from agents.clock import Clock, Phase
from agents.population import Population
from agents.trip_table import TripTable
from cosim.mailbox import PostOffice
from cosim.messages import FaultCleared, FaultReported
from cosim.periods import SECONDS_PER_DAY
from cosim.results import Recorder
from cosim.scenario import Event
from cosim.scenario.events import changes_s, holding

CLOSING = frozenset({"station", "chargers", "road", "branch"})
"""Kinds of events that may strand drivers."""


class Effects:
    """What the events of a day did: amounts by day, event and effect."""

    def __init__(self) -> None:
        """Start with none."""
        self.amounts: dict[tuple[int, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def add(self, event: Event, now_s: int, effect: str, amount: float = 1) -> None:
        """Add to an effect; 0 tells that there has been none so far."""
        self.amounts[now_s // SECONDS_PER_DAY + 1, event.number][effect].append(amount)


class EventFamily(Protocol):
    """What events of some kinds do to one part of the model."""

    kinds: ClassVar[frozenset[str]]
    """Kinds of events."""
    effects: ClassVar[tuple[str, ...]]
    """What is told of each event, also where it is 0."""

    def told(self, event: Event) -> str:
        """Return who is told of a sudden event, in messages that may be lost; empty: nobody."""
        ...

    def hold(self, now_s: int, events: Sequence[Event]) -> None:
        """Go to the state in which exactly these events hold; often it is the present one."""
        ...


class EventRoom:
    """Makes the events of a day happen, and records them."""

    def __init__(
        self,
        events: Sequence[Event],
        families: Sequence[EventFamily],
        effects: Effects,
        population: Population,
        clock: Clock,
        post: PostOffice,
    ) -> None:
        """Go to the state of the second before this one, as the day before has left it."""
        self.events, self.families, self.effects = events, families, effects
        self.population, self.clock, self.post = population, clock, post
        self.start_s = clock.now_s
        for family in families if self.start_s else ():
            family.hold(self.start_s - 1, self._of(family, self.start_s - 1))

    def start(self) -> None:
        """Register the processes on the clock."""
        if self.events:
            self.clock.env.process(self.happen())
            self.clock.env.process(self.report())

    def happen(self) -> Generator[simpy.Event, Any, None]:
        """At each change, in order, tell every family what holds."""
        for second in changes_s(self.events, self.start_s, self.start_s + 2 * SECONDS_PER_DAY):
            yield self.clock.until(second, Phase.EVENT)
            self.population.advance_through()
            for family in self.families:
                self._tell(family, second)
                family.hold(second, self._of(family, second))
            self.population.advance_through()  # vehicles plug in where chargers are back

    def _tell(self, family: EventFamily, second: int) -> None:
        """Note the events that begin, and report those that begin or end suddenly."""
        for event in self.events:
            if event.kind not in family.kinds:
                continue
            if second in (event.interval_s(second // SECONDS_PER_DAY + 1) or ())[:1]:
                for effect in family.effects:
                    self.effects.add(event, second, effect, 0)
            if event.holds_at(second) != event.holds_at(second - 1):
                self._send(family, event, FaultReported if event.holds_at(second) else FaultCleared)

    def report(self) -> Generator[simpy.Event, Any, None]:
        """As each period begins, report the sudden events that go on, so that no loss of a message lasts."""
        boundary = self.clock.until(self.start_s, Phase.EVENT)
        while True:
            yield boundary
            now_s = self.clock.now_s
            for family in self.families:
                for event in self._of(family, now_s):
                    if event.holds_at(now_s - 1):
                        self._send(family, event, FaultReported)
            boundary = self.clock.end_of_period(Phase.EVENT)

    def _send(self, family: EventFamily, event: Event, message: type[FaultReported | FaultCleared]) -> None:
        """Send a message of a sudden event to whom it concerns."""
        receiver = family.told(event)
        if event.planned or not receiver:
            return
        sender = f"{event.kind} {event.thing}"
        content = message(
            **self.clock.envelope(sender), event=event.number, kind=event.kind, name=event.thing
        )
        self.post.send(receiver, content)

    def _of(self, family: EventFamily, now_s: int) -> list[Event]:
        return [event for event in holding(self.events, now_s) if event.kind in family.kinds]

    def record(self, recorder: Recorder, trips: TripTable) -> None:
        """Write the table of events: what each did on the day, and the trips stranded while it went on."""
        for (day, number), effects in sorted(self.effects.amounts.items()):
            event = self.events[number - 1]
            from_s, until_s = event.interval_s(day) or (-1, -1)
            if event.kind in CLOSING:
                meanwhile = (trips.departure_s >= from_s) & (trips.departure_s < until_s)
                effects["trips stranded meanwhile"].append(int((trips.is_stranded & meanwhile).sum()))
            for effect, amounts in sorted(effects.items()):
                recorder.add_row(
                    "events",
                    day=day,
                    event=number,
                    kind=event.kind,
                    name=event.thing,
                    planned=event.planned,
                    from_s=from_s,
                    until_s=until_s,
                    effect=effect,
                    amount=math.fsum(amounts),  # the exact sum, whatever the order
                )
