"""``[[events]]``: faults and closures of a scenario, and what a file may say of them.

One class per kind; ``AnyEvent`` is their union, and a kind that is not in it is refused by name. To add a kind: its
class here, the check of what it refers to in ``cosim/scenario/events.py`` (``CHECKS``), and what it does among the
agents in a file of ``agents/events/`` (``EventFamily`` in ``room.py``).
"""

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from cosim.messages import INFORMATION
from cosim.periods import SECONDS_PER_DAY
from cosim.sections import Entries, Name, Place, Section, contradiction

_TIME = re.compile(r"([01]\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?")
MIDNIGHT = "24:00"
Share = Annotated[float, Field(ge=0, le=1)]
MIN_CAPACITY_SHARE = 0.01
"""Share of a link's capacity below which it is as good as closed, and its time without bound."""


def seconds_of(time: str) -> int:
    """Return the seconds since midnight of ``HH:MM`` or ``HH:MM:SS``; ValueError for another text."""
    match = _TIME.fullmatch(time)
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (99, 0, 0)
    total = 3600 * hours + 60 * minutes + seconds
    if total > SECONDS_PER_DAY:
        msg = f'a time of day in quotes, "08:30" or "08:30:15", up to "{MIDNIGHT}"'
        raise ValueError(msg)
    return total


def _time_of_day(time: str) -> str:
    seconds_of(time)
    return time


TimeOfDay = Annotated[
    str, AfterValidator(_time_of_day), WithJsonSchema({"type": "string", "pattern": f"^{_TIME.pattern}$"})
]
"""``HH:MM`` or ``HH:MM:SS``."""


class EventConfig(Section):
    """What every event has: its time, and whether it was known beforehand."""

    words: ClassVar[str]
    """What happens, for people, with fields of the event as ``{0.name}``."""

    begins: TimeOfDay = Field(alias="from")
    """Time of day at which it begins, "08:30" or "08:30:15"."""
    until: TimeOfDay = MIDNIGHT
    """Time of day at which it ends; one that goes on over midnight is told as two."""
    day: Annotated[int, Field(ge=1, le=1_000)] | None = None
    """Day on which it happens; empty: every day."""
    planned: bool = False
    """Whether it is known beforehand: to drivers, and in the equilibrium. A sudden one is learnt of as it happens."""

    @model_validator(mode="after")
    def ends_after_it_begins(self) -> "EventConfig":
        """Require an end after the beginning."""
        if self.until_s <= self.from_s:
            sentence = f"until is {self.until}; it must be after from, {self.begins}"
            raise contradiction(sentence, "from", "until")
        return self

    @property
    def thing(self) -> str:
        """Name of what it happens to; empty where there is only one."""
        return str(getattr(self, "name", ""))

    @property
    def told(self) -> str:
        """What happens, and when, for people."""
        return f"{self.words.format(self)}, {self.begins} to {self.until}"

    @property
    def from_s(self) -> int:
        """Second of the day at which it begins."""
        return seconds_of(self.begins)

    @property
    def until_s(self) -> int:
        """Second of the day at which it ends, the first without it."""
        return seconds_of(self.until)


class StationEvent(EventConfig):
    """``[[events]]`` of kind ``station``: a charging station is closed."""

    words: ClassVar[str] = "station {0.name} closed"
    kind: Literal["station"]
    """A station is closed: nobody charges there."""
    name: Place
    """Name of the station."""


class ChargersEvent(EventConfig):
    """``[[events]]`` of kind ``chargers``: a station has fewer chargers."""

    words: ClassVar[str] = "station {0.name} with chargers in service: {0.chargers}"
    kind: Literal["chargers"]
    """Some chargers of a station are out of service."""
    name: Place
    """Name of the station."""
    chargers: Annotated[int, Field(ge=1, le=100_000)]
    """Chargers that remain in service."""


class RoadEvent(EventConfig):
    """``[[events]]`` of kind ``road``: road links are closed, or have less capacity."""

    words: ClassVar[str] = "road {0.thing} {0.state}"
    kind: Literal["road"]
    """Road links are closed, or have less capacity."""
    name: Place | None = None
    """Name of the link, as in the file of the links."""
    links: Entries[Place] = ()
    """Names of several links instead, such as both directions of a road."""
    from_node: Place | None = None
    """Instead of names the node where it begins: all links from there to to_node."""
    to_node: Place | None = None
    """The node where it ends."""
    capacity: Annotated[float, Field(ge=0, le=0.99)] = 0.0
    """Share of its capacity that remains, 0.01 or more; 0: closed."""

    @property
    def thing(self) -> str:
        """The links."""
        return ", ".join(self.link_names) or f"{self.from_node}-{self.to_node}"

    @property
    def link_names(self) -> tuple[str, ...]:
        """Links that are named."""
        return self.links if self.name is None else (self.name,)

    @property
    def state(self) -> str:
        """What has become of them."""
        return f"with {self.capacity:.0%} of the capacity" if self.capacity else "closed"

    @model_validator(mode="after")
    def names_links(self) -> "RoadEvent":
        """Require one way of naming links."""
        ends = self.from_node, self.to_node
        ways = (self.name is not None) + bool(self.links) + any(end is not None for end in ends)
        if ways != 1 or (ways == 1 and not self.link_names and None in ends):
            sentence = "it must have name, or links, or both from_node and to_node"
            raise contradiction(sentence, "name", "links", "from_node", "to_node")
        return self

    @model_validator(mode="after")
    def closed_or_passable(self) -> "RoadEvent":
        """Require a share that is none, or large enough for a time."""
        if 0 < self.capacity < MIN_CAPACITY_SHARE:
            sentence = (
                f"capacity is {self.capacity:g}; it must be 0 (closed) or {MIN_CAPACITY_SHARE:g} or more"
            )
            raise contradiction(sentence, "capacity")
        return self


class DeviceEvent(EventConfig):
    """``[[events]]`` of kind ``pv``, ``wind``, ``turbine``, ``storage``, ``v2g``: a device on a feeder fails.

    Its power counts as the mean over a period; a store keeps the energy that it holds.
    """

    words: ClassVar[str] = "{0.kind} {0.name} with {0.power:.0%} of its power"
    kind: Literal["pv", "wind", "turbine", "storage", "v2g"]
    """A device of a feeder fails, or a part of it."""
    name: Place
    """Name of the device."""
    feeder: Name | None = None
    """Feeder it is on; may be left out where only one has a device of that name."""
    power: Annotated[float, Field(ge=0, le=0.99)] = 0.0
    """Share of its power that remains; 0: none."""


class BranchEvent(EventConfig):
    """``[[events]]`` of kind ``branch``: a branch of a feeder is open; what it fed is cut off, or fed over a tie."""

    words: ClassVar[str] = "branch {0.name} open{0.instead}"
    kind: Literal["branch"]
    """A branch of a feeder is open."""
    name: Place
    """Name of the branch."""
    feeder: Name | None = None
    """Feeder it is on; may be left out where only one has a branch of that name."""
    tie: Place | None = None
    """Branch out of service in the network's file that is closed meanwhile; empty: what the branch fed is cut off."""

    @property
    def instead(self) -> str:
        """What is closed in its place, in words."""
        return f", tie {self.tie} closed" if self.tie else ""


class InformationEvent(EventConfig):
    """An event of what agents tell each other: nothing that is planned beforehand depends on it."""

    @model_validator(mode="after")
    def is_sudden(self) -> "InformationEvent":
        """Require that it is not planned."""
        if self.planned:
            msg = "planned is true; an event of what agents tell each other changes nothing that is planned"
            raise contradiction(msg, "planned")
        return self


class OperatorEvent(InformationEvent):
    """``[[events]]`` of kind ``operator``: nobody dispatches a feeder."""

    words: ClassVar[str] = "no operator of feeder {0.name}"
    kind: Literal["operator"]
    """The operator of a feeder neither dispatches nor limits stations: the feeder is in the fallback operation."""
    name: Place
    """Name of the feeder."""


class CoordinatorEvent(InformationEvent):
    """``[[events]]`` of kind ``coordinator``: nobody announces link times and tariffs."""

    words: ClassVar[str] = "no coordinator"
    kind: Literal["coordinator"]
    """The coordinator announces nothing: drivers and stations act on what they were told last."""


class MeterEvent(InformationEvent):
    """``[[events]]`` of kind ``meter``: a station does not know its load, and forecasts without it."""

    words: ClassVar[str] = "meter of station {0.name} {0.reading}"
    kind: Literal["meter"]
    """A station does not know its load, and forecasts without it; what flows is metered and paid all the same."""
    name: Place
    """Name of the station."""
    reading: Literal["missing", "frozen"] = "missing"
    """No reading: the forecast is that of the day ahead; or the last one before, again and again."""


class MailEvent(InformationEvent):
    """``[[events]]`` of kind ``mail``: messages of some kinds and senders are lost, late, sent twice or overtaken."""

    words: ClassVar[str] = "mail disturbed, {0.name}"
    kind: Literal["mail"]
    """Messages are lost, late, sent twice or overtaken; physical acts never are."""
    message: str = ""
    """Kind of message, such as LoadForecast; empty: all."""
    sender: str = ""
    """Name of a station, "operator FEEDER", "coordinator", or "EVs"; empty: all."""
    loss_probability: Share = 0.0
    """Share that is lost, besides those of messages.loss_probability."""
    delay_s: Annotated[int, Field(ge=0, le=43_200)] = 0
    """Seconds that each takes longer, besides messages.delay_s."""
    delay_max_s: Annotated[int, Field(ge=0, le=43_200)] = 0
    """Seconds that one takes longer at most: drawn for each, from delay_s on; 0: all take delay_s."""
    duplicate_probability: Share = 0.0
    """Share that is sent twice, each copy with draws of its own; the first to arrive counts."""
    overtaken_probability: Share = 0.0
    """Share that is held back by a period, so that the next of its kind overtakes it; an older one is ignored."""

    @property
    def name(self) -> str:
        """What is disturbed."""
        return f"{self.message or 'all messages'} from {self.sender or 'all'}"

    @model_validator(mode="after")
    def disturbs_something(self) -> "MailEvent":
        """Require a kind of message that can be disturbed, and a disturbance."""
        if self.message and self.message not in INFORMATION:
            known = ", ".join(INFORMATION)
            sentence = f"message is '{self.message}'; it must be one of {known}"
            raise contradiction(sentence, "message")
        probabilities = (self.loss_probability, self.duplicate_probability, self.overtaken_probability)
        if not any((*probabilities, self.delay_s, self.delay_max_s)):
            sentence = "the event changes nothing: give loss_probability, delay_s, delay_max_s, "
            raise contradiction(sentence + "duplicate_probability or overtaken_probability", "kind")
        if 0 < self.delay_max_s < self.delay_s:
            sentence = f"delay_max_s is {self.delay_max_s}; it must be delay_s, {self.delay_s}, or more"
            raise contradiction(sentence, "delay_s", "delay_max_s")
        return self


AnyEvent = Annotated[
    StationEvent
    | ChargersEvent
    | RoadEvent
    | DeviceEvent
    | BranchEvent
    | MailEvent
    | OperatorEvent
    | CoordinatorEvent
    | MeterEvent,
    Field(discriminator="kind"),
]
"""An entry of ``[[events]]``, by its kind."""
