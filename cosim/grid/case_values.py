"""The values of a MATPOWER case file: names it may use, functions, and arithmetic of numbers and tables."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cosim.arrays import FloatArray

COLUMNS: dict[str, str] = {
    "idx_bus": "PQ PV REF NONE BUS_I BUS_TYPE PD QD GS BS BUS_AREA VM VA BASE_KV ZONE VMAX VMIN "
    "LAM_P LAM_Q MU_VMAX MU_VMIN",
    "idx_brch": "F_BUS T_BUS BR_R BR_X BR_B RATE_A RATE_B RATE_C TAP SHIFT BR_STATUS PF QF PT QT MU_SF MU_ST "
    "ANGMIN ANGMAX MU_ANGMIN MU_ANGMAX",
    "idx_gen": "GEN_BUS PG QG QMAX QMIN VG MBASE GEN_STATUS PMAX PMIN MU_PMAX MU_PMIN MU_QMAX MU_QMIN PC1 PC2 "
    "QC1MIN QC1MAX QC2MIN QC2MAX RAMP_AGC RAMP_10 RAMP_30 RAMP_Q APF",
    "idx_cost": "PW_LINEAR POLYNOMIAL MODEL STARTUP SHUTDOWN NCOST COST",
}
"""The names that each function of MATPOWER returns, in order; their values are in `COLUMN_VALUES`."""
COLUMN_VALUES: dict[str, tuple[int, ...]] = {
    "idx_bus": (1, 2, 3, 4, *range(1, 18)),
    "idx_brch": (*range(1, 12), *range(14, 20), 12, 13, 20, 21),
    "idx_gen": (*range(1, 11), *range(22, 26), *range(11, 22)),
    "idx_cost": (1, 2, 1, 2, 3, 4, 5),
}
CONSTANTS = {"pi": np.pi, "Inf": np.inf, "inf": np.inf, "NaN": np.nan, "nan": np.nan}
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "abs": np.abs,
}
SUMS: dict[str, Callable[[Any, Any], Any]] = {"+": np.add, "-": np.subtract}
PRODUCTS: dict[str, Callable[[Any, Any], Any]] = {
    "*": np.multiply,
    ".*": np.multiply,
    "/": np.divide,
    "./": np.divide,
}
_OF_TABLES = {"*": ".*", "/": "./", "^": ".^"}
_MATRIX_OPERATIONS = {
    "*": [(True, True)],
    "/": [(True, True), (False, True)],
    "^": [(True, True), (False, True), (True, False)],
}
"""Which of the two operands are tables where a sign means a matrix operation."""


@dataclass(slots=True)
class Case:
    """The result of a file: the fields of its struct, and of each table the line of each row."""

    fields: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, list[int]] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)
    """Further names and their values."""
    struct: str = "mpc"
    functions: int = 0
    ended: str = ""
    """The word that ended the function: nothing is carried out after it."""


class NotUnderstoodError(Exception):
    """Why a statement of a case file is not understood; `case_language` makes a problem of it."""


def numbers(value: Any, of: str) -> Any:
    """Return a value that is a number or a table; a text is refused by the name of what needs it."""
    if isinstance(value, str):
        msg = f"{value!r} is a text; {of} needs numbers"
        raise NotUnderstoodError(msg)
    return value


def combined(operator: Callable[[Any, Any], Any], sign: str, one: Any, other: Any) -> Any:
    """Return two values combined element by element; matrix products are not understood."""
    numbers(one, repr(sign))
    numbers(other, repr(sign))
    tables = (bool(np.ndim(one)), bool(np.ndim(other)))
    if tables in _MATRIX_OPERATIONS.get(sign, ()):
        msg = f"{sign!r} of tables is a matrix operation; element by element it is {_OF_TABLES[sign]!r}"
        raise NotUnderstoodError(msg)
    try:
        return operator(one, other)
    except ValueError:
        msg = f"{sign!r} of {np.shape(one)} and {np.shape(other)} numbers"
        raise NotUnderstoodError(msg) from None


def stacked(rows: list[list[Any]], lines: list[int]) -> tuple[FloatArray, list[int]]:
    """Return rows of numbers and of tables side by side as one table, and the line of each of its rows."""
    bands: list[FloatArray] = []
    of_rows: list[int] = []
    for pieces, line in zip(rows, lines, strict=True):
        tables = [np.atleast_2d(np.asarray(piece, dtype=np.float64)) for piece in pieces]
        if len({len(table) for table in tables}) > 1:
            msg = f"its row in line {line} puts tables of different heights side by side"
            raise NotUnderstoodError(msg)
        band = np.hstack(tables)
        if bands and band.shape[1] != bands[0].shape[1]:
            msg = f"its row in line {line} has {band.shape[1]} numbers, the first has {bands[0].shape[1]}"
            raise NotUnderstoodError(msg)
        bands.append(band)
        of_rows += [line] * len(band)
    return (np.vstack(bands) if bands else np.zeros((0, 0))), of_rows
