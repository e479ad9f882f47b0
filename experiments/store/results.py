"""Small results of many runs: a journal for each writer, sealed now and then as a segment, a Parquet file.

A run is finished when it is in a journal or in a segment. Segment and journal have the same name, so sealing that was
interrupted is done again over what is there. ``results/*.parquet`` reads as one table, also while it grows.
"""

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from cosim.arrays import Frame
from cosim.files import file_hash
from cosim.results import write_tables
from experiments.store.folders import sync, sync_names
from experiments.store.journal import DIGEST, Journal, read_journal

SEGMENT = 500
"""Runs of a segment, at most."""
JOURNALS, RESULTS, TABLES, PARTS = "journal", "results", "tables", "parts"
Tell = Callable[[str], object]


class Results:
    """The results in *folder*, and the journal of this writer."""

    def __init__(self, folder: Path, writer: str, columns: Iterable[str]) -> None:
        """Know the *columns* that all segments have."""
        self.folder, self._writer, self._columns = folder, writer, tuple(columns)
        for name in (JOURNALS, RESULTS):
            (folder / name).mkdir(exist_ok=True)
        self._number, self._journal, self._runs = 0, None, 0
        self._read: dict[str, set[str]] = {}

    _journal: Journal | None

    def add(self, run: str, rows: list[dict[str, Any]], tables: Mapping[str, Frame]) -> None:
        """Keep the result of a run: when this returns it is on the disk."""
        journal = self._open()
        if tables:
            part = self._parts(journal.file.stem) / run
            write_tables(part, {name: table.assign(run=run) for name, table in tables.items()})
            sync(part)
            sync_names(part.parent)
        journal.add([{"run": run, "rows": rows}])
        self._runs += 1
        if self._runs >= SEGMENT:
            self.seal()

    def _open(self) -> Journal:
        if self._journal is None:
            self._number += 1
            self._journal = Journal(self.folder / JOURNALS / f"{self._writer}-{self._number:04d}.jsonl")
            self._runs = 0
        return self._journal

    def seal(self) -> None:
        """Make a segment of this writer's journal, if it holds a result."""
        if self._journal is not None:
            file = self._journal.file
            self._journal.close()
            self._journal = None
            self._seal(file)

    def check(self, tell: Tell) -> None:
        """Remove segments that are not as they were written, and *tell* of them. For one process at a time."""
        for file in self._segments():
            if file.stem.rpartition("-")[2] != file_hash(file)[:DIGEST]:
                tell(f"{file} is damaged; what was in it is computed again")
                file.unlink()

    def absorb(self, living: Iterable[str], tell: Tell) -> None:
        """Seal the journals of writers that have died; *tell* what was torn or damaged. For one process at a time."""
        alive = tuple(f"{name}-" for name in living)
        for file in sorted((self.folder / JOURNALS).iterdir()):
            if file.suffix == ".jsonl" and not file.name.startswith(alive):
                if damaged := read_journal(file)[1]:
                    what = (
                        "an unfinished line"
                        if damaged == 1
                        else f"{damaged} lines that are unfinished or damaged"
                    )
                    tell(f"{file} holds {what}; what is not in it is computed again")
                self._seal(file)

    def _seal(self, file: Path) -> None:
        import pandas as pd

        records, _ = read_journal(file)
        rows = [{"run": r["run"], **row} for r in records if "run" in r for row in r["rows"]]
        if rows:
            self._seal_tables(file.stem)
            further = dict.fromkeys(name for row in rows for name in row)
            columns = [*dict.fromkeys(["run", *self._columns, *further])]
            _write(self.folder / RESULTS, file.stem, pd.DataFrame(rows, columns=columns))
        file.unlink()
        shutil.rmtree(self._parts(file.stem), ignore_errors=True)

    def _seal_tables(self, stem: str) -> None:
        """Join the tables that were kept of the runs of a journal."""
        import pandas as pd

        parts: dict[str, list[Path]] = {}
        for file in sorted(self._parts(stem).glob("*/*.parquet")):
            parts.setdefault(file.stem, []).append(file)
        for table, files in parts.items():
            (self.folder / TABLES / table).mkdir(parents=True, exist_ok=True)
            joined = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
            _write(self.folder / TABLES / table, stem, joined)

    def _parts(self, stem: str) -> Path:
        return self.folder / PARTS / stem

    def finished(self) -> set[str]:
        """Return the ids of all runs that are finished, those of other writers too."""
        found: set[str] = set()
        for file in sorted(
            (self.folder / JOURNALS).iterdir()
        ):  # first: what is sealed meanwhile is in a segment then
            if file.suffix == ".jsonl":
                found |= {record["run"] for record in read_journal(file)[0] if "run" in record}
        for file in self._segments():
            if file.name not in self._read:
                self._read[file.name] = set(_read_columns(file, ["run"]).run)
        return found.union(*self._read.values())

    def _segments(self) -> list[Path]:
        return sorted((self.folder / RESULTS).glob("[!.]*.parquet"))

    def frame(self) -> Frame:
        """Return the rows of all finished runs, each run once."""
        import pandas as pd

        journals = [read_journal(file)[0] for file in sorted((self.folder / JOURNALS).glob("*.jsonl"))]
        rows = [
            {"run": r["run"], **row}
            for records in journals
            for r in records
            if "run" in r
            for row in r["rows"]
        ]
        frames = [_read_columns(file, None) for file in self._segments()]
        frames += [pd.DataFrame(rows)] if rows else []
        if not frames:
            return pd.DataFrame(columns=["run", *self._columns])
        return pd.concat(frames, ignore_index=True).drop_duplicates(["run", "day"], ignore_index=True)


def _read_columns(file: Path, columns: list[str] | None) -> Frame:
    import pyarrow.parquet as pq

    return pq.ParquetFile(file).read(columns=columns).to_pandas()


def _write(folder: Path, stem: str, frame: Frame) -> None:
    """Write a segment, all of it or nothing; its name ends with the first letters of its SHA-256."""
    unfinished = folder / f".{stem}"
    try:
        write_tables(unfinished, {stem: frame})
        (written,) = unfinished.iterdir()
        sync(unfinished)
        written.replace(folder / f"{stem}-{file_hash(written)[:DIGEST]}.parquet")
        sync_names(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
