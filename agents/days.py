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
from cosim.tables import AFTER_MIDNIGHT, OUTLASTING


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
        last, tables = model.is_last_day, outlasting_apart(model.simulate(progress), model.day)
        start = None if last else model.boundary()
        day = DayOfAgents(day=model.day, tables=tables, boundary=start, watched=model.watched_days())
        getattr(mesa.Agent, "_ids", {}).pop(model, None)  # there Mesa 3.3 keeps every model there ever was
        del model
        release_memory()
        yield day


def outlasting_apart(tables: Mapping[str, Frame], day: int) -> dict[str, Frame]:
    """Return the tables with rows after *day* in tables of their own (``dispatch_after_midnight``)."""
    apart = dict(tables)
    for name in OUTLASTING:
        if name in tables and (later := tables[name].day > day).any():
            apart[name] = tables[name][~later]
            apart[f"{name}{AFTER_MIDNIGHT}"] = tables[name][later].reset_index(drop=True)
    return apart


def release_memory() -> None:
    """Return the memory of a simulated day to the operating system; that of a city is gigabytes."""
    gc.collect()  # agents, clock and model are a reference cycle
    with suppress(
        AttributeError, OSError, TypeError
    ):  # of another C library than glibc, which keeps what was freed
        ctypes.CDLL(None).malloc_trim(0)
