"""Runs of many days: the days as one set of tables, and the last day of them as a day of its own."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from cosim.arrays import Frame
from cosim.results import Recorder
from cosim.tables import AFTER_MIDNIGHT, OUTLASTING, SORT_COLUMNS, TABLES

if TYPE_CHECKING:
    from agents.days import DayOfAgents

Reader = Callable[[str], Frame]
"""Returns a table by name, without rows where nothing happened that it would record."""


def joined(days: Sequence["DayOfAgents"]) -> dict[str, Frame]:
    """Return the tables of all days, each in the order of its keys."""
    import pandas as pd

    if len(days) == 1:
        return dict(days[0].tables)
    names = [name for name in TABLES if any(name in day.tables for day in days)]
    whole = {name: pd.concat([day.tables[name] for day in days if name in day.tables]) for name in names}
    return {
        name: frame.sort_values(list(SORT_COLUMNS[name]), kind="stable", ignore_index=True)
        for name, frame in whole.items()
    }


def recorded(tables: Mapping[str, Frame]) -> Reader:
    """Return the reader of tables in memory."""
    return lambda table: tables[table] if table in tables else Recorder().frame(table)


def with_carry_over(read: Reader, table: str) -> Frame:
    """Return *table* with what outlasts the last day."""
    import pandas as pd

    if table not in OUTLASTING:
        return read(table)
    of_days, later = read(table), read(f"{table}{AFTER_MIDNIGHT}")
    return of_days if later.empty else pd.concat([of_days, later], ignore_index=True)


def last_day(tables: Mapping[str, Frame], days: int) -> dict[str, Frame]:
    """Return the tables of the last of *days* days, and what outlasts it, as if it were the first and only one."""
    return {name: _from_day(frame, days) for name, frame in tables.items()}


def reader_of_last_day(read: Reader, days: int) -> Reader:
    """Return a reader of the last of *days* days, likewise."""
    return lambda table: _from_day(read(table), days)


def _from_day(frame: Frame, day: int) -> Frame:
    if day == 1 or "day" not in frame:
        return frame
    late = frame[frame.day >= day]
    return late.assign(day=late.day - (day - 1)).reset_index(drop=True)


def dated(tables: Mapping[str, Frame], days: int) -> dict[str, Frame]:
    """Return tables that were made of the last day as those of that day."""
    return {
        name: frame.assign(day=frame.day + days - 1) if "day" in frame else frame
        for name, frame in tables.items()
    }
