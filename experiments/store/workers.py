"""Worker processes: each does one task at a time, is replaced when it dies, and none outlives its parent."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, TypeVar

R = TypeVar("R")
PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux."""


class Worker:
    """A process that does one task at a time, and is replaced when it dies."""

    def __init__(self) -> None:
        """Start nothing yet: the process begins with its first task."""
        self._start()

    def _start(self) -> None:
        # processes are spawned on every platform: a forked one would inherit the threads of libraries
        context = multiprocessing.get_context("spawn")
        self._watched, self._leash = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(
            1, mp_context=context, initializer=end_with_parent, initargs=(self._watched,)
        )

    def submit(self, work: Callable[..., R], *task: Any) -> "Future[R]":
        """Begin a task."""
        # Ctrl-C goes to all processes of a terminal: the parent answers it, also while a worker starts
        before = _block_interrupt()
        try:
            return self._pool.submit(work, *task)
        except BrokenProcessPool:
            self.let_go()
            self.join()
            self._start()
            return self._pool.submit(work, *task)
        finally:
            _unblock(before)

    def let_go(self) -> None:
        """Let the process end at once."""
        self._leash.close()

    def join(self) -> None:
        """Wait until the process has ended."""
        self._pool.shutdown(cancel_futures=True)
        self._watched.close()


def _block_interrupt() -> set[int]:
    """Block Ctrl-C in this thread and in the processes it starts; return what was blocked before."""
    if sys.platform == "win32":
        return set()
    return signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _unblock(before: set[int]) -> None:
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent(leash: "Connection") -> None:
    """Let this process end when the other end of *leash* is closed, or its parent has died."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)
    threading.Thread(target=_end_after, args=(leash,), daemon=True).start()


def _end_after(leash: "Connection") -> None:
    with suppress(EOFError, OSError):
        leash.recv_bytes()
    os._exit(1)
