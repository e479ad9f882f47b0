"""Run a scenario: the one place that chooses which model runs, and that writes."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from cosim.arrays import Frame
from cosim.coupling import EquilibriumDay, day_ahead, equilibrium_tables, solve_equilibrium_day
from cosim.grid.solvers import available_solver
from cosim.periods import PeriodOfDay
from cosim.results import Run, RunDirectory, load_run, write_tables
from cosim.scenario import Scenario
from experiments.compare import agreement, compare_with_equilibrium
from experiments.manifest import write_manifest, write_scenario
from experiments.summary import flags, summarise

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


def run(
    scenario: Scenario, model: Model = "both", out: str | Path | None = None, progress: Progress | None = None
) -> Run:
    """Run a day of *scenario* and return the finished run, with its tables, summary and report.

    *out* is the run directory; it must not exist. By default it is ``runs/<name>-<seed>-<time>``.
    The agents' model always needs the equilibrium first: for what drivers are told, and for the forecast.
    A day that breaks a limit completes with the best answer and says so in ``run.manifest["flags"]``.
    """
    final = Path(out) if out else default_directory(scenario)
    with RunDirectory(final) as directory:
        stages = Stages(progress or (lambda _stage, _share: None))
        with stages.stage("equilibrium"):
            day = solve_equilibrium_day(scenario)
            equilibrium = equilibrium_tables(scenario, day) if model != "agents" else None
        with stages.stage("agents"):
            agents = None if model == "equilibrium" else _simulate(scenario, day, stages.progress)
        with stages.stage("comparison"):
            comparison = _compare(agents, equilibrium, scenario.config.seed)
        with stages.stage("tables"):
            tables = {"agents": agents, "equilibrium": equilibrium, "comparison": comparison}
            for name, frames in tables.items():
                if frames:
                    write_tables(directory / name, frames)
            write_scenario(scenario.config, scenario.folder, directory)
        summary = {
            "evs": day.demand.n_ev,
            **summarise(scenario, agents, equilibrium, agreement(comparison) if comparison else None),
            "sue_residual_max": day.residual_max,
        }
        facts = {
            "name": scenario.config.name,
            "seed": scenario.config.seed,
            "model": model,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "solver": _solver(scenario),
            "flags": flags(agents, equilibrium),
            "summary": summary,
        }
        write_manifest(directory, {**facts, "seconds": stages.seconds})
        with stages.stage("report"):
            _write_report(Run(directory))
        write_manifest(directory, {**facts, "seconds": stages.seconds})
    return load_run(final)


def _simulate(scenario: Scenario, day: EquilibriumDay, progress: Progress) -> dict[str, Frame]:
    from agents.model import CoSimModel

    def announce(now: PeriodOfDay) -> None:
        progress("agents", min(1.0, scenario.periods.index(now) / scenario.periods.count))

    return CoSimModel(scenario, day_ahead(scenario, day), scenario.config.seed).simulate(announce)


def _compare(
    agents: dict[str, Frame] | None, equilibrium: dict[str, Frame] | None, seed: int
) -> dict[str, Frame] | None:
    return compare_with_equilibrium(agents, equilibrium, seed) if agents and equilibrium else None


def _solver(scenario: Scenario) -> dict[str, Any]:
    return asdict(available_solver(scenario.feeders[0].rules.solver))


def _write_report(run_so_far: Run) -> None:
    from experiments.report import write_report

    write_report(run_so_far)


def default_directory(scenario: Scenario) -> Path:
    """Return the run directory if none is given: named after the scenario, its seed and the time."""
    moment = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    return Path("runs") / f"{scenario.config.name}-{scenario.config.seed}-{moment}"
