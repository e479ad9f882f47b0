"""A population without roads and grid: where it is, when it leaves, what its batteries hold, how often it charges."""

from dataclasses import dataclass
from time import process_time
from typing import Any

import numpy as np
import pandas as pd

from cosim.arrays import FloatArray, Frame, IntArray
from cosim.ev.charging_demand import ChargingDemand, demand_of
from cosim.ev.days import DayOfEVs, of_each_ev, simulate_days
from cosim.ev.dwell import DwellModel
from cosim.ev.ev_types import fast_charging_kw
from cosim.ev.exact import markov_day
from cosim.ev.markov import SLOT_S, MarkovModel
from cosim.ev.occupancy import (
    PLACES,
    Occupancy,
    band,
    count_departures,
    count_doings,
    count_places,
    soc_at_boundaries,
)
from cosim.ev.renewal import morning_at_home, periodic_day, renewal_day
from cosim.ev.soc_chain import ChargingDay, charging_days, one_type
from cosim.ev.timeline import DOINGS, Timeline, timeline
from cosim.ev.transitions import ACTIVITIES
from cosim.results import RunDirectory, write_tables
from cosim.scenario import Scenario

PURPOSE = "mobility"
SETTLED_DAYS = 8
"""Days after which the chain with batteries repeats itself to 1e-5."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
SINGLE, MANY = "single_day", "many_days"
_ZERO = 1e-15


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sampled:
    """The days of one way to begin them; the last one is looked at closely."""

    days: list[DayOfEVs]
    last: Timeline
    demand: ChargingDemand
    """Over the day, or over the later half of many."""
    exact: Occupancy
    charging: ChargingDay | None
    """By the chain with batteries; only of a Markov model."""

    @property
    def day(self) -> DayOfEVs:
        """The last day."""
        return self.days[-1]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MobilityStudy:
    """The answer: a single day, and many days if they were asked for."""

    scenario: Scenario
    n_ev: int
    seed: int
    parts: dict[str, Sampled]
    cpu_s: float

    @property
    def kind(self) -> str:
        """Kind of the mobility model."""
        return self.scenario.config.mobility.kind

    @property
    def tables(self) -> dict[str, Frame]:
        """Every table; the column ``days`` says which part a row is of."""
        makers = (places, doings, charging, departures, soc_quantiles, charging_share, by_day)
        found = {
            maker.__name__: [maker(self, part).assign(days=name) for name, part in self.parts.items()]
            for maker in makers
        }
        return {
            name: pd.concat(frames, ignore_index=True)[["days", *frames[0].columns[:-1]]]
            for name, frames in found.items()
            if len(frames[0])
        }

    def as_json(self) -> dict[str, Any]:
        """Return the answer as one object."""
        return {
            "name": self.scenario.config.name,
            "kind": self.kind,
            "evs": self.n_ev,
            "seed": self.seed,
            "cpu_s": round(self.cpu_s, 3),
            **{name: _told(self, part) for name, part in self.parts.items()},
        }


def study_mobility(scenario: Scenario, n_ev: int, days: int = 1, seed: int = 1) -> MobilityStudy:
    """Return one day of *n_ev* EVs and, if *days* are more than one, so many in a row with all carried over."""
    started = process_time()
    parts = {SINGLE: _sampled(scenario, n_ev, 1, seed)}
    if days > 1:
        parts[MANY] = _sampled(scenario, n_ev, days, seed)
    return MobilityStudy(scenario=scenario, n_ev=n_ev, seed=seed, parts=parts, cpu_s=process_time() - started)


def _sampled(scenario: Scenario, n_ev: int, days: int, seed: int) -> Sampled:
    carried = days > 1
    course = list(
        simulate_days(
            scenario.mobility,
            scenario.battery,
            scenario.behaviour,
            n_ev,
            days,
            seed=seed,
            purpose=PURPOSE,
            carried=carried,
        )
    )
    yesterday = _line(scenario, course[-2], None) if carried else None
    return Sampled(
        days=course,
        last=_line(scenario, course[-1], yesterday),
        demand=demand_of(course[days // 2 :], scenario.periods),
        exact=_exact(scenario, periodic=carried),
        charging=_charging(scenario, SETTLED_DAYS if carried else 1),
    )


def _line(scenario: Scenario, day: DayOfEVs, yesterday: Timeline | None) -> Timeline:
    """Return who does what on a day."""
    battery, behaviour = of_each_ev(scenario.mobility, scenario.battery, scenario.behaviour, day.diaries)
    types, kw = scenario.mobility.types, charger_kw(scenario)
    fast_kw = fast_charging_kw(types, day.diaries.ev_type, kw) if types else kw
    return timeline(day.diaries, day.record, battery, behaviour, fast_kw, day.start, yesterday)


def charger_kw(scenario: Scenario) -> float:
    """Return the mean power of the chargers of all stations."""
    chargers = sum(station.chargers for station in scenario.stations)
    return sum(station.chargers * station.charger_kw for station in scenario.stations) / chargers


def _exact(scenario: Scenario, *, periodic: bool) -> Occupancy:
    """Return the distribution computed without a random number."""
    model = scenario.mobility
    if isinstance(model, MarkovModel):
        day = markov_day(model)
        return day.occupancy(day.periodic_midnight() if periodic else day.at_home())
    assert isinstance(model, DwellModel)  # noqa: S101  (there are two kinds)
    return periodic_day(model) if periodic else renewal_day(model, morning_at_home())[0]


def _charging(scenario: Scenario, days: int) -> ChargingDay | None:
    """Return the last of so many days of the chain with batteries, over all types of EVs."""
    model = scenario.mobility
    if not isinstance(model, MarkovModel):
        return None
    types = model.types or (one_type(model, scenario.battery, scenario.behaviour),)
    of_all = sum(kind.share for kind in types)
    parts = [
        (kind.share / of_all, charging_days(model, kind, scenario.behaviour, charger_kw(scenario), days)[-1])
        for kind in types
    ]

    def mean(name: str) -> FloatArray:
        total: FloatArray = np.sum([share * getattr(day, name) for share, day in parts], axis=0)
        return total

    names = ("slow", "fast", "departures_per_ev", "sessions_per_ev", "soc")
    return ChargingDay(**{name: mean(name) for name in names})


def write_study(study: MobilityStudy, directory: RunDirectory) -> None:
    """Write the tables (Parquet and CSV) and the page into a new directory."""
    from experiments.mobility_page import write_page

    with directory as unfinished:
        tables = study.tables
        write_tables(unfinished.path, tables)
        for name, frame in tables.items():
            frame.to_csv(unfinished.path / f"{name}.csv", index=False)
        write_page(study, tables, unfinished.path / "report.html")


def _against(counts: IntArray, share: FloatArray, n_ev: int) -> dict[str, FloatArray]:
    """Return counted and exact shares, the band of the counts, and who keeps within it."""
    low, high = band(share, n_ev)
    return {
        "share": counts.ravel() / n_ev,
        "exact": np.where(share > _ZERO, share, 0.0).ravel(),
        "low": low.ravel() / n_ev,
        "high": high.ravel() / n_ev,
        "inside": ((counts >= low) & (counts <= high)).ravel(),
    }


def places(study: MobilityStudy, part: Sampled) -> Frame:
    """Return where EVs are at every slot boundary, counted and exact."""
    counts = count_places(part.day.diaries, part.day.start)
    boundary = np.arange(len(counts))
    return pd.DataFrame(
        {
            "time_min": np.repeat(boundary * SLOT_S // 60, len(PLACES)),
            "place": np.tile(PLACES, len(counts)),
            **_against(counts, part.exact.share, study.n_ev),
        }
    )


def doings(study: MobilityStudy, part: Sampled) -> Frame:
    """Return what EVs do at every slot boundary: seven shares that sum to 1."""
    counts = count_doings(part.last)
    columns = {name: counts[:, place] / study.n_ev for place, name in enumerate(DOINGS)}
    return pd.DataFrame({"time_min": np.arange(len(counts)) * SLOT_S // 60, **columns})


def charging(study: MobilityStudy, part: Sampled) -> Frame:
    """Return who charges at every slot boundary, counted and by the chain with batteries, if there is one."""
    if part.charging is None:
        return pd.DataFrame()
    counts = count_doings(part.last)[:, -2:]
    share = np.stack([part.charging.slow.sum(axis=1), part.charging.fast], axis=1)
    return pd.DataFrame(
        {
            "time_min": np.repeat(np.arange(len(counts)) * SLOT_S // 60, 2),
            "doing": np.tile(DOINGS[-2:], len(counts)),
            **_against(counts, share, study.n_ev),
        }
    )


def departures(study: MobilityStudy, part: Sampled) -> Frame:
    """Return the trips that start in every slot, by the activity left, counted and exact."""
    counts = count_departures(part.day.diaries)
    return pd.DataFrame(
        {
            "time_min": np.repeat(np.arange(len(counts)) * SLOT_S // 60, 4),
            "from_activity": np.tile(ACTIVITIES, len(counts)),
            **_against(counts, part.exact.departures_per_ev, study.n_ev),
        }
    )


def soc_quantiles(_: MobilityStudy, part: Sampled) -> Frame:
    """Return quantiles of the state of charge of all EVs at every slot boundary."""
    soc = soc_at_boundaries(part.last)
    levels = np.quantile(soc, QUANTILES, axis=0)
    columns = {f"soc_q{round(100 * q):02d}": level for q, level in zip(QUANTILES, levels, strict=True)}
    return pd.DataFrame(
        {"time_min": np.arange(soc.shape[1]) * SLOT_S // 60, **columns, "soc_mean": soc.mean(axis=0)}
    )


def charging_share(study: MobilityStudy, part: Sampled) -> Frame:
    """Return p_t with its Wilson interval; periods of one pool were estimated together."""
    demand, count = part.demand, study.scenario.periods.count
    chain = np.full(count, np.nan)
    if part.charging is not None:
        of_period = (
            np.arange(part.charging.sessions_per_ev.size) * count // part.charging.sessions_per_ev.size
        )
        pools = demand.pool[of_period] if count <= part.charging.sessions_per_ev.size else None
        if pools is not None:
            sessions = np.bincount(pools, weights=part.charging.sessions_per_ev, minlength=count)
            trips = np.bincount(pools, weights=part.charging.departures_per_ev, minlength=count)
            chain = (sessions / np.maximum(trips, 1e-300))[demand.pool]
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


def by_day(study: MobilityStudy, part: Sampled) -> Frame:
    """Return the totals of each day, per EV."""
    rows = []
    for day in part.days:
        record, made = day.record, ~day.record.cancelled
        rows.append(
            {
                "day": day.diaries.day,
                "trips_per_ev": made.sum() / study.n_ev,
                "charging_share": record.fast_charge.sum() / max(made.sum(), 1),
                "fast_kwh_per_ev": record.session_kwh.sum() / study.n_ev,
                "slow_kwh_per_ev": record.slow_kwh.sum() / study.n_ev,
                "overnight_kwh_per_ev": record.slow_kwh[day.diaries.trip == 1].sum() / study.n_ev,
                "stranded": int(record.stranded.sum()),
            }
        )
    return pd.DataFrame(rows)


def _told(study: MobilityStudy, part: Sampled) -> dict[str, Any]:
    demand = part.demand
    found, left = places(study, part), departures(study, part)
    told: dict[str, Any] = {
        "days": len(part.days),
        "trips_per_ev": demand.trips_per_ev,
        "trips_per_ev_exact": float(part.exact.departures_per_ev.sum()),
        "charging_share": demand.mean_charging_share,
        "session_kwh": demand.mean_session_kwh,
        "stranded_per_ev": demand.stranded_per_ev,
        "home_at_midnight_exact": float(part.exact.share[-1, 0]),
        "places_inside_band": float(found.inside.mean()),
        "departures_inside_band": float(left.inside.mean()),
        "largest_difference": float(np.abs(found.share - found.exact).max()),
        "charging_share_by_period": demand.charging_share.tolist(),
    }
    if part.charging is not None:
        chain = part.charging
        told["charging_share_chain"] = float(chain.sessions_per_ev.sum() / chain.departures_per_ev.sum())
        told["charging_inside_band"] = float(charging(study, part).inside.mean())
    return told
