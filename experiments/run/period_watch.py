"""Tells of a period that takes far longer than those before it, and what the program does in it."""

import sys
import threading
import time
from pathlib import Path
from traceback import extract_stack
from types import TracebackType
from typing import Self

from cosim.periods import PeriodOfDay
from experiments.store.pieces import Tell

LEAST_S, TIMES = 60.0, 20
"""Seconds that no period is told of, and times that it takes of the longest before it."""
LIBRARIES = ("site-packages", f"python{sys.version_info.major}.{sys.version_info.minor}", "<")


class PeriodWatch:
    """A thread that watches the periods of another, as a context manager."""

    def __init__(self, tell: Tell, least_s: float = LEAST_S) -> None:
        """Watch nothing yet; *tell* is called with a sentence."""
        self._tell, self._least_s = tell, least_s
        self._now: PeriodOfDay | None = None
        self._began = self._longest_s = 0.0
        self._next_s = least_s
        self._runs = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        """Begin to watch this thread."""
        self._runs = threading.get_ident()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the watch."""
        self._is_over.set()
        self._thread.join()

    def begins(self, now: PeriodOfDay) -> None:
        """Note that a period begins."""
        moment = time.monotonic()
        if self._now is not None:
            self._longest_s = max(self._longest_s, moment - self._began)
        self._next_s = max(self._least_s, TIMES * self._longest_s)
        self._began, self._now = moment, now

    def _watch(self) -> None:
        while not self._is_over.wait(self._least_s / TIMES):
            now, took_s = self._now, time.monotonic() - self._began
            if now is None or took_s < self._next_s:
                continue
            self._next_s = 2 * took_s
            before = (
                f"the longest before it took {self._longest_s:.1f} s"
                if self._longest_s
                else "it is the first"
            )
            self._tell(f"{now} has taken {took_s:.0f} s so far; {before}. It is at {self._place()}")

    def _place(self) -> str:
        """Return where the watched thread is, in the innermost code that is no library's."""
        frames = extract_stack(sys._current_frames().get(self._runs))  # noqa: SLF001  (documented, in spite of its name)
        own = [frame for frame in frames if not any(part in frame.filename for part in LIBRARIES)]
        last = (own or frames)[-1]
        return f"{Path(last.filename).name}, line {last.lineno} ({last.name})"
