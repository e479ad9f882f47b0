"""``[[events]]``: faults and closures of a scenario, and what a file may say of them.

One class per kind; ``AnyEvent`` is their union, and a kind that is not in it is refused by name. To add a kind: its
class here, the check of what it refers to in ``cosim/scenario/events.py`` (``CHECKS``), and what it does among the
agents in a file of ``agents/events/`` (``EventFamily`` in ``room.py``).
"""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from cosim.periods import SECONDS_PER_DAY
from cosim.sections import Place, Section, contradiction

_TIME = re.compile(r"([01]\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?")
MIDNIGHT = "24:00"
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
    """What every event has: its time, and whether it was known beforehand. ``words`` says what happens."""

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
    def from_s(self) -> int:
        """Second of the day at which it begins."""
        return seconds_of(self.begins)

    @property
    def until_s(self) -> int:
        """Second of the day at which it ends, the first without it."""
        return seconds_of(self.until)


class StationEvent(EventConfig):
    """``[[events]]`` of kind ``station``: a charging station is closed."""

    kind: Literal["station"]
    """A station is closed: nobody charges there."""
    name: Place
    """Name of the station."""

    @property
    def words(self) -> str:
        """What happens."""
        return f"station {self.name} closed"


class ChargersEvent(EventConfig):
    """``[[events]]`` of kind ``chargers``: a station has fewer chargers."""

    kind: Literal["chargers"]
    """Some chargers of a station are out of service."""
    name: Place
    """Name of the station."""
    chargers: Annotated[int, Field(ge=1, le=100_000)]
    """Chargers that remain in service."""

    @property
    def words(self) -> str:
        """What happens."""
        return f"station {self.name} with chargers in service: {self.chargers}"


class RoadEvent(EventConfig):
    """``[[events]]`` of kind ``road``: a road link is closed, or has less capacity."""

    kind: Literal["road"]
    """A road link is closed, or has less capacity."""
    name: Place
    """Name of the link."""
    capacity: Annotated[float, Field(ge=0, le=0.99)] = 0.0
    """Share of its capacity that remains, 0.01 or more; 0: closed."""

    @property
    def words(self) -> str:
        """What happens."""
        return f"road {self.name} " + (
            f"with {self.capacity:.0%} of its capacity" if self.capacity else "closed"
        )

    @model_validator(mode="after")
    def closed_or_passable(self) -> "RoadEvent":
        """Require a share that is none, or large enough for a time."""
        if 0 < self.capacity < MIN_CAPACITY_SHARE:
            sentence = (
                f"capacity is {self.capacity:g}; it must be 0 (closed) or {MIN_CAPACITY_SHARE:g} or more"
            )
            raise contradiction(sentence, "capacity")
        return self


AnyEvent = Annotated[StationEvent | ChargersEvent | RoadEvent, Field(discriminator="kind")]
"""An entry of ``[[events]]``, by its kind."""
