"""The commands about scenario files: ``cosim scenarios``, ``validate``, ``schema`` and ``init``."""

from pathlib import Path
from textwrap import fill
from typing import Annotated, Any

import typer

from cosim.errors import ConfigError
from experiments.options import AllowOutside, AsJson, Config, Settings, permissions
from experiments.say import WIDTH, hanging, say


def scenarios_command(
    name: Annotated[
        str | None, typer.Argument(help="Name of a scenario, to print its description and commands.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the bundled scenarios; of one, print the description and the commands to run."""
    from cosim.config.bundled import scenario_files
    from experiments.scenarios.files import describe
    from experiments.study import CommandResult, emit

    known = {key: describe(file) for key, file in scenario_files().items()}
    if name is not None and name not in known:
        raise ConfigError(name, [f"there is no such scenario; there are: {', '.join(known)}"])
    width = max(map(len, known))
    lines = [hanging(f"{key:{width}}  {about['description']}", width + 2) for key, about in known.items()]
    if name is not None:
        lines = [_page(name, known[name])]
    emit(
        CommandResult(command="scenarios", facts=known if name is None else known[name], lines=lines),
        as_json=as_json,
    )


def _page(name: str, about: dict[str, Any]) -> str:
    base, run = about["extends"], f"cosim run {name}"
    commands = [f"cosim sweep {name}"] if about["vary"] else [run]
    if base and not about["vary"]:
        options = "--model equilibrium --out runs"
        commands = [
            f"cosim run {base} {options}/{base}",
            f"{run} {options}/{name}",
            f"cosim compare runs/{base} runs/{name} --out runs/{name}-against-{base}",
        ]
    parts = [f"{name}: {about['description']}"]
    parts += [
        fill(paragraph, WIDTH) for paragraph in about["what_to_look_at"].split("\n\n") if paragraph.strip()
    ]
    parts += ["\n".join(f"  varies {variation}" for variation in about["vary"])] if about["vary"] else []
    parts += ["\n".join(f"  {command}" for command in commands), f"file: {about['file']}"]
    return "\n\n".join(parts)


def validate_command(config: Config, settings: Settings = None, allow_outside: AllowOutside = False) -> None:
    """Check a scenario and its data, and list all errors."""
    from cosim.config.plausibility import unit_questions
    from cosim.scenario import check_scenario
    from cosim.scenario.choice import NotImported

    scenario = check_scenario(config, settings or (), allow=permissions(outside=allow_outside))
    roads, feeders = scenario.network, [case.feeder for case in scenario.feeders]
    say(
        f"{config}: fine. Road nodes: {len(roads.nodes)}, links: {len(roads.links) - len(scenario.stations)}, "
        f"OD pairs: {scenario.od_share.size}, paths and (path, station) pairs: {scenario.paths.count}, "
        f"stations: {len(scenario.stations)}, feeders: {len(feeders)}, "
        f"buses: {sum(feeder.bus_count for feeder in feeders)}."
    )
    for question in unit_questions(scenario.config):
        typer.echo(f"note: {question}", err=True)
    if isinstance(scenario.choice, NotImported):
        say(f"note: population.choice is not checked; a run would import {scenario.choice.code}.", err=True)


def schema_command(
    table: Annotated[
        bool, typer.Option("--table", help="Print a table of all fields and their bounds, in Markdown.")
    ] = False,
) -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from cosim.config.schema import fields_table, json_schema

    say(fields_table() if table else json_schema())


def init_command(
    directory: Annotated[
        Path | None, typer.Argument(help="New directory for the study; of samples by default 'samples'.")
    ] = None,
    scenario: Annotated[
        str, typer.Option("--from", help="Scenario to start from (cosim scenarios).")
    ] = "paper",
    samples: Annotated[
        bool,
        typer.Option(
            "--samples",
            help="Copy small data files of every kind instead: roads, counts, diaries, networks, profiles.",
        ),
    ] = False,
) -> None:
    """Copy a commented scenario with its data, as the start of a study, or sample files."""
    from experiments.scenarios.files import copy_samples, copy_scenario

    if samples:
        folder = directory or Path("samples")
        copy_samples(folder)
        say(f"{folder} holds the files that the documents use.")
        return
    if directory is None:
        source = "cosim init"
        raise ConfigError(source, ["name a new directory, or ask for --samples"])
    file = copy_scenario(scenario, directory)
    say(f"{file} is yours to change. Then: cosim run {file}")
