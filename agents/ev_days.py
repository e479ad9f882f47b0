"""The day of each EV: time, money and energy of its trips, added up."""

from typing import Any

import numpy as np

from agents.plans import EVAttributes
from agents.trip_table import TripTable
from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.periods import SECONDS_PER_DAY
from cosim.results import Recorder
from cosim.scenario import Scenario


def record_ev_days(recorder: Recorder, scenario: Scenario, trips: TripTable, evs: EVAttributes) -> None:
    """Write the table of EV days: a row for each EV and day with a departure, or one that was stranded."""
    trips = trips.select(trips.has_begun)
    if not trips.ev.size:
        return
    day = trips.departure_s // SECONDS_PER_DAY
    order = np.lexsort((trips.trip, trips.ev, day))
    first = np.flatnonzero(np.diff(day[order], prepend=-1) | np.diff(trips.ev[order], prepend=-1))
    last = np.append(first[1:], order.size) - 1
    row = np.repeat(np.arange(first.size), last - first + 1)
    ended, charged = trips.has_arrived, trips.has_arrived & trips.charges

    def count(selected: BoolArray) -> IntArray:
        return np.bincount(row, selected[order]).astype(np.int64)

    def total(values: Any, selected: BoolArray) -> FloatArray:
        return np.bincount(row, np.where(selected, values, 0.0)[order]).astype(np.float64)

    wait_min, charge_min = total(trips.wait_s / 60, charged), total(trips.charge_s / 60, charged)
    drive_min, paid_cny = total(trips.drive_s / 60, ended), total(trips.paid_cny, charged)
    time_h = (drive_min + wait_min + charge_min) / 60
    ev, names = trips.ev[order][first], [kind.name for kind in scenario.mobility.types] or [""]
    recorder.add(
        "ev_days",
        day=day[order][first] + 1,
        ev=ev,
        type=np.array(names, dtype=object)[evs.ev_type[ev - 1]],
        trips=count(ended),
        charges=count(charged),
        stranded=count(trips.is_stranded),
        drive_min=drive_min,
        wait_min=wait_min,
        charge_min=charge_min,
        length_km=total(trips.length_km, ended),
        drive_kwh=total(evs.battery.select(trips.ev - 1).trip_kwh(trips.length_km), ended),
        fast_charge_kwh=total(trips.fast_kwh, charged),
        slow_charge_kwh=total(trips.slow_kwh, np.ones_like(ended)),
        paid_cny=paid_cny,
        cost_cny=paid_cny + scenario.config.road.value_of_time_cny_per_h * time_h,
        soc_first=trips.soc_departure[order][first],
        soc_last=np.where(trips.is_under_way, np.nan, trips.soc_arrival)[order][last],
    )
