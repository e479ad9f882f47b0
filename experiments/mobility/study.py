"""Mobility of an EV population without roads and grid: activities, departures, states of charge, charging shares."""

from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pandas as pd

from cosim.arguments import checked
from cosim.arrays import FloatArray, Frame
from cosim.errors import refuse
from cosim.ev.charging_demand import demand_of_days
from cosim.ev.days import DayOfEVs, per_ev_parameters, simulate_days
from cosim.ev.dwell import DwellModel
from cosim.ev.ev_types import fast_charging_kw
from cosim.ev.exact import markov_day
from cosim.ev.markov import MarkovModel
from cosim.ev.occupancy import Occupancy
from cosim.ev.renewal import renewal_days
from cosim.ev.soc_chain import ChargingDay, charging_days, single_ev_type
from cosim.ev.timeline import Timeline, timeline
from cosim.scenario import Scenario, as_scenario
from cosim.sections import Count, Seed
from cosim.short_repr import short_repr
from experiments.mobility.sampled_days import SampledDays
from experiments.mobility.tables import TABLE_BUILDERS, charging, departures, places

PURPOSE = "mobility"
"""Name of the random streams."""
MAX_EV_DAYS = 5_000_000
"""EV-days held in memory at once."""
STEADY_STATE_DAYS = 8
"""Days after which the daily distribution of the chain with batteries changes by less than 1e-5."""
SINGLE, MANY = "single_day", "many_days"
"""Names of the parts of a study."""


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MobilityStudy:
    """Result of a mobility study: a single day, and many consecutive days if requested."""

    scenario: Scenario
    n_ev: int
    seed: int
    parts: dict[str, SampledDays]
    cpu_s: float

    @property
    def kind(self) -> str:
        """Kind of the mobility model."""
        return self.scenario.config.mobility.kind

    @property
    def notes(self) -> list[str]:
        """Sentences about stranded EVs, which the exact distributions do not include."""
        return [
            f"{title}: {part.stranded:,} of {self.n_ev * len(part.days):,} EV-days ended stranded, with "
            "cancelled trips. The exact distributions and the chain with batteries hold without stranded EVs, "
            "so counts may leave their bands for this reason alone. Trips and p_t are those made, places and "
            "departures those planned."
            for title, part in ((name.replace("_", " "), part) for name, part in self.parts.items())
            if part.stranded
        ]

    @property
    def tables(self) -> dict[str, Frame]:
        """The tables by name; the column ``days`` is the part of a row."""
        frames_of = {
            build.__name__: [build(part).assign(days=name) for name, part in self.parts.items()]
            for build in TABLE_BUILDERS
        }
        return {
            name: pd.concat(frames, ignore_index=True)[["days", *frames[0].columns[:-1]]]
            for name, frames in frames_of.items()
            if len(frames[0])
        }

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return {
            "name": self.scenario.config.name,
            "kind": self.kind,
            "evs": self.n_ev,
            "seed": self.seed,
            "cpu_s": round(self.cpu_s, 3),
            **{name: _facts(part) for name, part in self.parts.items()},
        }


@checked
def study_mobility(
    scenario: Scenario | str | Path, n_ev: Count, days: Count = 1, seed: Seed = 1
) -> MobilityStudy:
    """Return the study of one day of *n_ev* EVs and, for *days* > 1, of that many consecutive days.

    *scenario* may be the file or name of one. Raises ConfigError for more EV-days than memory holds.
    """
    if n_ev * days > MAX_EV_DAYS:
        refuse("study_mobility", [f"EVs times days is {n_ev * days:,}; it must be {MAX_EV_DAYS:,} or less"])
    scenario = as_scenario(scenario)
    started = process_time()
    parts = {SINGLE: _sampled(scenario, n_ev, 1, seed)}
    if days > 1:
        parts[MANY] = _sampled(scenario, n_ev, days, seed)
    return MobilityStudy(scenario=scenario, n_ev=n_ev, seed=seed, parts=parts, cpu_s=process_time() - started)


def _sampled(scenario: Scenario, n_ev: int, days: int, seed: int) -> SampledDays:
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
            carry_over=carried,
        )
    )
    yesterday = _line(scenario, course[-2], None) if carried else None
    return SampledDays(
        scenario=scenario,
        n_ev=n_ev,
        days=course,
        last=_line(scenario, course[-1], yesterday),
        demand=demand_of_days(course[days // 2 :], scenario.periods),
        exact=_exact(scenario, days),
        charging=_charging(scenario, min(days, STEADY_STATE_DAYS), carried=carried),
    )


def _line(scenario: Scenario, day: DayOfEVs, yesterday: Timeline | None) -> Timeline:
    """Return the activity states of each EV on a day."""
    battery, behaviour = per_ev_parameters(
        scenario.mobility, scenario.battery, scenario.behaviour, day.diaries
    )
    types, kw = scenario.mobility.types, charger_kw(scenario)
    fast_kw = fast_charging_kw(types, day.diaries.ev_type, kw) if types else kw
    return timeline(day.diaries, day.record, battery, behaviour, fast_kw, day.start, yesterday)


def charger_kw(scenario: Scenario) -> float:
    """Return the mean charger power over all stations [kW]."""
    chargers = sum(station.chargers for station in scenario.stations)
    return sum(station.chargers * station.charger_kw for station in scenario.stations) / chargers


def _exact(scenario: Scenario, days: int) -> Occupancy:
    """Return the exact distribution on the last of *days* days."""
    model = scenario.mobility
    if isinstance(model, MarkovModel):
        day = markov_day(model)
        return day.occupancy(np.linalg.matrix_power(day.day_matrix(), days - 1) @ day.at_home())
    assert isinstance(model, DwellModel)  # noqa: S101  (the other kind of model)
    return renewal_days(model, days)


def _charging(scenario: Scenario, days: int, *, carried: bool) -> ChargingDay | None:
    """Return the last of *days* days of the chain with batteries, as the mean over EV types."""
    model = scenario.mobility
    if not isinstance(model, MarkovModel):
        return None
    types = model.types or (single_ev_type(model, scenario.battery, scenario.behaviour),)
    total_share = sum(kind.share for kind in types)
    kw, plugged = charger_kw(scenario), carried
    parts = [
        (
            kind.share / total_share,
            charging_days(model, kind, scenario.behaviour, kw, days, plugged=plugged)[-1],
        )
        for kind in types
    ]

    def mean(name: str) -> FloatArray:
        total: FloatArray = np.sum([share * getattr(day, name) for share, day in parts], axis=0)
        return total

    names = ("slow", "fast", "departures_per_ev", "sessions_per_ev", "soc")
    return ChargingDay(**{name: mean(name) for name in names})


def _facts(part: SampledDays) -> dict[str, Any]:
    demand = part.demand
    place_table, departure_table = places(part), departures(part)
    facts: dict[str, Any] = {
        "days": len(part.days),
        "trips_per_ev": demand.trips_per_ev,
        "trips_per_ev_exact": float(part.exact.departures_per_ev.sum()),
        "charging_share": demand.mean_charging_share,
        "session_kwh": demand.mean_session_kwh,
        "stranded_per_ev": demand.stranded_per_ev,
        "stranded_ev_days": part.stranded,
        "exact_holds": part.stranded == 0,
        "home_at_midnight_exact": float(part.exact.share[-1, 0]),
        "places_inside_band": float(place_table.inside.mean()),
        "departures_inside_band": float(departure_table.inside.mean()),
        "max_difference": float(np.abs(place_table.share - place_table.exact).max()),
        "charging_share_by_period": demand.charging_share.tolist(),
    }
    if part.charging is not None:
        chain = part.charging
        facts["charging_share_chain"] = float(chain.sessions_per_ev.sum() / chain.departures_per_ev.sum())
        facts["charging_inside_band"] = float(charging(part).inside.mean())
    return facts
