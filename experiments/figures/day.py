"""What the figures are drawn from: the tables of the last day of a run, and its scenario."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from cosim.arrays import Frame
from cosim.results import ModelTables, Run


@dataclass(frozen=True)
class Day:
    """The last day of a run, as if it were the first; a table that was not written is an empty frame."""

    run: Run
    _read: dict[tuple[Path, str], Frame] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def scenario(self) -> Mapping[str, Any]:
        """The scenario as it was run."""
        text = (self.run.directory / "scenario.toml").read_text(encoding="utf-8")
        return tomllib.loads(text)

    @property
    def directory(self) -> Path:
        """The run directory: the scenario's files are named relative to it."""
        return self.run.directory

    @property
    def period_min(self) -> float:
        """Length of a period in minutes."""
        return 1440 / int(self.scenario.get("periods", 24))

    @property
    def number(self) -> int:
        """The day that is shown: the last one of the run."""
        return int(self.scenario.get("days", 1))

    def main(self, table: str) -> Frame:
        """Return a table of the agents where they ran, else of the equilibrium."""
        return self.agents(table) if self.run.agents else self.equilibrium(table)

    def agents(self, table: str) -> Frame:
        """Return a table of the agents."""
        return self._of_day(self.run.agents, table, self.number)

    def equilibrium(self, table: str) -> Frame:
        """Return a table of the equilibrium."""
        return self._of_day(self.run.equilibrium, table, 1)

    def comparison(self, table: str) -> Frame:
        """Return a table that sets the two side by side."""
        return self._of_day(self.run.comparison, table, self.number)

    @property
    def feeders(self) -> list[Mapping[str, Any]]:
        """The feeders' part of the scenario."""
        return list(self.scenario["grid"]["feeders"])

    def _of_day(self, tables: ModelTables, table: str, day: int) -> Frame:
        """Return the rows of one day of *table*, read once; what outlasts the day is left to the tables."""
        key = (tables.directory, table)
        if key not in self._read:
            frame = tables.read(table) if table in tables.names else pd.DataFrame(columns=["day"])
            self._read[key] = frame[frame.day == day].assign(day=1).reset_index(drop=True)
        return self._read[key]
