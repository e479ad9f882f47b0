"""One run of a sweep: the figures of its days, and the tables that are kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from agents.days import simulate_days
from cosim.arrays import Frame
from cosim.blas import one_blas_thread
from cosim.coupling import EquilibriumDay, day_ahead, equilibrium_tables, solve_equilibrium_day
from cosim.errors import ConfigError
from cosim.results import Recorder
from cosim.road.records import flow_per_capacity
from cosim.scenario import Scenario
from experiments.compare.totals import mean_wait_min
from experiments.run.many_days import joined, recorded, with_carry_over
from experiments.run.summary import NOTES, flags
from experiments.store.identity import identity_of
from experiments.sweep.plan import Member, Setting

Figures = dict[str, Any]
FIGURES = (
    "drive_min",
    "flow_per_capacity_max",
    "wait_min",
    "energy_kwh",
    "cost_cny",
    "purchase_max_kw",
    "losses_kwh",
    "voltage_min_pu",
)
"""Figures of a day, besides the energy of each station, and the number of EVs."""
LIMITS = ("limits_broken", "flagged")
"""Whether a day broke limits, and which."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run gives."""

    days: list[Figures]
    """The figures of each day."""
    tables: dict[str, Frame] = field(default_factory=dict)
    """Tables that are kept."""


class Prepared:
    """A setting that is being worked off: its scenario, and its equilibrium, which serves all seeds."""

    def __init__(self, setting: Setting) -> None:
        """Read the scenario; ConfigError if it is not the one that was planned any more."""
        self.scenario: Scenario = setting.scenario()
        if identity_of(self.scenario) != setting.identity:
            problem = "the scenario, its data or the program has changed since the sweep began; begin it anew"
            raise ConfigError(setting.file, [problem])

    @cached_property
    def day(self) -> EquilibriumDay:
        """The equilibrium."""
        return solve_equilibrium_day(self.scenario)


@lru_cache(maxsize=1)
def _prepared(identity: str, setting: "Hidden") -> Prepared:  # noqa: ARG001  (the key)
    return Prepared(setting.setting)


@dataclass(frozen=True)
class Hidden:
    """A setting that is no part of a key: its identity is."""

    setting: Setting = field(compare=False, hash=False)


@one_blas_thread
def run_member(setting: Setting, member: Member, keep: tuple[str, ...] = ()) -> RunResult:
    """Return the figures of a run; a worker that goes on with the same setting does not solve it again."""
    prepared = _prepared(setting.identity, Hidden(setting))
    scenario, day = prepared.scenario, prepared.day
    if member.model == "equilibrium":
        tables, days = equilibrium_tables(scenario, day), 1
    else:
        ahead = day_ahead(scenario, day)
        tables, days = joined(list(simulate_days(scenario, ahead, member.seed))), ahead.days
    rows = [
        {
            "day": number,
            **_figures(scenario, tables, number, days),
            "evs": day.demand.n_ev,
            **_limits(scenario, member.model, tables, number, days),
        }
        for number in range(1, days + 1)
    ]
    return RunResult(rows, {name: tables[name] for name in keep if name in tables})


def _figures(scenario: Scenario, tables: Mapping[str, Frame], day: int, days: int) -> Figures:
    """Return the figures of a day; what outlasts the last one at stations is in its own, as in those of a run."""
    read = recorded(tables)
    shown = {name: _of(read(name), day) for name in ("links", "paths", "dispatch")}
    stations = with_carry_over(read, "stations") if day == days else read("stations")
    shown["stations"] = stations[stations.day >= day] if day == days else _of(stations, day)
    return day_figures(scenario, shown)


def _of(table: Frame, day: int) -> Frame:
    return table[table.day == day]


def _limits(scenario: Scenario, model: str, tables: Mapping[str, Frame], day: int, days: int) -> Figures:
    """Return whether a day broke a limit, and which, in sentences."""
    found = tables.get("violations", Recorder().frame("violations"))
    of_day = found[found.day >= day] if day == days else _of(found, day)
    told = flags(
        {model: of_day}, several_feeders=len(scenario.feeders) > 1, listed="in a run of this day alone"
    )
    return {"limits_broken": bool((~of_day.kind.isin(NOTES)).any()), "flagged": "; ".join(told)}


def day_figures(scenario: Scenario, tables: Mapping[str, Frame]) -> Figures:
    """Return the results of a day: driving and waiting times, energy, cost, losses, voltage."""
    roads = tables["links"][tables["links"].kind == "road"]
    trips, stations = tables["paths"].flow_veh_h.sum(), tables["stations"]
    dispatch, hours = tables["dispatch"], scenario.periods.hours
    purchase_kw = dispatch.groupby(["day", "period"]).purchase_kw.sum(min_count=1)
    wait_min = mean_wait_min(stations, hours) if stations.arrivals.sum() else float("nan")
    return {
        "drive_min": float((roads.flow_veh_h * roads.time_min).sum() / trips),
        "flow_per_capacity_max": float(flow_per_capacity(roads.flow_veh_h, roads.capacity_veh_h).max()),
        "wait_min": wait_min,
        "energy_kwh": float(stations.energy_kwh.sum()),
        "cost_cny": float(dispatch.cost_cny.sum(skipna=False)),
        "purchase_max_kw": float(purchase_kw.max()),
        "losses_kwh": float(dispatch.losses_kw.sum(skipna=False) * hours),
        "voltage_min_pu": float(dispatch.voltage_min_pu.min()),
        **{
            f"energy_{name}_kwh": float(energy)
            for name, energy in stations.groupby("station", sort=False).energy_kwh.sum().items()
        },
    }
