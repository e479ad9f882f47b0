"""The trips that were made, as arrays: what both resolutions write down, and what the traffic is counted from."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.battery import Battery
from cosim.ev.transitions import ACTIVITIES, ActivityArray
from cosim.results import Recorder
from cosim.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TripLog:
    """One value per trip begun, or that could not begin because the EV would have been stranded."""

    ev: IntArray
    """From 1."""
    trip: IntArray
    from_activity: ActivityArray
    to_activity: ActivityArray
    od: IntArray
    length_km: FloatArray
    charges: BoolArray
    path: IntArray
    """-1 if stranded."""
    departure_s: IntArray
    arrival_s: IntArray
    """-1 if it has not arrived, or (before ``cut_at``) if that is not known yet."""
    drive_s: IntArray
    wait_s: IntArray
    charge_s: IntArray
    soc_departure: FloatArray
    soc_arrival: FloatArray
    slow_kwh: FloatArray
    fast_kwh: FloatArray
    paid_cny: FloatArray
    """For the fast charge."""

    @classmethod
    def of_rows(cls, rows: Sequence[tuple[Any, ...]]) -> Self:
        """Return the log of trips, each given as its values in the order of the columns."""
        columns = zip(*rows, strict=True) if rows else [()] * len(fields(cls))
        named = zip(fields(cls), columns, strict=True)
        return cls(**{field.name: np.array(column, dtype=_DTYPES[field.name]) for field, column in named})

    @classmethod
    def joined(cls, logs: Sequence["TripLog"]) -> Self:
        """Return the trips of several logs, ordered by EV and departure."""
        names = [field.name for field in fields(cls)]
        whole = cls(**{name: np.concatenate([getattr(log, name) for log in logs]) for name in names})
        return whole.of(np.lexsort((whole.departure_s, whole.ev)))

    def of(self, which: IntArray | BoolArray) -> Self:
        """Return some of the trips; all of them are this log itself: a city's takes half a gigabyte."""
        if which.dtype == np.bool_ and which.all():
            return self
        return type(self)(**{field.name: getattr(self, field.name)[which] for field in fields(self)})

    def cut_at(self, end_s: int) -> Self:
        """Return the trips as the end of the simulation leaves them: what would come later has not come."""
        return replace(self, arrival_s=np.where(self.arrival_s < end_s, self.arrival_s, -1))

    @property
    def is_stranded(self) -> BoolArray:
        """Trips that were not made."""
        return self.path < 0

    @property
    def has_arrived(self) -> BoolArray:
        """Trips that have ended."""
        return self.arrival_s >= 0

    @property
    def is_under_way(self) -> BoolArray:
        """Trips that the end of the simulation cuts off."""
        return ~self.is_stranded & ~self.has_arrived

    def record_totals(self, recorder: Recorder, scenario: Scenario, battery: Battery, day: int) -> None:
        """Write the table of EVs: what came of the trips of each period of *day*, and later, by departure."""
        first = (day - 1) * scenario.periods.count
        number = self.departure_s // scenario.periods.seconds - first
        periods = max(scenario.periods.count, int(number.max(initial=-1)) + 1)
        made, ended = ~self.is_stranded, self.has_arrived
        charged = ended & self.charges

        def count(which: BoolArray) -> IntArray:
            return np.bincount(number[which], minlength=periods)

        def total(values: Any, which: BoolArray) -> FloatArray:
            return np.bincount(number[which], values[which], minlength=periods).astype(np.float64)

        def mean(values: Any, which: BoolArray) -> FloatArray:
            return np.where(count(which) > 0, total(values, which) / np.maximum(count(which), 1), np.nan)

        days, period = np.divmod(first + np.arange(periods), scenario.periods.count)
        recorder.add(
            "evs",
            day=days + 1,
            period=period + 1,
            departures=count(made),
            charging=count(made & self.charges),
            arrived=count(ended),
            stranded=count(self.is_stranded),
            drive_min=mean(self.drive_s / 60, ended),
            station_min=mean((self.wait_s + self.charge_s) / 60, charged),
            wait_min=mean(self.wait_s / 60, charged),
            drive_kwh=total(self._drive_kwh(battery), ended),
            fast_charge_kwh=total(self.fast_kwh, charged),
            slow_charge_kwh=total(self.slow_kwh, np.ones_like(made)),
            paid_cny=total(self.paid_cny, charged),
            soc_departure=mean(self.soc_departure, made),
        )

    def _drive_kwh(self, battery: Battery) -> FloatArray:
        return battery.of(self.ev - 1).trip_kwh(self.length_km)

    def record(self, recorder: Recorder, scenario: Scenario, battery: Battery) -> None:
        """Write the table of trips; what a trip that has not ended took is not known."""
        if not self.ev.size:
            return
        seconds, arrived = scenario.periods.seconds, self.has_arrived
        day, period = np.divmod(self.departure_s // seconds, scenario.periods.count)
        od, nodes = scenario.paths.od, _names(scenario.network.nodes)
        stations = _names([station.name for station in scenario.stations] + [""])
        status = np.where(self.is_stranded, 0, np.where(arrived, 1, 2))

        def if_arrived(values: Any) -> FloatArray:
            return np.where(arrived, values, np.nan)

        recorder.add(
            "trips",
            day=day + 1,
            period=period + 1,
            ev=self.ev,
            trip=self.trip,
            from_activity=_names(ACTIVITIES)[self.from_activity],
            to_activity=_names(ACTIVITIES)[self.to_activity],
            origin=nodes[od.origin[self.od]],
            destination=nodes[od.dest[self.od]],
            user_class=_names(["passing", "charging"])[self.charges.astype(np.int64)],
            path=self.path,
            station=stations[np.where(self.is_stranded, -1, scenario.paths.station[self.path])],
            departure_s=self.departure_s,
            arrival_s=self.arrival_s,
            drive_min=if_arrived(self.drive_s / 60),
            wait_min=if_arrived(self.wait_s / 60),
            charge_min=if_arrived(self.charge_s / 60),
            length_km=self.length_km,
            drive_kwh=if_arrived(self._drive_kwh(battery)),
            fast_charge_kwh=if_arrived(self.fast_kwh),
            slow_charge_kwh=self.slow_kwh,
            paid_cny=if_arrived(self.paid_cny),
            soc_departure=self.soc_departure,
            soc_arrival=np.where(self.is_under_way, np.nan, self.soc_arrival),
            status=_names(["stranded", "arrived", "on_the_way"])[status],
        )


_DTYPES = {
    **{field.name: np.int64 for field in fields(TripLog)},
    **dict.fromkeys(
        ("length_km", "soc_departure", "soc_arrival", "slow_kwh", "fast_kwh", "paid_cny"), np.float64
    ),
    **dict.fromkeys(("from_activity", "to_activity"), np.int8),
    "charges": np.bool_,
}


def _names(names: Sequence[str]) -> Any:
    return np.array(names, dtype=object)
