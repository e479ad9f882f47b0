"""Worker processes that are looked after: a dead one costs its task alone, and none outlives its parent."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from cosim.errors import ModelError
from experiments.store.pieces import Tell

R = TypeVar("R")
MOST_DEATHS = 3
"""Times that a task may end its process, before it is the task's fault."""
PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux."""


def in_processes(
    work: Callable[..., R], tasks: Sequence[tuple[Any, ...]], workers: int, tell: Tell
) -> Generator[tuple[int, R]]:
    """Yield the number of each task with what ``work(*task)`` returns, as they are done by so many processes.

    A task whose process dies is done again, and *tell* is called with a sentence. Close the iterator to end the
    processes at once.
    """
    if min(workers, len(tasks)) <= 1:
        yield from ((number, work(*task)) for number, task in enumerate(tasks))
        return
    team = [Worker() for _ in range(min(workers, len(tasks)))]
    free, waiting, deaths = list(team), deque(range(len(tasks))), Counter[int]()
    running: dict[Future[R], tuple[int, Worker]] = {}
    try:
        while waiting or running:
            while waiting and free:
                number, worker = waiting.popleft(), free.pop()
                running[worker.submit(work, *tasks[number])] = number, worker
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                number, worker = running.pop(future)
                free.append(worker)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    deaths[number] += 1
                    _tell_death(tell, deaths[number])
                    waiting.appendleft(number)
                    continue
                yield number, result
    finally:
        for worker in team:
            worker.let_go()
        for worker in team:
            worker.join()


def _tell_death(tell: Tell, deaths: int) -> None:
    if deaths >= MOST_DEATHS:
        msg = (
            f"a worker process was ended from outside {deaths} times at the same piece of work. "
            "Where memory is short, use fewer --workers; what is finished is kept"
        )
        raise ModelError(msg)
    tell("a worker process was ended from outside; what it was doing is computed again")


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
