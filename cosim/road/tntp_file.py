"""A TNTP file as header values and a table of rows, with every defect and its line."""

from dataclasses import dataclass
from pathlib import Path

from cosim.csv_tables import Table, read_lines
from cosim.errors import Problem, shown

LONGEST = 7
"""Digits of a number of zones, nodes or links that is none: so many would fill the memory."""


@dataclass(slots=True)
class TntpFile:
    """Values of the header, rows with their lines, and the table filled with the rows."""

    table: Table
    header: dict[str, tuple[int, str]]
    rows: list[tuple[int, str]]

    def whole_number(self, key: str, default: int | None = None) -> int:
        """Return a value of the header; a missing one without *default*, or an invalid one, is a defect and 0."""
        if key not in self.header:
            if default is None and not self.table.problems:
                self.table.report(0, f"<{key}> is missing in the header")
            return default or 0
        line, text = self.header[key]
        if text.isdecimal() and len(text.lstrip("0")) < LONGEST:
            return int(text)
        wrong = Problem(
            f"<{key}> is {shown(text)}; it must be a whole number with less than {LONGEST} digits"
        )
        self.table.report(line, wrong)
        return default or 0


def read_file(file: Path) -> TntpFile:
    """Return the header and the rows of a file; one that cannot be read has neither, and a defect."""
    table = Table(file)
    header: dict[str, tuple[int, str]] = {}
    rows: list[tuple[int, str]] = []
    for number, line in enumerate(read_lines(table, "a TNTP file is needed"), start=1):
        text = line.partition("~")[0].strip()
        if text.startswith("<"):
            key, _, value = text[1:].partition(">")
            header[key.strip().upper()] = (number, value.strip())
        elif text:
            rows.append((number, text))
    return TntpFile(table, header, rows)


def fill_table(file: TntpFile, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
    """Fill the table of the file with its rows; a first row of words is the header of the columns."""
    columns = (*required, *optional)
    file.table.columns = columns
    for row, (line, text) in enumerate(file.rows):
        cells = text.replace(";", " ").split()
        if row == 0 and not is_number(cells[0] if cells else "0"):
            continue
        if len(cells) < len(required) or len(cells) > len(columns):
            allowed = f"{len(required)} to {len(columns)}" if optional else str(len(required))
            file.table.report(line, f"has {len(cells)} cells; needed are {allowed}: {', '.join(columns)}")
            continue
        defaults = ["0"] * (len(columns) - len(cells))
        file.table.lines.append(line)
        file.table.cells.append(dict(zip(columns, [*cells, *defaults], strict=True)))


def numbered(kind: str, count: int) -> tuple[dict[str, int], str]:
    """Return the index of each node, or zone, by its number from 1, and the words for what is allowed."""
    return {str(number): number - 1 for number in range(1, count + 1)}, f"a {kind}, 1 to {count}"


def is_number(text: str) -> bool:
    """Whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
