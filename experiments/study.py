"""What all commands share: a study is shown and written, and its exit code says how it ended."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from cosim.results import RunDirectory, Tables, check_columns, write_tables
from experiments.manifest import without_nan

FLAGGED = 3
"""Exit code of a study that was completed, but whose answer is not within all limits."""
REPORT = "report.html"


def no_page(_tables: Tables) -> str:
    """Return no page."""
    return ""


def no_files(_folder: Path) -> None:
    """Write no other files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The outcome of a command; its tables and its page are made only where they are written."""

    command: str
    facts: Mapping[str, Any]
    """One JSON object."""
    lines: Sequence[str]
    """The same as text."""
    flags: Sequence[str] = ()
    """What keeps the answer from being within all limits, and what to do; there is none if all is well."""
    notes: Sequence[str] = ()
    """What is worth knowing although all is well."""
    tables: Callable[[], Tables] = dict
    page: Callable[[Tables], str] = no_page
    """Returns the page of the tables, as HTML; empty if there is none."""
    files: Callable[[Path], object] = no_files
    """Writes what else the directory holds."""
    folder: str = "."
    """Where the tables lie in the directory."""
    fields: Collection[str] = ()
    """Columns that are fields of the scenario (FIELD in the dictionary of columns)."""


def finish(study: Study, out: Path | None = None, *, as_json: bool = False) -> None:
    """Write the study into the new directory *out*, show it as text or JSON, and leave with code 3 if it has flags.

    Tables are written as Parquet and CSV, the page as ``report.html``; the directory takes its name when it is
    whole. The text goes to standard output, the flags to standard error.
    """
    written = [] if out is None else [_write(study, out)]
    if as_json:
        typer.echo(json.dumps(without_nan(study.facts), ensure_ascii=False, allow_nan=False))
    else:
        typer.echo("\n".join([*study.lines, *written]))
    for note in study.notes:
        typer.echo(f"note: {note}", err=True)
    for flag in study.flags:
        typer.echo(f"cosim: {flag}", err=True)
    if study.flags:
        raise typer.Exit(FLAGGED)


def _write(study: Study, out: Path) -> str:
    """Write tables, page and files; return the line that says where."""
    with RunDirectory(out) as unfinished:
        tables, folder = study.tables(), unfinished.path / study.folder
        for name, frame in tables.items():
            check_columns(study.command, name, [column for column in frame if column not in study.fields])
        write_tables(folder, tables)
        for name, frame in tables.items():
            frame.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
        study.files(unfinished.path)
        if page := study.page(tables):
            (unfinished.path / REPORT).write_text(page, encoding="utf-8")
    return f"report: {out / REPORT}" if page else f"written to: {out}"


def aligned(facts: Mapping[str, str], width: int = 18) -> list[str]:
    """Return a line for each figure, its name before it."""
    return [f"{name:{width}} {value}" for name, value in facts.items()]
