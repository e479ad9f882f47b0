"""Many days of the agents, one after another: each begins from what the one before has left."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import mesa

from agents.midnight import Midnight
from agents.model import CoSimModel, Progress
from cosim.arrays import Frame
from cosim.scenario import DayAhead, Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfAgents:
    """A day that is over."""

    day: int
    tables: dict[str, Frame]
    """What could be written down by now: the traffic of a day only a day later, when its last trips have ended."""
    midnight: Midnight | None
    """What it leaves to the next day; None after the last one."""


def simulate_days(
    scenario: Scenario,
    day_ahead: DayAhead,
    seed: int,
    start: Midnight | None = None,
    progress: Progress = lambda _: None,
) -> Iterator[DayOfAgents]:
    """Yield day after day of the agents, the first one or the one that *start* is the midnight before."""
    last = False
    while not last:
        model = CoSimModel(scenario, day_ahead, seed, start)
        tables, last = model.simulate(progress), model.is_last_day
        start = None if last else model.evening.midnight()
        day = DayOfAgents(day=model.day, tables=tables, midnight=start)
        getattr(mesa.Agent, "_ids", {}).pop(model, None)  # there Mesa 3.3 keeps every model there ever was
        del model
        give_back_memory()
        yield day


def give_back_memory() -> None:
    """Give the memory of a day that is over back to the machine: a city's is more than all that follows needs."""
    gc.collect()  # agents, clock and world hold each other
    with suppress(
        AttributeError, OSError, TypeError
    ):  # of another C library than glibc, which keeps what was freed
        ctypes.CDLL(None).malloc_trim(0)
