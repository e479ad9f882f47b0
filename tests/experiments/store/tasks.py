"""Work for worker processes."""

import os
import signal
import sys
import time
from contextlib import closing
from pathlib import Path

from experiments.ending import end_on_signals
from experiments.store.engines import in_processes
from experiments.store.folders import hold


def killed_once(number: int, folder: Path) -> int:
    """Return the number; the process is killed when it is first asked, as if from outside."""
    done = folder / f"{number}-{time.monotonic_ns()}"
    done.touch()
    if number == 1 and len(list(folder.glob("1-*"))) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def killed(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hold_for_long(folder: Path) -> None:
    """Hold a folder for as long as this process lives, a minute at most."""
    hold(folder)
    time.sleep(60)


if __name__ == "__main__":
    end_on_signals()
    with closing(in_processes(hold_for_long, [(Path(name),) for name in sys.argv[1:]], 2, print)) as work:
        list(work)
