"""The commands ``cosim scenarios`` and ``cosim sweep``: what comes along, what to look at, families of days."""

import json
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cosim.errors import ConfigError

if TYPE_CHECKING:
    from cosim.arrays import Frame
    from experiments.sweep.study import Family

WIDTH = 100


def scenarios_command(
    name: Annotated[
        str | None, typer.Argument(help="Name of a scenario: what it teaches, what to run.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """List the scenarios that come along; of one, say what it teaches and what to run."""
    from experiments.scenarios import scenario_files

    told = {known: _about(file) for known, file in scenario_files().items()}
    if name is not None and name not in told:
        raise ConfigError(name, [f"there is no such scenario; there are: {', '.join(told)}"])
    if as_json:
        typer.echo(json.dumps(told if name is None else told[name]))
    elif name is None:
        width = max(len(known) for known in told)
        typer.echo("\n".join(f"{known:{width}}  {about['description']}" for known, about in told.items()))
    else:
        typer.echo(_page(name, told[name]))


def _about(file: Path) -> dict[str, Any]:
    """Return what a scenario file says of itself, without its models being built."""
    from cosim.config.extending import read_scenario_tables
    from cosim.config.reading import read_toml
    from cosim.sections import EXTENDS

    own, tables = read_toml(file), read_scenario_tables(file)
    return {
        "description": tables.get("description", ""),
        "what_to_look_at": tables.get("what_to_look_at", ""),
        "extends": Path(own[EXTENDS]).stem if EXTENDS in own else None,
        "vary": tables.get("vary", []),
        "file": str(file),
    }


def _page(name: str, about: dict[str, Any]) -> str:
    base, run = about["extends"], f"cosim run {name}"
    commands = [f"cosim sweep {name}"] if about["vary"] else [run]
    if base and not about["vary"]:
        quick = "--model equilibrium --out runs"
        commands = [
            f"cosim run {base} {quick}/{base}",
            f"{run} {quick}/{name}",
            f"cosim compare runs/{base} runs/{name} --out runs/{name}-against-{base}",
        ]
    parts = [f"{name}: {about['description']}"]
    parts += [
        fill(paragraph, WIDTH) for paragraph in about["what_to_look_at"].split("\n\n") if paragraph.strip()
    ]
    parts += ["\n".join(f"  varies {variation}" for variation in about["vary"])] if about["vary"] else []
    parts += ["\n".join(f"  {command}" for command in commands), f"file: {about['file']}"]
    return "\n\n".join(parts)


def sweep_command(
    config: Annotated[str, typer.Argument(help="Scenario file (TOML), or the name of one that comes along.")],
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=VALUE,VALUE,...",
            help="Field to run through its values, as in road.theta_per_min=0.05,0.1; default: the scenario's own.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Change any field of all days.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the days.")] = 1,
    out: Annotated[Path | None, typer.Option(help="New directory for the table and the page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Solve the equilibrium of a family of days: a field, or several, run through their values."""
    from cosim.results import RunDirectory
    from experiments.scenarios import find_scenario
    from experiments.sweep.page import write_sweep
    from experiments.sweep.study import read_family, sweep
    from experiments.terminal import progress_bar

    file = find_scenario(config)
    about = _about(file)
    family = read_family(vary or about["vary"])
    directory = None if out is None else RunDirectory(out)
    with progress_bar() as progress:
        days = sweep(
            file, family, settings or (), workers=workers, done=lambda share: progress("days", share)
        )
    if directory is not None:
        with directory as unfinished:
            if not about["vary"] or family != read_family(about["vary"]):
                about = {
                    **about,
                    "what_to_look_at": "",
                }  # it speaks of something else: a run, or another family
            write_sweep(file.stem, about, family, days, unfinished.path)
    typer.echo(json.dumps({"days": days.to_dict("records")}) if as_json else _table(days, family))
    if out is not None and not as_json:
        typer.echo(f"report: {out / 'report.html'}")
    raise typer.Exit(3 if days.flagged.any() else 0)


def _table(days: "Frame", family: "Family") -> str:
    """Return the figures of all days, and below them what was flagged."""
    figures = days.drop(columns="flagged").to_string(index=False, float_format=lambda value: f"{value:.5g}")
    flagged = [f"! {member}: {flag}" for member, flag in family.flagged(days)]
    return "\n".join([str(figures), *flagged])
