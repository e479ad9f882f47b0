"""Replicated days: the same scenario with other draws, in as many processes as wanted, to the same bytes.

Replication r has a seed of its own, spawned from the scenario's; replication 1 keeps it, and so is the day that
a run without replications gives. Two scenarios with the same seed share the draws of each replication.
"""

import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cosim.results import ModelTables
from cosim.scenario import DayAhead, Scenario
from experiments.run.kept_days import KeptDays, simulate_replication
from experiments.store.engines import in_processes
from experiments.store.pieces import Pieces, Tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """How the replications are worked off."""

    workers: int
    tell: Tell
    """Called with a sentence when a worker has died."""
    done: Callable[[float], None]
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
    scenario: Scenario, ahead: DayAhead, seeds: Sequence[int], run: Path, pieces: Pieces, how: Processes
) -> list[ModelTables]:
    """Simulate a day for each seed but the first, write its tables into the directory *run*, and return them.

    Days that are among the *pieces* are not simulated again. Days know nothing of each other, so the bytes do not
    depend on the number of workers.
    """
    numbers, days = range(2, len(seeds) + 1), ahead.days
    waiting = [number for number in numbers if KeptDays(pieces, number, days).missing]
    tasks = [(scenario, ahead, seeds[number - 1], pieces, number) for number in waiting]
    with closing(in_processes(simulate_replication, tasks, how.workers, how.tell)) as finished:
        for count, _ in enumerate(finished, start=len(numbers) - len(tasks) + 1):
            how.done(count / len(numbers))
    for number in numbers:
        KeptDays(pieces, number, days).write(day_directory(run, number))
    return [ModelTables(day_directory(run, number)) for number in numbers]
