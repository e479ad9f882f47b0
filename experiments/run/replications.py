"""Replicated days: the same scenario with other draws, in as many processes as wanted, to the same bytes.

Replication r has a seed of its own, spawned from the scenario's; replication 1 keeps it, and so is the day that
a run without replications gives. Two scenarios with the same seed share the draws of each replication.
"""

import multiprocessing
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np

from cosim.results import ModelTables, write_tables
from cosim.scenario import DayAhead, Scenario

Done = Callable[[float], None]
"""Called with the share of the replications that are done."""


def replication_seeds(seed: int, count: int) -> tuple[int, ...]:
    """Return the seed of each replication: the scenario's own, then children of it named by their number."""
    name = zlib.crc32(b"replication")
    children = (np.random.SeedSequence(seed, spawn_key=(name, number)) for number in range(2, count + 1))
    return (seed, *(int(child.generate_state(1, np.uint64)[0]) for child in children))


def day_directory(run: Path, number: int) -> Path:
    """Return where the tables of a replication lie; replication 1 is the run's own day."""
    return run / "agents" if number == 1 else run / "replications" / f"{number:04d}"


def simulate_replications(
    scenario: Scenario, ahead: DayAhead, seeds: Sequence[int], run: Path, *, workers: int = 1, done: Done
) -> list[ModelTables]:
    """Simulate a day for each seed but the first, write its tables into the directory *run*, and return them.

    Days know nothing of each other, so the bytes do not depend on the number of *workers*.
    """
    tasks = [(seed, day_directory(run, number)) for number, seed in enumerate(seeds, start=1)][1:]
    for number, _ in enumerate(_each(scenario, ahead, tasks, workers), start=1):
        done(number / len(tasks))
    return [ModelTables(directory) for _, directory in tasks]


def _each(
    scenario: Scenario, ahead: DayAhead, tasks: Sequence[tuple[int, Path]], workers: int
) -> Iterator[None]:
    """Yield as each day is finished."""
    if workers == 1:
        for seed, directory in tasks:
            simulate_day(scenario, ahead, seed, directory)
            yield
        return
    # processes are spawned on every platform: a forked one would inherit the threads of libraries
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(tasks)), mp_context=context) as pool:
        futures = [pool.submit(simulate_day, scenario, ahead, *task) for task in tasks]
        for future in as_completed(futures):
            future.result()
            yield


def simulate_day(scenario: Scenario, ahead: DayAhead, seed: int, directory: Path) -> None:
    """Simulate the agents' day, or days, with *seed* and write the tables."""
    from agents.days import simulate_days
    from experiments.run.many_days import joined

    write_tables(directory, joined(list(simulate_days(scenario, ahead, seed))))
