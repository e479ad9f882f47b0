"""The engine on a Dask cluster: one that is started here, or one that exists."""

import logging
from collections.abc import Callable
from contextlib import suppress
from time import sleep
from typing import Any

from cosim.errors import ConfigError
from experiments.store.pieces import Tell
from experiments.store.tasks import End, Lane, Task

CONNECT_S = 60
"""Time to wait for a scheduler, also for one that is started anew."""
CLOSE_S = 2
ENGINE = "engine"


class DaskEngine:
    """Workers of a Dask cluster, one task at a time in each; the cluster starts a task anew whose worker dies.

    A scheduler that dies is waited for, and what was under way is computed again.
    """

    def __init__(self, workers: int, scheduler: str | None, tell: Tell) -> None:
        """Connect to the *scheduler*, or start so many *workers* here; ConfigError where that cannot be."""
        self._count, self._address, self._tell = workers, scheduler, tell
        self._running: dict[Any, Lane] = {}
        self._cluster: Any = None
        self._connect()

    def _connect(self) -> None:
        try:
            from distributed import Client, LocalCluster
        except ImportError:
            problem = "Dask is not installed; pip install 'cosim[dask]'"
            raise ConfigError(ENGINE, [problem]) from None
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        if self._address is None:
            self._cluster = LocalCluster(
                n_workers=self._count, threads_per_worker=1, processes=True, dashboard_address=None
            )
        try:
            self._client = Client(self._address or self._cluster, timeout=CONNECT_S)
        except (OSError, ValueError) as fault:  # Dask's TimeoutError is an OSError
            place = f"scheduler {self._address}"
            problem = f"cannot be reached ({fault}); start it with: dask scheduler"
            raise ConfigError(place, [problem]) from None

    def free(self) -> list[Lane]:
        """Return the workers that have nothing to do."""
        if self._client.status != "running":
            return []
        busy = set(self._running.values())
        with suppress(OSError):  # the scheduler has just gone
            return [address for address in sorted(self._client.nthreads()) if address not in busy]
        return []

    def start(self, lane: Lane, work: Callable[..., Any], task: Task) -> None:
        """Begin a task on a worker, or on another one where that has gone."""
        future = self._client.submit(
            work, *task.arguments, workers=[lane], allow_other_workers=True, pure=False
        )
        self._running[future] = lane

    def ended(self, seconds: float) -> list[tuple[Lane, End]]:
        """Wait for the end of tasks."""
        from distributed import CancelledError, wait

        if not self._running:
            sleep(seconds)
        elif self._client.status == "running":
            with suppress(CancelledError, OSError):  # the time is over, or the scheduler has gone
                wait(list(self._running), timeout=seconds, return_when="FIRST_COMPLETED")
        if self._client.status != "running":
            return self._reconnect()
        done = [future for future in self._running if future.done()]
        return [(self._running.pop(future), _end_of(future)) for future in done]

    def _reconnect(self) -> list[tuple[Lane, End]]:
        """Return all tasks that are under way as lost, once there is a scheduler again."""
        self._tell("the scheduler is gone; waits for it to be there again")
        lost, self._running = list(self._running.values()), {}
        self.close()
        self._connect()
        return [(lane, End(lost=True)) for lane in lost]

    def close(self) -> None:
        """End what is under way, and the cluster if it was started here."""
        if self._client.status == "running":
            self._client.cancel(list(self._running))
        with suppress(TimeoutError):
            self._client.close(timeout=CLOSE_S)
        if self._cluster is not None:
            with suppress(TimeoutError):  # its workers end with this process
                self._cluster.close(timeout=CLOSE_S)


def _end_of(future: Any) -> End:
    from distributed import KilledWorker

    if future.status == "finished":
        return End(future.result())
    if future.status == "error":
        error = future.exception()
        return End(died=True) if isinstance(error, KilledWorker) else End(error=error)
    return End(lost=True)
