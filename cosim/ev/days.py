"""Many days of EVs: parking place and state of charge are passed from one day to the next."""

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
    """One day of EVs: the state at its start, the diaries, and the SOC record."""

    start: EVState | None
    """None: all EVs start at home, with a state of charge drawn for the first departure."""
    diaries: Diaries
    record: SocRecord


def state_at_home(soc: FloatArray) -> EVState:
    """Return EVs that arrive at home with *soc* in the last second before day 1."""
    return EVState(
        activity=np.full(soc.size, HOME, dtype=np.int8),
        parked_since_s=np.full(soc.size, -1),
        soc=soc,
        zone=np.zeros(soc.size, dtype=np.int64),
    )


def state_after(start: EVState, diaries: Diaries, record: SocRecord) -> EVState:
    """Return the state of EVs after their last arrival of the day; the zone is left as it was.

    A stranded EV stays where it is, with the state of charge at the departure that failed.
    """
    activity, parked_since_s, soc = start.activity.copy(), start.parked_since_s.copy(), start.soc.copy()
    trips_made = np.bincount(diaries.ev[~record.cancelled], minlength=diaries.n_ev)
    arrived = trips_made > 0
    last = (diaries.first_row[:-1] + trips_made - 1)[arrived]
    activity[arrived] = diaries.to_activity[last]
    parked_since_s[arrived], soc[arrived] = diaries.arrival_s[last], record.soc_arrival[last]
    stranded = trips_made < diaries.trips_per_ev
    row = (diaries.first_row[:-1] + trips_made)[stranded]
    parked_since_s[stranded], soc[stranded] = diaries.departure_s[row], record.soc_departure[row]
    return EVState(activity=activity, parked_since_s=parked_since_s, soc=soc, zone=start.zone)


def simulate_days(  # noqa: PLR0913  (the model, the EVs, and their random streams)
    model: MobilityModel,
    battery: Battery,
    behaviour: ChargingBehaviour,
    n_ev: int,
    days: int,
    *,
    seed: int,
    purpose: str,
    carry_over: bool = True,
    price_ratio: FloatArray | None = None,
) -> Iterator[DayOfEVs]:
    """Yield day after day of the same EVs; parking place and SOC are carried over, or start anew every day.

    *price_ratio*, (periods,), is the price over its mean in equal periods of the day.
    """
    state: EVState | None = None
    for day in range(1, days + 1):
        diaries, uniform = _planned_day(model, n_ev, seed, purpose, day, state)
        if carry_over and state is None:
            state = state_at_home(diaries.soc_first)
        ev_battery, ev_behaviour = per_ev_parameters(model, battery, behaviour, diaries)
        trip_price_ratio = None
        if price_ratio is not None:
            departure_s = diaries.departure_s % SECONDS_PER_DAY
            trip_price_ratio = price_ratio[departure_s // Periods(count=price_ratio.size).seconds]
        record = simulate_soc(diaries, ev_battery, ev_behaviour, uniform, trip_price_ratio, state)
        yield DayOfEVs(start=state, diaries=diaries, record=record)
        state = None if state is None else state_after(state, diaries, record)


@lru_cache(maxsize=1)
def _planned_day(
    model: MobilityModel, n_ev: int, seed: int, purpose: str, day: int, state: EVState | None
) -> tuple[Diaries, FloatArray]:
    """Return the diaries and the uniform numbers of the fast-charge decisions: independent of prices, so kept."""
    diaries = sample_diaries(model, n_ev, seed, purpose, day, state)
    return diaries, trip_uniforms(diaries, seed, f"{purpose}/fast charge")


def per_ev_parameters(
    model: MobilityModel, battery: Battery, behaviour: ChargingBehaviour, diaries: Diaries
) -> tuple[Battery, ChargingBehaviour]:
    """Return battery and behaviour with one value per EV, by its type; unchanged where the model has no types."""
    if not model.types:
        return battery, behaviour
    return batteries(model.types, diaries.ev_type), behaviours(model.types, diaries.ev_type, behaviour)
