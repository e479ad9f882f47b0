"""Tables of a mobility study: counted and exact shares for every slot (15 min) of a day."""

import numpy as np
import pandas as pd

from cosim.arrays import BoolArray, FloatArray, Frame, IntArray
from cosim.ev.markov import SLOT_S, SLOTS
from cosim.ev.occupancy import (
    PLACES,
    band,
    count_activity_states,
    count_departures,
    count_places,
    soc_at_boundaries,
)
from cosim.ev.soc import concatenate_records
from cosim.ev.timeline import ACTIVITY_STATES
from cosim.ev.transitions import ACTIVITIES
from experiments.mobility.sampled_days import SampledDays

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of the state of charge."""
ZERO_SHARE = 1e-15
"""Share below which an exact share is rounding error."""


def _with_band(counts: IntArray, share: FloatArray, n_ev: int) -> dict[str, FloatArray]:
    """Return the columns of counted and exact shares, the band of the counts, and whether they are inside."""
    low, high = band(share, n_ev)
    return {
        "share": counts.ravel() / n_ev,
        "exact": np.where(share > ZERO_SHARE, share, 0.0).ravel(),
        "low": low.ravel() / n_ev,
        "high": high.ravel() / n_ev,
        "inside": ((counts >= low) & (counts <= high)).ravel(),
    }


def places(part: SampledDays) -> Frame:
    """Return the share of EVs at each place at every slot boundary, counted and exact."""
    counts = count_places(part.day.diaries, part.day.start)
    boundary = np.arange(len(counts))
    return pd.DataFrame(
        {
            "time_min": np.repeat(boundary * SLOT_S // 60, len(PLACES)),
            "place": np.tile(PLACES, len(counts)),
            **_with_band(counts, part.exact.share, part.n_ev),
        }
    )


def activity_states(part: SampledDays) -> Frame:
    """Return the shares of the seven activity states at every slot boundary; they sum to 1."""
    counts = count_activity_states(part.last)
    columns = {name: counts[:, column] / part.n_ev for column, name in enumerate(ACTIVITY_STATES)}
    return pd.DataFrame({"time_min": np.arange(len(counts)) * SLOT_S // 60, **columns})


def charging(part: SampledDays) -> Frame:
    """Return the shares of charging EVs at every slot boundary, counted and of the chain with batteries."""
    if part.charging is None:
        return pd.DataFrame()
    counts = count_activity_states(part.last)[:, -2:]
    share = np.stack([part.charging.slow.sum(axis=1), part.charging.fast], axis=1)
    return pd.DataFrame(
        {
            "time_min": np.repeat(np.arange(len(counts)) * SLOT_S // 60, 2),
            "activity_state": np.tile(ACTIVITY_STATES[-2:], len(counts)),
            **_with_band(counts, share, part.n_ev),
        }
    )


def departures(part: SampledDays) -> Frame:
    """Return the trips that start in every slot by activity before the trip, counted and exact."""
    counts = count_departures(part.day.diaries)
    return pd.DataFrame(
        {
            "time_min": np.repeat(np.arange(len(counts)) * SLOT_S // 60, 4),
            "from_activity": np.tile(ACTIVITIES, len(counts)),
            **_with_band(counts, part.exact.departures_per_ev, part.n_ev),
        }
    )


def soc_quantiles(part: SampledDays) -> Frame:
    """Return the quantiles and the mean of the state of charge at every slot boundary."""
    soc = soc_at_boundaries(part.last)
    levels = np.quantile(soc, QUANTILES, axis=0)
    columns = {f"soc_q{round(100 * q):02d}": level for q, level in zip(QUANTILES, levels, strict=True)}
    return pd.DataFrame(
        {"time_min": np.arange(soc.shape[1]) * SLOT_S // 60, **columns, "soc_mean": soc.mean(axis=0)}
    )


def charging_share(part: SampledDays) -> Frame:
    """Return p_t with its Wilson interval; the periods of a pool are estimated together."""
    demand, count = part.demand, part.scenario.periods.count
    chain = np.full(count, np.nan)
    if part.charging is not None and SLOTS % count == 0:  # periods are whole slots
        pool = demand.pool[np.arange(SLOTS) * count // SLOTS]
        sessions = np.bincount(pool, weights=part.charging.sessions_per_ev, minlength=count)
        trips = np.bincount(pool, weights=part.charging.departures_per_ev, minlength=count)
        chain = (sessions / np.maximum(trips, ZERO_SHARE))[demand.pool]
    return pd.DataFrame(
        {
            "period": np.arange(1, count + 1),
            "trips_per_ev": demand.departures_per_ev,
            "charging_share": demand.charging_share,
            "low": demand.charging_share_low,
            "high": demand.charging_share_high,
            "chain": chain,
            "pool": demand.pool + 1,
            "session_kwh": demand.session_kwh,
        }
    )


def by_day(part: SampledDays) -> Frame:
    """Return the totals per EV on each day."""
    rows = []
    for day in part.days:
        record = day.record
        trips = int((~record.cancelled).sum())
        rows.append(
            {
                "day": day.diaries.day,
                "trips_per_ev": trips / part.n_ev,
                "charging_share": record.fast_charge.sum() / max(trips, 1),
                "fast_kwh_per_ev": record.session_kwh.sum() / part.n_ev,
                "slow_kwh_per_ev": record.slow_kwh.sum() / part.n_ev,
                "overnight_kwh_per_ev": record.slow_kwh[day.diaries.trip == 1].sum() / part.n_ev,
                "stranded": int(record.stranded.sum()),
            }
        )
    return pd.DataFrame(rows)


def by_type(part: SampledDays) -> Frame:
    """Return the totals of each EV type over all days, per EV and day; empty without types."""
    types = part.scenario.mobility.types
    record = concatenate_records([day.record for day in part.days])
    type_of_trip = np.concatenate([day.diaries.ev_type[day.diaries.ev] for day in part.days])
    evs = np.bincount(part.day.diaries.ev_type, minlength=len(types))
    ev_days = np.maximum(evs * len(part.days), 1)

    def total(values: FloatArray | BoolArray) -> FloatArray:
        return np.bincount(type_of_trip, weights=values, minlength=len(types)).astype(np.float64)

    trips, charges, fast_kwh = total(~record.cancelled), total(record.fast_charge), total(record.session_kwh)
    frame = {
        "type": [kind.name for kind in types],
        "evs": evs,
        "trips_per_ev": trips / ev_days,
        "charging_share": charges / np.maximum(trips, 1),
        "session_kwh": fast_kwh / np.maximum(charges, 1),
        "fast_kwh_per_ev": fast_kwh / ev_days,
        "slow_kwh_per_ev": total(record.slow_kwh) / ev_days,
        "stranded": total(record.stranded).astype(np.int64),
    }
    return pd.DataFrame(frame if types else {})


TABLE_BUILDERS = (
    places,
    activity_states,
    charging,
    departures,
    soc_quantiles,
    charging_share,
    by_day,
    by_type,
)
