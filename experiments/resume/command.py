"""The command ``cosim resume``: a run or sweep that was stopped goes on."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from experiments.options import AllowImport, AllowOutside, AsJson, loaded, new_directory, permissions


def resume_command(
    directory: Annotated[
        Path,
        typer.Argument(help="Directory of the stopped sweep, or that the stopped run would have made."),
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
    from experiments.store.commands import SCENARIO_FILE, read_command
    from experiments.sweep.campaign import PLAN, read_request_of
    from experiments.sweep.command import sweep_and_show
    from experiments.sweep.study import How

    if (directory / PLAN).is_file():
        how = How(out=directory, workers=workers or 1)
        allow = permissions(outside=allow_outside, code=allow_import)
        sweep_and_show(read_request_of(directory), how, allow, as_json=as_json)
        return
    new_directory(directory)
    command, folder = read_command(directory)
    if workers is not None:
        command = replace(command, workers=workers)
    scenario = loaded(str(folder / SCENARIO_FILE), (), None, outside=allow_outside, code=allow_import)
    run_and_show(scenario, command, directory, as_json=as_json)
