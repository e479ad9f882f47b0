"""A day of many EVs as intervals: from when to when each EV does what, and its state of charge at both ends."""

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
"""What an EV can be activity_state; parked at an activity means parked without charging."""
DRIVING, SLOW, FAST = 4, 5, 6
Columns = tuple[IntArray | ActivityArray | FloatArray, ...]
"""Columns of a timeline: EV, what it does, start and end [s], state of charge at both."""


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """One row per interval of an EV's day; together the intervals of an EV cover the day without overlap.

    Times are seconds of the day, below 0 before midnight; infinite where an end is beyond the day's knowledge.
    """

    n_ev: int
    ev: IntArray
    activity_state: ActivityArray
    start_s: FloatArray
    end_s: FloatArray
    soc_start: FloatArray
    soc_end: FloatArray

    def rows(self, some: BoolArray) -> "Timeline":
        """Return these intervals alone."""
        names = (field.name for field in fields(self) if field.name != "n_ev")
        return replace(self, **{name: getattr(self, name)[some] for name in names})


def _still_going_on(yesterday: Timeline | None) -> Timeline:
    """Return the drives and fast charges that outlast *yesterday*, in seconds of today."""
    if yesterday is None:
        nobody, nothing = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int8)
        return Timeline(0, nobody, nothing, *[np.zeros(0)] * 4)
    late = np.isin(yesterday.activity_state, (DRIVING, FAST)) & (yesterday.end_s >= SECONDS_PER_DAY)
    today = replace(
        yesterday, start_s=yesterday.start_s - SECONDS_PER_DAY, end_s=yesterday.end_s - SECONDS_PER_DAY
    )
    return today.rows(late)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Stays:
    """All stays of a day: before the first trip, and after each trip that was made."""

    ev: IntArray
    activity: ActivityArray
    arrival_s: FloatArray
    departure_s: FloatArray
    soc: FloatArray
    """On arrival."""
    known: BoolArray
    """Whether the state of charge on arrival is known: not before a morning in which it is drawn."""


def timeline(
    diaries: Diaries,
    record: SocRecord,
    battery: Battery,
    behaviour: ChargingBehaviour,
    fast_kw: FloatArray | float,
    state: EVState | None = None,
    yesterday: Timeline | None = None,
) -> Timeline:
    """Return who does what and when; *battery*, *behaviour* and *fast_kw* may hold one value per EV.

    A day that begins from a *state* needs *yesterday* for what was still going on at its end.

    A fast charge begins at the charge point of the trip and takes its energy over *fast_kw*. As in the diary, the
    EV is at its destination at the planned time, or when the charge is over, if that is later.
    """
    made = np.flatnonzero(~record.cancelled)
    day_s = (diaries.day - 1) * SECONDS_PER_DAY
    trips, there_s = _trips(diaries, record, made, day_s, battery, behaviour, fast_kw)
    late = _still_going_on(yesterday)
    stays = _stays(diaries, record, made, day_s, there_s, state, late)
    late_end_s = np.minimum(late.end_s, stays.departure_s[late.ev])
    parts = [
        *trips,
        (late.ev, late.activity_state, late.start_s, late_end_s, late.soc_start, late.soc_end),
        *_parked(diaries, stays, battery, behaviour),
    ]
    line = Timeline(diaries.n_ev, *(np.concatenate(column) for column in zip(*parts, strict=True)))
    return line.rows(line.end_s > line.start_s)


def _trips(
    diaries: Diaries,
    record: SocRecord,
    made: IntArray,
    day_s: int,
    battery: Battery,
    behaviour: ChargingBehaviour,
    fast_kw: FloatArray | float,
) -> tuple[list[Columns], FloatArray]:
    """Return the trips *made* in three parts, to the charge point, at it, and on, and when each EV is there [s]."""
    departure_s, arrival_s = diaries.departure_s[made] - day_s, diaries.arrival_s[made] - day_s
    ev = diaries.ev[made]
    own, kw = battery.select(ev), np.broadcast_to(fast_kw, diaries.n_ev)[ev]
    plug_s = departure_s + behaviour.charging_stop * (arrival_s - departure_s)
    unplug_s = np.minimum(plug_s + record.session_kwh[made] / kw * 3600, _next(ev, departure_s))
    soc_plug = record.soc_charging_stop[made]
    gain = (unplug_s - plug_s) / 3600 * kw * own.charging_efficiency / own.battery_kwh
    soc_unplug = np.where(record.fast_charge[made], soc_plug + gain, soc_plug)
    there_s = np.maximum(arrival_s, unplug_s)
    driving, charging = np.full(ev.size, DRIVING), np.full(ev.size, FAST)
    parts: list[Columns] = [
        (ev, driving, departure_s, plug_s, record.soc_departure[made], soc_plug),
        (ev, charging, plug_s, unplug_s, soc_plug, soc_unplug),
        (ev, driving, unplug_s, there_s, soc_unplug, record.soc_arrival[made]),
    ]
    return parts, there_s


def _next(ev: IntArray, departure_s: IntArray) -> FloatArray:
    """Return when the EV of each trip leaves again; never after its last one."""
    again = np.append(ev[1:] == ev[:-1], np.zeros(min(ev.size, 1), dtype=np.bool_))
    return np.where(again, np.roll(departure_s, -1), np.inf)


def _stays(
    diaries: Diaries,
    record: SocRecord,
    made: IntArray,
    day_s: int,
    there_s: FloatArray,
    state: EVState | None,
    late: Timeline,
) -> _Stays:
    """Return the stay at the start of the day of every EV, then the stays that follow the trips *made*."""
    n_ev, ev = diaries.n_ev, diaries.ev[made]
    departure_s = diaries.departure_s[made] - day_s
    first = np.append(True, ev[1:] != ev[:-1])[: ev.size]
    first_s = np.full(n_ev, np.inf)
    first_s[ev[first]] = departure_s[first]
    if state is None:
        place, since_s, soc = np.full(n_ev, HOME, dtype=np.int8), np.full(n_ev, -1.0), diaries.soc_first
    else:
        place, soc = state.activity, state.soc
        since_s = (state.parked_since_s - day_s).astype(np.float64)
        np.maximum.at(since_s, late.ev, late.end_s)
    next_s = _next(ev, departure_s)
    return _Stays(
        ev=np.concatenate((np.arange(n_ev), ev)),
        activity=np.concatenate((place, diaries.to_activity[made])),
        arrival_s=np.concatenate((since_s, there_s)),
        departure_s=np.concatenate((first_s, next_s)),
        soc=np.concatenate((soc, record.soc_arrival[made])),
        known=np.concatenate((np.full(n_ev, state is not None), np.ones(ev.size, dtype=np.bool_))),
    )


def _parked(diaries: Diaries, stays: _Stays, battery: Battery, behaviour: ChargingBehaviour) -> list[Columns]:
    """Return the stays in two parts: charging slowly, and not, or no longer."""
    ev, own, slow_charger_kw = stays.ev, battery.select(stays.ev), behaviour.select(stays.ev).slow_charger_kw
    chargers = diaries.has_home_charger[ev], diaries.has_work_charger[ev]
    plugged = (
        plugs_in(stays.activity, stays.soc, *chargers, behaviour)
        & stays.known
        & np.greater(slow_charger_kw, 0)
    )
    full_s = battery.select(ev).charging_kwh(stays.soc, 1.0) / np.maximum(slow_charger_kw, 1e-9) * 3600
    charged_s = np.where(plugged, np.minimum(stays.arrival_s + full_s, stays.departure_s), stays.arrival_s)
    soc = own.soc_after_charging(stays.soc, slow_charger_kw, (charged_s - stays.arrival_s) / 3600)
    return [
        (ev, np.full(ev.size, SLOW), stays.arrival_s, charged_s, stays.soc, soc),
        (ev, stays.activity, charged_s, stays.departure_s, soc, soc),
    ]
