"""The trips of a day as one table: plan, decision and outcome of each, and the result tables made from them.

An EV (``agents.ev``) writes the row of its trip, the fleet (``agents.fleet``) the rows of many. A column is added here,
and in ``cosim.tables`` if it is a result.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any, Self, cast

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.battery import Battery
from cosim.ev.transitions import ACTIVITIES, ActivityArray
from cosim.mail_settings import MailSettings
from cosim.results import Recorder
from cosim.scenario import Scenario

WHOLE = {"dtype": np.int64, "initial": 0}
UNKNOWN = {"dtype": np.int64, "initial": -1}
REAL = {"dtype": np.float64, "initial": 0.0}
FLAG = {"dtype": np.bool_, "initial": False}
ACTIVITY = {"dtype": np.int8, "initial": 0}
"""Type and initial value of a column; UNKNOWN is a whole number that is set later."""

DECISION = ("charge_uniform", "route_uniform", "report_uniform")
"""Columns that a trip needs until it has ended."""
OF_ONE_TRIP = ("trip", "planned_s", "from_activity", "to_activity", "od", "soc_arrival")
"""Columns that no total needs."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TripTable:
    """One row per planned trip, ordered by EV, then by departure. Energies of charging are on the grid side."""

    # planned, and the random numbers of the decisions
    ev: IntArray = field(metadata=WHOLE)
    """Number of the EV, from 1."""
    trip: IntArray = field(metadata=WHOLE)
    """Number of the trip in the EV's day, from 1."""
    planned_s: IntArray = field(metadata=WHOLE)
    """Planned second of departure."""
    length_km: FloatArray = field(metadata=REAL)
    from_activity: ActivityArray = field(metadata=ACTIVITY)
    to_activity: ActivityArray = field(metadata=ACTIVITY)
    od: IntArray = field(metadata=WHOLE)
    charge_uniform: FloatArray = field(metadata=REAL)
    """Uniform number that decides on a fast charge."""
    route_uniform: FloatArray = field(metadata=REAL)
    """Uniform number that decides on the path, or the (path, station) pair."""
    report_uniform: FloatArray = field(metadata=REAL)
    """Uniform number that decides whether the report of the trip is lost."""
    # decided at departure
    departure_s: IntArray = field(metadata=UNKNOWN)
    """-1 before the departure; of a stranded EV the second in which it would have departed."""
    charges: BoolArray = field(metadata=FLAG)
    path: IntArray = field(metadata=UNKNOWN)
    """-1 if stranded."""
    station: IntArray = field(metadata=UNKNOWN)
    """Number of the station, the last one driven to; -1 without a charge."""
    drive_s: IntArray = field(metadata=WHOLE)
    station_to_destination_s: IntArray = field(metadata=WHOLE)
    """Driving time from the station on; 0 without a charge."""
    soc_departure: FloatArray = field(metadata=REAL)
    soc_arrival: FloatArray = field(metadata=REAL)
    slow_kwh: FloatArray = field(metadata=REAL)
    """Energy charged while parked before the trip."""
    # on the way
    arrival_s: IntArray = field(metadata=UNKNOWN)
    """Set as the last leg begins; -1 before."""
    wait_s: IntArray = field(metadata=WHOLE)
    charge_s: IntArray = field(metadata=WHOLE)
    fast_kwh: FloatArray = field(metadata=REAL)
    paid_cny: FloatArray = field(metadata=REAL)
    """Payment for the fast charge."""

    @classmethod
    def planned(cls, **columns: Any) -> Self:
        """Return planned trips; *columns* that are not given have their initial values."""
        count = columns["ev"].size
        unset = [column for column in fields(cls) if column.name not in columns]
        initial = {
            column.name: np.full(count, column.metadata["initial"], dtype=column.metadata["dtype"])
            for column in unset
        }
        return cls(**columns, **initial)

    @classmethod
    def concatenate(cls, tables: Sequence["TripTable"]) -> Self:
        """Return the trips of several tables in order of EVs; those of one EV in the order of the tables."""
        names = [column.name for column in fields(cls)]
        trips = cls(**{name: np.concatenate([getattr(table, name) for table in tables]) for name in names})
        return trips.select(np.argsort(trips.ev, kind="stable"))

    def select(self, rows: IntArray | BoolArray) -> Self:
        """Return these rows; the table itself, not a copy, where they are all: a city's takes half a gigabyte."""
        if rows.dtype == np.bool_ and rows.all():
            return self
        return type(self)(**{column.name: getattr(self, column.name)[rows] for column in fields(self)})

    def as_recorded(self, *, one_by_one: bool) -> Self:
        """Return the trips, all ended, with 0 in the columns that no table needs any more; views of one value."""
        columns = DECISION if one_by_one else (*DECISION, *OF_ONE_TRIP)
        nothing = {name: np.zeros(1, dtype=getattr(self, name).dtype) for name in columns}
        return replace(self, **{name: np.broadcast_to(zero, self.ev.shape) for name, zero in nothing.items()})

    def write(self, row: IntArray | int, *records: object) -> None:
        """Write the fields of the *records* into the columns of the same name, in one row or several."""
        for record in records:
            for name in _columns_in(cast("Hashable", type(record))):
                getattr(self, name)[row] = getattr(record, name)

    def cut_at(self, end_s: int) -> Self:
        """Return the trips as known at *end_s*: later arrivals are -1."""
        return replace(self, arrival_s=np.where(self.arrival_s < end_s, self.arrival_s, -1))

    @property
    def has_begun(self) -> BoolArray:
        """Whether the departure is past, stranded trips included."""
        return self.departure_s >= 0

    @property
    def is_made(self) -> BoolArray:
        """Whether the trip has begun and is not stranded (a trip rolled back keeps its path until it begins again)."""
        return self.has_begun & (self.path >= 0)

    @property
    def is_stranded(self) -> BoolArray:
        """Whether the trip could not be made."""
        return self.has_begun & (self.path < 0)

    @property
    def has_arrived(self) -> BoolArray:
        """Whether the arrival is known."""
        return self.arrival_s >= 0

    @property
    def is_under_way(self) -> BoolArray:
        """Whether the trip has begun and not ended."""
        return self.is_made & ~self.has_arrived

    def reports(
        self, mail: MailSettings, sent_s: int, after_s: int, until_s: int
    ) -> tuple[IntArray, IntArray]:
        """Return the rows of trips whose reports reach the coordinator in (after_s, until_s], and when.

        They were sent from *sent_s* on. One that arrives in the second in which it was sent is read in the next.
        """
        from_s = max(sent_s, after_s - max(mail.longest_delay_s, 1) + 1)
        rows = np.flatnonzero((self.arrival_s >= from_s) & (self.arrival_s < until_s))
        arrival_s = self.arrival_s[rows]
        delivered_s = mail.reports_s(arrival_s, self.report_uniform[rows])
        read_s = np.maximum(delivered_s, arrival_s + 1)
        now = (after_s < read_s) & (read_s <= until_s)
        return rows[now], delivered_s[now]


@cache
def _columns_in(record: Any) -> tuple[str, ...]:
    """Return the names of the fields of a dataclass that are columns of the table."""
    columns = {column.name for column in fields(TripTable)}
    return tuple(field.name for field in fields(record) if field.name in columns)


def record_totals(
    recorder: Recorder, scenario: Scenario, trips: TripTable, battery: Battery, day: int
) -> None:
    """Write the table of EVs: totals and means by departure period, of *day* and of later periods."""
    first = (day - 1) * scenario.periods.count
    period_of_trip = trips.departure_s // scenario.periods.seconds - first
    periods = max(scenario.periods.count, int(period_of_trip.max(initial=-1)) + 1)
    made, ended = trips.is_made, trips.has_arrived
    charged = ended & trips.charges

    def count(selected: BoolArray) -> IntArray:
        return np.bincount(period_of_trip[selected], minlength=periods)

    def total(values: Any, selected: BoolArray) -> FloatArray:
        return np.bincount(period_of_trip[selected], values[selected], minlength=periods).astype(np.float64)

    def mean(values: Any, selected: BoolArray) -> FloatArray:
        trips_per_period = count(selected)
        means = total(values, selected) / np.maximum(trips_per_period, 1)
        return np.where(trips_per_period > 0, means, np.nan)

    days, period = np.divmod(first + np.arange(periods), scenario.periods.count)
    recorder.add(
        "evs",
        day=days + 1,
        period=period + 1,
        departures=count(made),
        charging=count(made & trips.charges),
        arrived=count(ended),
        stranded=count(trips.is_stranded),
        drive_min=mean(trips.drive_s / 60, ended),
        station_min=mean((trips.wait_s + trips.charge_s) / 60, charged),
        wait_min=mean(trips.wait_s / 60, charged),
        drive_kwh=total(_drive_kwh(trips, battery), ended),
        fast_charge_kwh=total(trips.fast_kwh, charged),
        slow_charge_kwh=total(trips.slow_kwh, trips.has_begun),
        paid_cny=total(trips.paid_cny, charged),
        soc_departure=mean(trips.soc_departure, made),
    )


def record_trips(recorder: Recorder, scenario: Scenario, trips: TripTable, battery: Battery) -> None:
    """Write the table of trips that have begun; the outcome of a trip that has not ended is NaN."""
    trips = trips.select(trips.has_begun)
    if not trips.ev.size:
        return
    seconds, arrived = scenario.periods.seconds, trips.has_arrived
    day, period = np.divmod(trips.departure_s // seconds, scenario.periods.count)
    od, nodes = scenario.paths.od, _names(scenario.network.nodes)
    stations = _names([station.name for station in scenario.stations] + [""])
    status = np.where(trips.is_stranded, 0, np.where(arrived, 1, 2))

    def if_arrived(values: Any) -> FloatArray:
        return np.where(arrived, values, np.nan)

    recorder.add(
        "trips",
        day=day + 1,
        period=period + 1,
        ev=trips.ev,
        trip=trips.trip,
        from_activity=_names(ACTIVITIES)[trips.from_activity],
        to_activity=_names(ACTIVITIES)[trips.to_activity],
        origin=nodes[od.origin[trips.od]],
        destination=nodes[od.dest[trips.od]],
        user_class=_names(["not_charging", "charging"])[trips.charges.astype(np.int64)],
        path=trips.path,
        station=stations[np.where(trips.is_stranded, -1, trips.station)],
        departure_s=trips.departure_s,
        arrival_s=trips.arrival_s,
        drive_min=if_arrived(trips.drive_s / 60),
        wait_min=if_arrived(trips.wait_s / 60),
        charge_min=if_arrived(trips.charge_s / 60),
        length_km=trips.length_km,
        drive_kwh=if_arrived(_drive_kwh(trips, battery)),
        fast_charge_kwh=if_arrived(trips.fast_kwh),
        slow_charge_kwh=trips.slow_kwh,
        paid_cny=if_arrived(trips.paid_cny),
        soc_departure=trips.soc_departure,
        soc_arrival=np.where(trips.is_under_way, np.nan, trips.soc_arrival),
        status=_names(["stranded", "arrived", "on_the_way"])[status],
    )


def _drive_kwh(trips: TripTable, battery: Battery) -> FloatArray:
    return battery.select(trips.ev - 1).trip_kwh(trips.length_km)


def _names(names: Sequence[str]) -> Any:
    return np.array(names, dtype=object)
