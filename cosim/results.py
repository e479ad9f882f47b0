"""The result tables, with one schema for both models of a day, and the directory of a run.

``TABLES`` is the dictionary of columns, printed in the docs. Both models write the same tables and columns, with the
unit in the name; a value that a model does not have is NaN, or empty.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cosim.arguments import checked
from cosim.arrays import Frame
from cosim.columns import Column
from cosim.errors import ConfigError, Problem, refuse
from cosim.files import Boundary, parsed_json, read_parquet, read_text
from cosim.tables import COLUMN_NAMES, SORT_COLUMNS, TABLES

Tables = Mapping[str, "Frame"]
ROWS_IN_GROUP = 100_000
"""Rows of a Parquet row group, the least that a reader holds in memory."""


@dataclass(slots=True)
class Recorder:
    """Collects rows, in blocks of equal length, while a model runs."""

    _blocks: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, table: str, **columns: Any) -> None:
        """Append rows to *table*: arrays of equal length, and scalars that are repeated."""
        _check_columns(table, columns)
        self._blocks.setdefault(table, []).append(columns)

    def add_row(self, table: str, **values: Any) -> None:
        """Append one row to *table*; a table is written either by rows or by blocks."""
        _check_columns(table, values)
        self._rows.setdefault(table, []).append(values)

    def written(self, table: str) -> Sequence[Mapping[str, Any]]:
        """Return the rows, or blocks of rows, of *table* in the order of writing."""
        return self._blocks.get(table) or self._rows.get(table, [])

    def frame(self, table: str) -> Frame:
        """Return all rows of *table* as a data frame with the columns of the schema, sorted by its sort columns."""
        import pandas as pd

        rows, blocks = self._rows.get(table, []), self._blocks.get(table, [])
        lengths = [_length(block) for block in blocks]
        columns = {column.name: _values(column, rows, blocks, lengths) for column in TABLES[table]}
        return pd.DataFrame(columns).sort_values(list(SORT_COLUMNS[table]), kind="stable", ignore_index=True)

    def frames(self) -> dict[str, Frame]:
        """Return every table that has rows."""
        return {table: self.frame(table) for table in TABLES if table in self._blocks or table in self._rows}


def _check_columns(table: str, columns: Mapping[str, Any]) -> None:
    if unknown := columns.keys() - COLUMN_NAMES[table]:
        msg = f"table {table} has no column {', '.join(sorted(unknown))}"
        raise KeyError(msg)


def _values(
    column: Column,
    rows: Iterable[Mapping[str, Any]],
    blocks: Iterable[Mapping[str, Any]],
    lengths: Iterable[int],
) -> Any:
    """Return a column of all blocks, which are of these *lengths*, and rows."""
    parts = [_full_length(column, block, length) for block, length in zip(blocks, lengths, strict=True)]
    of_rows = [row.get(column.name, column.missing) for row in rows]
    return np.concatenate([*parts, np.array(of_rows, dtype=column.dtype)])


def _length(block: Mapping[str, Any]) -> int:
    return max(np.size(value) for value in block.values() if not isinstance(value, str))


def _full_length(column: Column, block: Mapping[str, Any], length: int) -> Any:
    value = np.asarray(block.get(column.name, column.missing), dtype=column.dtype)
    return np.broadcast_to(value, (length,)) if value.ndim == 0 else value


def check_columns(command: str, table: str, columns: Iterable[str]) -> None:
    """Raise KeyError unless the *columns* of a *command*'s table are in the dictionary.

    A command has a table of its own (assign/links), or writes one shared by several commands.
    """
    name = f"{command}/{table}" if f"{command}/{table}" in TABLES else table
    unknown = [column for column in columns if not any(known.covers(column) for known in TABLES[name])]
    if unknown:
        msg = f"table {name} has no column {', '.join(unknown)}"
        raise KeyError(msg)


def write_tables(directory: Path, tables: Tables) -> None:
    """Write each table as Parquet under *directory*; the same values give the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    directory.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        # a table has few columns: threads cost more than they save
        table = pa.Table.from_pandas(frame, preserve_index=False, nthreads=1)
        file = directory / f"{name}.parquet"
        pq.write_table(
            table.replace_schema_metadata(), file, compression="zstd", row_group_size=ROWS_IN_GROUP
        )


@dataclass(frozen=True)
class ModelTables:
    """The tables of one model of the day, read on access: ``run.agents.links``."""

    directory: Path
    run: Path | None = None
    """Directory of the run, whose files alone are read; by default the same."""

    def __getattr__(self, table: str) -> Frame:
        """Return a table as a pandas data frame."""
        if table.startswith("_"):
            raise AttributeError(table)
        return self.read(table)

    def __dir__(self) -> list[str]:
        """Return the names of the tables too, which an editor offers."""
        return [*super().__dir__(), *self.names]

    def read(
        self,
        table: str,
        where: Sequence[tuple[str, str, Any]] | None = None,
        columns: Sequence[str] | None = None,
    ) -> Frame:
        """Return a table as a pandas data frame; a table that the run did not need to write has no rows.

        *where* holds conditions on columns, as ``("ev", "==", 18)``: row groups without such rows are not read.
        *columns* are those to read, by default all.

        Raises ConfigError if its file is damaged.
        """
        path = self.directory / f"{table}.parquet"
        if not path.exists() and table in TABLES and self:
            empty = Recorder().frame(table)  # a table without rows is not written
            return empty if columns is None else empty[list(columns)]
        if not path.exists():
            msg = f"there is no table '{table}' in {self.directory} (there are: {', '.join(self.names)})"
            raise AttributeError(msg)
        with Boundary.of([self.run or self.directory]).around():
            frame = read_parquet(
                path, columns, where, "it is not a whole Parquet file; run the scenario again"
            )
        _check_types(path, frame)
        return frame

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tables that were written."""
        return tuple(sorted(path.stem for path in self.directory.glob("*.parquet")))

    def __bool__(self) -> bool:
        """Whether this model was run."""
        return self.directory.is_dir()


def _check_types(file: Path, frame: Frame) -> None:
    """Raise ConfigError unless a table has the columns of the dictionary, in their types."""
    from pandas.api.types import infer_dtype

    faults = [
        Problem(f"has no values of the type {column.kind}", column=column.name, file=str(file))
        for column in TABLES.get(file.stem, ())
        if column.name in frame
        and (
            frame[column.name].dtype != column.dtype
            or (column.dtype == "object" and infer_dtype(frame[column.name]) not in {"string", "empty"})
        )
    ]
    refuse(str(file), faults)


OF_A_MANIFEST: dict[str, Callable[[Any], bool]] = {
    "name": lambda value: isinstance(value, str),
    "seed": lambda value: isinstance(value, int),
    "seeds": lambda value: isinstance(value, list) and all(isinstance(seed, int) for seed in value),
    "tables": lambda value: isinstance(value, dict) and all(isinstance(text, str) for text in value.values()),
    "summary": lambda value: (
        isinstance(value, dict) and all(isinstance(value.get(key), int) for key in ("evs", "days"))
    ),
    "versions": lambda value: isinstance(value, dict),
}
"""What the manifest of a run holds at least, and whether a value can be it."""


@dataclass(frozen=True)
class Run:
    """A finished run: its directory, manifest, summary and tables.

    ``run.links`` is the table of the agents if they ran, else that of the equilibrium; ``run.agents.links`` and
    ``run.equilibrium.links`` are those of one model.
    """

    directory: Path

    def __repr__(self) -> str:
        """Return the name of the run, its models and its directory."""
        models = " and ".join(name for name in ("agents", "equilibrium") if getattr(self, name))
        name, seed = self.manifest["name"], self.manifest["seed"]
        return f"<Run {name}, seed {seed}: {models}, in {self.directory}>"

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Versions, seed, solver, hashes of the tables, timings and the summary; ConfigError if it is damaged."""
        file = self.directory / "manifest.json"
        try:
            with Boundary.of([self.directory]).around():
                content: dict[str, Any] = parsed_json(read_text(file))
        except ValueError as reason:
            raise ConfigError(str(file), [f"is not valid JSON ({reason}); run the scenario again"]) from None
        found = content if isinstance(content, dict) else {}
        if faulty := [key for key, holds in OF_A_MANIFEST.items() if not holds(found.get(key))]:
            problem = f"is not the manifest of a run: {', '.join(faulty)} missing, or not as a run writes it"
            raise ConfigError(str(file), [problem])
        return content

    @property
    def summary(self) -> dict[str, Any]:
        """Figures printed at the end of a run."""
        content: dict[str, Any] = self.manifest["summary"]
        return content

    @property
    def agents(self) -> ModelTables:
        """Tables of the agents on the clock."""
        return ModelTables(self.directory / "agents", self.directory)

    @property
    def replications(self) -> tuple[ModelTables, ...]:
        """Tables of each replicated day of the agents; the first is ``agents``."""
        others = sorted(self.directory.glob("replications/[0-9]*"))
        return (self.agents, *(ModelTables(day, self.directory) for day in others)) if self.agents else ()

    @property
    def equilibrium(self) -> ModelTables:
        """Tables of the equilibrium model."""
        return ModelTables(self.directory / "equilibrium", self.directory)

    @property
    def comparison(self) -> ModelTables:
        """Tables of the comparison of the two models."""
        return ModelTables(self.directory / "comparison", self.directory)

    def __dir__(self) -> list[str]:
        """Return the names of the tables too, which an editor offers."""
        return [*super().__dir__(), *(self.agents or self.equilibrium).names]

    def __getattr__(self, table: str) -> Frame:
        """Return a table of the agents if they ran, else of the equilibrium."""
        if table.startswith("_"):
            raise AttributeError(table)
        return (self.agents or self.equilibrium).read(table)


@checked
def load_run(directory: str | Path) -> Run:
    """Return the run in *directory*; raise ConfigError unless it is finished and complete.

    All tables of a model may have been removed together, but not single ones.
    """
    path = Path(directory)
    if not (path / "manifest.json").is_file():
        raise ConfigError(str(path), ["this is not the directory of a finished run (no manifest.json)"])
    run = Run(path)
    written = [path / name for name in run.manifest["tables"]]
    missing = [file for file in written if file.parent.is_dir() and not file.is_file()]
    if missing:
        problems = [f"{file.relative_to(path)} is missing; run the scenario again" for file in missing]
        raise ConfigError(str(path), problems)
    return run
