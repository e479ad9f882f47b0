"""Run a scenario: the one place that chooses which model runs, and that writes."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

from cosim.arguments import checked
from cosim.arrays import Frame
from cosim.coupling import (
    EquilibriumDay,
    day_ahead,
    day_violations,
    equilibrium_tables,
    solve_equilibrium_day,
)
from cosim.grid.solvers import available_solver
from cosim.periods import PeriodOfDay
from cosim.results import Run, RunDirectory, load_run, write_tables
from cosim.scenario import Scenario, as_scenario
from cosim.sections import Count
from experiments.compare.comparison import agents_of, compare_models
from experiments.compare.differences import band_table
from experiments.compare.sample import recorded
from experiments.manifest import write_manifest, write_scenario
from experiments.run.checkpoints import Checkpoints
from experiments.run.learning import learning_table
from experiments.run.many_days import Reader, dated, joined, last_day, reader_of_last_day
from experiments.run.real_time import compare_plans
from experiments.run.replications import replication_seeds, simulate_replications
from experiments.run.summary import flags, summarise

Model = Literal["agents", "equilibrium", "both"]
Progress = Callable[[str, float], None]
"""Called with the name of a stage and the share of it that is done."""


@dataclass(slots=True)
class Stages:
    """The stages of a run, timed as they pass."""

    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage."""
        self.progress(name, 0.0)
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)
        self.progress(name, 1.0)


@checked
def run(
    scenario: Scenario | str | Path,
    model: Model = "both",
    out: str | Path | None = None,
    progress: Progress | None = None,
    *,
    replications: Count = 1,
    workers: Count = 1,
) -> Run:
    """Run the day, or days, of *scenario* and return the finished run, with its tables, summary and report.

    *scenario* may be the file or name of one.

    The agents' day is repeated with other draws for *replications* above 1, in *workers* processes.
    *out* is the run directory; it must not exist. By default it is ``runs/<name>-<seed>-<time>``.
    The agents' model always needs the equilibrium first: for the announced travel times, and for the forecast.
    A day that breaks a limit completes with the best answer and says so in ``run.manifest["flags"]``.
    Of many days, those that are over are kept beside *out* until the run is whole: the same call goes on from there.
    The summary, the comparison and the report are of the last day; the table ``learning`` is of all days.
    """
    scenario = as_scenario(scenario)
    with RunDirectory(default_directory(scenario) if out is None else Path(out)) as unfinished:
        stages = Stages(progress or (lambda _stage, _share: None))
        seeds = replication_seeds(scenario.config.seed, replications)
        checkpoints = Checkpoints(unfinished.final, scenario)
        replicated = Replicated(unfinished.path, seeds, workers)
        outcome = _compute(scenario, model, stages, replicated, checkpoints)
        with stages.stage("tables"):
            outcome.write(unfinished.path)
            write_scenario(scenario.config, scenario.folder, unfinished.path)
        facts = {"model": model, "seeds": seeds, **_facts(scenario, outcome)}
        outcome.tables.clear()  # the report reads what it needs; a city's tables are a gigabyte
        write_manifest(unfinished.path, {**facts, "seconds": stages.seconds})
        with stages.stage("report"):
            _write_report(Run(unfinished.path))
        write_manifest(unfinished.path, {**facts, "seconds": stages.seconds})
    checkpoints.remove()
    return load_run(unfinished.final)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the models gave; ``tables`` holds those of the models that ran, by model."""

    day: EquilibriumDay
    tables: dict[str, dict[str, Frame]]

    def write(self, directory: Path) -> None:
        """Write the tables of each model into a directory of its own."""
        for name, tables in self.tables.items():
            write_tables(directory / name, tables)


@dataclass(frozen=True, slots=True)
class Replicated:
    """How often the agents' day is simulated, with which seeds, and where the later days are written."""

    directory: Path
    seeds: tuple[int, ...]
    workers: int


def _compute(
    scenario: Scenario, model: Model, stages: Stages, replicated: Replicated, checkpoints: Checkpoints
) -> Outcome:
    """Run the models asked for, and compare them if both ran."""
    days = scenario.config.days
    tables: dict[str, dict[str, Frame]] = {}
    with stages.stage("equilibrium"):
        day = solve_equilibrium_day(scenario)
        if model != "agents":
            tables["equilibrium"] = equilibrium_tables(scenario, day)
    if model != "equilibrium":
        with stages.stage("agents"):
            tables["agents"] = _simulate(scenario, day, stages.progress, checkpoints)
        last = last_day(tables["agents"], days)
        further = _replicate(scenario, day, stages, replicated)
        sides = [recorded(last), *(reader_of_last_day(read, days) for read in further)]
        if further:
            bands = band_table(agents_of(scenario.config, sides, replicated.seeds))
            tables["agents"]["bands"] = bands
    if model == "both":
        with stages.stage("comparison"):
            expected = recorded(tables["equilibrium"])
            compared = compare_models(scenario.config, expected, sides, replicated.seeds).tables
        with stages.stage("real time"):
            compared |= dated({"real_time": compare_plans(scenario, day, last)}, days)
        links = tables["agents"]["links"], tables["equilibrium"]["links"]
        learning = learning_table(*links, days=days, hours=scenario.periods.hours)
        tables["comparison"] = {**compared, "learning": learning}
    return Outcome(day, tables)


def _replicate(
    scenario: Scenario, day: EquilibriumDay, stages: Stages, replicated: Replicated
) -> list[Reader]:
    """Simulate the further days of the agents and return the readers of their tables."""
    if len(replicated.seeds) == 1:
        return []
    with stages.stage("replications"):
        further = simulate_replications(
            scenario,
            day_ahead(scenario, day),
            replicated.seeds,
            replicated.directory,
            workers=replicated.workers,
            done=lambda share: stages.progress("replications", share),
        )
        return [cache(tables.read) for tables in further]


def _facts(scenario: Scenario, outcome: Outcome) -> dict[str, Any]:
    """Return what the manifest says of a run, besides versions, hashes and timings."""
    tables = outcome.tables
    several = len(scenario.feeders) > 1
    flagged = {
        "equilibrium": tables.get("equilibrium", {}).get("violations", day_violations(scenario, outcome.day)),
        "agents": tables.get("agents", {}).get("violations"),
    }
    summary = {
        "evs": outcome.day.demand.n_ev,
        "session_kwh": outcome.day.demand.session_kwh,
        "days": scenario.config.days,
        **_learning(tables.get("comparison", {}), scenario.config.days),
        **summarise(
            scenario, {name: last_day(own, _days_in(name, scenario)) for name, own in tables.items()}
        ),
        "sue_residual_max": outcome.day.residual_max,
        "coupling_iterations": len(outcome.day.iterations),
        "coupling_residual": outcome.day.residual,
        "settled": outcome.day.settled,
    }
    return {
        "name": scenario.config.name,
        "seed": scenario.config.seed,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "solver": asdict(available_solver(scenario.feeders[0].rules.solver)),
        "flags": flags(flagged, several_feeders=several),
        "notes": flags(flagged, several_feeders=several, notes=True),
        "summary": summary,
    }


def _simulate(
    scenario: Scenario, day: EquilibriumDay, progress: Progress, checkpoints: Checkpoints
) -> dict[str, Frame]:
    """Simulate the agents' days, from the last day boundary of a run that was stopped."""
    from agents.days import simulate_days

    def announce(now: PeriodOfDay) -> None:
        whole = scenario.config.days * scenario.periods.count
        progress("agents", min(1.0, scenario.periods.index(now) / whole))

    over = checkpoints.load()
    start, seed = over[-1].boundary if over else None, scenario.config.seed
    for one in simulate_days(scenario, day_ahead(scenario, day), seed, start, announce):
        checkpoints.save(one)
        over.append(replace(one, boundary=None))  # it is big, and on disk
    return joined(over)


def _learning(comparison: dict[str, Frame], days: int) -> dict[str, Any]:
    """Return how far the agents' flows are from the equilibrium, on the last day and on all."""
    if "learning" not in comparison:
        return {}
    rows = comparison["learning"].to_dict("records")
    figures = {name: rows[-1][name] for name in ("ev_distance", "ev_floor", "flow_distance", "flow_floor")}
    return {**figures, **({"learning": rows} if days > 1 else {})}


def _days_in(model: str, scenario: Scenario) -> int:
    """Return the days in the tables of a model: an equilibrium is one day."""
    return 1 if model == "equilibrium" else scenario.config.days


def _write_report(run_so_far: Run) -> None:
    from experiments.run.report import write_report

    write_report(run_so_far)


def default_directory(scenario: Scenario) -> Path:
    """Return the run directory if none is given: named after the scenario, its seed and the time."""
    moment = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    return Path("runs") / f"{scenario.config.name}-{scenario.config.seed}-{moment}"
