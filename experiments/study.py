"""The result of a command, and its output: text or JSON, tables and page, exit code."""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typer

from cosim.arrays import Frame
from cosim.results import Tables, check_columns, write_tables
from experiments.manifest import without_nan
from experiments.say import hanging, say
from experiments.store.folders import RunDirectory, sync, sync_names

FLAGGED = 3
"""Exit code of a command that was completed, but whose result violates a limit or has not converged."""
FORMULA = re.compile(r"^(?=[=@+-][^-])(?![+-]\d+(\.\d+)?$)")
"""The place before the first letter of a text that a spreadsheet takes for a formula; a number is none."""
REPORT = "report.html"
"""File name of the page."""


def no_page(_tables: Tables) -> str:
    """Return an empty text: there is no page."""
    return ""


def no_files(_folder: Path) -> None:
    """Write nothing: there are no other files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """Result of a command; tables and page are computed only if they are written."""

    command: str
    facts: Mapping[str, Any]
    """The result as one JSON object."""
    lines: Sequence[str]
    """The result as lines of text."""
    flags: Sequence[str] = ()
    """Sentences about violated limits and missing convergence, with advice."""
    notes: Sequence[str] = ()
    """Sentences of information, without consequence for the exit code."""
    tables: Callable[[], Tables] = dict
    """Returns the tables by name."""
    page: Callable[[Tables], str] = no_page
    """Returns the HTML page of the tables; empty without a page."""
    files: Callable[[Path], object] = no_files
    """Writes further files into the directory."""
    folder: str = "."
    """Folder of the tables in the directory."""
    fields: Collection[str] = ()
    """Columns named by fields of the scenario (FIELD in the dictionary of columns)."""


def emit(result: CommandResult, out: Path | None = None, *, as_json: bool = False) -> None:
    """Write the result into the new directory *out*, print it as text or JSON, and exit with code 3 if it has flags.

    Tables are written as Parquet and CSV, the page as ``report.html``; the directory is renamed from a temporary name
    when it is complete. The text goes to standard output, the flags to standard error.
    """
    written = [] if out is None else [_write(result, out)]
    if as_json:
        say(json.dumps(without_nan(result.facts), ensure_ascii=False, allow_nan=False))
    else:
        say("\n".join([*result.lines, *written]))
    for note in result.notes:
        told(note)
    for flag in result.flags:
        say(f"cosim: {flag}", err=True)
    if result.flags:
        raise typer.Exit(FLAGGED)


def told(note: str) -> None:
    """Print a note at once."""
    say(f"note: {note}", err=True)


def _write(result: CommandResult, out: Path) -> str:
    """Write tables, page and files, and return a line with their location."""
    with RunDirectory(out) as unfinished:
        tables = _write_files(result, unfinished.path)
    with whole_without_page(out):
        if page := result.page(tables):
            write_page(page, out / REPORT)
    return f"report: {out / REPORT}" if page else f"written to: {out}"


def _write_files(result: CommandResult, directory: Path) -> Tables:
    """Write tables and other files; return the tables."""
    tables, folder = result.tables(), directory / result.folder
    for name, frame in tables.items():
        check_columns(result.command, name, [column for column in frame if column not in result.fields])
    write_tables(folder, tables)
    for name, frame in tables.items():
        without_formulas(frame).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    result.files(directory)
    return tables


def write_into(result: CommandResult, directory: Path) -> str:
    """Write tables, page and files into a *directory* that stays, each whole; return a line with their location."""
    with TemporaryDirectory(prefix=".writing-", dir=directory) as name:
        tables = _write_files(result, Path(name))
        sync(Path(name))
        for file in sorted(Path(name).iterdir()):
            file.replace(directory / file.name)
        sync_names(directory)
    with whole_without_page(directory):
        write_page(result.page(tables), directory / REPORT)
    return f"report: {directory / REPORT}"


def without_formulas(frame: Frame) -> Frame:
    """Return a table for CSV: a text that a spreadsheet would compute begins with an apostrophe."""
    texts = frame.select_dtypes("object")
    safe = {
        name: [FORMULA.sub("'", value) if isinstance(value, str) else value for value in texts[name]]
        for name in texts
    }
    return frame.assign(**safe)


@contextmanager
def whole_without_page(directory: Path) -> Iterator[None]:
    """Tell of whatever ends the writing of a page that the tables in *directory* are whole."""
    try:
        yield
    except Exception as fault:
        fault.add_note(f"The tables in {directory} are whole; only its page is missing.")
        raise


def write_page(page: str, file: Path) -> None:
    """Write a page, all of it or nothing."""
    unfinished = file.with_name(f".{file.name}.unfinished")
    try:
        unfinished.write_text(page, encoding="utf-8")
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def aligned(facts: Mapping[str, str], width: int = 18) -> list[str]:
    """Return a line for each figure, with its name in a column of *width*; a longer one goes on below its value."""
    return [hanging(f"{name:{width}} {value}", width + 1) for name, value in facts.items()]
