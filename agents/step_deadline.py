"""The last resort against a step of an agent that does not come back: a clock ends it, and the day goes on.

Operators and fleets are exempt: their solvers and choice models have clocks of their own, and much to do in a step.
"""

import ctypes
import threading
import time
from types import TracebackType
from typing import Self

from agents.supervision import CountedEnvironment, Story
from cosim.grid.last_resort import OutOfTimeError

LOOKS = 10
"""Times that a thread looks at a step within its limit."""


class StepDeadline:
    """A thread that ends steps of single agents of an environment after *limit_s* seconds, as a context manager.

    Python code is ended, compiled code and sleep once they return.
    """

    def __init__(self, env: CountedEnvironment, limit_s: float) -> None:
        """Watch nothing yet."""
        self._env, self._limit_s, self._runs = env, limit_s, 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        """Begin to watch what this thread does."""
        self._runs = threading.get_ident()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the watch."""
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        step, began = -1, 0.0
        while not self._is_over.wait(self._limit_s / LOOKS):
            if step != self._env.steps_done:
                step, began = self._env.steps_done, time.monotonic()
            elif time.monotonic() - began >= self._limit_s:
                self._end()
                began = time.monotonic()

    def _end(self) -> None:
        story = self._env.active_process
        if isinstance(story, Story) and story.is_brief:
            ended = ctypes.c_ulong(self._runs), ctypes.py_object(OutOfTimeError)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(*ended)
