"""What keeps a day going when an agent fails: its process ends alone, and that is told.

Agents decide; chargers, meters, feeders and roads do not depend on them. So an agent that raises, goes on without the
clock or waits forever is as one whose messages are lost. The limits count events, so the result is reproducible.
"""

from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass
from traceback import extract_tb
from typing import Any

import simpy

from cosim.errors import CosimError
from cosim.grid.last_resort import NOT_REPRODUCIBLE, OutOfTimeError
from cosim.periods import PeriodOfDay
from cosim.results import Recorder

MOST_STEPS, STEPS_EACH = 20_000, 100
"""Events of one simulated second that are too many: so many, and so many more for each receiver of mail."""
CULPRIT_STEPS = 1_000
"""Events of one process beyond these by which it is known to go on without the clock."""
REPORT_IT = (
    "This is a fault of the program; please report it with scenario.toml and manifest.json of the run."
)
OUR_OWN = CosimError | MemoryError | Warning
"""Errors that end the run: they say themselves what to do, or nothing would go on."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An agent that has failed in a period."""

    agent: str
    now_s: int
    found: str
    """What happened, as a clause after its name."""


class Story(simpy.Process):
    """The process of an agent, whose failure ends nothing else."""

    def __init__(
        self,
        env: "CountedEnvironment",
        steps: Generator[simpy.Event, Any, Any],
        agent: str,
        *,
        is_brief: bool = True,
    ) -> None:
        """Begin it on the clock; a step of it *is brief* unless a solver may have to work in it."""
        super().__init__(env, steps)
        self.agent, self.counted, self.is_brief = agent, env, is_brief
        self.callbacks.append(self._ended)

    def _ended(self, _event: simpy.Event) -> None:
        """Tell of an exception that has ended it, and let the others go on."""
        error = self.value
        is_late = isinstance(error, OutOfTimeError) and self.is_brief
        if self.ok or not isinstance(error, Exception) or (isinstance(error, OUR_OWN) and not is_late):
            return
        self.defused = True
        place = extract_tb(error.__traceback__)[-1]
        where = f"{place.filename.rpartition('/')[2]}, line {place.lineno}"
        if is_late:
            self._tell(f"did not come back ({where}). {NOT_REPRODUCIBLE}")
        else:
            self._tell(f"has failed: {type(error).__name__}: {error} ({where})")

    def abandon(self) -> None:
        """End it where it waits."""
        if self.target.callbacks is not None and self._resume in self.target.callbacks:
            self.target.callbacks.remove(self._resume)
        self._generator.close()
        self.succeed()
        self._tell("goes on without the clock")

    def _tell(self, found: str) -> None:
        self.counted.tell(self.agent, found)


class CountedEnvironment(simpy.Environment):
    """SimPy's environment, which counts the events of each second."""

    def __init__(self, initial_time: int, receivers: int = 0) -> None:
        """Begin at a second, for so many agents that receive mail."""
        super().__init__(initial_time)
        self.failures: list[Failure] = []
        self.steps_done = 0
        self._most_steps = MOST_STEPS + STEPS_EACH * receivers
        self._second, self._steps = float(initial_time), 0
        self._steps_of = Counter[simpy.Process]()

    def tell(self, agent: str, found: str) -> None:
        """Note what happened to an agent, once."""
        if agent not in {failure.agent for failure in self.failures}:
            self.failures.append(Failure(agent, int(self._now), found))

    def step(self) -> None:
        """Process the next event; of too many in one second, end the process that makes them."""
        super().step()
        self.steps_done += 1
        if self._now != self._second:
            self._second, self._steps = self._now, 0
            return
        self._steps += 1
        if self._steps > self._most_steps:
            self._look_for_culprit()

    def _look_for_culprit(self) -> None:
        """End an agent's process that goes on without the clock; raise RuntimeError of any other."""
        second, _, _, event = self._queue[0]
        owners = [getattr(callback, "__self__", None) for callback in event.callbacks or ()]
        for owner in owners if second == self._now else ():
            if not isinstance(owner, simpy.Process):
                continue
            self._steps_of[owner] += 1
            if self._steps_of[owner] <= CULPRIT_STEPS:
                continue
            if not isinstance(owner, Story):
                raise _stuck(owner)
            owner.abandon()
            self._steps = 0
            self._steps_of.clear()
            return


def _stuck(process: simpy.Process) -> RuntimeError:
    return RuntimeError(f"process {process.name} goes on without the clock, in second {process.env.now}")


def record_failures(
    recorder: Recorder, failures: list[Failure], period_of: Callable[[int], PeriodOfDay]
) -> None:
    """Write the agents that failed into the table of violations."""
    for failure in failures:
        now = period_of(failure.now_s)
        when = f"period {now.period}" if now.day == 1 else str(now)
        what = f"{failure.agent}: it {failure.found}. The others go on as if its messages were lost."
        recorder.add_row(
            "violations",
            day=now.day,
            period=now.period,
            place=failure.agent,
            kind="agent_failed",
            amount=1.0,
            sentence=f"{when}, {what} {REPORT_IT}",
        )
