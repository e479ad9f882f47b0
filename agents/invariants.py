"""What holds after every period, whatever happened in it: energy, vehicles, plugs, money and the clock.

The figures compared come from different places: the sessions, the trips, the rows written into the result tables. Where
they do not agree the program is at fault; the day goes on, and says so.
"""

import math
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import simpy

from agents.announced_prices import AnnouncedPrices
from agents.clock import Clock, Phase
from agents.population import Population
from agents.station_records import Chargers, StationRecords
from cosim.ev.session import Session
from cosim.grid.bus_words import at_bus
from cosim.grid.device import Storage, V2GCharger
from cosim.periods import PeriodOfDay
from cosim.results import Recorder
from cosim.scenario import FeederCase

ROUNDING = 1e-9
"""Relative and absolute difference, kWh or CNY, up to which two sums are the same."""
SOLVER_KWH = 0.01
"""Energy of a store up to which the equations of a dispatch are met by its solver."""
KIND = "invariant_"
"""What the kinds of broken invariants begin with, in the table of violations."""
REPORT_IT = (
    "This is a fault of the program: do not trust the figures of this run, and please report it with scenario.toml and "
    "manifest.json of the run."
)
Rows = Sequence[Mapping[str, Any]]
"""Rows, or blocks of rows, as they were recorded."""
CLOSED_ONCE = {"stations": "station", "prices": "coordinator", "dispatch": "operator"}
"""Tables with blocks of rows for each period, and who writes them as the period closes."""


class Broken(NamedTuple):
    """An invariant that does not hold; *amount* is the difference."""

    invariant: str
    place: str
    amount: float
    found: str
    """What was found instead, as a clause."""


@dataclass(slots=True)
class Delivered:
    """What the sessions of a station took, by their own account."""

    records: StationRecords
    open: list[tuple[Session, float, float]] = field(init=False)
    """Sessions that have not ended, with energy and payment at the last check."""
    begun: int = field(init=False)
    ended: list[tuple[float, float]] = field(default_factory=list)
    """Energy and payment of the sessions that have ended."""

    def __post_init__(self) -> None:
        """Start from the sessions that the day before has left."""
        sessions = self.records.sessions
        self.open = [(one, one.delivered_kwh, one.paid_cny) for one in sessions if one.end_s < 0]
        self.begun = len(sessions)

    def since_last_check(self) -> tuple[float, float, float]:
        """Return energy and payment of all sessions, and the largest gap between energy requested and accounted for."""
        new = ((session, 0.0, 0.0) for session in self.records.sessions[self.begun :])
        self.begun, taken, before = len(self.records.sessions), [(0.0, 0.0, 0.0)], [*self.open, *new]
        self.open = []
        for session, kwh_before, cny_before in before:
            delivered_kwh, paid_cny = session.delivered_kwh, session.paid_cny
            gap_kwh = abs(delivered_kwh + session.remaining_kwh - session.energy_kwh)
            taken.append((delivered_kwh - kwh_before, paid_cny - cny_before, gap_kwh))
            if session.end_s < 0:
                self.open.append((session, delivered_kwh, paid_cny))
            else:
                self.ended.append((delivered_kwh, paid_cny))
        kwh, cny, gaps = zip(*taken, strict=True)
        return math.fsum(kwh), math.fsum(cny), max(gaps)


class Invariants:
    """Compares sessions, trips and the rows recorded after each period."""

    def __init__(
        self,
        clock: Clock,
        recorder: Recorder,
        records: Sequence[StationRecords],
        chargers: Sequence[Chargers],
        population: Population,
        feeders: Sequence[FeederCase],
        announced: AnnouncedPrices,
    ) -> None:
        """Start from the state of the vehicles as the day begins."""
        self.clock, self.recorder, self.population = clock, recorder, population
        self.announced = announced
        self.stations = list(zip(records, chargers, strict=True))
        self.delivered = [Delivered(one) for one in records]
        self.closings = {"stations": len(self.stations), "prices": 1, "dispatch": len(feeders)}
        self.storage = {
            (case.feeder.name, device.name): device
            for case in feeders
            for group in case.devices.groups
            for device in group.devices
            if isinstance(device, Storage | V2GCharger)
        }
        self._stored_kwh: dict[tuple[str, str], float] = {}
        self.next_period = clock.periods.index(clock.period)
        self._rows_read = Counter[str]()
        self._same_ev = np.diff(population.trips.ev) == 0
        self._at_first = self._trips_took()

    def watch(self) -> Generator[simpy.Event, Any, None]:
        """Check each period once it is closed, and record what is broken."""
        while True:
            ended = self.clock.period
            yield self.clock.end_of_period(Phase.CHECK)
            for broken in self.broken(ended):
                record_broken(self.recorder, ended, broken)

    def broken(self, ended: PeriodOfDay) -> Iterator[Broken]:
        """Yield what does not hold, of the period that ended just now."""
        rows = {table: self._new_rows(table) for table in (*CLOSED_ONCE, "buses", "devices", "violations")}
        yield from self._clock(ended, rows)
        yield from self._energy_and_money(ended, rows["stations"])
        yield from self._feeders(rows["stations"], rows["buses"])
        yield from self._stores(ended, rows["devices"], rows["violations"])
        yield from self._drivers()
        yield from self._vehicles()
        yield from self._plugs()

    def _new_rows(self, table: str) -> Rows:
        """Return the blocks of rows written since the last check."""
        written = self.recorder.written(table)
        rows = written[self._rows_read[table] :]
        self._rows_read[table] = len(written)
        return rows

    def _clock(self, ended: PeriodOfDay, rows: dict[str, Rows]) -> Iterator[Broken]:
        """Find time that goes back, and who has not closed the period once."""
        index, self.next_period = self.clock.periods.index(ended), self.next_period + 1
        if index + 1 != self.next_period or self.clock.periods.index(self.clock.period) != index + 1:
            found = f"it is not the period after the last one, and ends at second {self.clock.now_s}"
            yield Broken("clock", "clock", abs(index + 1 - self.next_period), found)
        for table, who in CLOSED_ONCE.items():
            closed = sum((row["day"], row["period"]) == (ended.day, ended.period) for row in rows[table])
            if not closed == len(rows[table]) == self.closings[table]:
                found = f"{closed} of {self.closings[table]} have closed it, and {len(rows[table]) - closed} another"
                yield Broken("clock", who, abs(closed - self.closings[table]), found)

    def _energy_and_money(self, ended: PeriodOfDay, rows: Rows) -> Iterator[Broken]:
        """Compare each station's meter with its sessions, and its revenue with the energy at prices in effect."""
        by_name = {row["station"]: row for row in rows}
        self.announced.read()
        for station, delivered in zip(self.stations, self.delivered, strict=True):
            records, place = station[0], f"station {station[0].name}"
            kwh, paid_cny, gap_kwh = delivered.since_last_check()
            low, high = records.take_prices(ended)
            row = by_name.get(records.name)
            if row is None:
                continue  # told by the clock
            yield from _same(
                "energy", place, "its sessions took", kwh, "its meter says", row["energy_kwh"], "kWh"
            )
            yield from _same(
                "money", place, "drivers owe", paid_cny, "its revenue is", row["revenue_cny"], "CNY"
            )
            if gap_kwh > ROUNDING:
                found = (
                    f"the energy of a session, delivered and to come, is {gap_kwh:.6g} kWh off what was asked"
                )
                yield Broken("energy", place, gap_kwh, found)
            off_cny = max(low * kwh - paid_cny, paid_cny - high * kwh)
            if off_cny > ROUNDING * max(1.0, abs(paid_cny)):
                found = f"{kwh:.6g} kWh at {low:g} to {high:g} CNY/kWh were paid with {paid_cny:.6g} CNY"
                yield Broken("money", place, off_cny, found)
            else:
                yield from self._tariff(records.name, ended, kwh, paid_cny)

    def _tariff(self, station: str, ended: PeriodOfDay, kwh: float, paid_cny: float) -> Iterator[Broken]:
        """Compare what was paid at a station with its energy at the prices that were announced."""
        if (band := self.announced.band(station, ended)) is None:
            return
        off_cny = max(band[0] * kwh - paid_cny, paid_cny - band[1] * kwh)
        if off_cny > ROUNDING * max(1.0, abs(paid_cny)):
            prices = f"{band[0]:g}" if band[0] == band[1] else f"{band[0]:g} to {band[1]:g}"
            found = f"{paid_cny:.6g} CNY were paid for {kwh:.6g} kWh; {prices} CNY/kWh were announced"
            yield Broken("money", f"station {station}", off_cny, found)

    def _feeders(self, stations: Rows, buses: Rows) -> Iterator[Broken]:
        """Compare the load in the AC power flow with that of the stations."""
        for feeder in buses:
            names = list(feeder["bus"])
            drawn_kw = np.zeros(len(names))
            for row in stations:
                if row["feeder"] == feeder["feeder"]:
                    drawn_kw[names.index(row["bus"])] += row["load_kw"]
            worst = int(np.argmax(np.abs(drawn_kw - feeder["station_kw"])))
            drew_kw, seen_kw = float(drawn_kw[worst]), float(feeder["station_kw"][worst])
            place = f"feeder {feeder['feeder']}, bus {names[worst]}"
            yield from _same("energy", place, "stations drew", drew_kw, "the power flow saw", seen_kw, "kW")

    def _stores(self, ended: PeriodOfDay, devices: Rows, told: Rows) -> Iterator[Broken]:
        """Compare the energy in each store with what it held before and what it has charged or given since.

        Vehicles bring and take what their profiles say, but for what the table of violations tells that they lack.
        """
        missed = Counter[str]()
        for row in told:
            if row["kind"] == "terminal_energy":
                missed[row["place"]] += row["amount"]
        for row in (row for block in devices if "stored_kwh" in block for row in _each(block)):
            key = row["feeder"], row["device"]
            if (store := self.storage.get(key)) is None:
                continue
            before_kwh = (
                store.initial_kwh if ended.period == 1 else self._stored_kwh.get(key, row["stored_kwh"])
            )
            p_kw, stored_kwh = row["p_kw"], row["stored_kwh"]
            least, most = store.energy_after_kwh(before_kwh, p_kw, self.clock.periods.hours, ended.period)
            self._stored_kwh[key] = stored_kwh
            lacking = (
                missed[f"feeder {key[0]}, {at_bus(row['bus'])}"] if isinstance(store, V2GCharger) else 0.0
            )
            off_kwh = max(least - stored_kwh, stored_kwh - most) - lacking
            if off_kwh > SOLVER_KWH:
                found = (
                    f"it held {before_kwh:.6g} kWh, injected {p_kw:.6g} kW, and holds {stored_kwh:.6g} kWh"
                )
                yield Broken("energy", f"feeder {key[0]}, {store.label}", off_kwh, found)

    def _trips_took(self) -> tuple[float, float]:
        trips = self.population.trips
        rows = np.flatnonzero(trips.charges)
        return math.fsum(trips.fast_kwh[rows]), math.fsum(trips.paid_cny[rows])

    def _drivers(self) -> Iterator[Broken]:
        """Compare what drivers have charged and paid with the sessions that have ended."""
        ended = list(chain.from_iterable(delivered.ended for delivered in self.delivered))
        (kwh, cny), (first_kwh, first_cny) = self._trips_took(), self._at_first
        ended_kwh, ended_cny = (math.fsum(one) for one in zip((first_kwh, first_cny), *ended, strict=True))
        yield from _same(
            "energy", "drivers", "they have charged", kwh, "their sessions gave", ended_kwh, "kWh"
        )
        yield from _same("money", "drivers", "they have paid", cny, "their sessions cost", ended_cny, "CNY")

    def _vehicles(self) -> Iterator[Broken]:
        """Find EVs at no place or at two: parked, driving, or at one station or on the way to it."""
        trips = self.population.trips
        # unknown seconds, -1, are later than all others without a sign: an arrival after the next departure, or none
        arrival, departure = (times_s.view(np.uint64) for times_s in (trips.arrival_s, trips.departure_s))
        twice = np.flatnonzero((arrival[:-1] > departure[1:]) & self._same_ev)
        if twice.size:
            found = f"EV {trips.ev[twice[0]]} departs before it has arrived ({twice.size} such trips)"
            yield Broken("vehicles", "roads", float(twice.size), found)
        rows = np.flatnonzero((trips.arrival_s < 0) & (trips.departure_s >= 0) & (trips.path >= 0))
        expected = Counter(zip(trips.ev[rows].tolist(), trips.station[rows].tolist(), strict=True))
        by_station = self.population.sessions_by_station(self.clock.now_s)
        found_there = Counter(
            (session.ev, number) for number, sessions in enumerate(by_station) for session in sessions
        )
        for off, clause in (
            (expected - found_there, "is on a trip to a station that does not know of it"),
            (found_there - expected, "is at a station, or on the way to it, and on no trip there"),
        ):
            if off:
                found = f"EV {min(off)[0]} {clause} ({off.total()} such EVs)"
                yield Broken("vehicles", "stations", float(off.total()), found)

    def _plugs(self) -> Iterator[Broken]:
        """Find more vehicles plugged in than there are chargers, and vehicles that wait beside a free one."""
        for records, chargers in self.stations:
            plugged, waiting, plugs = len(chargers.plugged), len(chargers.waiting), chargers.in_service
            if plugged > plugs or (waiting and plugged < plugs):
                found = f"{plugged} vehicles at {plugs} chargers, and {waiting} that wait"
                yield Broken("plugs", f"station {records.name}", abs(plugged - plugs), found)


def _each(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a block of the table ``devices``."""
    for row, name in enumerate(block["device"]):
        powers = {column: float(block[column][row]) for column in ("p_kw", "stored_kwh")}
        yield {"feeder": block["feeder"], "device": name, "bus": block["bus"][row], **powers}


def _same(
    invariant: str, place: str, one: str, value: float, other: str, reference: float, unit: str
) -> Iterator[Broken]:
    off = abs(value - reference)
    if not off <= ROUNDING * max(1.0, abs(value), abs(reference)):
        found = f"{one} {value:.9g} {unit}, {other} {reference:.9g} {unit}"
        yield Broken(invariant, place, off, found)


def record_broken(recorder: Recorder, ended: PeriodOfDay, broken: Broken) -> None:
    """Write a broken invariant into the table of violations."""
    when = f"period {ended.period}" if ended.day == 1 else str(ended)
    sentence = (
        f"{when}, {broken.place}: the invariant '{broken.invariant}' is broken: {broken.found}. {REPORT_IT}"
    )
    recorder.add_row(
        "violations",
        day=ended.day,
        period=ended.period,
        place=broken.place,
        kind=KIND + broken.invariant,
        amount=broken.amount,
        sentence=sentence,
    )
