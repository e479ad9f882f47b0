"""How far a sweep is, on the terminal: a bar with rate and time left, or a line now and then where there is none."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from experiments.say import say
from experiments.sweep.study import Progress

LINE_S = 60.0
"""Time between lines in a log."""


@contextmanager
def sweep_progress() -> Iterator[Callable[[Progress], None]]:
    """Show rate, time left, failed runs and memory on standard error; leave nothing behind on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (TextColumn("runs"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[told]}"))
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task, pace = bars.add_task("runs", total=None, told=""), Pace()

        def show(now: Progress) -> None:
            told = pace.told(now)
            bars.update(task, total=now.runs, completed=now.done, told=told)
            if not console.is_terminal and pace.is_due():
                say(f"{now.done} of {now.runs} runs, {told}", err=True)

        yield show


class Pace:
    """The pace of a sweep since it began here."""

    def __init__(self) -> None:
        """Begin now."""
        self._start = self._line = time.monotonic()
        self._first: int | None = None

    def told(self, now: Progress) -> str:
        """Return rate, time left, failed runs and memory."""
        if self._first is None:
            self._first = now.done - 1
        rate = (now.done - self._first) / max(time.monotonic() - self._start, 1e-6)
        left_s = int((now.runs - now.done) / rate)
        parts = [f"{rate * 60:.3g}/min", f"{left_s // 3600}:{left_s // 60 % 60:02d}:{left_s % 60:02d} left"]
        parts += [f"{now.failed} failed"] if now.failed else []
        memory = memory_mb()
        return ", ".join([*parts, *([f"{memory:,} MB"] if memory else [])])

    def is_due(self) -> bool:
        """Whether the last line in a log was long ago."""
        if time.monotonic() - self._line < LINE_S:
            return False
        self._line = time.monotonic()
        return True


def memory_mb() -> int:
    """Return the memory of this process and its children [MB]; 0 where the system does not tell."""
    if sys.platform != "linux":
        return 0
    pages, own = 0, Path("/proc/self")
    children = " ".join(file.read_text() for file in own.glob("task/*/children") if _exists(file)).split()
    for number in ("self", *children):
        with suppress(OSError):
            pages += int((Path("/proc") / number / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1_000_000


def _exists(file: Path) -> bool:
    return file.is_file()
