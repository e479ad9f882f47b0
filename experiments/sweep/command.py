"""The command ``cosim sweep``: the equilibrium of a day for each combination of field values."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.options import AllowOutside, AsJson, Config, Out, Settings, Workers, permissions

if TYPE_CHECKING:
    from collections.abc import Collection

    from cosim.arrays import Frame
    from cosim.files import Permission
    from experiments.store.commands import SweepCommand
    from experiments.study import CommandResult

Vary = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FIELD=VALUE,VALUE,...",
        help="Field and its values, as in road.theta_per_min=0.05,0.1 or population.ev_share=0.2:0.8:0.1; default: the "
        "scenario's own.",
    ),
]


def sweep_command(
    config: Config,
    vary: Vary = None,
    settings: Settings = None,
    workers: Workers = 1,
    allow_outside: AllowOutside = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Solve the equilibrium of a day for each value of a field, or for all combinations of several."""
    from cosim.config.bundled import find_scenario
    from cosim.config.reading import read_settings
    from experiments.scenarios.files import describe
    from experiments.store.commands import SweepCommand
    from experiments.sweep.parameters import read_parameters

    file = find_scenario(config)
    parameters = read_parameters(vary or describe(file)["vary"])
    command = SweepCommand(
        file=str(file.absolute()),
        vary={
            field: list(values) for field, values in zip(parameters.fields, parameters.values, strict=True)
        },
        settings=read_settings(settings or ()),
        workers=workers,
    )
    sweep_and_show(command, out, permissions(outside=allow_outside), as_json=as_json)


def sweep_and_show(
    command: "SweepCommand", out: Path | None, allow: "Collection[Permission]" = (), *, as_json: bool
) -> None:
    """Solve a sweep, write it into *out*, and print it; days that are finished there are not solved again."""
    from experiments.store.commands import keep_command
    from experiments.store.identity import program
    from experiments.store.pieces import Store
    from experiments.study import emit, told
    from experiments.sweep.study import sweep
    from experiments.terminal import progress_bar

    with nullcontext() if out is None else Store(out, program(), told) as pieces:
        if pieces is not None:
            keep_command(pieces, command)
        notes: list[str] = []
        with progress_bar() as progress:
            days = sweep(
                command.file,
                command.vary,
                command.settings,
                workers=command.workers,
                done=lambda share: progress("days", share),
                note=notes.append,
                pieces=pieces,
                allow=allow,
            )
        for note in notes:
            told(note)
        emit(_result(command, days), out, as_json=as_json)


def _result(command: "SweepCommand", days: "Frame") -> "CommandResult":
    from experiments.scenarios.files import describe
    from experiments.study import CommandResult
    from experiments.sweep.page import page
    from experiments.sweep.parameters import parameter_grid, read_parameters, text_fields

    file, parameters = Path(command.file), parameter_grid(command.vary)
    about = describe(file)
    if not about["vary"] or parameters != read_parameters(about["vary"]):
        about["what_to_look_at"] = ""  # the text is about a run, or about another sweep
    return CommandResult(
        command="sweep",
        facts={"days": days.to_dict("records")},
        lines=_lines(days),
        flags=[f"{point}: {flag}" for point, flag in parameters.flagged(days)],
        tables=lambda: {"days": text_fields(days, parameters)},
        page=lambda _tables: page(file.stem, about, parameters, days),
        fields=parameters.fields,
    )


def _lines(days: "Frame") -> list[str]:
    return [days.drop(columns="flagged").to_string(index=False, float_format=lambda value: f"{value:.5g}")]
