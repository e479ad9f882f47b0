"""The command ``cosim sweep``: many runs, over values of fields and over seeds."""

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.options import (
    AllowImport,
    AllowOutside,
    AsJson,
    Config,
    Out,
    Settings,
    Workers,
    permissions,
)
from experiments.run.command import ModelName

if TYPE_CHECKING:
    from collections.abc import Collection

    from cosim.files import Permission
    from experiments.store.commands import SweepCommand
    from experiments.study import CommandResult
    from experiments.sweep.answers.summary import Answers
    from experiments.sweep.sweep_result import Sweep

Vary = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FIELD=VALUE,VALUE,...",
        help="Field and its values, as in road.theta_per_min=0.05,0.1 or population.ev_share=0.2:0.8:0.1; default: the "
        "scenario's own.",
    ),
]
Sample = Annotated[
    list[str] | None,
    typer.Option(metavar="FIELD=LOW:HIGH", help="Field and the range that is sampled."),
]
FROM_THE_SCENARIO = ("keep", "remedies", "broken_at_most")
"""What is asked in the scenario alone."""
PRINTED = ("drive_min", "wait_min", "cost_cny", "losses_kwh", "voltage_min_pu")
"""Figures that are printed of each setting."""
EXPLORER = "explorer.html"
SHOWN_ROWS = 40
"""Rows that are printed."""


def sweep_command(  # noqa: PLR0913, PLR0917  (an option each)
    config: Config,
    vary: Vary = None,
    sample: Sample = None,
    points: Annotated[int | None, typer.Option(min=1, help="Points that are sampled (64).")] = None,
    design: Annotated[str | None, typer.Option(help="How: latin (default), sobol or saltelli.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Days of the agents for each setting.")] = None,
    model: Annotated[
        ModelName | None,
        typer.Option(help="Which model; default: the equilibrium, with several seeds both."),
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Days the agents live through.")] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=VALUE", help="Values that all settings are compared with, seed by seed."),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(metavar="FIGURE=LEVEL", help="Where a figure crosses a level: voltage_min_pu=0.95."),
    ] = None,
    settings: Settings = None,
    workers: Workers = 1,
    allow_outside: AllowOutside = False,
    allow_import: AllowImport = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Run a day for each value of a field, or for all combinations of several, and for each of many seeds."""
    from experiments.store.commands import SweepCommand
    from experiments.sweep.plan import read_request

    allow = permissions(outside=allow_outside, code=allow_import)
    options = {
        "points": points,
        "design": design,
        "seeds": seeds,
        "model": model and model.value,
        "days": days,
        "baseline": baseline,
        "thresholds": threshold,
    }
    request = read_request(config, settings or (), vary=vary, sample=sample, allow=allow, **options)
    sweep_and_show(SweepCommand(**asdict(request), workers=workers), out, allow, as_json=as_json)


def sweep_and_show(
    command: "SweepCommand", out: Path | None, allow: "Collection[Permission]" = (), *, as_json: bool
) -> None:
    """Do a sweep, write it into *out*, and print it; runs that are finished there are not done again."""
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
        asked = asdict(command)
        with progress_bar() as progress:
            found = sweep(
                asked.pop("file"),
                **{name: value for name, value in asked.items() if name not in FROM_THE_SCENARIO},
                done=lambda share: progress("runs", share),
                note=notes.append,
                pieces=pieces,
                allow=allow,
            )
        for note in notes:
            told(note)
        emit(_result(command, found), out, as_json=as_json)


def _result(command: "SweepCommand", found: "Sweep") -> "CommandResult":
    from experiments.scenarios.files import describe
    from experiments.study import CommandResult, write_page
    from experiments.sweep.answers.page import explorer, page
    from experiments.sweep.answers.remedies import REMEDY
    from experiments.sweep.design import read_vary
    from experiments.sweep.sweep_result import text_fields

    file, answers, flags = Path(command.file), found.answers(), found.flagged()
    about = describe(file)
    fields = {field: values for field, values in command.vary.items() if field != REMEDY}
    if not command.vary or fields != read_vary(about["vary"]):
        about["what_to_look_at"] = ""  # the text is about a run, or about another sweep
    return CommandResult(
        command="sweep",
        facts={
            "answers": answers.sentences,
            "runs": found.frame.to_dict("records"),
            **{name: table.to_dict("records") for name, table in answers.tables.items()},
        },
        lines=_lines(found, answers),
        flags=flags,
        notes=answers.notes,
        tables=lambda: {
            name: text_fields(table, found.design)
            for name, table in {"runs": found.frame, **answers.tables}.items()
        },
        page=lambda _tables: page(file.stem, about, found.runs, answers, flags),
        files=lambda folder: write_page(explorer(file.stem, about, found.runs, answers), folder / EXPLORER),
        fields=found.fields,
    )


def _lines(found: "Sweep", answers: "Answers") -> list[str]:
    from experiments.sweep.answers.summary import told_settings

    if found.frame.seed_number.max() > 1:
        text = told_settings(found.runs, answers, PRINTED).to_string(index=False, max_rows=SHOWN_ROWS)
        return [text, *(["", *answers.sentences] if answers.sentences else [])]
    shown = found.frame.drop(columns=["run", "setting", "seed", "limits_broken", "flagged", "failed"])
    if found.frame.seed_number.max() == 0:
        shown = shown.drop(columns=["seed_number", "model", "day"])
    more = len(shown) - SHOWN_ROWS
    text = shown.head(SHOWN_ROWS).to_string(index=False, float_format=lambda value: f"{value:.5g}")
    return [
        text,
        *([f"... and {more:,} more rows in the table runs"] if more > 0 else []),
        *answers.sentences,
    ]
