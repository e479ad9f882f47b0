"""Many days: where EVs are and what their batteries hold goes from one day to the next as a value."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cosim.arrays import FloatArray
from cosim.ev.battery import Battery
from cosim.ev.charging import ChargingBehaviour
from cosim.ev.ev_types import batteries, behaviours
from cosim.ev.mobility import Diaries, EVState, MobilityModel, sample_diaries, trip_uniforms
from cosim.ev.soc import SocRecord, simulate_soc
from cosim.ev.transitions import HOME
from cosim.periods import SECONDS_PER_DAY, Periods


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayOfEVs:
    """One day: the state at its start, what was planned, and what the batteries did."""

    start: EVState | None
    """None: everybody began at home, with a state of charge drawn for the morning."""
    diaries: Diaries
    record: SocRecord


def state_at_home(soc: FloatArray) -> EVState:
    """Return EVs that have just come home, at the midnight before day 1, with a given state of charge."""
    return EVState(
        activity=np.full(soc.size, HOME, dtype=np.int8),
        parked_since_s=np.full(soc.size, -1),
        soc=soc,
        zone=np.zeros(soc.size, dtype=np.int64),
    )


def state_after(start: EVState, diaries: Diaries, record: SocRecord) -> EVState:
    """Return where EVs are after their last arrival of the day; the zone is for who knows the roads.

    Who was stranded has charged, if at all, up to the departure that failed, and stays there from then on.
    """
    activity, since_s, soc = start.activity.copy(), start.parked_since_s.copy(), start.soc.copy()
    n_trips = diaries.trips_per_ev
    made = np.bincount(diaries.ev[~record.cancelled], minlength=diaries.n_ev)
    arrived = made > 0
    last = (diaries.first_row[:-1] + made - 1)[arrived]
    activity[arrived] = diaries.to_activity[last]
    since_s[arrived], soc[arrived] = diaries.arrival_s[last], record.soc_arrival[last]
    failed = made < n_trips
    row = (diaries.first_row[:-1] + made)[failed]
    since_s[failed], soc[failed] = diaries.departure_s[row], record.soc_departure[row]
    return EVState(activity=activity, parked_since_s=since_s, soc=soc, zone=start.zone)


def simulate_days(  # noqa: PLR0913  (what, who, and how many)
    model: MobilityModel,
    battery: Battery,
    behaviour: ChargingBehaviour,
    n_ev: int,
    days: int,
    *,
    seed: int,
    purpose: str,
    carried: bool = True,
    price_ratio: FloatArray | None = None,
) -> Iterator[DayOfEVs]:
    """Yield day after day of the same EVs; state of charge and place are carried over midnight, or drawn anew.

    *price_ratio* holds price over mean price for each of equal periods of the day.
    """
    state: EVState | None = None
    for day in range(1, days + 1):
        diaries, uniform = _planned_day(model, n_ev, seed, purpose, day, state)
        if carried and state is None:
            state = state_at_home(diaries.soc_first)
        own_battery, own_behaviour = per_ev_parameters(model, battery, behaviour, diaries)
        ratio = None
        if price_ratio is not None:
            second = diaries.departure_s % SECONDS_PER_DAY
            ratio = price_ratio[second // Periods(count=price_ratio.size).seconds]
        record = simulate_soc(diaries, own_battery, own_behaviour, uniform, ratio, state)
        yield DayOfEVs(start=state, diaries=diaries, record=record)
        state = None if state is None else state_after(state, diaries, record)


@lru_cache(maxsize=1)
def _planned_day(
    model: MobilityModel, n_ev: int, seed: int, purpose: str, day: int, state: EVState | None
) -> tuple[Diaries, FloatArray]:
    """Return the diaries and what decides on a fast charge: the same whatever a charge costs."""
    diaries = sample_diaries(model, n_ev, seed, purpose, day, state)
    return diaries, trip_uniforms(diaries, seed, f"{purpose}/fast charge")


def per_ev_parameters(
    model: MobilityModel, battery: Battery, behaviour: ChargingBehaviour, diaries: Diaries
) -> tuple[Battery, ChargingBehaviour]:
    """Return battery and behaviour of each EV's type; as they are where the model has no types."""
    if not model.types:
        return battery, behaviour
    return batteries(model.types, diaries.ev_type), behaviours(model.types, diaries.ev_type, behaviour)
