"""The activities of a day, and the transition matrix between them."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from cosim.arrays import FloatArray
from cosim.csv_tables import SHARE, Row, Table, read_table, refuse_faulty

ACTIVITIES = ("home", "work", "leisure", "other")
HOME, WORK, LEISURE, OTHER = range(4)
ActivityArray = NDArray[np.int8]

COLUMNS = ("from", "hour", *ACTIVITIES)
HOURS = tuple(str(hour) for hour in range(1, 25))
FALLBACK: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "home": (0.0, 0.78, 0.20, 0.02),
        "work": (1.0, 0.0, 0.0, 0.0),
        "leisure": (1.0, 0.0, 0.0, 0.0),
        "other": (1.0, 0.0, 0.0, 0.0),
    }
)
"""Probabilities of a row without figures, by the activity left."""
ROW_SUM_TOLERANCE = 1e-3
"""Deviation from 1 of the sum of a row that is rounding."""


def read_transitions(path: Path) -> FloatArray:
    """Return the probabilities of the next activity, (4 from, 24 hours of departure, 4 to).

    The file is a table with the columns from, hour (1 begins at midnight), home, work, leisure and other, one
    row per activity and hour. Lines that begin with # are comments. A row without figures takes
    ``FALLBACK``. Rows must sum to 1 within 1e-3 and are then scaled to do so.

    Raises ConfigError with all defects of the file.
    """
    table = read_table(path, COLUMNS)
    table.refuse_repeated("from", "hour")
    activity = table.positions("from", ACTIVITIES)
    hour = table.positions("hour", HOURS, "a whole number from 1 to 24")
    figures = np.array([_figures(table, line, row) for line, row in table.rows()]).reshape(-1, 4)
    is_known = (activity >= 0) & (hour >= 0)
    probability = np.zeros((4, 24, 4))
    probability[activity[is_known], hour[is_known]] = figures[is_known]
    if table.columns:
        _report_missing_rows(table)
    refuse_faulty(table)
    scaled: FloatArray = probability / probability.sum(axis=2, keepdims=True)
    return scaled


def _figures(table: Table, line: int, row: Row) -> tuple[float, ...]:
    """Return the four probabilities of a row; values that are not allowed are reported."""
    if not any(row[activity] for activity in ACTIVITIES):
        return FALLBACK.get(row["from"], FALLBACK["home"])
    figures = tuple(table.number(line, row, activity, SHARE) for activity in ACTIVITIES)
    if all(map(SHARE.holds, figures)) and abs(sum(figures) - 1) > ROW_SUM_TOLERANCE:
        table.report(line, f"the probabilities sum to {sum(figures):.6g}; they must sum to 1 within 0.001")
    return figures


def _report_missing_rows(table: Table) -> None:
    given = {(row["from"], row["hour"]) for row in table.cells}
    for activity in ACTIVITIES:
        if missing := [hour for hour in HOURS if (activity, hour) not in given]:
            table.report(0, f"no row for {activity}, hour {', '.join(missing)}; every activity needs all 24")
