"""The command ``cosim sweep``: many runs, over values of fields and over seeds."""

import re
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from cosim.errors import ConfigError
from cosim.words import counted
from experiments.options import (
    AllowImport,
    AllowOutside,
    AsJson,
    Config,
    Settings,
    Workers,
    permissions,
)
from experiments.run.command import ModelName

if TYPE_CHECKING:
    from collections.abc import Collection

    from cosim.files import Permission
    from experiments.store.engines import EngineName
    from experiments.study import CommandResult
    from experiments.sweep.answers.summary import Answers
    from experiments.sweep.plan import SweepRequest
    from experiments.sweep.study import How
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


class DesignName(StrEnum):
    """How points are sampled."""

    latin = "latin"
    sobol = "sobol"
    saltelli = "saltelli"


class EngineChoice(StrEnum):
    """Where runs are done."""

    in_process = "in-process"
    processes = "processes"
    dask = "dask"


Points = Annotated[int | None, typer.Option(min=1, help="Points that are sampled (64).")]
DesignOption = Annotated[DesignName | None, typer.Option(help="How they are sampled; default: latin.")]
Seeds = Annotated[int | None, typer.Option(min=1, help="Days of the agents for each setting.")]
Model = Annotated[
    ModelName | None,
    typer.Option(help="Which model; default: the equilibrium, with several seeds both."),
]
Days = Annotated[int | None, typer.Option(min=1, help="Days the agents live through.")]
Keep = Annotated[
    str | None,
    typer.Option(metavar="TABLE,TABLE", help="Result tables of the runs to keep, as links,stations."),
]
Baseline = Annotated[
    list[str] | None,
    typer.Option(metavar="FIELD=VALUE", help="Values that all settings are compared with, seed by seed."),
]
Threshold = Annotated[
    list[str] | None,
    typer.Option(metavar="FIGURE=LEVEL", help="Where a figure crosses a level: voltage_min_pu=0.95."),
]
Engine = Annotated[
    EngineChoice | None,
    typer.Option(help="Where runs are done; default: this process, with several workers processes."),
]
Scheduler = Annotated[
    str | None, typer.Option(metavar="tcp://HOST:PORT", help="Scheduler of a Dask cluster that exists.")
]
ShardOption = Annotated[
    str | None,
    typer.Option(metavar="I/N", help="Do part I of N; other processes that share --out do the others."),
]
Fork = Annotated[bool, typer.Option("--fork", help="Put runs of another scenario or version in --out aside.")]
Directory = Annotated[
    Path | None,
    typer.Option(help="Directory of the runs; the same command goes on there, and does only what is new."),
]
SHARD = "shard"
PRINTED = ("drive_min", "wait_min", "cost_cny", "losses_kwh", "voltage_min_pu")
"""Figures that are printed of each setting."""
EXPLORER = "explorer.html"
SHOWN_ROWS = 40
"""Rows that are printed."""


def sweep_command(  # noqa: PLR0913, PLR0917  (an option each)
    config: Config,
    vary: Vary = None,
    sample: Sample = None,
    points: Points = None,
    design: DesignOption = None,
    seeds: Seeds = None,
    model: Model = None,
    days: Days = None,
    keep: Keep = None,
    baseline: Baseline = None,
    threshold: Threshold = None,
    settings: Settings = None,
    workers: Workers = 1,
    engine: Engine = None,
    scheduler: Scheduler = None,
    shard: ShardOption = None,
    fork: Fork = False,
    allow_outside: AllowOutside = False,
    allow_import: AllowImport = False,
    out: Directory = None,
    as_json: AsJson = False,
) -> None:
    """Run a day for each value of a field, or for all combinations of several, and for each of many seeds."""
    from experiments.sweep.plan import read_request
    from experiments.sweep.study import How

    allow = permissions(outside=allow_outside, code=allow_import)
    chosen: dict[str, Any] = {"design": design and design.value, "model": model and model.value, "days": days}
    chosen |= {"points": points, "seeds": seeds, "baseline": baseline, "thresholds": threshold}
    chosen["keep"] = tuple(filter(None, keep.split(","))) if keep else None
    request = read_request(config, settings or (), vary=vary, sample=sample, allow=allow, **chosen)
    where = cast("EngineName | None", engine and engine.value)
    part = read_shard(shard, out)
    how = How(out=out, workers=workers, engine=where, scheduler=scheduler, shard=part, fork=fork)
    sweep_and_show(request, how, allow, as_json=as_json)


def read_shard(text: str | None, out: Path | None) -> tuple[int, int]:
    """Return number and count of a shard ``i/n``; ConfigError for what is none."""
    if text is None:
        return 1, 1
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise ConfigError(SHARD, [f"{text!r} is no part of a sweep; it must be I/N, as 3/8"])
    if out is None:
        raise ConfigError(SHARD, ["parts of a sweep are put together in a directory; name one with --out"])
    return int(found[1]), int(found[2])


def sweep_and_show(
    request: "SweepRequest", how: "How", allow: "Collection[Permission]" = (), *, as_json: bool
) -> None:
    """Do a sweep, write its table and page into its directory, and print it."""
    from experiments.study import emit, told, write_into
    from experiments.sweep.progress import sweep_progress
    from experiments.sweep.study import run_request

    with sweep_progress() as progress:
        found = run_request(request, replace(how, note=told, progress=progress), allow)
    result = _result(request, how, found)
    written = [] if how.out is None or found.missing else [write_into(result, how.out)]
    emit(replace(result, lines=[*result.lines, *written]), as_json=as_json)


def _result(request: "SweepRequest", how: "How", found: "Sweep") -> "CommandResult":
    from experiments.scenarios.files import describe
    from experiments.study import CommandResult, write_page
    from experiments.sweep.answers.page import explorer, page
    from experiments.sweep.answers.remedies import REMEDY
    from experiments.sweep.design import read_vary
    from experiments.sweep.manifest import write_manifest

    file, answers, flags = Path(request.file), found.answers(), [*found.flagged(), *_failed(found, how)]
    about = describe(file)
    fields = {field: values for field, values in request.vary.items() if field != REMEDY}
    if not request.vary or fields != read_vary(about["vary"]):
        about["what_to_look_at"] = ""  # the text is about a run, or about another sweep
    notes = []
    if found.missing:
        where = f"cosim resume {how.out}"
        notes.append(
            f"{found.missing:,} runs are not finished yet; who ends last writes the table, or: {where}"
        )
    if request.model == "equilibrium":
        notes.append(
            "the operator of an equilibrium knows the load, so limits are those of a perfect forecast; "
            "--model agents shows days as lived"
        )

    def write_files(folder: Path) -> None:
        write_manifest(folder, request, found)
        write_page(explorer(file.stem, about, found.runs, answers), folder / EXPLORER)

    return CommandResult(
        command="sweep",
        facts={
            "answers": answers.sentences,
            "runs": found.frame.to_dict("records"),
            "missing": found.missing,
            **{name: table.to_dict("records") for name, table in answers.tables.items()},
        },
        lines=_lines(found, answers),
        flags=flags,
        notes=[*notes, *answers.notes],
        tables=lambda: {"runs": found.frame, **answers.tables},
        page=lambda _tables: page(file.stem, about, found.runs, answers, flags),
        files=write_files,
        fields=found.fields,
    )


def _failed(found: "Sweep", how: "How") -> list[str]:
    failed = int((found.frame.failed != "").sum())
    logs = f"; their logs are in {how.out / 'failed'}, without which they are tried again" if how.out else ""
    return [f"{counted(failed, 'run')} of {len(found.frame):,} failed{logs}"] if failed else []


def _lines(found: "Sweep", answers: "Answers") -> list[str]:
    from experiments.sweep.answers.summary import told_settings

    if found.frame.empty:
        return []
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
