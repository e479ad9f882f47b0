"""The day as equal periods of whole seconds.

The clock counts whole seconds from the start of day 1. Days and periods are numbered from 1: period t covers
[t-1, t) period lengths of its day.
"""

from dataclasses import dataclass

SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """A day cut into ``count`` equal periods of whole seconds."""

    count: int = 24

    def __post_init__(self) -> None:
        """Raise ValueError for a count that does not divide the day into whole seconds."""
        if self.count < 1 or SECONDS_PER_DAY % self.count:
            msg = f"{self.count} periods do not divide a day into whole seconds"
            raise ValueError(msg)

    @property
    def seconds(self) -> int:
        """Length of one period [s]."""
        return SECONDS_PER_DAY // self.count

    @property
    def hours(self) -> float:
        """Length of one period [h]."""
        return 24.0 / self.count

    def at(self, now_s: int) -> "PeriodOfDay":
        """Return the day and period that contain the clock second *now_s*."""
        return self.nth(now_s // self.seconds)

    def nth(self, index: int) -> "PeriodOfDay":
        """Return the period with running number *index*, counted from 0 at the start of day 1."""
        day, period = divmod(index, self.count)
        return PeriodOfDay(day + 1, period + 1)

    def index(self, period: "PeriodOfDay") -> int:
        """Return the running number of a period, counted from 0 at the start of day 1."""
        return (period.day - 1) * self.count + period.period - 1

    def start_s(self, period: "PeriodOfDay") -> int:
        """Return the clock second at which a period begins."""
        return self.index(period) * self.seconds


@dataclass(frozen=True, slots=True, order=True)
class PeriodOfDay:
    """One period: ``day`` 1, 2, ... and ``period`` 1..T."""

    day: int
    period: int

    @property
    def row(self) -> int:
        """Row of the period in arrays over the periods of a day."""
        return self.period - 1

    def __str__(self) -> str:
        """Return ``day 1, period 8``."""
        return f"day {self.day}, period {self.period}"
