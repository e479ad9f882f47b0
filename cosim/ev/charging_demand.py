"""Fast-charging demand of a population: p_t of Eq. 2 of Ma et al. (2024), estimated from many diaries."""

from dataclasses import dataclass, replace

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.ev.battery import Battery
from cosim.ev.charging import ChargingBehaviour
from cosim.ev.days import DayOfEVs, simulate_days
from cosim.ev.mobility import MobilityModel
from cosim.ev.soc import SocRecord, concatenate_records
from cosim.ev.trip_chains import TripChains
from cosim.periods import SECONDS_PER_DAY, Periods

PURPOSE = "charging demand"
"""Name of the random streams."""
SEED = 0
"""The estimate describes the population, not a run: it is the same for all seeds of a scenario."""
MIN_TRIPS_PER_POOL = 50
"""Trips from which a period has an estimate of its own: p_t within about 0.14 at 95 %."""
Z_95 = 1.959963984540054
"""0.975 quantile of the standard normal distribution."""
WARM_UP_DAYS = 10
"""Days until the initial state of charge is forgotten, where it is carried over from day to day."""
COUNTED_DAYS = 10
"""Days after them that are counted."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChargingDemand:
    """Trips and fast charges of one EV on a day; arrays have one value per period. Grid-side energies."""

    charging_share: FloatArray
    """p_t of Eq. 2: share of the trips starting in t that fast-charge on the way."""
    charging_share_low: FloatArray
    charging_share_high: FloatArray
    """Bounds of the 95 % Wilson interval."""
    departures_per_ev: FloatArray
    """Expected trips starting in t, mean over all EVs, travelling or not."""
    planned_per_ev: FloatArray
    """The same with the trips that are not made because an EV is stranded."""
    session_kwh: FloatArray
    """Mean energy of the sessions of the trips starting in t; the mean of the day without sessions."""
    mean_session_kwh: float
    stranded_per_ev: float
    pool: IntArray
    """Pool of each period: periods of one pool were estimated together, because one had too few trips."""
    n_ev: int
    """EV-days behind the estimate."""
    od_departures_per_ev: FloatArray | None = None
    """Expected trips of each OD starting in t, (periods, ODs); None where trips do not chain."""

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


def estimate_charging_demand(  # noqa: PLR0913  (the model, and the options of the estimate)
    model: MobilityModel,
    battery: Battery,
    behaviour: ChargingBehaviour,
    periods: Periods,
    *,
    n_ev: int = 200_000,
    seed: int = SEED,
    price_ratio: FloatArray | None = None,
    carry_over: bool = False,
    chains: TripChains | None = None,
) -> ChargingDemand:
    """Return p_t of Eq. 2 with its interval, departures and session energies, from *n_ev* diaries.

    By default the diaries are one day of *n_ev* EVs, with the state of charge drawn for the first departure. With
    *carry_over* they are ten days, after ten to warm up, of a tenth of the EVs, with state of charge and parking place
    carried over from day to day. *price_ratio*, (periods,), is the price over its mean, for price-sensitive behaviour.
    *chains* gives the departures their ODs, where trips chain.
    """
    n_ev, days = (max(1, n_ev // COUNTED_DAYS), WARM_UP_DAYS + COUNTED_DAYS) if carry_over else (n_ev, 1)
    simulated = simulate_days(
        model,
        battery,
        behaviour,
        n_ev,
        days,
        seed=seed,
        purpose=PURPOSE,
        carry_over=carry_over,
        price_ratio=price_ratio,
    )
    counted = [day for day in simulated if not carry_over or day.diaries.day > WARM_UP_DAYS]
    return demand_of_days(counted, periods, chains)


def demand_of_days(
    days: list[DayOfEVs], periods: Periods, chains: TripChains | None = None
) -> ChargingDemand:
    """Return the demand per EV and day in simulated days."""
    period_of_trip = [day.diaries.departure_s % SECONDS_PER_DAY // periods.seconds for day in days]
    n_ev = sum(day.diaries.n_ev for day in days)
    ods = None
    if chains is not None:
        expected = [
            chains.expected_ods(day.diaries, ~day.record.cancelled, period, periods.count)
            for day, period in zip(days, period_of_trip, strict=True)
        ]
        ods = np.sum(expected, axis=0) / n_ev
    record = concatenate_records([day.record for day in days])
    return summarise_demand(record, np.concatenate(period_of_trip), periods.count, n_ev, ods)


def summarise_demand(
    record: SocRecord, period: IntArray, n_periods: int, n_ev: int, ods: FloatArray | None = None
) -> ChargingDemand:
    """Return the demand per EV from the SOC record and the period (from 0) in which each trip starts.

    A cancelled trip does not start, so it counts neither as a trip nor as a session.
    """
    started = period[~record.cancelled]
    departures = np.bincount(started, minlength=n_periods)
    pool = pool_forward(departures, MIN_TRIPS_PER_POOL)
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
        planned_per_ev=np.bincount(period, minlength=n_periods) / n_ev,
        session_kwh=session_kwh[pool],
        mean_session_kwh=mean_session_kwh,
        stranded_per_ev=float(record.stranded.sum() / n_ev),
        pool=pool,
        n_ev=n_ev,
        od_departures_per_ev=ods,
    )


def by_profile(demand: ChargingDemand, share: FloatArray) -> ChargingDemand:
    """Return the demand with exactly this *share* of the planned trips in each period, without sampling error.

    Of these trips as many are made as in the sample: 1 without stranded EVs.
    """
    made = np.divide(
        demand.departures_per_ev,
        demand.planned_per_ev,
        out=np.ones_like(share),
        where=demand.planned_per_ev > 0,
    )
    departures, ods = demand.planned_per_ev.sum() * share * made, demand.od_departures_per_ev
    if ods is not None:
        sampled = np.where(demand.departures_per_ev > 0, demand.departures_per_ev, 1.0)
        ods = ods * (departures / sampled)[:, np.newaxis]
    return replace(demand, departures_per_ev=departures, od_departures_per_ev=ods)


def pool_forward(trips: IntArray, min_trips: int) -> IntArray:
    """Return the pool of each period, from 0: one with fewer than *min_trips* is merged with the next ones.

    Periods left over at the end of the day join the last full pool.
    """
    pool = np.zeros(trips.size, dtype=np.int64)
    current = trips_in_pool = 0
    for period, count in enumerate(trips):
        pool[period] = current
        trips_in_pool += count
        if trips_in_pool >= min_trips:
            current, trips_in_pool = current + 1, 0
    return np.minimum(pool, max(current - 1, 0))


def wilson_interval(
    successes: IntArray | FloatArray, trials: IntArray | FloatArray, z: float = Z_95
) -> tuple[FloatArray, FloatArray]:
    """Return the bounds of the score interval of a share (Wilson 1927); 0 and 1 without trials."""
    n = np.maximum(trials, 1)
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    margin = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low = np.where(trials > 0, np.maximum(centre - margin, 0.0), 0.0)
    high = np.where(trials > 0, np.minimum(centre + margin, 1.0), 1.0)
    return low, high
