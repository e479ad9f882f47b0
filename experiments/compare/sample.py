"""What is compared: one model of a day out of a run, with all its replications."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from cosim.arrays import Frame
from cosim.config import ScenarioConfig
from cosim.config.reading import check
from cosim.errors import ConfigError
from cosim.files import read_toml
from cosim.results import Run, load_run
from experiments.run.many_days import Reader, reader_of_last_day, with_carry_over

Model = Literal["agents", "equilibrium"]
COMMAND = "compare"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """One model of a day; several days where it was replicated."""

    name: str
    model: Model
    days: tuple[Reader, ...]
    """The tables of each replication."""
    seeds: tuple[int, ...]
    """Seed of each replication; none of an equilibrium, in which there is no chance."""
    config: ScenarioConfig
    folder: Path | None = None
    """Where the scenario and its data lie; None of a run under way."""
    evs: int | None = None
    """Number of EVs; None if nobody wrote it down."""

    @property
    def is_random(self) -> bool:
        """Whether another seed would give other figures."""
        return self.model == "agents"

    @property
    def hours(self) -> float:
        """Length of a period."""
        return 24 / self.config.periods

    @property
    def day(self) -> int:
        """Number of the day that is compared: the last of the agents' days."""
        return self.config.days if self.is_random else 1

    def tables(self, table: str) -> list[Frame]:
        """Return the first day of *table*, one frame for each replication."""
        frames = [read(table) for read in self.days]
        return [frame[frame.day == 1] for frame in frames]

    def with_carry_over(self, table: str) -> list[Frame]:
        """Return all of *table*, with what outlasts midnight, one frame for each replication."""
        return [with_carry_over(read, table) for read in self.days]


def are_paired(reference: Sample, other: Sample) -> bool:
    """Return whether both samples drew the same random numbers, replication by replication."""
    return reference.is_random and other.is_random and reference.seeds == other.seeds


def samples_of(runs: Sequence[str | Path], model: Model | None = None) -> list[Sample]:
    """Return what is to be compared, the reference first.

    One run: its equilibrium and its agents. Several: the same model of each, by default the agents. Raises
    ConfigError, with one sentence for each run that does not have what is asked for.
    """
    opened = [load_run(run) for run in runs]
    if len(opened) == 1:
        wanted: list[tuple[Run, Model]] = [(opened[0], "equilibrium"), (opened[0], "agents")]
    else:
        chosen = model or ("agents" if all(run.agents for run in opened) else "equilibrium")
        wanted = [(run, chosen) for run in opened]
    problems = [
        f"{run.directory}: holds no tables of the {which}; run both models of it"
        for run, which in wanted
        if not (run.agents if which == "agents" else run.equilibrium)
    ]
    if problems:
        raise ConfigError(COMMAND, problems)
    samples = [_sample(run, which, alone=len(opened) == 1) for run, which in wanted]
    problems = [
        f"{sample.name}: has {sample.config.periods} periods a day, the first {samples[0].config.periods}"
        for sample in samples
        if sample.config.periods != samples[0].config.periods
    ]
    if problems:
        raise ConfigError(COMMAND, problems)
    return samples


def _sample(run: Run, model: Model, *, alone: bool) -> Sample:
    file = run.directory / "scenario.toml"
    replicated, config = model == "agents", check(read_toml(file), str(file))
    days = config.days if replicated else 1
    return Sample(
        name=model if alone else f"{model} of {run.directory.name}",
        model=model,
        days=tuple(
            cache(reader_of_last_day(day.read, days))
            for day in (run.replications if replicated else (run.equilibrium,))
        ),
        seeds=tuple(run.manifest["seeds"]) if replicated else (),
        config=config,
        folder=run.directory,
        evs=run.summary.get("evs"),
    )
