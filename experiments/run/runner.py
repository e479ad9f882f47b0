"""Run a scenario: the one place that chooses which model runs, and that writes."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Literal
from warnings import warn

import agents.model  # noqa: F401  (Mesa first: its loggers look through all modules that are loaded by then)
from cosim.arguments import checked
from cosim.arrays import Frame
from cosim.blas import one_blas_thread
from cosim.coupling import (
    EquilibriumDay,
    day_ahead,
    equilibrium_tables,
    solve_equilibrium_day,
)
from cosim.periods import PeriodOfDay
from cosim.results import ModelTables, Run, load_run, write_tables
from cosim.scenario import Scenario, as_scenario
from cosim.scenario.choice import NotImported
from cosim.sections import Count
from experiments.compare.comparison import agents_of, compare_models
from experiments.compare.differences import band_table
from experiments.manifest import write_manifest, write_scenario
from experiments.run import learning_check
from experiments.run.facts import run_facts
from experiments.run.kept_days import KeptDays
from experiments.run.learning import learning_table
from experiments.run.many_days import Reader, dated, last_day, reader_of_last_day, recorded
from experiments.run.period_watch import PeriodWatch
from experiments.run.real_time import compare_plans, values_table
from experiments.run.replications import (
    Processes,
    day_directory,
    replication_seeds,
    simulate_replications,
)
from experiments.store.commands import RunCommand, keep_command
from experiments.store.engines import in_order
from experiments.store.folders import RunDirectory
from experiments.store.identity import identity_of
from experiments.store.pieces import Pieces, Store, Tell, left_behind
from experiments.study import whole_without_page

LEARNING = "learning check"
Model = Literal["agents", "equilibrium", "both"]
ModelsTables = dict[str, dict[str, Frame]]
"""The tables of the models that ran, by model."""
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
@one_blas_thread
def run(
    scenario: Scenario | str | Path,
    model: Model = "both",
    out: str | Path | None = None,
    progress: Progress | None = None,
    *,
    replications: Count = 1,
    workers: Count = 1,
    note: Tell = warn,
) -> Run:
    """Run the day, or days, of *scenario* and return the finished run, with its tables, summary and report.

    *scenario* may be the file or name of one.

    The agents' day is repeated with other draws for *replications* above 1, in *workers* processes.
    *out* is the run directory; it must not exist. By default it is ``runs/<name>-<seed>-<time>``.
    The agents' model always needs the equilibrium first: for the announced travel times, and for the forecast.
    A day that breaks a limit completes with the best answer and says so in ``run.manifest["flags"]``.
    Days and replications that are over are kept beside *out* until the run is whole: the same call goes on from
    there. *note* is called with a sentence where it does, where a kept piece is damaged, and where a worker died.
    The summary, the comparison and the report are of the last day; the table ``learning`` is of all days.
    """
    scenario = _runnable(as_scenario(scenario), model)
    identity = identity_of(scenario)
    final = default_directory(scenario, identity) if out is None else Path(out)
    stages = Stages(progress or (lambda _stage, _share: None))
    seeds = replication_seeds(scenario.config.seed, replications)
    unfinished = RunDirectory(final)
    with Store(final, identity, note) as pieces, unfinished:
        keep_command(pieces, RunCommand(model=model, replications=replications, workers=workers), scenario)
        under_way = RunUnderWay(scenario, unfinished.path, seeds, workers, stages, pieces, note)
        with stages.stage("equilibrium"):
            day = solve_equilibrium_day(scenario, partial(in_order, workers=workers, tell=note))
        tables = under_way.tables(model, day)
        with stages.stage("tables"):
            for name, own in tables.items():
                under_way.write(name, own)
            write_scenario(scenario, unfinished.path)
        facts = {"model": model, "seeds": seeds, **run_facts(scenario, day, tables, under_way.replications)}
        tables.clear()  # the report reads what it needs; a city's tables are a gigabyte
        write_manifest(unfinished.path, {**facts, "seconds": stages.seconds})
    finished = load_run(final)
    with stages.stage("report"), whole_without_page(final):
        _write_report(finished)
    return finished


def _runnable(scenario: Scenario, model: Model) -> Scenario:
    """Return the scenario; raise ConfigError where agents would need Python code that nobody has allowed to run."""
    if isinstance(scenario.choice, NotImported) and model != "equilibrium":
        raise scenario.choice.refusal
    return scenario


@dataclass(frozen=True, slots=True)
class RunUnderWay:
    """What is run, where the replicated days are written, with which seeds, and by how many processes."""

    scenario: Scenario
    directory: Path
    seeds: tuple[int, ...]
    workers: int
    stages: Stages
    pieces: Pieces
    note: Tell

    def tables(self, model: Model, day: EquilibriumDay) -> ModelsTables:
        """Return the tables of the models asked for, by model, with their comparison if both ran."""
        tables, config = {}, self.scenario.config
        if model != "agents":
            tables["equilibrium"] = equilibrium_tables(self.scenario, day)
        if model == "equilibrium":
            return tables
        with self.stages.stage("agents"):
            tables["agents"] = self._simulate(day)
        last = last_day(tables["agents"], config.days)
        further = self._replicate(day) if len(self.seeds) > 1 else []
        sides = [recorded(last), *(reader_of_last_day(read, config.days) for read in further)]
        if further:
            tables["agents"]["bands"] = band_table(agents_of(config, sides, self.seeds))
        if model == "both":
            with self.stages.stage("comparison"):
                expected = recorded(tables["equilibrium"])
                compared = compare_models(config, expected, sides, self.seeds, day.demand.n_ev).tables
            with self.stages.stage("real time"):
                plans = [compare_plans(self.scenario, day, read) for read in sides]
                compared |= dated(
                    {"real_time": plans[0], "real_time_values": values_table(plans)}, config.days
                )
            links, hours = (
                [tables[name]["links"] for name in ("agents", "equilibrium")],
                self.scenario.periods.hours,
            )
            learning = learning_table(*links, days=config.days, hours=hours)
            tables["comparison"] = {**compared, "learning": learning, **self._check(day)}
        return tables

    def _check(self, day: EquilibriumDay) -> dict[str, Frame]:
        """Return the tables of the check by drivers who learn, if it is made: not where days are repeated."""
        if len(self.seeds) > 1 or not learning_check.is_made(self.scenario, day.demand.n_ev):
            return {}
        stages = self.stages
        with stages.stage(LEARNING):
            return learning_check.check_of_equilibrium(
                self.scenario, day, lambda share: stages.progress(LEARNING, share)
            )

    @property
    def replications(self) -> list[Reader]:
        """Readers of the replications of the agents' day, once they are written; none where it is not repeated."""
        are_there = len(self.seeds) > 1 and day_directory(self.directory, 1).is_dir()
        numbers = range(1, len(self.seeds) + 1) if are_there else ()
        return [cache(ModelTables(day_directory(self.directory, number)).read) for number in numbers]

    def write(self, model: str, tables: dict[str, Frame]) -> None:
        """Write the tables of a model; those of a single day of the agents are written already."""
        folder = self.directory / model
        if model == "agents" and self.scenario.config.days == 1:
            KeptDays(self.pieces, 1, 1).write(folder)
            tables = {name: table for name, table in tables.items() if name == "bands"}
        write_tables(folder, tables)

    def _simulate(self, day: EquilibriumDay) -> dict[str, Frame]:
        """Simulate the agents' days, from the last day boundary of a run that was stopped."""
        scenario = self.scenario

        watch = PeriodWatch(self.note)

        def announce(now: PeriodOfDay) -> None:
            watch.begins(now)
            whole = scenario.config.days * scenario.periods.count
            self.stages.progress("agents", min(1.0, scenario.periods.index(now) / whole))

        ahead = day_ahead(scenario, day)
        kept = KeptDays(self.pieces, 1, ahead.days)
        with watch:
            simulated = kept.simulate(scenario, ahead, self.seeds[0], announce)
        return kept.tables(simulated)

    def _replicate(self, day: EquilibriumDay) -> list[Reader]:
        """Simulate the further days of the agents and return the readers of their tables."""
        ahead, progress = day_ahead(self.scenario, day), self.stages.progress
        with self.stages.stage("replications"):
            how = Processes(
                workers=self.workers, tell=self.note, done=lambda share: progress("replications", share)
            )
            further = simulate_replications(
                self.scenario, ahead, self.seeds, self.directory, self.pieces, how
            )
            return [cache(tables.read) for tables in further]


def _write_report(run_so_far: Run) -> None:
    from experiments.run.report import write_report

    write_report(run_so_far)


def default_directory(scenario: Scenario, identity: str) -> Path:
    """Return the run directory if none is given: named after the scenario, its seed and the time.

    It is that of a run of the same *identity* that was stopped, if there is one.
    """
    moment = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    start = f"{scenario.config.name}-{scenario.config.seed}-"
    return left_behind(Path("runs"), start, identity) or Path("runs") / f"{start}{moment}"
