"""The activities of a day, and the table that says which one follows which."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from cosim.arrays import FloatArray
from cosim.errors import ConfigError

ACTIVITIES = ("home", "work", "leisure", "other")
HOME, WORK, LEISURE, OTHER = range(4)
ActivityArray = NDArray[np.int8]

COLUMNS = ("from", "hour", *ACTIVITIES)
FALLBACK: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "home": (0.0, 0.78, 0.20, 0.02),
        "work": (1.0, 0.0, 0.0, 0.0),
        "leisure": (1.0, 0.0, 0.0, 0.0),
        "other": (1.0, 0.0, 0.0, 0.0),
    }
)
"""What a row without figures means: to work in most cases, or back home."""
ROW_SUM_TOLERANCE = 1e-3


def read_transitions(path: Path) -> FloatArray:
    """Return the probabilities of the next activity, (4 activities left, 24 hours of departure, 4 gone to).

    The file is a table with the columns from, hour (1 begins at midnight), home, work, leisure and other, one
    row per activity and hour. Lines that begin with # are comments. A row without figures takes
    ``FALLBACK``. Rows must sum to 1 within 1e-3 and are then scaled to do so.

    Raises ConfigError with all problems found in the file.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), [f"cannot be read as a text file in UTF-8: {error}"]) from error
    table = _Table(_lines(text))
    if table.problems:
        raise ConfigError(str(path), table.problems)
    probability: FloatArray = table.probability / table.probability.sum(axis=2, keepdims=True)
    return probability


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of every line that is neither blank nor a comment."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, [cell.strip() for cell in next(csv.reader([line]))]


class _Table:
    """Fills the matrix row by row and keeps a sentence on every fault."""

    def __init__(self, lines: Iterator[tuple[int, list[str]]]) -> None:
        self.problems: list[str] = []
        self.probability = np.full((4, 24, 4), np.nan)
        self.line_of: dict[tuple[str, int], int] = {}
        number, header = next(lines, (1, []))
        if tuple(header) != COLUMNS:
            self._problem(number, f"the columns are '{','.join(header)}'; they must be '{','.join(COLUMNS)}'")
            return
        for number, cells in lines:
            self._add(number, cells)
        self._name_missing_rows()

    def _problem(self, line: int, sentence: str) -> None:
        self.problems.append(f"line {line}: {sentence}")

    def _add(self, line: int, cells: list[str]) -> None:
        if len(cells) != len(COLUMNS):
            self._problem(line, f"has {len(cells)} cells; there must be {len(COLUMNS)}: {', '.join(COLUMNS)}")
            return
        key = self._key(line, cells)
        figures = self._figures(line, cells)
        if key is None:
            return
        if key in self.line_of:
            self._problem(line, f"{key[0]}, hour {key[1]} is already given in line {self.line_of[key]}")
            return
        self.line_of[key] = line
        if figures is not None:
            self.probability[ACTIVITIES.index(key[0]), key[1] - 1] = figures

    def _key(self, line: int, cells: list[str]) -> tuple[str, int] | None:
        activity, hour = cells[:2]
        hours = [str(number) for number in range(1, 25)]
        if activity not in ACTIVITIES:
            self._problem(line, f"column from: '{activity}' is not one of {', '.join(ACTIVITIES)}")
        if hour not in hours:
            self._problem(line, f"column hour: '{hour}' is not a whole number from 1 to 24")
        return (activity, int(hour)) if activity in ACTIVITIES and hour in hours else None

    def _figures(self, line: int, cells: list[str]) -> tuple[float, ...] | None:
        if not any(cells[2:]):
            return FALLBACK.get(cells[0])
        shares = [self._share(line, *named) for named in zip(ACTIVITIES, cells[2:], strict=True)]
        figures = tuple(share for share in shares if share is not None)
        if len(figures) < len(ACTIVITIES):
            return None
        if abs(sum(figures) - 1) > ROW_SUM_TOLERANCE:
            self._problem(line, f"the probabilities sum to {sum(figures):.6g}, not to 1 within 0.001")
            return None
        return figures

    def _share(self, line: int, column: str, cell: str) -> float | None:
        try:
            share = float(cell)
        except ValueError:
            share = np.nan
        if 0 <= share <= 1:
            return share
        self._problem(
            line, f"column {column}: '{cell}' is not a probability from 0 to 1 (blank rows are allowed)"
        )
        return None

    def _name_missing_rows(self) -> None:
        for activity in ACTIVITIES:
            missing = [hour for hour in range(1, 25) if (activity, hour) not in self.line_of]
            if missing:
                hours = ", ".join(map(str, missing))
                self.problems.append(f"no row for {activity}, hour {hours}; every activity needs all 24")
