"""The statements of a MATPOWER case file, carried out: tables, numbers, and changes of tables.

Understood is the part of MATLAB that case files use: assignments to a name, a table, or rows and columns of one;
numbers, tables in brackets, the operators ``+ - * / ^`` (and ``.* ./ .^``), ranges, parentheses, a few functions, and
the names of columns. Every other statement is a problem with its line, for a table would not be what the file says.
"""

from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import Problem
from cosim.grid.case_tokens import Statement, Token, statements
from cosim.grid.case_values import (
    COLUMN_VALUES,
    COLUMNS,
    CONSTANTS,
    FUNCTIONS,
    PRODUCTS,
    SUMS,
    Case,
    NotUnderstoodError,
    combined,
    numbers,
    stacked,
)

SAVECASE = "load the case in MATPOWER and write it with savecase"
PROBLEMS_TOLD = 5
TEXTS = "texts"
"""Stands for a list of texts in braces, which is passed over."""


def run_case(text: str) -> tuple[Case, list[Problem]]:
    """Return what *text* says, and a problem for each statement that is not understood."""
    case = Case()
    listed, problems = statements(text)
    for statement in [] if problems else listed:
        reader = _Reader(statement, case)
        try:
            with np.errstate(all="ignore"):
                reader.run()
        except NotUnderstoodError as reason:
            line = reader.ahead(-1).line if reader.place else statement.line
            where = f" (line {line})" if line > statement.line else ""
            found = f"cannot run {str(statement)!r}: {reason}{where}"
            problems.append(Problem(found, line=statement.line, advice=SAVECASE))
    more = len(problems) - PROBLEMS_TOLD
    rest = [Problem(f"and {more} more statements like these")] if more > 0 else []
    return case, [*problems[:PROBLEMS_TOLD], *rest]


class _Reader:
    """One statement, read from left to right and carried out."""

    def __init__(self, statement: Statement, case: Case) -> None:
        self.tokens = statement.tokens
        self.case = case
        self.place = 0
        self.in_table = False
        """Whether blank space divides elements here."""
        self.row_lines: list[int] = []
        """Lines of the rows of the table read last."""

    @property
    def next(self) -> Token:
        """The token to be read; one without text at the end."""
        return self.ahead(0)

    def ahead(self, steps: int) -> Token:
        place = self.place + steps
        last = self.tokens[-1]
        return self.tokens[place] if place < len(self.tokens) else Token("end", "", last.line, spaced=False)

    def take(self, text: str = "") -> Token:
        """Return the next token and go on; it must be *text* where that is given."""
        token = self.next
        if text and token.text != text:
            msg = f"{text!r} is expected" + (f" before {token.text!r}" if token.text.strip() else "")
            raise NotUnderstoodError(msg)
        self.place += 1
        return token

    def run(self) -> None:
        """Carry the statement out; what stands after the end of the function is refused but for another end."""
        first = self.next
        if self.case.ended and first.text not in {"end", "endfunction"}:
            msg = f"it stands after {self.case.ended!r} and is never carried out"
            raise NotUnderstoodError(msg)
        if first.text == "function":
            self.function()
        elif first.text == "define_constants" and len(self.tokens) == 1:
            self.take()
            for source, names in COLUMNS.items():
                self.name_columns(names.split(), source)
        elif first.text == "[":
            self.several()
        elif first.text in {"end", "endfunction", "return"} and len(self.tokens) == 1:
            self.case.ended = self.take().text
        elif first.kind == "name" and self.ahead(1).text in {"=", ".", "("}:
            self.assignment()
        else:
            msg = "it is no assignment"
            raise NotUnderstoodError(msg)
        if self.place < len(self.tokens):
            msg = f"{self.next.text.strip() or 'a line end'!r} is not expected there"
            raise NotUnderstoodError(msg)

    def function(self) -> None:
        """Read the head of the file: ``function mpc = case33bw``."""
        self.take()
        self.case.functions += 1
        if self.case.functions > 1:
            msg = "a case file is one function"
            raise NotUnderstoodError(msg)
        if self.next.text == "[":
            msg = "it returns several tables (version 1 of the case format)"
            raise NotUnderstoodError(msg)
        self.case.struct = self.take().text
        self.take("=")
        self.take()

    def several(self) -> None:
        """Read ``[PQ, PV, ...] = idx_bus``: what columns are called."""
        self.take()
        names = []
        while self.next.text not in {"]", ""}:
            if self.take().text not in {",", "\n"}:
                names.append(self.ahead(-1).text)
        self.take("]")
        self.take("=")
        self.name_columns(names, self.take().text)

    def name_columns(self, names: list[str], source: str) -> None:
        """Give the names the values of a function of MATPOWER, in its order."""
        if source not in COLUMN_VALUES or len(names) > len(COLUMN_VALUES[source]):
            msg = f"{source} is not known here"
            raise NotUnderstoodError(msg)
        self.case.names |= dict(zip(names, map(float, COLUMN_VALUES[source]), strict=False))

    def assignment(self) -> None:
        """Carry out ``name = ...``, ``mpc.table = ...`` or ``mpc.table(rows, columns) = ...``."""
        target, name = self.case.names, self.take().text
        is_field = self.next.text == "."
        if is_field:
            self.take()
            if name != self.case.struct:
                msg = f"{name} is not the case, {self.case.struct}"
                raise NotUnderstoodError(msg)
            target, name = self.case.fields, self.take().text
        elif name == self.case.struct:
            msg = f"{name} as a whole is not a number or a table"
            raise NotUnderstoodError(msg)
        if self.next.text == "(":
            if not isinstance(target.get(name), np.ndarray):
                msg = f"{name} is no table"
                raise NotUnderstoodError(msg)
            self.change(target[name])
            return
        first = self.take("=").line
        self.row_lines = []
        target[name] = self.expression()
        if is_field:
            self.case.lines[name] = self.row_lines or [first] * (np.size(target[name]) < 2)

    def change(self, table: FloatArray) -> None:
        """Carry out a change of rows and columns of *table*."""
        where = self.index(table)
        self.take("=")
        value = self.expression()
        if isinstance(value, str) or np.shape(value) not in {(), table[where].shape}:
            msg = f"{np.shape(value)} numbers do not fit into {table[where].shape}"
            raise NotUnderstoodError(msg)
        table[where] = value

    def index(self, table: FloatArray) -> Any:
        """Return the rows and columns that ``(rows, columns)`` names, counted from 1."""
        self.take("(")
        within, self.in_table = self.in_table, False
        rows = self.positions(table, 0)
        self.take(",")
        columns = self.positions(table, 1)
        self.take(")")
        self.in_table = within
        return np.ix_(rows, columns)

    def positions(self, table: FloatArray, axis: int) -> Any:
        count, kind = table.shape[axis], ("row", "column")[axis]
        if self.next.text == ":" and self.ahead(1).text in {",", ")"}:
            self.take()
            return np.arange(count)
        wanted = np.ravel(self.expression())
        for number in wanted:
            if number != np.round(number) or not 1 <= number <= count:
                msg = f"there is no {kind} {number:g}; it has {count}"
                raise NotUnderstoodError(msg)
        return wanted.astype(np.int64) - 1

    def expression(self) -> Any:
        """Read a sum, or a range of whole numbers."""
        low = self.sum()
        if self.next.text != ":":
            return low
        self.take()
        high = self.sum()
        if not (np.isscalar(low) and np.isscalar(high)):
            msg = "a range is from number to number"
            raise NotUnderstoodError(msg)
        return np.arange(float(low), float(high) + 1e-9)[None, :]  # type: ignore[arg-type]

    def sum(self) -> Any:
        value = self.product()
        while self.next.text in SUMS and not self.begins_element():
            sign = self.take().text
            value = combined(SUMS[sign], sign, value, self.product())
        return value

    def begins_element(self) -> bool:
        """Tell whether a sign belongs to the next element, as in ``[1 -2]``."""
        return self.in_table and self.next.spaced and not self.ahead(1).spaced

    def product(self) -> Any:
        value = self.signed()
        while self.next.text in PRODUCTS:
            sign = self.take().text
            value = combined(PRODUCTS[sign], sign, value, self.signed())
        return value

    def signed(self) -> Any:
        if self.next.text in SUMS:
            return -self.signed() if self.take().text == "-" else self.signed()
        return self.power()

    def power(self) -> Any:
        value = self.operand()
        while self.next.text in {"^", ".^"}:
            sign = self.take().text
            factor = -1.0 if self.next.text == "-" else 1.0
            if self.next.text in SUMS:
                self.take()
            value = combined(np.power, sign, value, factor * self.operand())
        return value

    def operand(self) -> Any:
        """Read a number, a text, a name, a table, or an expression in parentheses."""
        token = self.take()
        if token.kind == "number":
            return np.float64(token.text.lower().replace("d", "e"))
        if token.kind == "text":
            return token.text[1:-1]
        if token.text == "(":
            within, self.in_table = self.in_table, False
            value = self.expression()
            self.take(")")
            self.in_table = within
            return value
        if token.text == "[":
            return self.table()
        if token.text == "{":
            return self.texts()
        if token.kind == "name":
            return self.named(token.text)
        msg = f"{token.text!r} is no number" if token.text.strip() else "a number is expected at its end"
        raise NotUnderstoodError(msg)

    def named(self, name: str) -> Any:
        """Return the value of a name, a function of a value, or cells of a table."""
        calls = self.next.text == "(" and not (self.in_table and self.next.spaced)
        if name == self.case.struct and self.next.text == ".":
            self.take()
            name = self.take().text
            value = self.case.fields.get(name)
        else:
            value = self.case.names.get(name, CONSTANTS.get(name))
            if value is None and name in FUNCTIONS and calls:
                return FUNCTIONS[name](numbers(self.operand(), name))
        if value is None:
            msg = f"{name} is not known here"
            raise NotUnderstoodError(msg)
        calls = self.next.text == "(" and not (self.in_table and self.next.spaced)
        if not (calls and isinstance(value, np.ndarray)):
            return value.copy() if isinstance(value, np.ndarray) else value
        cells = value[self.index(value)]
        return cells[0, 0] if cells.size == 1 else cells

    def table(self) -> FloatArray:
        """Read the rows of a table up to its closing bracket."""
        within, self.in_table = self.in_table, True
        rows: list[list[Any]] = [[]]
        lines: list[int] = []
        while self.next.text != "]":
            if self.next.text in {";", "\n"}:
                self.take()
                rows.append([])
            elif self.next.text == ",":
                self.take()
            else:
                lines += [] if rows[-1] else [self.next.line]
                rows[-1].append(numbers(self.expression(), "a table"))
        self.take("]")
        self.in_table = within
        table, self.row_lines = stacked([row for row in rows if row], lines)
        return table

    def texts(self) -> str:
        """Pass over a list of texts in braces."""
        depth = 1
        while depth:
            token = self.take()
            depth += (token.text == "{") - (token.text == "}")
        return TEXTS
