"""Engines: where tasks are done. One protocol for this process, for worker processes, and for a cluster."""

from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from typing import Any, Literal, Protocol, TypeVar

from cosim.errors import ModelError
from experiments.store.pieces import Tell
from experiments.store.tasks import End, Lane, Task
from experiments.store.workers import Worker

R = TypeVar("R")
MOST_DEATHS = 3
"""Times that a task may end its process, before it is the task's fault."""
DIED = (
    f"a worker process was ended from outside {MOST_DEATHS} times at the same piece of work. "
    "Where memory is short, use fewer --workers; what is finished is kept"
)


class Engine(Protocol):
    """Does tasks, one at a time in each lane."""

    def free(self) -> list[Lane]:
        """Return the lanes that can take a task now."""

    def start(self, lane: Lane, work: Callable[..., Any], task: Task) -> None:
        """Begin a task."""

    def ended(self, seconds: float) -> list[tuple[Lane, End]]:
        """Wait for the end of tasks, at most so long, and return those that have ended."""

    def close(self) -> None:
        """End all processes of this engine at once."""


class Source(Protocol):
    """Gives tasks to lanes."""

    def next(self, lane: Lane) -> Task | None:
        """Return a task for a lane; None if there is none now."""

    def is_over(self) -> bool:
        """Whether there will be none any more; a source that waits for others waits here for a moment."""


class Listed:
    """The source of a list of tasks, known by their number, in order."""

    def __init__(self, tasks: Sequence[tuple[Any, ...]]) -> None:
        """Take the arguments of each task."""
        self._waiting = deque(Task(number, arguments) for number, arguments in enumerate(tasks))

    def next(self, _lane: Lane) -> Task | None:
        """Return the next task."""
        return self._waiting.popleft() if self._waiting else None

    def is_over(self) -> bool:
        """Whether all tasks were given."""
        return not self._waiting


PAUSE_S = 1.0
"""Time after which an engine looks whether there is more to do."""


def work_off(
    engine: Engine, work: Callable[..., Any], source: Source, tell: Tell
) -> Generator[tuple[Task, End]]:
    """Yield each task of *source* with its end, as they end; close the iterator to end all at once.

    A task whose process died is done again, and *tell* is called with a sentence; the third time its end is ``died``.
    """
    running: dict[Lane, Task] = {}
    again, deaths = deque[Task](), Counter[Any]()
    try:
        while True:
            free = engine.free()
            for lane in free:
                if (task := again.popleft() if again else source.next(lane)) is None:
                    break
                running[lane] = task
                engine.start(lane, work, task)
            if not running and not again and source.is_over():
                return
            # without any lane, an engine waits for its workers
            for lane, end in engine.ended(PAUSE_S) if running or not free else ():
                task = running.pop(lane)
                deaths[task.key] += end.died
                if end.lost or (end.died and deaths[task.key] < MOST_DEATHS):
                    tell("a worker process was ended from outside; what it was doing is computed again")
                    again.append(task)
                else:
                    yield task, end
    finally:
        engine.close()


class InProcess:
    """This process, which does a task as it is begun."""

    def __init__(self) -> None:
        """Have one free lane."""
        self._ended: list[tuple[Lane, End]] = []

    def free(self) -> list[Lane]:
        """Return the one lane, if its last task was asked for."""
        return [] if self._ended else ["here"]

    def start(self, lane: Lane, work: Callable[..., Any], task: Task) -> None:
        """Do a task."""
        try:
            end = End(work(*task.arguments))
        except Exception as fault:  # noqa: BLE001  (whatever ends a task is its end)
            end = End(error=fault)
        self._ended.append((lane, end))

    def ended(self, _seconds: float) -> list[tuple[Lane, End]]:
        """Return the task that was done."""
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        """Have nothing to end."""


class Processes:
    """Worker processes of this machine; one that dies is replaced."""

    def __init__(self, workers: int) -> None:
        """Have so many; each starts with its first task."""
        self._workers = {f"worker {number}": Worker() for number in range(1, workers + 1)}
        self._running: dict[Future[Any], Lane] = {}

    def free(self) -> list[Lane]:
        """Return the idle workers."""
        busy = set(self._running.values())
        return [lane for lane in self._workers if lane not in busy]

    def start(self, lane: Lane, work: Callable[..., Any], task: Task) -> None:
        """Begin a task."""
        self._running[self._workers[lane].submit(work, *task.arguments)] = lane

    def ended(self, seconds: float) -> list[tuple[Lane, End]]:
        """Wait for the end of tasks."""
        done = wait(self._running, seconds, return_when=FIRST_COMPLETED).done
        return [(self._running.pop(future), _end_of(future)) for future in done]

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers.values():
            worker.let_go()
        for worker in self._workers.values():
            worker.join()


def _end_of(future: "Future[Any]") -> End:
    error = future.exception()
    if isinstance(error, BrokenProcessPool):
        return End(died=True)
    return End(error=error) if error is not None else End(future.result())


def in_processes(
    work: Callable[..., R], tasks: Sequence[tuple[Any, ...]], workers: int, tell: Tell
) -> Generator[tuple[int, R]]:
    """Yield the number of each task with what ``work(*task)`` returns, as they are done by so many processes.

    A task whose process dies is done again, and *tell* is called with a sentence. Close the iterator to end the
    processes at once. Raises what a task raises, and ModelError for one that ends its process each time.
    """
    most = min(workers, len(tasks))
    engine: Engine = Processes(most) if most > 1 else InProcess()
    with closing(work_off(engine, work, Listed(tasks), tell)) as ends:
        for task, end in ends:
            if end.error is not None:
                raise end.error
            if end.died:
                raise ModelError(DIED)
            yield task.key, end.value


def in_order(
    work: Callable[..., R], tasks: Sequence[tuple[Any, ...]], *, workers: int, tell: Tell
) -> list[R]:
    """Return what ``work(*task)`` returns for each task, in their order, done by so many processes."""
    with closing(in_processes(work, tasks, workers, tell)) as done:
        results = dict(done)
    return [results[number] for number in range(len(tasks))]


EngineName = Literal["in-process", "processes", "dask"]


def make_engine(name: EngineName | None, workers: int, scheduler: str | None, tell: Tell) -> Engine:
    """Return an engine: by default this process for one worker, else worker processes; with a *scheduler* Dask."""
    if name == "dask" or scheduler is not None:
        from experiments.store.dask_engine import DaskEngine

        return DaskEngine(workers, scheduler, tell)
    if name == "processes" or (name is None and workers > 1):
        return Processes(workers)
    return InProcess()
