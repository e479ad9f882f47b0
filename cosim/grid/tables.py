"""CSV tables read cell by cell, so that every wrong cell is reported with its place and what is allowed."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cosim.errors import ConfigError


@dataclass(slots=True)
class Row:
    """One data line of a table; wrong cells are added to the problems of its table."""

    file: str
    line: int
    cells: dict[str, str]
    problems: list[str] = field(repr=False)

    def text(self, column: str) -> str:
        """Return the cell as a name."""
        value = self.cells[column].strip()
        if not value:
            self._refuse(column, value, "a name")
        return value

    def number(self, column: str, *, at_least: float = -math.inf) -> float:
        """Return the cell as a finite number not below *at_least*; a wrong cell gives NaN and a problem."""
        value = self.cells[column].strip()
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if math.isfinite(number) and number >= at_least:
            return number
        self._refuse(column, value, "a number" + (f" >= {at_least:g}" if at_least > -math.inf else ""))
        return math.nan

    def yes(self, column: str) -> bool:
        """Return the cell as true or false."""
        value = self.cells[column].strip().lower()
        if value not in {"true", "false", "1", "0"}:
            self._refuse(column, value, "true or false")
        return value in {"true", "1"}

    def _refuse(self, column: str, value: str, allowed: str) -> None:
        self.problems.append(
            f"{self.file}, line {self.line}, column {column}: found {value!r}, allowed is {allowed}."
        )


def read_rows(path: Path, columns: Sequence[str], problems: list[str]) -> list[Row]:
    """Return the rows of a CSV file with at least *columns*; ``#`` starts a comment."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), [f"cannot be read: {error}."]) from error
    numbered = [
        (number, next(csv.reader([line])))
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not numbered:
        problems.append(f"{path.name}: is empty; expected the columns {', '.join(columns)}.")
        return []
    header = [name.strip() for name in numbered[0][1]]
    if missing := [name for name in columns if name not in header]:
        problems.append(f"{path.name}, line {numbered[0][0]}: column {', '.join(missing)} is missing.")
        return []
    rows = []
    for number, cells in numbered[1:]:
        if len(cells) != len(header):
            problems.append(f"{path.name}, line {number}: {len(cells)} cells, the header has {len(header)}.")
        else:
            rows.append(Row(path.name, number, dict(zip(header, cells, strict=True)), problems))
    return rows
