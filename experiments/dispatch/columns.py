"""Columns of numbers that the command line names: one row per period."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from cosim.arrays import FloatArray
from cosim.csv_tables import ANY, Range, read_table, refuse_faulty
from cosim.errors import Problem, refuse

NONE: Mapping[str, Range] = MappingProxyType({})
PRICE_COLUMN = "price_cny_per_kwh"


def not_negative(values: FloatArray, name: str, file: Path | None) -> FloatArray:
    """Return the values of a column, none of which may be negative."""
    if (values < 0).any():
        refuse(
            "options",
            [
                Problem(
                    f"has a negative value in period {int(np.argmax(values < 0)) + 1}",
                    file=str(file),
                    column=name,
                )
            ],
        )
    return values


def price_of_periods(text: str | None, periods: int) -> FloatArray | None:
    """Return the price of each period: a number, or the price column of a CSV file; None where none is given."""
    if text is None:
        return None
    number = as_number(text)
    if number is not None:
        return np.full(periods, number)
    columns = columns_of(Path(text))
    if PRICE_COLUMN not in columns and len(columns) > 1:
        refuse(
            "options",
            [
                Problem(
                    f"there is no column {PRICE_COLUMN}", file=text, advice=f"there are {', '.join(columns)}"
                )
            ],
        )
    return of_length(columns.get(PRICE_COLUMN, next(iter(columns.values()))), periods, text)


def as_number(text: str) -> float | None:
    """Return *text* as a finite number, None where it names a file."""
    try:
        value = float(text)
    except ValueError:
        if not Path(text).exists():
            refuse(
                "options",
                [
                    Problem(
                        field="--price", value=text, allowed="a number [CNY/kWh] or a CSV file that exists"
                    )
                ],
            )
        return None
    if not np.isfinite(value):
        refuse("options", [Problem(field="--price", value=value, allowed="a finite number or a CSV file")])
    return value


def columns_of(file: Path, limits: Range = ANY, of: Mapping[str, Range] = NONE) -> dict[str, FloatArray]:
    """Return the columns of a CSV file with one row per period; ``period`` only counts them.

    The values are within the *limits*, or those *of* a column.
    """
    table = read_table(file, (), optional=None)
    columns = {name: table.numbers(name, of.get(name, limits)) for name in table.columns if name != "period"}
    if not table.problems and not columns:
        table.report(0, "has no column but period")
    refuse_faulty(table)
    return columns


def of_length(values: FloatArray, periods: int, file: Path | str | None) -> FloatArray:
    """Return the values of a column, of which there must be one for each period."""
    if len(values) != periods:
        found = f"has {len(values)} rows; there are {periods} periods, so one row for each is needed"
        refuse("options", [Problem(found, file=str(file))])
    return values
