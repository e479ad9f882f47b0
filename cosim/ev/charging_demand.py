"""How much fast charging a population asks for: p_t of Eq. 2, estimated from many diaries."""

from dataclasses import dataclass

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
SEED = 0
"""The estimate describes the population, not a run: it is the same for all seeds of a scenario."""
MIN_TRIPS_PER_POOL = 50
Z_95 = 1.959963984540054
WARM_UP_DAYS, COUNTED_DAYS = 10, 10
"""Where the state of charge is carried over midnight: days until the first morning is forgotten, and days counted."""


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
    """EV-days behind the estimate."""
    od_departures_per_ev: FloatArray | None = None
    """Expected trips of each OD starting in t, (periods, ODs), where trips chain."""

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


def estimate_charging_demand(  # noqa: PLR0913  (what, who, and how)
    model: MobilityModel,
    battery: Battery,
    behaviour: ChargingBehaviour,
    periods: Periods,
    *,
    n_ev: int = 200_000,
    seed: int = SEED,
    price_ratio: FloatArray | None = None,
    carried: bool = False,
    chains: TripChains | None = None,
) -> ChargingDemand:
    """Return p_t of Eq. 2 with its interval, departures and session energies, from *n_ev* diaries.

    By default they are one day of as many EVs, with a state of charge drawn anew in the morning: the single-day
    p_t. *carried*: ten days, after ten to settle, of a tenth as many EVs, with state of charge and place carried
    over midnight. *price_ratio* holds price over mean price for each period; it matters if the behaviour is
    price-sensitive. *chains* gives the departures their ODs, where trips chain.
    """
    n_ev, days = (max(1, n_ev // COUNTED_DAYS), WARM_UP_DAYS + COUNTED_DAYS) if carried else (n_ev, 1)
    course = simulate_days(
        model,
        battery,
        behaviour,
        n_ev,
        days,
        seed=seed,
        purpose=PURPOSE,
        carried=carried,
        price_ratio=price_ratio,
    )
    counted = [day for day in course if not carried or day.diaries.day > WARM_UP_DAYS]
    return demand_of_days(counted, periods, chains)


def demand_of_days(
    days: list[DayOfEVs], periods: Periods, chains: TripChains | None = None
) -> ChargingDemand:
    """Return the demand per EV and day that simulated days show."""
    of_day = [day.diaries.departure_s % SECONDS_PER_DAY // periods.seconds for day in days]
    n_ev = sum(day.diaries.n_ev for day in days)
    ods = None
    if chains is not None:
        expected = [
            chains.expected_ods(day.diaries, ~day.record.cancelled, period, periods.count)
            for day, period in zip(days, of_day, strict=True)
        ]
        ods = np.sum(expected, axis=0) / n_ev
    record = concatenate_records([day.record for day in days])
    return summarise_demand(record, np.concatenate(of_day), periods.count, n_ev, ods)


def summarise_demand(
    record: SocRecord, period: IntArray, n_periods: int, n_ev: int, ods: FloatArray | None = None
) -> ChargingDemand:
    """Return the demand per EV from the batteries' record and the period (from 0) in which each trip starts.

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
        session_kwh=session_kwh[pool],
        mean_session_kwh=mean_session_kwh,
        stranded_per_ev=float(record.stranded.sum() / n_ev),
        pool=pool,
        n_ev=n_ev,
        od_departures_per_ev=ods,
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
    successes: IntArray | FloatArray, trials: IntArray | FloatArray, z: float = Z_95
) -> tuple[FloatArray, FloatArray]:
    """Return the Wilson score interval of a share; 0 to 1 where nothing was tried."""
    n = np.maximum(trials, 1)
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    margin = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low = np.where(trials > 0, np.maximum(centre - margin, 0.0), 0.0)
    high = np.where(trials > 0, np.minimum(centre + margin, 1.0), 1.0)
    return low, high
