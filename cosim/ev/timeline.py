"""A day of many EVs as intervals of one activity state, with the state of charge at both ends."""

from dataclasses import dataclass, fields, replace

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.battery import Battery
from cosim.ev.charging import ChargingBehaviour, plugs_in
from cosim.ev.mobility import Diaries, EVState
from cosim.ev.soc import SocRecord
from cosim.ev.transitions import ACTIVITIES, HOME, ActivityArray
from cosim.periods import SECONDS_PER_DAY

ACTIVITY_STATES = (*ACTIVITIES, "driving", "slow_charging", "fast_charging")
"""Activity states of an EV; an activity means parked there without charging."""
DRIVING, SLOW, FAST = 4, 5, 6
MIN_POWER_KW = 1e-9
"""Divisor in place of a power of 0, which does not charge."""
Columns = tuple[IntArray | ActivityArray | FloatArray, ...]
"""Columns of a timeline in the order of its fields: EV, activity state, start and end [s], SOC at start and end."""


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """One row per interval of an EV's day; the intervals of an EV cover the day without overlap.

    Times are seconds of the day, negative before it; infinite for an end that is not known on this day.
    """

    n_ev: int
    ev: IntArray
    activity_state: ActivityArray
    start_s: FloatArray
    end_s: FloatArray
    soc_start: FloatArray
    soc_end: FloatArray

    def select(self, rows: BoolArray) -> "Timeline":
        """Return these intervals."""
        return replace(self, **{name: getattr(self, name)[rows] for name in COLUMNS})


COLUMNS = tuple(field.name for field in fields(Timeline) if field.name != "n_ev")


def _carried_over(yesterday: Timeline | None) -> Timeline:
    """Return the drives and fast charges of *yesterday* that end on this day, in seconds of this day."""
    if yesterday is None:
        no_evs, no_states = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int8)
        return Timeline(0, no_evs, no_states, *[np.zeros(0)] * 4)
    outlasts = np.isin(yesterday.activity_state, (DRIVING, FAST)) & (yesterday.end_s >= SECONDS_PER_DAY)
    line = yesterday.select(outlasts)
    return replace(line, start_s=line.start_s - SECONDS_PER_DAY, end_s=line.end_s - SECONDS_PER_DAY)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Stays:
    """Stays of a day: before the first trip, and after each trip that was made."""

    ev: IntArray
    activity: ActivityArray
    arrival_s: FloatArray
    departure_s: FloatArray
    soc: FloatArray
    """State of charge on arrival."""
    soc_is_known: BoolArray
    """Whether it is known: not before a first departure for which it is drawn."""


def timeline(
    diaries: Diaries,
    record: SocRecord,
    battery: Battery,
    behaviour: ChargingBehaviour,
    fast_kw: FloatArray | float,
    state: EVState | None = None,
    yesterday: Timeline | None = None,
) -> Timeline:
    """Return the timeline of a day; *battery*, *behaviour* and *fast_kw* may hold one value per EV.

    A day that begins from a *state* needs *yesterday* for drives and fast charges that outlast it.

    A fast charge begins at the charging stop of the trip and takes its energy over *fast_kw*. The EV arrives at its
    destination at the time of the diary, or at the end of the charge if that is later.
    """
    made = np.flatnonzero(~record.cancelled)
    day_start_s = (diaries.day - 1) * SECONDS_PER_DAY
    trips, arrival_s = _trips(diaries, record, made, day_start_s, battery, behaviour, fast_kw)
    carried = _carried_over(yesterday)
    stays = _stays(diaries, record, made, day_start_s, arrival_s, state, carried)
    carried_end_s = np.minimum(carried.end_s, stays.departure_s[carried.ev])
    parts = [
        *trips,
        tuple(getattr(replace(carried, end_s=carried_end_s), name) for name in COLUMNS),
        *_parked(diaries, stays, battery, behaviour),
    ]
    line = Timeline(diaries.n_ev, *(np.concatenate(column) for column in zip(*parts, strict=True)))
    return line.select(line.end_s > line.start_s)


def _trips(
    diaries: Diaries,
    record: SocRecord,
    made: IntArray,
    day_start_s: int,
    battery: Battery,
    behaviour: ChargingBehaviour,
    fast_kw: FloatArray | float,
) -> tuple[list[Columns], FloatArray]:
    """Return the trips *made* in three parts (to the charging stop, at it, onward), and the arrival of each [s]."""
    departure_s = diaries.departure_s[made] - day_start_s
    planned_arrival_s = diaries.arrival_s[made] - day_start_s
    ev = diaries.ev[made]
    batteries, power_kw = battery.select(ev), np.broadcast_to(fast_kw, diaries.n_ev)[ev]
    plug_s = departure_s + behaviour.charging_stop * (planned_arrival_s - departure_s)
    charged_s = plug_s + record.session_kwh[made] / power_kw * 3600
    unplug_s = np.minimum(charged_s, _next_departure_s(ev, departure_s))
    soc_plug = record.soc_charging_stop[made]
    soc_gain = (unplug_s - plug_s) / 3600 * power_kw * batteries.charging_efficiency / batteries.battery_kwh
    soc_unplug = np.where(record.fast_charge[made], soc_plug + soc_gain, soc_plug)
    arrival_s = np.maximum(planned_arrival_s, unplug_s)
    driving, charging = np.full(ev.size, DRIVING), np.full(ev.size, FAST)
    parts: list[Columns] = [
        (ev, driving, departure_s, plug_s, record.soc_departure[made], soc_plug),
        (ev, charging, plug_s, unplug_s, soc_plug, soc_unplug),
        (ev, driving, unplug_s, arrival_s, soc_unplug, record.soc_arrival[made]),
    ]
    return parts, arrival_s


def _next_departure_s(ev: IntArray, departure_s: IntArray) -> FloatArray:
    """Return the departure of the EV after each trip; infinite after its last one."""
    has_next = np.append(ev[1:] == ev[:-1], np.zeros(min(ev.size, 1), dtype=np.bool_))
    return np.where(has_next, np.roll(departure_s, -1), np.inf)


def _stays(
    diaries: Diaries,
    record: SocRecord,
    made: IntArray,
    day_start_s: int,
    arrival_s: FloatArray,
    state: EVState | None,
    carried: Timeline,
) -> _Stays:
    """Return the stay of every EV at the start of the day, then the stays that follow the trips *made*."""
    n_ev, ev = diaries.n_ev, diaries.ev[made]
    departure_s = diaries.departure_s[made] - day_start_s
    is_first = np.append(True, ev[1:] != ev[:-1])[: ev.size]
    first_departure_s = np.full(n_ev, np.inf)
    first_departure_s[ev[is_first]] = departure_s[is_first]
    if state is None:
        activity, soc = np.full(n_ev, HOME, dtype=np.int8), diaries.soc_first
        parked_since_s = np.full(n_ev, -1.0)
    else:
        activity, soc = state.activity, state.soc
        parked_since_s = (state.parked_since_s - day_start_s).astype(np.float64)
        np.maximum.at(parked_since_s, carried.ev, carried.end_s)
    return _Stays(
        ev=np.concatenate((np.arange(n_ev), ev)),
        activity=np.concatenate((activity, diaries.to_activity[made])),
        arrival_s=np.concatenate((parked_since_s, arrival_s)),
        departure_s=np.concatenate((first_departure_s, _next_departure_s(ev, departure_s))),
        soc=np.concatenate((soc, record.soc_arrival[made])),
        soc_is_known=np.concatenate((np.full(n_ev, state is not None), np.ones(ev.size, dtype=np.bool_))),
    )


def _parked(diaries: Diaries, stays: _Stays, battery: Battery, behaviour: ChargingBehaviour) -> list[Columns]:
    """Return the stays in two parts: charging slowly, then parked without charging."""
    ev, batteries = stays.ev, battery.select(stays.ev)
    slow_charger_kw = behaviour.select(ev).slow_charger_kw
    chargers = diaries.has_home_charger[ev], diaries.has_work_charger[ev]
    plugged = (
        plugs_in(stays.activity, stays.soc, *chargers, behaviour)
        & stays.soc_is_known
        & np.greater(slow_charger_kw, 0)
    )
    full_charge_s = batteries.charging_kwh(stays.soc, 1.0) / np.maximum(slow_charger_kw, MIN_POWER_KW) * 3600
    charging_end_s = np.minimum(stays.arrival_s + full_charge_s, stays.departure_s)
    charged_s = np.where(plugged, charging_end_s, stays.arrival_s)
    soc = batteries.soc_after_charging(stays.soc, slow_charger_kw, (charged_s - stays.arrival_s) / 3600)
    return [
        (ev, np.full(ev.size, SLOW), stays.arrival_s, charged_s, stays.soc, soc),
        (ev, stays.activity, charged_s, stays.departure_s, soc, soc),
    ]
