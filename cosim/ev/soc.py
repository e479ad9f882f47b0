"""What the batteries do along the diaries: state of charge, fast and slow charging, who is stranded."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.battery import Battery
from cosim.ev.charging import (
    ChargingBehaviour,
    TripSoc,
    drive,
    plugs_in,
    soc_after_parking,
    wants_fast_charge,
)
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
    trip_kwh = battery.of(diaries.ev).trip_kwh(diaries.length_km)
    for number in range(1, diaries.trips_per_ev.max(initial=0) + 1):
        row = diaries.rows_of_trip(number)
        own = battery.of(diaries.ev[row])
        if number == 1 and state is None:
            soc = diaries.soc_first[diaries.ev[row]]
        else:
            soc = _soc_after_stay(diaries, record, row, own, behaviour, state)
        wants = wants_fast_charge(
            soc, trip_kwh[row], uniform[row], battery=own, behaviour=behaviour, price_ratio=ratio[row]
        )
        # once stranded, an EV stays where it is: it drives nothing and charges nothing
        wants &= ~record.cancelled[row]
        kwh = np.where(record.cancelled[row], 0.0, trip_kwh[row])
        _keep(record, row, soc, wants, drive(soc, kwh, wants, own, behaviour))
        onward = row[diaries.trips_per_ev[diaries.ev[row]] > number]
        record.cancelled[onward + 1] = record.cancelled[onward]
    return record


def _soc_after_stay(
    diaries: Diaries,
    record: SocRecord,
    row: IntArray,
    battery: Battery,
    behaviour: ChargingBehaviour,
    state: EVState | None,
) -> FloatArray:
    """Return the state of charge after the stay before the trips *row*, and record what was charged."""
    ev = diaries.ev[row]
    if state is not None and diaries.trip[row[0]] == 1:
        soc, since_s = state.soc[ev], state.parked_since_s[ev]
    else:
        soc, since_s = record.soc_arrival[row - 1], diaries.arrival_s[row - 1]
    parked_h = (diaries.departure_s[row] - since_s) / 3600
    plugged = plugs_in(
        diaries.from_activity[row], soc, diaries.has_home_charger[ev], diaries.has_work_charger[ev], behaviour
    )
    after = soc_after_parking(soc, plugged & ~record.cancelled[row], parked_h, battery, behaviour.of(ev))
    record.slow_kwh[row] = battery.charging_kwh(soc, after)
    return after


def _empty_record(n_trips: int) -> SocRecord:
    return SocRecord(
        soc_departure=np.zeros(n_trips),
        soc_charge_point=np.zeros(n_trips),
        soc_arrival=np.zeros(n_trips),
        fast_charge=np.zeros(n_trips, dtype=np.bool_),
        session_kwh=np.zeros(n_trips),
        slow_kwh=np.zeros(n_trips),
        stranded=np.zeros(n_trips, dtype=np.bool_),
        cancelled=np.zeros(n_trips, dtype=np.bool_),
    )


def _keep(record: SocRecord, row: IntArray, soc: FloatArray, wants: BoolArray, trip: TripSoc) -> None:
    record.soc_departure[row] = soc
    record.soc_charge_point[row] = trip.soc_charge_point
    record.soc_arrival[row] = trip.soc_arrival
    record.fast_charge[row] = wants & ~trip.stranded
    record.session_kwh[row] = trip.session_kwh
    record.stranded[row] = trip.stranded
    record.cancelled[row] |= trip.stranded


def joined(records: Sequence[SocRecord]) -> SocRecord:
    """Return the records of several days as one."""
    names = [column.name for column in fields(SocRecord)]
    return SocRecord(**{name: np.concatenate([getattr(day, name) for day in records]) for name in names})
