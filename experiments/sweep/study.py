"""A parameter sweep: the results of a day for each combination of the values of some fields."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from warnings import warn

from cosim.arguments import checked
from cosim.arrays import Frame
from cosim.blas import one_blas_thread
from cosim.config.bundled import find_scenario
from cosim.config.reading import Settings, read_settings
from cosim.coupling import equilibrium_tables, solve_equilibrium_day
from cosim.errors import Problems, refuse
from cosim.files import Permission
from cosim.road.records import flow_per_capacity
from cosim.scenario import Scenario, check_scenario
from cosim.sections import Count
from experiments.run.summary import flags
from experiments.store.identity import identity_of
from experiments.store.pieces import Pieces
from experiments.store.workers import in_processes
from experiments.sweep.parameters import ParameterGrid, parameter_grid

Task = tuple[Path, dict[str, Any], Collection[Permission]]
"""A scenario file, the values of its fields on one day, and what it is allowed."""
FIGURES = "figures.json"
"""File of a piece with the results of a day."""


@checked
@one_blas_thread
def sweep(
    scenario: str | Path,
    vary: ParameterGrid | Mapping[str, Sequence[Any]],
    settings: Settings = (),
    *,
    workers: Count = 1,
    done: Callable[[float], None] = lambda _share: None,
    note: Callable[[str], object] = warn,
    pieces: Pieces | None = None,
    allow: Collection[Permission] = (),
) -> Frame:
    """Return a table with one row per day: the values of the varied fields and the results of its equilibrium.

    *vary* holds the values of each field, as in ``{"population.theta_per_min": [0.1, 0.2]}``; the days are all
    combinations. *scenario* is a file, or the name of a bundled one; *settings* hold for all days.
    All scenarios are checked before the first day is solved. Days are independent, so the table does not depend on
    the number of *workers* (processes). A field that changes no result, because only the agents use it, is told to
    *note*: by default as a Python warning. Days that are among the *pieces* are not solved again; those that are
    solved are kept there. With ``"outside"`` among *allow* the scenario reads files outside its folder.
    """
    import pandas as pd

    file, parameters, fixed = find_scenario(scenario), parameter_grid(vary), read_settings(settings)
    points = parameters.points
    tasks = [(file, fixed | dict(zip(parameters.fields, point, strict=True)), allow) for point in points]
    names = _check_all(tasks)
    figures = _solve_all(
        [KeptDay(pieces, name, *task) for name, task in zip(names, tasks, strict=True)], workers, done, note
    )
    rows = [
        {**dict(zip(parameters.fields, point, strict=True)), **figures[number]}
        for number, point in enumerate(points)
    ]
    days = pd.DataFrame(rows)
    for field in fields_without_effect(days, parameters):
        note(f"{field} changes no figure of the equilibrium, which is all that a sweep solves")
    return days


def fields_without_effect(days: Frame, parameters: ParameterGrid) -> list[str]:
    """Return the fields with several values whose days differ in nothing else than the value."""
    texts = days.astype(str)
    values = texts.nunique()
    return [
        field
        for field in parameters.fields
        if values[field] > 1 and len(texts.drop(columns=field).drop_duplicates()) * values[field] == len(days)
    ]


def _check_all(tasks: Sequence[Task]) -> list[str]:
    """Return the names under which the days are kept; raise ConfigError with the problems of all scenarios."""
    problems = Problems()
    names = [problems.attempt(_name_of_day, *task) for task in tasks]
    refuse(str(tasks[0][0]), problems)
    return [name for name in names if name is not None]


def _name_of_day(file: Path, settings: dict[str, Any], allow: Collection[Permission]) -> str:
    return f"day-{identity_of(check_scenario(file, settings, allow=allow))}"


@dataclass(frozen=True, slots=True)
class KeptDay:
    """A day of the sweep, kept as a piece."""

    pieces: Pieces | None
    name: str
    file: Path
    settings: dict[str, Any]
    allow: Collection[Permission]

    def figures(self) -> dict[str, Any] | None:
        """Return the results, if they are there."""
        if self.pieces is None or self.name not in self.pieces:
            return None
        text = (self.pieces.path / self.name / FIGURES).read_text(encoding="utf-8")
        figures: dict[str, Any] = json.loads(text)
        return figures


def _solve_all(
    days: Sequence[KeptDay], workers: int, done: Callable[[float], None], note: Callable[[str], object]
) -> dict[int, dict[str, Any]]:
    """Return the results of each day, by its number."""
    kept = {number: figures for number, day in enumerate(days) if (figures := day.figures()) is not None}
    missing = [number for number in range(len(days)) if number not in kept]
    with closing(
        in_processes(solve_and_keep, [(days[number],) for number in missing], workers, note)
    ) as finished:
        for task, figures in finished:
            kept[missing[task]] = figures
            done(len(kept) / len(days))
    return kept


def solve_and_keep(day: KeptDay) -> dict[str, Any]:
    """Return the results of a day, and keep them."""
    figures = solve_point(day.file, day.settings, day.allow)
    if day.pieces is not None:
        text = json.dumps(figures)
        day.pieces.put(day.name, lambda folder: (folder / FIGURES).write_text(text, encoding="utf-8"))
    return figures


def solve_point(file: Path, settings: dict[str, Any], allow: Collection[Permission] = ()) -> dict[str, Any]:
    """Return the results of one day of the sweep."""
    scenario = check_scenario(file, settings, allow=allow)
    day = solve_equilibrium_day(scenario)
    tables = equilibrium_tables(scenario, day)
    figures = day_figures(scenario, tables)
    figures["evs"] = day.demand.n_ev
    flagged = flags(
        {"equilibrium": tables.get("violations")},
        several_feeders=len(scenario.feeders) > 1,
        listed="in a run of this day alone",
    )
    figures["flagged"] = "; ".join(flagged)
    return figures


def day_figures(scenario: Scenario, tables: Mapping[str, Frame]) -> dict[str, Any]:
    """Return the results of a day: driving and waiting times, energy, cost, losses, voltage."""
    roads = tables["links"][tables["links"].kind == "road"]
    trips, stations = tables["paths"].flow_veh_h.sum(), tables["stations"]
    dispatch, hours = tables["dispatch"], scenario.periods.hours
    purchase_kw = dispatch.groupby("period").purchase_kw.sum(min_count=1)
    return {
        "drive_min": float((roads.flow_veh_h * roads.time_min).sum() / trips),
        "flow_per_capacity_max": float(flow_per_capacity(roads.flow_veh_h, roads.capacity_veh_h).max()),
        "wait_min": float((stations.wait_min * stations.arrivals).sum() / stations.arrivals.sum()),
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
