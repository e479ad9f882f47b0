"""The agents' days as pieces of a store: those that are there are not simulated again.

For each replication and day there is a piece with its tables and one with the state at its end (the day boundary), from
which the next day starts. The boundary is kept first, so a day that is there can be gone on from.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from agents.checkpoint import load_boundary, save_boundary
from agents.day_boundary import DayBoundary
from agents.days import DayOfAgents, simulate_days
from cosim.arrays import Frame
from cosim.periods import PeriodOfDay
from cosim.results import ModelTables, write_tables
from cosim.scenario import DayAhead, Scenario
from experiments.run.many_days import joined
from experiments.store.frames import keep_frames, kept_frames
from experiments.store.pieces import Pieces

BOUNDARY = "day_boundary.arrays"
BOUNDARIES_KEPT = 2
"""The last one, and the one before, in case the last one is damaged."""


@dataclass(frozen=True, slots=True)
class KeptDays:
    """The days of one replication in a store; *days* are those that the agents are told to live."""

    pieces: Pieces
    replication: int
    days: int

    def name(self, day: int, kind: str = "day") -> str:
        """Return the name of the piece with a day, or with the boundary at its end."""
        return f"replication-{self.replication:04d}-{kind}-{day:04d}"

    @property
    def missing(self) -> list[int]:
        """The days that are not there."""
        return [day for day in range(1, self.days + 1) if self.name(day) not in self.pieces]

    def boundary_before(self, day: int) -> DayBoundary | None:
        """Return the last boundary before a day; None where the days begin anew."""
        for earlier in range(day - 1, 0, -1):
            if (name := self.name(earlier, "boundary")) in self.pieces:
                return load_boundary(self.pieces.path / name / BOUNDARY)
        return None

    def keep(self, day: DayOfAgents) -> None:
        """Keep a day that is over; of the boundaries, the last ones."""
        boundary = day.boundary
        if boundary is not None:
            name = self.name(day.day, "boundary")
            self.pieces.put(name, lambda folder: save_boundary(folder / BOUNDARY, boundary))
            kept = [piece for piece in self.pieces.names if piece.startswith(self.name(0, "boundary")[:-4])]
            for earlier in kept[:-BOUNDARIES_KEPT]:
                self.pieces.drop(earlier)
        keep = write_tables if self.days == 1 else keep_frames  # those of one day are linked into the run
        self.pieces.put(self.name(day.day), lambda folder: keep(folder, day.tables))

    def simulate(
        self,
        scenario: Scenario,
        ahead: DayAhead,
        seed: int,
        progress: Callable[[PeriodOfDay], None] = lambda _: None,
    ) -> dict[int, DayOfAgents]:
        """Simulate and keep the missing days, from the last boundary before them; return the days simulated."""
        simulated = {}
        while missing := self.missing:
            start = self.boundary_before(missing[0])
            for day in simulate_days(scenario, ahead, seed, start, progress):
                self.keep(day)
                simulated[day.day] = replace(day, boundary=None)  # it is big, and on disk
                if day.day >= missing[0] and day.day + 1 not in missing:
                    break
        return simulated

    def tables(self, simulated: dict[int, DayOfAgents]) -> dict[str, Frame]:
        """Return the tables of all days; those that were not *simulated* now are read."""
        return joined([simulated.get(day) or self._read(day) for day in range(1, self.days + 1)])

    def _read(self, day: int) -> DayOfAgents:
        folder = self.pieces.path / self.name(day)
        tables = _parquet(folder) if self.days == 1 else kept_frames(folder)
        return DayOfAgents(day=day, tables=tables, boundary=None)

    def write(self, folder: Path) -> None:
        """Write the tables of all days into *folder*."""
        if self.days == 1:
            self.pieces.link(self.name(1), folder)
        else:
            write_tables(folder, self.tables({}))


def _parquet(folder: Path) -> dict[str, Frame]:
    tables = ModelTables(folder)
    return {name: tables.read(name) for name in tables.names}


def simulate_replication(
    scenario: Scenario, ahead: DayAhead, seed: int, pieces: Pieces, replication: int
) -> None:
    """Simulate and keep the missing days of a replication."""
    KeptDays(pieces, replication, ahead.days).simulate(scenario, ahead, seed)
