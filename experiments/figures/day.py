"""What the figures are drawn from: the tables of the first day of a run, and its scenario."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from cosim.arrays import Frame
from cosim.results import ModelTables, Run


@dataclass(frozen=True)
class Day:
    """The first day of a run; a table that was not written is an empty frame."""

    run: Run

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

    def main(self, table: str) -> Frame:
        """Return a table of the agents where they ran, else of the equilibrium."""
        return first_day(self.run.agents or self.run.equilibrium, table)

    def agents(self, table: str) -> Frame:
        """Return a table of the agents."""
        return first_day(self.run.agents, table)

    def equilibrium(self, table: str) -> Frame:
        """Return a table of the equilibrium."""
        return first_day(self.run.equilibrium, table)

    def comparison(self, table: str) -> Frame:
        """Return a table that sets the two side by side."""
        return first_day(self.run.comparison, table)

    @property
    def feeders(self) -> list[Mapping[str, Any]]:
        """The feeders' part of the scenario."""
        return list(self.scenario["grid"]["feeders"])


def first_day(tables: ModelTables, table: str) -> Frame:
    """Return the rows of the first day of *table*; what outlasts the day is left to the tables."""
    if table not in tables.names:
        return pd.DataFrame()
    frame = tables.read(table)
    return frame[frame.day == 1].reset_index(drop=True)
