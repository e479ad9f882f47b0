"""The command ``cosim run``."""

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.options import (
    AllowImport,
    AllowOutside,
    AsJson,
    Config,
    Seed,
    Settings,
    Workers,
    loaded,
    new_directory,
)

if TYPE_CHECKING:
    from cosim.scenario import Scenario
    from experiments.store.commands import RunCommand


class ModelName(StrEnum):
    """Which model of the day to run."""

    agents = "agents"
    equilibrium = "equilibrium"
    both = "both"


def run_command(  # noqa: PLR0913, PLR0917  (an option each)
    config: Config,
    model: Annotated[ModelName, typer.Option(help="Which model of the day to run.")] = ModelName.both,
    seed: Seed = None,
    out: Annotated[
        Path | None,
        typer.Option(
            callback=new_directory,
            help="Run directory; must not exist yet. A run that was stopped goes on.",
        ),
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Days the agents live through.")] = None,
    replications: Annotated[
        int, typer.Option(min=1, help="Days of the agents, each with draws of its own.")
    ] = 1,
    workers: Workers = 1,
    learning_check: Annotated[
        bool | None,
        typer.Option(
            help="Drivers who are told nothing of the equilibrium learn it, for learning_check.days days "
            "(default: in a single run of both models, up to 100,000 EVs)."
        ),
    ] = None,
    settings: Settings = None,
    allow_outside: AllowOutside = False,
    allow_import: AllowImport = False,
    as_json: AsJson = False,
) -> None:
    """Run a day, or many: the agents, the equilibrium, or both, and compare them."""
    from experiments.store.commands import RunCommand

    asked = {"days": days, "learning_check.enabled": learning_check}
    given = [f"{field}={json.dumps(value)}" for field, value in asked.items() if value is not None]
    changes = [*(settings or ()), *given]
    scenario = loaded(config, changes, seed, outside=allow_outside, code=allow_import)
    command = RunCommand(model=model.value, replications=replications, workers=workers)
    run_and_show(scenario, command, out, as_json=as_json)


def run_and_show(scenario: "Scenario", command: "RunCommand", out: Path | None, *, as_json: bool) -> None:
    """Run a scenario and print its figures."""
    from experiments.run.runner import run
    from experiments.study import emit, told
    from experiments.terminal import progress_bar, study_of

    with progress_bar() as progress:
        finished = run(scenario, out=out, progress=progress, note=told, **asdict(command))
    emit(study_of(finished), as_json=as_json)
