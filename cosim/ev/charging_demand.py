"""How much fast charging a population asks for: p_t of Eq. 2, estimated from many diaries."""

from dataclasses import dataclass
from functools import lru_cache

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
from cosim.ev.mobility import Diaries, MobilityModel, sample_diaries, trip_uniforms
from cosim.periods import Periods

PURPOSE = "charging demand"
SEED = 0
"""The estimate describes the population, not a run: it is the same for all seeds of a scenario."""
FEWEST_TRIPS = 50
CONFIDENCE_95 = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SocRecord:
    """The batteries along the diaries: one value per trip, in the diaries' order. Grid-side energies.

    It ends with the last arrival: what is charged overnight belongs to the next day.
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
) -> SocRecord:
    """Return the state of charge along the diaries, trip number by trip number, over all EVs at once.

    *uniform* and *price_ratio* (price over mean price; 1 if not given) have one value per trip. Departures
    and arrivals are the diaries': the time of a fast charge shortens no stay.
    """
    n_trips = diaries.ev.size
    ratio = np.ones(n_trips) if price_ratio is None else price_ratio
    record = _empty_record(n_trips)
    trip_kwh = battery.trip_kwh(diaries.length_km)
    for number in range(1, diaries.trips_per_ev.max(initial=0) + 1):
        row = diaries.rows_of_trip(number)
        if number == 1:
            soc = diaries.soc_first[diaries.ev[row]]
        else:
            soc = _soc_after_stay(diaries, record, row, battery, behaviour)
        wants = wants_fast_charge(
            soc, trip_kwh[row], uniform[row], battery=battery, behaviour=behaviour, price_ratio=ratio[row]
        )
        # once stranded, an EV stays where it is: it drives nothing and charges nothing
        wants &= ~record.cancelled[row]
        kwh = np.where(record.cancelled[row], 0.0, trip_kwh[row])
        _keep(record, row, soc, wants, drive(soc, kwh, wants, battery, behaviour))
        onward = row[diaries.trips_per_ev[diaries.ev[row]] > number]
        record.cancelled[onward + 1] = record.cancelled[onward]
    return record


def _soc_after_stay(
    diaries: Diaries, record: SocRecord, row: IntArray, battery: Battery, behaviour: ChargingBehaviour
) -> FloatArray:
    """Return the state of charge after the stay before the trips *row*, and record what was charged."""
    ev, soc = diaries.ev[row], record.soc_arrival[row - 1]
    parked_h = (diaries.departure_s[row] - diaries.arrival_s[row - 1]) / 3600
    plugged = plugs_in(
        diaries.from_activity[row], soc, diaries.has_home_charger[ev], diaries.has_work_charger[ev], behaviour
    )
    after = soc_after_parking(soc, plugged & ~record.cancelled[row], parked_h, battery, behaviour)
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChargingDemand:
    """What one EV of the population does on a day; arrays have one value per period. Grid-side energies."""

    charging_share: FloatArray
    """p_t of Eq. 2: the share of the trips starting in t that fast-charge on the way."""
    charging_share_low: FloatArray
    charging_share_high: FloatArray
    """Bounds of the 95 % Wilson interval."""
    departures_per_ev: FloatArray
    """Expected trips starting in t, over all EVs, travelling or not."""
    session_kwh: FloatArray
    """Mean energy of the sessions of the trips starting in t; the day's mean where there are none."""
    mean_session_kwh: float
    stranded_per_ev: float
    pool: IntArray
    """Periods with the same number were estimated together, because one of them had too few trips."""
    n_ev: int

    @property
    def trips_per_ev(self) -> float:
        """Trips per EV and day, over all EVs."""
        return float(self.departures_per_ev.sum())

    @property
    def sessions_per_ev(self) -> FloatArray:
        """Expected fast-charging sessions per EV, by the period in which the trip starts."""
        return self.departures_per_ev * self.charging_share

    @property
    def mean_charging_share(self) -> float:
        """Share of all the day's trips that fast-charge."""
        return float(self.sessions_per_ev.sum() / self.trips_per_ev) if self.trips_per_ev else 0.0


def estimate_charging_demand(
    model: MobilityModel,
    battery: Battery,
    behaviour: ChargingBehaviour,
    periods: Periods,
    *,
    n_ev: int = 200_000,
    seed: int = SEED,
    price_ratio: FloatArray | None = None,
) -> ChargingDemand:
    """Return p_t of Eq. 2 with its interval, departures and session energies, from one day of *n_ev* EVs.

    The state of charge is drawn anew in the morning: this is the single-day p_t. *price_ratio* holds price
    over mean price for each period; it matters if the behaviour is price-sensitive.
    """
    diaries, uniform = _diaries(model, n_ev, seed)
    period = diaries.departure_s // periods.seconds % periods.count
    ratio = None if price_ratio is None else price_ratio[period]
    record = simulate_soc(diaries, battery, behaviour, uniform, ratio)
    return summarise_demand(record, period, periods.count, n_ev)


@lru_cache(maxsize=1)
def _diaries(model: MobilityModel, n_ev: int, seed: int) -> tuple[Diaries, FloatArray]:
    """Return the diaries and what decides on a fast charge; other prices change neither."""
    diaries = sample_diaries(model, n_ev, seed, PURPOSE)
    return diaries, trip_uniforms(diaries, seed, f"{PURPOSE}/fast charge")


def summarise_demand(record: SocRecord, period: IntArray, n_periods: int, n_ev: int) -> ChargingDemand:
    """Return the demand per EV from the batteries' record and the period (from 0) in which each trip starts.

    A cancelled trip does not start, so it counts neither as a trip nor as a session.
    """
    started = period[~record.cancelled]
    departures = np.bincount(started, minlength=n_periods)
    pool = pool_forward(departures, FEWEST_TRIPS)
    trips = np.bincount(pool, weights=departures)
    sessions = np.bincount(pool[period], weights=record.fast_charge, minlength=trips.size)
    energy_kwh = np.bincount(pool[period], weights=record.session_kwh, minlength=trips.size)
    mean_session_kwh = float(energy_kwh.sum() / max(sessions.sum(), 1))
    session_kwh = np.where(sessions > 0, energy_kwh / np.maximum(sessions, 1), mean_session_kwh)
    low, high = wilson_interval(sessions, trips)
    return ChargingDemand(
        charging_share=(sessions / np.maximum(trips, 1))[pool],
        charging_share_low=low[pool],
        charging_share_high=high[pool],
        departures_per_ev=departures / n_ev,
        session_kwh=session_kwh[pool],
        mean_session_kwh=mean_session_kwh,
        stranded_per_ev=float(record.stranded.sum() / n_ev),
        pool=pool,
        n_ev=n_ev,
    )


def pool_forward(trips: IntArray, fewest: int) -> IntArray:
    """Return a pool number for each period: one with fewer than *fewest* trips is merged with the next ones.

    What is left over at the end of the day joins the last full pool.
    """
    pool = np.zeros(trips.size, dtype=np.int64)
    number = gathered = 0
    for period, count in enumerate(trips):
        pool[period] = number
        gathered += count
        if gathered >= fewest:
            number, gathered = number + 1, 0
    return np.minimum(pool, max(number - 1, 0))


def wilson_interval(
    successes: IntArray | FloatArray, trials: IntArray | FloatArray, z: float = CONFIDENCE_95
) -> tuple[FloatArray, FloatArray]:
    """Return the Wilson score interval of a share; 0 to 1 where nothing was tried."""
    n = np.maximum(trials, 1)
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    margin = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low = np.where(trials > 0, np.maximum(centre - margin, 0.0), 0.0)
    high = np.where(trials > 0, np.minimum(centre + margin, 1.0), 1.0)
    return low, high
