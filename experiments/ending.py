"""How the program ends when it is asked to: Ctrl-C with 130, SIGTERM with 143, within seconds."""

import atexit
import os
import signal
import sys
import threading
import time
from typing import NoReturn

GRACE_S = 4.0
"""Time to remove temporary files. A library that computes on meanwhile hears no signal: then the process just ends,
its workers with it, and the next run clears what it leaves."""
SENTENCES = {130: "stopped by Ctrl-C", 143: "stopped by SIGTERM"}


def end_on_signals() -> None:
    """Let Ctrl-C and SIGTERM raise SystemExit in the main thread, and end the process if that takes too long."""
    asked: list[int] = []

    def raise_exit(number: int, _: object) -> NoReturn:
        asked.append(number)
        sys.exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, raise_exit)
    heard, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    threading.Thread(target=_end_in_time, args=(heard,), daemon=True).start()
    atexit.register(_leave, asked)


def _end_in_time(heard: int) -> None:
    number = os.read(heard, 1)[0]
    time.sleep(GRACE_S)
    os._exit(128 + number)


def _leave(asked: list[int]) -> None:
    """Leave at once if that was asked: Python takes seconds to free the objects of a city one by one."""
    if asked:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(128 + asked[0])
