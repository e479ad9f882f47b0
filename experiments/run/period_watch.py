"""Tells of a period that takes far longer than those before it, and what the program does in it."""

import sys
import time
from pathlib import Path
from traceback import extract_stack

from cosim.periods import PeriodOfDay
from cosim.watch_thread import WatchThread
from experiments.store.pieces import Tell

LEAST_S, TIMES = 60.0, 20
"""Seconds that no period is told of, and times that it takes of the longest before it."""
LIBRARIES = ("site-packages", f"python{sys.version_info.major}.{sys.version_info.minor}", "<")


class PeriodWatch(WatchThread):
    """A thread that watches the periods of another, as a context manager."""

    def __init__(self, tell: Tell, least_s: float = LEAST_S) -> None:
        """Watch nothing yet; *tell* is called with a sentence."""
        super().__init__(least_s / TIMES)
        self._tell, self._least_s = tell, least_s
        self._now: PeriodOfDay | None = None
        self._began = self._longest_s = 0.0
        self._next_s = least_s

    def begins(self, now: PeriodOfDay) -> None:
        """Note that a period begins."""
        moment = time.monotonic()
        if self._now is not None:
            self._longest_s = max(self._longest_s, moment - self._began)
        self._next_s = max(self._least_s, TIMES * self._longest_s)
        self._began, self._now = moment, now

    def look(self) -> None:
        """Tell of a period that takes far longer than those before it."""
        now, took_s = self._now, time.monotonic() - self._began
        if now is None or took_s < self._next_s:
            return
        self._next_s = 2 * took_s
        before = (
            f"the longest before it took {self._longest_s:.1f} s" if self._longest_s else "it is the first"
        )
        self._tell(f"{now} has taken {took_s:.0f} s so far; {before}. It is at {self._place()}")

    def _place(self) -> str:
        """Return where the watched thread is, in the innermost code that is no library's."""
        frames = extract_stack(sys._current_frames().get(self.watched))  # noqa: SLF001  (documented, in spite of its name)
        own = [frame for frame in frames if not any(part in frame.filename for part in LIBRARIES)]
        last = (own or frames)[-1]
        return f"{Path(last.filename).name}, line {last.lineno} ({last.name})"
