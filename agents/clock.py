"""The clock all agents share: SimPy's, in whole seconds, with a fixed order of what happens within one second.

Releases come before requests, requests in EV order, and a new period is announced before anyone acts in it.
"""

from collections.abc import Generator
from enum import IntEnum
from typing import Any

import simpy

from agents.supervision import CountedEnvironment, Story
from cosim.periods import PeriodOfDay, Periods


class Phase(IntEnum):
    """Order of the events of one second. Mail is delivered before every phase: SimPy's own priority is 1."""

    METER = 10
    """The meters of sessions are read; sessions that are complete end."""
    CLOSE = 20
    """The period that ends is recorded."""
    CHECK = 22
    """The invariants are checked."""
    END = 25
    """The simulation may end."""
    EVENT = 27
    """Events of the scenario begin and end."""
    REPORT = 30
    """Stations report; the operators and the coordinator answer in the same second."""
    RESUME = 40
    """Sessions continue at the power of the new period."""
    ACT = 1_000
    """EVs act in the order of their numbers: ACT + EV number."""


class Appointment(simpy.Event):
    """Event at a given second and phase."""

    def __init__(self, env: simpy.Environment, delay_s: int, order: int) -> None:
        """Schedule it in SimPy's queue, as SimPy's own Timeout does."""
        super().__init__(env)
        self._ok = True
        self._value = None
        env.schedule(self, priority=order, delay=delay_s)  # type: ignore[arg-type]


class Clock:
    """Whole seconds and periods on a SimPy environment."""

    def __init__(self, env: simpy.Environment, periods: Periods) -> None:
        """Use the time of *env*."""
        self.env = env
        self.periods = periods

    def begin(
        self, agent: str, steps: Generator[simpy.Event, Any, Any], *, is_brief: bool = True
    ) -> simpy.Process:
        """Begin the process of an agent: where the clock can, one whose failure ends nothing else."""
        if isinstance(self.env, CountedEnvironment):
            return Story(self.env, steps, agent, is_brief=is_brief)
        return self.env.process(steps)

    def tell_silent(self, agent: str) -> None:
        """Note that an agent that should have acted by now has not."""
        if isinstance(self.env, CountedEnvironment):
            self.env.tell(agent, "does not answer: it waits for what does not come")

    @property
    def now_s(self) -> int:
        """Seconds since the start of day 1."""
        return int(self.env.now)

    @property
    def period(self) -> PeriodOfDay:
        """Period that contains this second."""
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
        """Return the envelope of a message: sender, second, day and period."""
        current = self.period
        return {"sender": sender, "sent_s": self.now_s, "day": current.day, "period": current.period}
