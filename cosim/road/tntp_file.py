"""A TNTP file taken apart: header keys, rows of cells, and every defect with its line."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cosim.arrays import IntArray
from cosim.csv_tables import Table


@dataclass(slots=True)
class TntpFile:
    """Header keys, the lines that are neither header nor comment, and the table they fill."""

    table: Table
    header: dict[str, tuple[int, str]]
    rows: list[tuple[int, str]]

    def whole_number(self, key: str, default: int | None = None) -> int:
        """Return a number of the header; 0 and a defect if it is missing without a default or is none."""
        if key not in self.header:
            if default is None and not self.table.problems:
                self.table.report(0, f"<{key}> is missing in the header")
            return default or 0
        line, text = self.header[key]
        if not text.isdecimal():
            self.table.report(line, f"<{key}> is {text!r}; it must be a whole number")
            return default or 0
        return int(text)


def read_file(file: Path) -> TntpFile:
    """Return the header and the rows of a file; one that cannot be read has neither, and a defect."""
    table, header, rows = Table(file), {}, []
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        table.report(0, f"cannot be read ({error.strerror}); a TNTP file is needed")
        lines = []
    except UnicodeDecodeError:
        table.report(0, "is not text in UTF-8")
        lines = []
    for number, line in enumerate(lines, start=1):
        text = line.partition("~")[0].strip()
        if text.startswith("<"):
            key, _, value = text[1:].partition(">")
            header[key.strip().upper()] = (number, value.strip())
        elif text:
            rows.append((number, text))
    return TntpFile(table, header, rows)


def fill_table(file: TntpFile, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
    """Put the rows of numbers into the table of the file; a row of words is the header of the columns."""
    columns = (*required, *optional)
    file.table.columns = columns
    for place, (line, text) in enumerate(file.rows):
        cells = text.replace(";", " ").split()
        if place == 0 and not is_number(cells[0] if cells else "0"):
            continue
        if len(cells) < len(required) or len(cells) > len(columns):
            wanted = f"{len(required)} to {len(columns)}" if optional else str(len(required))
            file.table.report(line, f"has {len(cells)} cells; needed are {wanted}: {', '.join(columns)}")
            continue
        missing = ["0"] * (len(columns) - len(cells))
        file.table.lines.append(line)
        file.table.cells.append(dict(zip(columns, [*cells, *missing], strict=True)))


def node_numbers(table: Table, columns: tuple[str, ...], nodes: int) -> tuple[IntArray, ...]:
    """Return columns of node numbers, counted from 0; -1 and a defect where there is no such node."""
    found = []
    for column in columns:
        texts = [row[column] for row in table.cells]
        known = [text.isdecimal() and 1 <= int(text) <= nodes for text in texts]
        for line, text, good in zip(table.lines, texts, known, strict=True):
            if nodes and not good:  # without their number the header is at fault, and has said so
                table.report(line, f"column {column} is {text!r}; nodes are 1 to {nodes}")
        number = [int(text) - 1 if good else -1 for text, good in zip(texts, known, strict=True)]
        found.append(np.array(number, dtype=np.int64))
    return tuple(found)


def is_number(text: str) -> bool:
    """Return whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
