"""State of charge along the diaries: fast and slow charging, stranded EVs."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.battery import Battery
from cosim.ev.charging import ChargingBehaviour, ChargingDecision, ChargingInputs, decide_charging
from cosim.ev.mobility import Diaries, EVState


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SocRecord:
    """States of charge and energies along the diaries: one value per trip, in their order. Grid-side energies.

    It ends with the last arrival: energy charged overnight belongs to the first trip of the next day.
    """

    soc_departure: FloatArray
    soc_charging_stop: FloatArray
    """State of charge on reaching the charging stop, before any charging."""
    soc_arrival: FloatArray
    fast_charge: BoolArray
    session_kwh: FloatArray
    slow_kwh: FloatArray
    """Energy charged while parked before the trip."""
    stranded: BoolArray
    """Whether the EV could not make the trip, because the battery would have been empty on the way."""
    cancelled: BoolArray
    """Whether the trip, or an earlier one of the day, is stranded."""


def simulate_soc(
    diaries: Diaries,
    battery: Battery,
    behaviour: ChargingBehaviour,
    uniform: FloatArray,
    price_ratio: FloatArray | None = None,
    state: EVState | None = None,
) -> SocRecord:
    """Return the state of charge along the diaries, trip number by trip number, over all EVs at once.

    *uniform* and *price_ratio* (price over mean price; 1 if not given) have one value per trip. Departures and
    arrivals are the diaries': a fast charge shortens no stay. Without *state*, ``soc_first`` of the diaries is the
    state of charge at the first departure. With it, the first trip starts from the state of charge on the last
    arrival, and its slow charge is that of the whole stay, overnight or over days at home.
    """
    n_trips = diaries.ev.size
    ratio = np.ones(n_trips) if price_ratio is None else price_ratio
    record = _empty_record(n_trips)
    for number in range(1, diaries.trips_per_ev.max(initial=0) + 1):
        row = diaries.rows_of_trip(number)
        cancelled = record.cancelled[row]
        _record_cancelled(record, row[cancelled])
        departing = row[~cancelled]
        inputs = _charging_inputs(diaries, record, departing, battery, behaviour, uniform, state)
        _record_trips(record, departing, decide_charging(inputs, ratio[departing]))
        not_last = row[diaries.trips_per_ev[diaries.ev[row]] > number]
        record.cancelled[not_last + 1] = record.cancelled[not_last]
    return record


def _charging_inputs(
    diaries: Diaries,
    record: SocRecord,
    row: IntArray,
    battery: Battery,
    behaviour: ChargingBehaviour,
    uniform: FloatArray,
    state: EVState | None,
) -> ChargingInputs:
    """Return the inputs of the charging decisions for the trips *row*, all with the same trip number."""
    ev = diaries.ev[row]
    is_first = bool(row.size) and diaries.trip[row[0]] == 1
    if is_first and state is None:
        soc, parked_since_s = diaries.soc_first[ev], diaries.departure_s[row]
    elif is_first and state is not None:
        soc, parked_since_s = state.soc[ev], state.parked_since_s[ev]
    else:
        soc, parked_since_s = record.soc_arrival[row - 1], diaries.arrival_s[row - 1]
    return ChargingInputs(
        soc=soc,
        soc_is_drawn=np.full(row.size, is_first and state is None),
        parked_s=diaries.departure_s[row] - parked_since_s,
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


def _record_trips(record: SocRecord, row: IntArray, decision: ChargingDecision) -> None:
    energy_use = decision.energy_use
    record.soc_departure[row], record.slow_kwh[row] = decision.soc_departure, decision.slow_kwh
    record.soc_charging_stop[row], record.soc_arrival[row] = (
        energy_use.soc_charging_stop,
        energy_use.soc_arrival,
    )
    record.fast_charge[row] = decision.charges & ~energy_use.stranded
    record.session_kwh[row] = energy_use.session_kwh
    record.stranded[row] = record.cancelled[row] = energy_use.stranded


def _record_cancelled(record: SocRecord, row: IntArray) -> None:
    """Record trips of stranded EVs, which neither drive nor charge: the state of charge is that of the trip before."""
    soc = record.soc_arrival[row - 1]
    record.soc_departure[row] = record.soc_charging_stop[row] = record.soc_arrival[row] = soc


def concatenate_records(records: Sequence[SocRecord]) -> SocRecord:
    """Return the records of several days as one."""
    names = [column.name for column in fields(SocRecord)]
    return SocRecord(**{name: np.concatenate([getattr(day, name) for day in records]) for name in names})
