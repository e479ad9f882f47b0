"""The last resort against a step of an agent that does not come back: a clock ends it, and the day goes on.

Operators and fleets are exempt: their solvers and choice models have clocks of their own, and much to do in a step.
"""

import ctypes
import time

from agents.supervision import CountedEnvironment, Story
from cosim.grid.last_resort import OutOfTimeError
from cosim.watch_thread import WatchThread

LOOKS = 10
"""Times that a thread looks at a step within its limit."""


class StepDeadline(WatchThread):
    """A thread that ends steps of single agents of an environment after *limit_s* seconds, as a context manager.

    Python code is ended, compiled code and sleep once they return.
    """

    def __init__(self, env: CountedEnvironment, limit_s: float) -> None:
        """Watch nothing yet."""
        super().__init__(limit_s / LOOKS)
        self._env, self._limit_s = env, limit_s
        self._step, self._began = -1, 0.0

    def look(self) -> None:
        """End a step that has gone on for too long."""
        if self._step != self._env.steps_done:
            self._step, self._began = self._env.steps_done, time.monotonic()
        elif time.monotonic() - self._began >= self._limit_s:
            self._end()
            self._began = time.monotonic()

    def _end(self) -> None:
        story = self._env.active_process
        if isinstance(story, Story) and story.is_brief:
            ended = ctypes.c_ulong(self.watched), ctypes.py_object(OutOfTimeError)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(*ended)
