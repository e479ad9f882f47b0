"""The command ``cosim run``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

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
            help="Run directory; must not exist yet. A run of many days that was stopped goes on.",
        ),
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Days the agents live through.")] = None,
    replications: Annotated[
        int, typer.Option(min=1, help="Days of the agents, each with draws of its own.")
    ] = 1,
    workers: Workers = 1,
    settings: Settings = None,
    allow_outside: AllowOutside = False,
    allow_import: AllowImport = False,
    as_json: AsJson = False,
) -> None:
    """Run a day, or many: the agents, the equilibrium, or both, and compare them."""
    from experiments.run.runner import run
    from experiments.study import emit
    from experiments.terminal import progress_bar, study_of

    changes = [*(settings or ()), *([] if days is None else [f"days={days}"])]
    scenario = loaded(config, changes, seed, outside=allow_outside, code=allow_import)
    with progress_bar() as progress:
        finished = run(scenario, model.value, out, progress, replications=replications, workers=workers)
    emit(study_of(finished), as_json=as_json)
