"""What the batteries do along the diaries: state of charge, fast and slow charging, who is stranded."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.battery import Battery
from cosim.ev.charging import ChargingBehaviour, ChargingDecision, Departures, decide_charging
from cosim.ev.mobility import Diaries, EVState


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SocRecord:
    """The batteries along the diaries: one value per trip, in the diaries' order. Grid-side energies.

    It ends with the last arrival: what is charged overnight belongs to the first trip of the next day.
    """

    soc_departure: FloatArray
    soc_charge_point: FloatArray
    """Before any charging."""
    soc_arrival: FloatArray
    fast_charge: BoolArray
    session_kwh: FloatArray
    slow_kwh: FloatArray
    """Charged while parked before the trip."""
    stranded: BoolArray
    """Trips an EV could not make, because the battery would have been empty on the way."""
    cancelled: BoolArray
    """These trips and all that would have followed them on the day."""


def simulate_soc(
    diaries: Diaries,
    battery: Battery,
    behaviour: ChargingBehaviour,
    uniform: FloatArray,
    price_ratio: FloatArray | None = None,
    state: EVState | None = None,
) -> SocRecord:
    """Return the state of charge along the diaries, trip number by trip number, over all EVs at once.

    *uniform* and *price_ratio* (price over mean price; 1 if not given) have one value per trip. Departures
    and arrivals are the diaries': the time of a fast charge shortens no stay. Without *state* the diaries'
    ``soc_first`` holds in the morning; with it the batteries begin as they were left, and what they charged
    since then, overnight or over days at home, is booked to the first trip.
    """
    n_trips = diaries.ev.size
    ratio = np.ones(n_trips) if price_ratio is None else price_ratio
    record = _empty_record(n_trips)
    for number in range(1, diaries.trips_per_ev.max(initial=0) + 1):
        row = diaries.rows_of_trip(number)
        cancelled = record.cancelled[row]
        _stay(record, row[cancelled])
        leaving = row[~cancelled]
        departures = _departures(diaries, record, leaving, battery, behaviour, uniform, state)
        _keep(record, leaving, decide_charging(departures, ratio[leaving]))
        onward = row[diaries.trips_per_ev[diaries.ev[row]] > number]
        record.cancelled[onward + 1] = record.cancelled[onward]
    return record


def _departures(
    diaries: Diaries,
    record: SocRecord,
    row: IntArray,
    battery: Battery,
    behaviour: ChargingBehaviour,
    uniform: FloatArray,
    state: EVState | None,
) -> Departures:
    """Return the EVs that leave on the trips *row*, all with the same trip number, as the stay before left them."""
    ev = diaries.ev[row]
    is_first = bool(row.size) and diaries.trip[row[0]] == 1
    if is_first and state is None:
        soc, since_s = diaries.soc_first[ev], diaries.departure_s[row]
    elif is_first and state is not None:
        soc, since_s = state.soc[ev], state.parked_since_s[ev]
    else:
        soc, since_s = record.soc_arrival[row - 1], diaries.arrival_s[row - 1]
    return Departures(
        soc=soc,
        soc_is_drawn=np.full(row.size, is_first and state is None),
        parked_s=diaries.departure_s[row] - since_s,
        from_activity=diaries.from_activity[row],
        has_home_charger=diaries.has_home_charger[ev],
        has_work_charger=diaries.has_work_charger[ev],
        length_km=diaries.length_km[row],
        charge_uniform=uniform[row],
        battery=battery.select(ev),
        behaviour=behaviour.select(ev),
    )


def _empty_record(n_trips: int) -> SocRecord:
    columns: dict[str, Any] = {field.name: np.zeros(n_trips) for field in fields(SocRecord)}
    flags = {name: np.zeros(n_trips, dtype=np.bool_) for name in ("fast_charge", "stranded", "cancelled")}
    return SocRecord(**columns | flags)


def _keep(record: SocRecord, row: IntArray, made: ChargingDecision) -> None:
    trip = made.course
    record.soc_departure[row], record.slow_kwh[row] = made.soc_departure, made.slow_kwh
    record.soc_charge_point[row], record.soc_arrival[row] = trip.soc_charge_point, trip.soc_arrival
    record.fast_charge[row] = made.charges & ~trip.stranded
    record.session_kwh[row] = trip.session_kwh
    record.stranded[row] = record.cancelled[row] = trip.stranded


def _stay(record: SocRecord, row: IntArray) -> None:
    """Leave EVs where they are: once stranded, they drive nothing and charge nothing."""
    soc = record.soc_arrival[row - 1]
    record.soc_departure[row] = record.soc_charge_point[row] = record.soc_arrival[row] = soc


def joined(records: Sequence[SocRecord]) -> SocRecord:
    """Return the records of several days as one."""
    names = [column.name for column in fields(SocRecord)]
    return SocRecord(**{name: np.concatenate([getattr(day, name) for day in records]) for name in names})
