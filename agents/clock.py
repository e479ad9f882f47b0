"""The clock all agents share: SimPy's, in whole seconds, with a fixed order of what happens within one second.

Releases come before requests, requests in EV order, and a new period is announced before anyone acts in it.
"""

from enum import IntEnum
from typing import Any

import simpy

from cosim.periods import PeriodOfDay, Periods


class Phase(IntEnum):
    """What comes first within one second. Mail travels between all phases, since SimPy's own priority is 1."""

    METER = 10
    """The meters of sessions are read up to now; vehicles that are full leave."""
    CLOSE = 20
    """The period that ends is read off the meters."""
    END = 25
    """The simulation may end."""
    REPORT = 30
    """Stations report; the operator and the coordinator answer in the same second."""
    RESUME = 40
    """Sessions go on at the power of the new period."""
    ACT = 1_000
    """Drivers act, in the order of their number: ACT + EV number."""


class Appointment(simpy.Event):
    """An event at a given second and phase."""

    def __init__(self, env: simpy.Environment, delay_s: int, order: int) -> None:
        """Put it into SimPy's queue, as SimPy's own Timeout does."""
        super().__init__(env)
        self._ok = True
        self._value = None
        env.schedule(self, priority=order, delay=delay_s)  # type: ignore[arg-type]


class Clock:
    """Whole seconds and periods on a SimPy environment."""

    def __init__(self, env: simpy.Environment, periods: Periods) -> None:
        """Read the time of *env*."""
        self.env = env
        self.periods = periods

    @property
    def now_s(self) -> int:
        """Seconds since midnight before day 1."""
        return int(self.env.now)

    @property
    def period(self) -> PeriodOfDay:
        """The period that contains this second."""
        return self.periods.at(self.now_s)

    def until(self, second: int, phase: Phase, order: int = 0) -> simpy.Event:
        """Return the event to yield for *second* (now, if that has passed), in *phase*; lower *order* first."""
        return Appointment(self.env, max(0, second - self.now_s), phase + order)

    def end_of_period(self, phase: Phase) -> simpy.Event:
        """Return the event to yield for the end of this period."""
        return self.until(self.next_boundary_s, phase)

    @property
    def next_boundary_s(self) -> int:
        """Second at which this period ends."""
        return self.periods.start_s(self.period) + self.periods.seconds

    def envelope(self, sender: str) -> dict[str, Any]:
        """Return what every message says on its envelope."""
        now = self.period
        return {"sender": sender, "sent_s": self.now_s, "day": now.day, "period": now.period}
