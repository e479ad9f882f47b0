"""A parameter sweep: the results of a day for each combination of the values of some fields."""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any
from warnings import warn

from cosim.arguments import checked
from cosim.arrays import Frame
from cosim.config.bundled import find_scenario
from cosim.config.reading import Settings, parse_value, read_settings
from cosim.coupling import equilibrium_tables, solve_equilibrium_day
from cosim.errors import Problems, refuse
from cosim.scenario import Scenario, check_scenario
from cosim.sections import Count
from experiments.run.summary import flags

Point = tuple[Any, ...]
"""The values of the varied fields on one day of the sweep."""
Task = tuple[Path, dict[str, Any]]
"""A scenario file, and the values of its fields on one day."""


@dataclass(frozen=True, slots=True)
class ParameterGrid:
    """Fields and their values; the days are all combinations, with the last field varying fastest."""

    fields: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]

    @property
    def points(self) -> list[Point]:
        """Values of the fields on each day."""
        return list(product(*self.values))

    def settings(self, point: Point) -> tuple[str, ...]:
        """Return the values of a day as ``field=value``."""
        return tuple(f"{field}={as_toml(value)}" for field, value in zip(self.fields, point, strict=True))

    def flagged(self, days: Frame) -> list[tuple[str, str]]:
        """Return the flagged days, by the values of their fields, with their flags."""
        return [
            (", ".join(" = ".join(setting.split("=", 1)) for setting in self.settings(point)), flag)
            for point, flag in zip(self.points, days.flagged, strict=True)
            if flag
        ]


def as_toml(value: Any) -> str:
    """Return a value in TOML."""
    import tomli_w

    return tomli_w.dumps({"value": value}).removeprefix("value = ").strip()


def read_parameters(variations: Sequence[str]) -> ParameterGrid:
    """Return the grid of ``field=value,value,...`` texts; values are written as in TOML.

    Raises ConfigError with a sentence for every invalid text.
    """
    problems = []
    fields, values = [], []
    for variation in variations:
        field, equals, text = (part.strip() for part in variation.partition("="))
        parsed = parse_value(f"[{text}]")
        field_values = parsed if isinstance(parsed, list) else [word.strip() for word in text.split(",")]
        if not (equals and field and text):
            problems.append(
                f"'{variation}' is not of the form field=value,value, as in road.theta_per_min=0.1,0.2"
            )
        elif field in fields:
            problems.append(f"{field} is varied twice; give all its values at once")
        fields.append(field)
        values.append(tuple(field_values))
    if not variations:
        problems.append("nothing to vary; give a field with its values, as in road.theta_per_min=0.1,0.2")
    refuse("vary", problems)
    return ParameterGrid(tuple(fields), tuple(values))


def parameter_grid(vary: ParameterGrid | Mapping[str, Sequence[Any]]) -> ParameterGrid:
    """Return the grid of the values of each field; raises ConfigError for a field without any."""
    if isinstance(vary, ParameterGrid):
        return vary
    faults = [
        f"{field} is {values!r}; it must be a list of values"
        for field, values in vary.items()
        if isinstance(values, str) or not (isinstance(values, Sequence) and values)
    ]
    refuse("sweep", faults if vary else ["nothing to vary; give a field with its values"])
    return ParameterGrid(tuple(vary), tuple(map(tuple, vary.values())))


def text_fields(days: Frame, parameters: ParameterGrid) -> Frame:
    """Return the days with the values of the fields as texts, because a column may have values of several types."""
    return days.assign(**{field: days[field].map(str) for field in parameters.fields})


@checked
def sweep(
    scenario: str | Path,
    vary: ParameterGrid | Mapping[str, Sequence[Any]],
    settings: Settings = (),
    *,
    workers: Count = 1,
    done: Callable[[float], None] = lambda _share: None,
    note: Callable[[str], object] = warn,
) -> Frame:
    """Return a table with one row per day: the values of the varied fields and the results of its equilibrium.

    *vary* holds the values of each field, as in ``{"population.theta_per_min": [0.1, 0.2]}``; the days are all
    combinations. *scenario* is a file, or the name of a bundled one; *settings* hold for all days.
    All scenarios are checked before the first day is solved. Days are independent, so the table does not depend on
    the number of *workers* (processes). A field that changes no result, because only the agents use it, is told to
    *note*: by default as a Python warning.
    """
    import pandas as pd

    file, parameters, fixed = find_scenario(scenario), parameter_grid(vary), read_settings(settings)
    points = parameters.points
    tasks = [(file, fixed | dict(zip(parameters.fields, point, strict=True))) for point in points]
    _check_all(tasks)
    rows = []
    for point, figures in zip(points, _solve_all(tasks, workers), strict=True):
        rows.append({**dict(zip(parameters.fields, point, strict=True)), **figures})
        done(len(rows) / len(points))
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


def _check_all(tasks: Sequence[Task]) -> None:
    problems = Problems()
    for file, settings in tasks:
        problems.attempt(check_scenario, file, settings)
    refuse(str(tasks[0][0]), problems)


def _solve_all(tasks: Sequence[Task], workers: int) -> Iterator[dict[str, Any]]:
    if workers == 1 or len(tasks) == 1:
        yield from (solve_point(*task) for task in tasks)
        return
    # processes are spawned on every platform, because a forked one would inherit threads of libraries
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(tasks)), mp_context=context) as pool:
        yield from pool.map(solve_point, *zip(*tasks, strict=True))


def solve_point(file: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the results of one day of the sweep."""
    scenario = check_scenario(file, settings)
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
    purchase_kw = dispatch.groupby("period").purchase_kw.sum()
    return {
        "drive_min": float((roads.flow_veh_h * roads.time_min).sum() / trips),
        "flow_per_capacity_max": float((roads.flow_veh_h / roads.capacity_veh_h).max()),
        "wait_min": float((stations.wait_min * stations.arrivals).sum() / stations.arrivals.sum()),
        "energy_kwh": float(stations.energy_kwh.sum()),
        "cost_cny": float(dispatch.cost_cny.sum()),
        "purchase_max_kw": float(purchase_kw.max()),
        "losses_kwh": float(dispatch.losses_kw.sum() * hours),
        "voltage_min_pu": float(dispatch.voltage_min_pu.min()),
        **{
            f"energy_{name}_kwh": float(energy)
            for name, energy in stations.groupby("station", sort=False).energy_kwh.sum().items()
        },
    }
