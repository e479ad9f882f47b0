"""The command ``cosim resume``: a run or sweep that was stopped goes on."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from experiments.options import AsJson, new_directory


def resume_command(
    directory: Annotated[
        Path,
        typer.Argument(
            callback=new_directory, help="Directory that the stopped run or sweep would have made."
        ),
    ],
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of processes; by default as before.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a run or sweep that was stopped, as the same command would: what is finished is not done again."""
    from cosim.scenario import load_scenario
    from experiments.run.command import run_and_show
    from experiments.store.commands import SCENARIO_FILE, RunCommand, read_command
    from experiments.sweep.command import sweep_and_show

    command, folder = read_command(directory)
    if workers is not None:
        command = replace(command, workers=workers)
    if isinstance(command, RunCommand):
        run_and_show(load_scenario(folder / SCENARIO_FILE), command, directory, as_json=as_json)
    else:
        sweep_and_show(command, directory, as_json=as_json)
