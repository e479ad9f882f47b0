"""What a day has cost each EV: time, money and energy of its trips, added up."""

from typing import Any

import numpy as np

from agents.plans import DayPlans
from agents.trip_log import TripLog
from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.periods import SECONDS_PER_DAY
from cosim.results import Recorder
from cosim.scenario import Scenario


def record_ev_days(recorder: Recorder, scenario: Scenario, log: TripLog, plans: DayPlans) -> None:
    """Write the table of EVs' days: a row for each EV and day on which it set out, or wanted to."""
    if not log.ev.size:
        return
    day = log.departure_s // SECONDS_PER_DAY
    order = np.lexsort((log.trip, log.ev, day))
    first = np.flatnonzero(np.diff(day[order], prepend=-1) | np.diff(log.ev[order], prepend=-1))
    last = np.append(first[1:], order.size) - 1
    row = np.repeat(np.arange(first.size), last - first + 1)
    ended, charged = log.has_arrived, log.has_arrived & log.charges

    def count(which: BoolArray) -> IntArray:
        return np.bincount(row, which[order]).astype(np.int64)

    def total(values: Any, which: BoolArray) -> FloatArray:
        return np.bincount(row, np.where(which, values, 0.0)[order]).astype(np.float64)

    wait_min, charge_min = total(log.wait_s / 60, charged), total(log.charge_s / 60, charged)
    drive_min, paid_cny = total(log.drive_s / 60, ended), total(log.paid_cny, charged)
    spent_h = (drive_min + wait_min + charge_min) / 60
    ev, names = log.ev[order][first], [kind.name for kind in scenario.mobility.types] or [""]
    recorder.add(
        "ev_days",
        day=day[order][first] + 1,
        ev=ev,
        type=np.array(names, dtype=object)[plans.diaries.ev_type[ev - 1]],
        trips=count(ended),
        charges=count(charged),
        stranded=count(log.is_stranded),
        drive_min=drive_min,
        wait_min=wait_min,
        charge_min=charge_min,
        length_km=total(log.length_km, ended),
        drive_kwh=total(plans.battery.of(log.ev - 1).trip_kwh(log.length_km), ended),
        fast_charge_kwh=total(log.fast_kwh, charged),
        slow_charge_kwh=total(log.slow_kwh, np.ones_like(ended)),
        paid_cny=paid_cny,
        cost_cny=paid_cny + scenario.config.road.value_of_time_cny_per_h * spent_h,
        soc_first=log.soc_departure[order][first],
        soc_last=np.where(log.is_under_way, np.nan, log.soc_arrival)[order][last],
    )
