"""Travel diaries as a table: EV, day, times, activities and length of each trip.

| column | meaning |
|---|---|
| `ev` | name of the EV (or person) |
| `day` | name of the day |
| `trip` | 1, 2, ... in the order of the day; 0, with the cells after it empty, for a day without trips |
| `departure`, `arrival` | HH:MM or HH:MM:SS from the day's midnight; 24:10 is ten past the next one |
| `from`, `to` | home, work, leisure or other |
| `length_km` | length of the trip |
"""

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from math import isfinite, isnan, nan
from pathlib import Path

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.csv_tables import POSITIVE, Row, Table, read_table, refuse_faulty
from cosim.errors import ConfigError
from cosim.ev.mobility import Diaries
from cosim.ev.transitions import ACTIVITIES, ActivityArray
from cosim.files import read_parquet
from cosim.periods import SECONDS_PER_DAY

COLUMNS = ("ev", "day", "trip", "departure", "arrival", "from", "to", "length_km")
MAX_SPEED_KM_H = 200
"""Mean speed above which a trip is a defect of the file."""
MAX_TRIP_H = 12
"""Duration above which a trip is a defect of the file."""
_CLOCK = re.compile(r"(\d{1,2}):([0-5]\d)(?::([0-5]\d))?")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ObservedDays:
    """Trips ordered by EV-day and number; times are seconds of the day."""

    n_days: int
    """EV-days observed, with and without trips."""
    day: IntArray
    """Index of the EV-day of each trip, from 0."""
    departure_s: IntArray
    arrival_s: IntArray
    from_activity: ActivityArray
    to_activity: ActivityArray
    length_km: FloatArray

    @property
    def days_without_trips(self) -> int:
        """Number of EV-days without a trip; if it is 0, the share that travels cannot be estimated."""
        return self.n_days - self.first_rows.size

    @property
    def first_rows(self) -> IntArray:
        """Rows of the first trips of the EV-days."""
        return np.flatnonzero(np.append(True, self.day[1:] != self.day[:-1])[: self.day.size])


def as_observed(diaries: Diaries) -> ObservedDays:
    """Return simulated diaries as observed days."""
    day_start_s = (diaries.day - 1) * SECONDS_PER_DAY
    return ObservedDays(
        n_days=diaries.n_ev,
        day=diaries.ev,
        departure_s=diaries.departure_s - day_start_s,
        arrival_s=diaries.arrival_s - day_start_s,
        from_activity=diaries.from_activity,
        to_activity=diaries.to_activity,
        length_km=diaries.length_km,
    )


def read_diaries(file: str | Path) -> ObservedDays:
    """Return the EV-days of a CSV or Parquet file; raise ConfigError with all its defects."""
    file = Path(file)
    table = _parquet(file) if file.suffix.lower() in {".parquet", ".pq"} else read_table(file, COLUMNS)
    table.refuse_repeated("ev", "day", "trip")
    rows = sorted(_trips(table), key=lambda trip: (trip.key, trip.number))
    days: dict[tuple[str, str], int] = {}
    for trip in rows:
        days.setdefault(trip.key, len(days))
    _check_days(table, rows)
    _check_day_boundaries(table, rows)
    trips = [trip for trip in rows if trip.number > 0]
    if not table.problems and not trips:
        table.report(0, "holds no trip; nothing can be estimated")
    if not table.problems and len({trip.length_km for trip in trips if 1 < trip.length_km < 100}) < 2:
        table.report(
            0, "has fewer than two different lengths within 1 to 100 km; their spread cannot be estimated"
        )
    refuse_faulty(table)
    return ObservedDays(
        n_days=len(days),
        day=np.array([days[trip.key] for trip in trips]),
        departure_s=np.array([int(trip.departure_s) for trip in trips]),
        arrival_s=np.array([int(trip.arrival_s) for trip in trips]),
        from_activity=np.array([ACTIVITIES.index(trip.from_activity) for trip in trips], dtype=np.int8),
        to_activity=np.array([ACTIVITIES.index(trip.to_activity) for trip in trips], dtype=np.int8),
        length_km=np.array([trip.length_km for trip in trips]),
    )


def write_diaries(diaries: Diaries, file: Path) -> None:
    """Write simulated diaries as such a table (CSV): EVs and days by their numbers, from 1."""
    days = as_observed(diaries)
    lines = [",".join(COLUMNS)]
    lines += [f"{ev + 1},{diaries.day},0,,,,," for ev in np.flatnonzero(diaries.trips_per_ev == 0).tolist()]
    for row in range(days.day.size):
        cells = (
            str(days.day[row] + 1),
            str(diaries.day),
            str(diaries.trip[row]),
            clock(int(days.departure_s[row])),
            clock(int(days.arrival_s[row])),
            ACTIVITIES[days.from_activity[row]],
            ACTIVITIES[days.to_activity[row]],
            f"{days.length_km[row]:.6g}",
        )
        lines.append(",".join(cells))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def clock(second: float) -> str:
    """Return a second of the day as HH:MM:SS."""
    second = int(second)
    return f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trip:
    line: int
    key: tuple[str, str]
    """Names of the EV and the day."""
    number: int
    is_valid: bool = True
    """Whether its row has no defect."""
    departure_s: float = 0
    arrival_s: float = 0
    from_activity: str = ""
    to_activity: str = ""
    length_km: float = 0.0


def _trips(table: Table) -> list[_Trip]:
    """Return the rows as trips; a row with a defect is reported, and its trip not valid."""
    trips = []
    for line, row in zip(table.lines, table.cells, strict=True):
        problems = len(table.problems)
        trip = _trip(table, line, row)
        if trip is not None:
            trips.append(replace(trip, is_valid=len(table.problems) == problems))
    return trips


def _trip(table: Table, line: int, row: Row) -> _Trip | None:
    """Return a row as a trip; None where its trip number is not one."""
    for column in ("ev", "day"):
        if not row[column]:
            table.report(line, f"column {column} is empty; give a name")
    key = (row["ev"], row["day"])
    if not row["trip"].isdecimal():
        table.report(
            line, f"column trip is {row['trip']!r}; it must be a whole number, 0 for a day without trips"
        )
        return None
    number = int(row["trip"])
    if number == 0:
        if any(row[column] for column in COLUMNS[3:]):
            table.report(line, "trip is 0, a day without trips; the cells after it must be empty")
        return _Trip(line=line, key=key, number=0)
    departure_s, arrival_s = (_second(table, line, row, column) for column in ("departure", "arrival"))
    for column in ("from", "to"):
        if row[column] not in ACTIVITIES:
            table.report(
                line, f"column {column} is {row[column]!r}; it must be one of {', '.join(ACTIVITIES)}"
            )
    if departure_s >= SECONDS_PER_DAY:
        table.report(line, f"departure is {row['departure']!r}; a trip belongs to the day on which it starts")
    length_km = table.number(line, row, "length_km", POSITIVE)
    _check_duration(table, line, row, (arrival_s - departure_s) / 3600, length_km)
    return _Trip(
        line=line,
        key=key,
        number=number,
        departure_s=departure_s,
        arrival_s=arrival_s,
        from_activity=row["from"],
        to_activity=row["to"],
        length_km=length_km,
    )


def _check_duration(table: Table, line: int, row: Row, hours: float, length_km: float) -> None:
    """Report a trip of negative or zero duration, too long or too fast."""
    if isnan(hours):  # a time that cannot be read is reported already
        return
    times = f"departure is {row['departure']!r} and arrival {row['arrival']!r}"
    if hours < 0:
        table.report(line, f"arrival is {row['arrival']!r}, before the departure at {row['departure']!r}")
    elif hours == 0:
        table.report(line, f"{times}: a trip must last longer than 0; write seconds, as 07:45:30")
    elif hours > MAX_TRIP_H:
        table.report(line, f"{times}: the trip lasts {hours:.1f} h; it must be {MAX_TRIP_H} h or less")
    if hours > 0 and isfinite(length_km) and length_km / hours > MAX_SPEED_KM_H:
        table.report(
            line,
            f"length_km is {row['length_km']!r} in {60 * hours:.0f} min: {length_km / hours:,.0f} km/h; "
            f"it must be {MAX_SPEED_KM_H} km/h or less",
        )


def _second(table: Table, line: int, row: Row, column: str) -> float:
    match = _CLOCK.fullmatch(row[column])
    if match is None:
        table.report(line, f"column {column} is {row[column]!r}; it must be a time as 07:45 or 07:45:30")
        return nan
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def _check_days(table: Table, rows: list[_Trip]) -> None:
    """Report trips that are not consistent with the trip before on their day."""
    before: _Trip | None = None
    for trip in rows:
        same_day = before is not None and before.key == trip.key
        expected = before.number + 1 if before is not None and same_day else 1
        if before is not None and same_day and before.number == 0:
            table.report(
                trip.line, f"EV {trip.key[0]!r} has trips on day {trip.key[1]!r}, and a row that says none"
            )
        elif trip.number not in {0, expected}:
            table.report(trip.line, f"trip is {trip.number}; trip {expected} of that EV and day is missing")
        elif before is not None and same_day:
            _check_continuity(table, before, trip, before.arrival_s, "the trip before")
        before = trip


def _check_day_boundaries(table: Table, rows: list[_Trip]) -> None:
    """Report days that do not begin where the EV ended the day before; only days named by numbers have an order."""
    numbered = [trip for trip in rows if trip.number > 0 and trip.key[1].isdecimal()]
    numbered.sort(key=lambda trip: (trip.key[0], int(trip.key[1]), trip.number))
    for before, trip in pairwise(numbered):
        if before.key[0] == trip.key[0] and int(trip.key[1]) == int(before.key[1]) + 1:
            arrival_s = before.arrival_s - SECONDS_PER_DAY
            _check_continuity(table, before, trip, arrival_s, "the last trip of the day before")


def _check_continuity(table: Table, before: _Trip, trip: _Trip, arrival_s: float, name: str) -> None:
    """Report a trip that departs before the arrival of the one *before* (*name*), or from another activity."""
    if not (before.is_valid and trip.is_valid):  # reported already
        return
    if trip.departure_s < arrival_s:
        table.report(
            trip.line, f"departs at {clock(trip.departure_s)}, before {name} arrives at {clock(arrival_s)}"
        )
    if trip.from_activity != before.to_activity:
        table.report(
            trip.line, f"leaves from {trip.from_activity!r}, but {name} ended at {before.to_activity!r}"
        )


def _parquet(file: Path) -> Table:
    """Return a Parquet file as a table of texts; row n is line n + 1, as below a header."""
    table = Table(file)
    try:
        frame = read_parquet(file, advice=f"columns {', '.join(COLUMNS)} are needed")
    except ConfigError as error:
        table.problems += error.problems
        return table
    if missing := [column for column in COLUMNS if column not in frame.columns]:
        table.report(0, f"column {', '.join(missing)} is missing; needed are {', '.join(COLUMNS)}")
        return table
    table.columns = COLUMNS
    for line, values in enumerate(frame[list(COLUMNS)].itertuples(index=False), start=2):
        table.lines.append(line)
        table.cells.append({name: _cell(value) for name, value in zip(COLUMNS, values, strict=True)})
    return table


def _cell(value: object) -> str:
    if value is None or value != value:  # noqa: PLR0124  (NaN)
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
