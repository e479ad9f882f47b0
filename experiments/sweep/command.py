"""The command ``cosim sweep``: the equilibrium of a day for each combination of field values."""

from typing import TYPE_CHECKING, Annotated

import typer

from experiments.options import AsJson, Config, Out, Settings, Workers

if TYPE_CHECKING:
    from cosim.arrays import Frame

Vary = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FIELD=VALUE,VALUE,...",
        help="Field and its values, as in road.theta_per_min=0.05,0.1; default: the scenario's own.",
    ),
]


def sweep_command(
    config: Config,
    vary: Vary = None,
    settings: Settings = None,
    workers: Workers = 1,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Solve the equilibrium of a day for each value of a field, or for all combinations of several."""
    from cosim.config.bundled import find_scenario
    from experiments.scenarios.files import describe
    from experiments.study import CommandResult, emit
    from experiments.sweep.page import page
    from experiments.sweep.study import read_parameters, sweep, text_fields
    from experiments.terminal import progress_bar

    file = find_scenario(config)
    about = describe(file)
    parameters = read_parameters(vary or about["vary"])
    if not about["vary"] or parameters != read_parameters(about["vary"]):
        about["what_to_look_at"] = ""  # the text is about a run, or about another sweep
    notes: list[str] = []
    with progress_bar() as progress:
        days = sweep(
            file,
            parameters,
            settings or (),
            workers=workers,
            done=lambda share: progress("days", share),
            note=notes.append,
        )
    for note in notes:
        typer.echo(f"note: {note}", err=True)
    study = CommandResult(
        command="sweep",
        facts={"days": days.to_dict("records")},
        lines=_lines(days),
        flags=[f"{point}: {flag}" for point, flag in parameters.flagged(days)],
        tables=lambda: {"days": text_fields(days, parameters)},
        page=lambda _tables: page(file.stem, about, parameters, days),
        fields=parameters.fields,
    )
    emit(study, out, as_json=as_json)


def _lines(days: "Frame") -> list[str]:
    return [days.drop(columns="flagged").to_string(index=False, float_format=lambda value: f"{value:.5g}")]
