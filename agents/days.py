"""Many days of the agents, one after another: each starts from the state at the end of the one before."""

import ctypes
import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import mesa

from agents.day_boundary import DayBoundary
from agents.model import CoSimModel, Progress
from agents.watch import WatchedDay
from cosim.arrays import Frame
from cosim.scenario import DayAhead, Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfAgents:
    """A simulated day."""

    day: int
    tables: dict[str, Frame]
    """Result tables; the traffic of a day is in those of the next day, when its last trips have ended."""
    boundary: DayBoundary | None
    """State from which the next day starts; None after the last one."""
    watched: Mapping[int, WatchedDay] = field(default_factory=dict)
    """Day of each watched EV, by its number."""


def simulate_days(
    scenario: Scenario,
    day_ahead: DayAhead,
    seed: int,
    start: DayBoundary | None = None,
    progress: Progress = lambda _: None,
    watched: Iterable[int] = (),
) -> Iterator[DayOfAgents]:
    """Yield day after day of the agents, from the first one or from the one that begins at *start*."""
    last, evs = False, frozenset(watched)
    while not last:
        model = CoSimModel(scenario, day_ahead, seed, start, evs)
        tables, last = model.simulate(progress), model.is_last_day
        start = None if last else model.boundary()
        day = DayOfAgents(day=model.day, tables=tables, boundary=start, watched=model.watched_days())
        getattr(mesa.Agent, "_ids", {}).pop(model, None)  # there Mesa 3.3 keeps every model there ever was
        del model
        release_memory()
        yield day


def release_memory() -> None:
    """Return the memory of a simulated day to the operating system; that of a city is gigabytes."""
    gc.collect()  # agents, clock and model are a reference cycle
    with suppress(
        AttributeError, OSError, TypeError
    ):  # of another C library than glibc, which keeps what was freed
        ctypes.CDLL(None).malloc_trim(0)
