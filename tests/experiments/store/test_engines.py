"""Worker processes: a dead one costs its task alone, and none outlives its parent, however that ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from cosim.errors import ModelError
from experiments.store.engines import in_processes
from experiments.store.folders import LOCK, try_hold
from tests.experiments.store import tasks

ROOT = Path(__file__).parents[3]
SECONDS = 5.0


def test_one_worker_does_the_tasks_in_their_order() -> None:
    with closing(in_processes(abs, [(-1,), (-2,)], 1, pytest.fail)) as results:
        assert list(results) == [(0, 1), (1, 2)]


def test_a_killed_worker_costs_its_own_task_alone(tmp_path: Path) -> None:
    told: list[str] = []
    given = [(number, tmp_path) for number in range(4)]
    with closing(in_processes(tasks.killed_once, given, 2, told.append)) as results:
        assert sorted(results) == [(number, number) for number in range(4)]
    assert told == ["a worker process was ended from outside; what it was doing is computed again"]
    done = sorted(file.name.partition("-")[0] for file in tmp_path.iterdir())
    assert done == ["0", "1", "1", "2", "3"]


def test_a_task_that_ends_its_process_each_time_is_an_error() -> None:
    with (
        pytest.raises(ModelError, match=r"ended from outside 3 times.*fewer --workers"),
        closing(in_processes(tasks.killed, [(1,), (2,)], 2, lambda _: None)) as results,
    ):
        list(results)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_workers_end_with_their_parent(tmp_path: Path, number: signal.Signals, code: int) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    command = [sys.executable, "-m", "tests.experiments.store.tasks", *map(str, folders)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as parent:
        wait_until(lambda: all(is_held(folder) for folder in folders), 60)
        parent.send_signal(number)
        assert parent.wait(SECONDS) == code
        wait_until(lambda: not any(is_held(folder) for folder in folders), SECONDS)
        assert parent.stderr is not None
        assert "Traceback" not in parent.stderr.read()


def is_held(folder: Path) -> bool:
    """Whether a living process holds a folder."""
    if not (folder / LOCK).exists():
        return False
    descriptor = try_hold(folder)
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is None


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
