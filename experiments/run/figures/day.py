"""What the figures are drawn from: the tables of one day of a run, and its scenario."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from cosim.arrays import Frame
from cosim.files import read_toml
from cosim.grid.bus_words import at_bus
from cosim.results import ModelTables, Run
from experiments.figures.palette import AGENTS, EQUILIBRIUM, Look, looks_of


@dataclass(frozen=True)
class Day:
    """One day of a run; a table that was not written is an empty frame.

    The agents live through many days; the equilibrium, and what is compared with it, is of one.
    """

    run: Run
    number: int = 1
    _read: dict[tuple[Path, str], Frame] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def scenario(self) -> Mapping[str, Any]:
        """The scenario as it was run."""
        return read_toml(self.run.directory / "scenario.toml")

    @property
    def directory(self) -> Path:
        """The run directory: the scenario's files are named relative to it."""
        return self.run.directory

    @property
    def period_min(self) -> float:
        """Length of a period in minutes."""
        return 1440 / int(self.scenario.get("periods", 24))

    @property
    def days(self) -> int:
        """How many days the agents lived through."""
        return int(self.scenario.get("days", 1))

    def main(self, table: str) -> Frame:
        """Return a table of the agents where they ran, else of the equilibrium."""
        return self.agents(table) if self.run.agents else self.equilibrium(table)

    def agents(self, table: str, columns: Sequence[str] | None = None, **wanted: Any) -> Frame:
        """Return a table of the agents, or of a large one some *columns* and the rows that are as *wanted*."""
        return self._day(self.run.agents, table, self.number, columns, wanted)

    def equilibrium(self, table: str, columns: Sequence[str] | None = None, **wanted: Any) -> Frame:
        """Return a table of the equilibrium, or a part of it."""
        return self._day(self.run.equilibrium, table, 1, columns, wanted)

    def comparison(self, table: str, columns: Sequence[str] | None = None, **wanted: Any) -> Frame:
        """Return a table that sets the two side by side, or a part of it: the agents' last day."""
        return self._day(self.run.comparison, table, self.days, columns, wanted)

    def by_model(self, table: str) -> list[tuple[Frame, str, str]]:
        """Return a table of each model that wrote it, with the model's name and colour."""
        found = [
            (self.equilibrium(table), "equilibrium", EQUILIBRIUM),
            (self.agents(table), "agents", AGENTS),
        ]
        return [model for model in found if not model[0].empty]

    @cached_property
    def where(self) -> Frame:
        """Feeder and bus of each station."""
        return self.main("stations").drop_duplicates("station").set_index("station")[["feeder", "bus"]]

    @cached_property
    def stations(self) -> dict[str, Look]:
        """The stations with their looks: those of one feeder follow each other, so that they differ."""
        order = [feeder["name"] for feeder in self.feeders]
        names = [station["name"] for station in self.scenario["stations"]]
        return looks_of(sorted(names, key=lambda name: order.index(self.where.feeder[name])))

    def stations_of(self, feeder: Mapping[str, Any]) -> list[str]:
        """Return the names of the stations on a feeder."""
        return [name for name in self.stations if self.where.feeder[name] == feeder["name"]]

    def stations_by_bus(self, feeder: Mapping[str, Any]) -> dict[str, tuple[str, Look]]:
        """Return what the buses with stations of a feeder are called, and how they look: as their first station."""
        served: dict[str, list[str]] = {}
        for name in self.stations_of(feeder):
            served.setdefault(self.where.bus[name], []).append(name)
        return {
            bus: (f"{', '.join(names)} ({at_bus(bus)})", self.stations[names[0]])
            for bus, names in served.items()
        }

    @property
    def feeders(self) -> list[Mapping[str, Any]]:
        """The feeders' part of the scenario; a voltage limit that differs from bus to bus is None."""
        differs = {"voltage_min_pu": None, "voltage_max_pu": None}
        return [differs | feeder for feeder in self.scenario["grid"]["feeders"]]

    @property
    def voltage_limits_pu(self) -> list[float]:
        """The voltage limits of the feeders, from low to high."""
        limits = {own[name] for own in self.feeders for name in ("voltage_min_pu", "voltage_max_pu")}
        return sorted(limits - {None})

    def _day(
        self,
        tables: ModelTables,
        table: str,
        number: int,
        columns: Sequence[str] | None,
        wanted: Mapping[str, Any],
    ) -> Frame:
        """Return one day of *table*; a whole one is read once, of a part only that part."""
        if table not in tables.names:
            return pd.DataFrame(columns=list(columns or ["day"]))
        where = [("day", "==", number)]
        where += [
            (column, "in" if isinstance(value, list) else "==", value) for column, value in wanted.items()
        ]
        if columns or wanted:
            return tables.read(table, where, columns)
        key = (tables.directory, table)
        if key not in self._read:
            self._read[key] = tables.read(table, where)
        return self._read[key]
