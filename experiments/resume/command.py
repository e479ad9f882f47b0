"""The command ``cosim resume``: a run or sweep that was stopped goes on."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from experiments.options import AllowImport, AllowOutside, AsJson, loaded, new_directory, permissions


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
    allow_outside: AllowOutside = False,
    allow_import: AllowImport = False,
    as_json: AsJson = False,
) -> None:
    """Go on with a run or sweep that was stopped, as the same command would: what is finished is not done again."""
    from experiments.run.command import run_and_show
    from experiments.store.commands import SCENARIO_FILE, RunCommand, read_command
    from experiments.sweep.command import sweep_and_show

    command, folder = read_command(directory)
    if workers is not None:
        command = replace(command, workers=workers)
    if isinstance(command, RunCommand):
        scenario = loaded(str(folder / SCENARIO_FILE), (), None, outside=allow_outside, code=allow_import)
        run_and_show(scenario, command, directory, as_json=as_json)
    else:
        sweep_and_show(command, directory, permissions(outside=allow_outside), as_json=as_json)
