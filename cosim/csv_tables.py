"""A CSV file as columns, with a record of every defect: file, line, column, value and allowed values."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.errors import UNPRINTABLE, ConfigError, Problem, refuse
from cosim.files import read_text


@dataclass(frozen=True, slots=True)
class Range:
    """Allowed values of a column of numbers, in words and as a predicate."""

    allowed: str
    holds: Callable[[float], bool]


LARGE, TINY = 1e15, 1e-12
"""Size of a number beyond which, and below which, no quantity is: products and quotients of two would overflow."""


def is_quantity(value: float) -> bool:
    """Return whether a number is finite, and of a size that a quantity may have."""
    return abs(value) <= LARGE  # also of NaN


ANY = Range("a number", lambda _: True)
NOT_NEGATIVE = Range("a number, 0 or more", lambda value: value >= 0)
POSITIVE = Range("a number above 0", lambda value: value > TINY)
AT_LEAST_ONE = Range("a number, 1 or more", lambda value: value >= 1)
SHARE = Range("a number from 0 to 1", lambda value: 0 <= value <= 1)


MAX_COLUMNS = 2_000
"""Columns of a file; far more are no table but an accident, or an attack on the memory."""

MAX_CELLS, MAX_LINES = 5_000_000, 2_000_000
"""Cells and lines of a file: a line takes about 250 bytes, and each of its cells 60."""
LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
"""Characters that end a line."""
COLUMNS_TOLD = 40

Row = dict[str, str]
"""The cells of one line, by column."""


@dataclass(slots=True)
class Table:
    """The rows of one file; a file that cannot be read has no rows, so that it is one defect and not several."""

    file: Path
    columns: tuple[str, ...] = ()
    cells: list[Row] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def report(self, line: int, problem: Problem | str) -> None:
        """Record one defect; line 0 is the file as a whole."""
        record = Problem(problem) if isinstance(problem, str) else problem
        self.problems.append(replace(record, file=str(self.file), line=line))

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Yield the number of each line with its cells."""
        return zip(self.lines, self.cells, strict=True)

    def names(self, column: str) -> list[str]:
        """Return a column of names; an empty one is a defect, and one with characters that are not shown."""
        for line, row in self.rows():
            if not row[column]:
                self.report(line, Problem("is empty", column=column, advice="give a name"))
            elif UNPRINTABLE.search(row[column]):
                self.report(
                    line, Problem(column=column, value=row[column], allowed="a name of visible characters")
                )
        return [row[column] for row in self.cells]

    def numbers(self, column: str, limits: Range = ANY) -> FloatArray:
        """Return a column of numbers; a cell that is not a finite number within the limits is a defect."""
        return np.array([self.number(line, row, column, limits) for line, row in self.rows()])

    def number(self, line: int, row: Row, column: str, limits: Range = ANY) -> float:
        """Return one cell as a number; it is a defect if it is not a finite number within the limits."""
        try:
            value = float(row[column].replace("_", "?"))  # Python's 5_00 is no number to others
        except ValueError:
            value = inf
        if not (is_quantity(value) and limits.holds(value)):
            self.report(line, Problem(column=column, value=row[column], allowed=limits.allowed))
        return value

    def positions(self, column: str, known: Sequence[str] | Mapping[str, int], allowed: str = "") -> IntArray:
        """Return the position of each name of a column among those *known*; -1, and a defect, if it is not known.

        Without any known name no defect is reported: it is in the file that lists the names.
        """
        position = known if isinstance(known, Mapping) else {name: index for index, name in enumerate(known)}
        for line, row in self.rows():
            if position and row[column] not in position:
                allowed = allowed or f"one of {', '.join(position)}"
                empty = Problem("is empty", column=column, advice=f"give {allowed}")
                unknown = Problem(column=column, value=row[column], allowed=allowed)
                self.report(line, unknown if row[column] else empty)
        return np.array([position.get(row[column], -1) for row in self.cells], dtype=np.int64)

    def refuse_repeated(self, *columns: str) -> None:
        """Report every row whose values in *columns* are those of a row above it."""
        first_line: dict[tuple[str, ...], int] = {}
        for line, row in self.rows():
            key = tuple(row[column] for column in columns)
            if key not in first_line:
                first_line[key] = line
            else:
                values = ", ".join(f"{column} {value!r}" for column, value in zip(columns, key, strict=True))
                self.report(line, f"{values} is given already in line {first_line[key]}; give it once")


def problems_of(*tables: Table | None) -> list[Problem]:
    """Return the defects of all the tables, each table's in the order of its lines."""
    read = (table for table in tables if table is not None)
    return [problem for table in read for problem in sorted(table.problems, key=lambda p: p.line)]


def refuse_faulty(*tables: Table | None) -> None:
    """Raise ConfigError with the defects of all the tables, if there are any."""
    refuse(", ".join(str(table.file) for table in tables if table is not None), problems_of(*tables))


def read_table(
    file: str | Path, required: Sequence[str], optional: Sequence[str] | None = (), *, lower: bool = False
) -> Table:
    """Return the rows of a CSV file; empty lines and lines that start with '#' are skipped.

    A column that is neither *required* nor *optional* is a defect, unless *optional* is None. *lower* takes the names
    of columns as if they were in lower case.
    """
    table = Table(Path(file))
    rows = _rows(table, required)
    header_line, header = next(rows, (0, []))
    if lower:
        header = [column.lower() for column in header]
    allowed = (*required, *(header if optional is None else optional))
    if header_line and _is_good_header(table, header_line, header, required, allowed):
        _fill(table, header_line, header, rows)
    return table


def read_lines(table: Table, needed: str) -> list[str]:
    """Return the lines of the file; one that cannot be read, or is too long, is a defect, and has none."""
    try:
        text = read_text(table.file)
    except ConfigError as error:
        for problem in error.problems:
            table.report(0, replace(problem, advice=problem.advice or needed))
        return []
    if (lines := sum(map(text.count, LINE_ENDS))) > MAX_LINES:
        table.report(0, f"has {lines:,} lines; at most {MAX_LINES:,} are read")
        return []
    return text.splitlines()


def _rows(table: Table, required: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line that is not empty or a comment; none for an unreadable file."""
    lines = read_lines(table, _needed("a file", required))
    columns = [line.count(",") + 1 for line in lines]
    if (cells := sum(columns)) > MAX_CELLS:
        table.report(0, f"has {cells:,} cells; at most {MAX_CELLS:,} are read")
    elif (widest := max(columns, default=0)) > MAX_COLUMNS:
        table.report(columns.index(widest) + 1, f"has {widest:,} cells; at most {MAX_COLUMNS:,} are read")
    if table.problems:
        return
    said = [number for number, line in enumerate(lines, start=1) if line.strip() and line.lstrip()[0] != "#"]
    if not said:
        table.report(0, f"is empty; {_needed('a header', required)}")
    for number in said:
        yield number, [cell.strip() for cell in _cells(lines[number - 1])]


def _needed(noun: str, columns: Sequence[str]) -> str:
    """Return the clause that *noun* is needed, with its required columns if there are any."""
    return f"{noun} with columns {', '.join(columns)} is needed" if columns else f"{noun} is needed"


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader([line]))
    except csv.Error:  # characters that CSV does not allow; the reader of the cell reports them
        return line.split(",")


def _fill(table: Table, header_line: int, header: list[str], rows: Iterator[tuple[int, list[str]]]) -> None:
    """Fill the table with the rows below the header."""
    table.columns = tuple(header)
    line = header_line
    for line, cells in rows:
        if len(cells) == len(header):
            table.lines.append(line)
            table.cells.append(dict(zip(header, cells, strict=True)))
        else:
            table.report(line, f"has {len(cells)} cells; the header has {len(header)}")
    if line == header_line:
        table.report(header_line, "nothing follows the header; rows are needed")


def _is_good_header(
    table: Table, line: int, header: Sequence[str], required: Sequence[str], allowed: Sequence[str]
) -> bool:
    """Report the columns that are missing, unknown or repeated; return whether all that are required are there."""
    if len(header) == 1 and (separator := next((mark for mark in ";\t" if mark in header[0]), "")):
        table.report(line, f"the columns are separated by {separator!r}; they must be separated by commas")
        return False
    missing = [column for column in required if column not in header]
    for column in missing:
        advice = f"needed are {', '.join(required)}"
        table.report(line, Problem("is missing", column=column, advice=advice))
    for column, count in Counter(header).items():
        if column not in allowed or count > 1:
            advice = f"allowed are {', '.join(allowed[:COLUMNS_TOLD])}"
            table.report(line, Problem("is unknown or repeated", column=column, advice=advice))
    return not missing
