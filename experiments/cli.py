"""The command line. Heavy libraries are imported inside the commands, so that ``--help`` answers at once."""

import os
import signal
import sys
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from cosim.errors import ConfigError, ModelError
from experiments.assign import assign_command
from experiments.compare.command import compare_command, converge_command
from experiments.dispatch import dispatch_command
from experiments.estimate_od import estimate_od_command
from experiments.fit_mobility import fit_mobility_command
from experiments.lessons import scenarios_command, sweep_command
from experiments.mobility import mobility_command
from experiments.reproduce.command import reproduce_command
from experiments.why.command import why_command

OK, WRONG_INPUT, FLAGGED = 0, 2, 3

# The matrices here are small: more BLAS threads only wait for each other, and the bits would depend on their number.
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

app = typer.Typer(
    name="cosim",
    help="Agent-based co-simulation of coupled power and transportation networks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.command("assign", short_help="Assign traffic to a road network alone.")(assign_command)
app.command("compare", short_help="Compare runs, and say why they differ.")(compare_command)
app.command("converge", short_help="Measure the error against the number of agents.")(converge_command)
app.command("dispatch", short_help="Dispatch feeders alone, and prove it.")(dispatch_command)
app.command("estimate-od", short_help="Estimate trips from counts or link times.")(estimate_od_command)
app.command("why", short_help="Explain the day of one EV of a run.")(why_command)
app.command("mobility", short_help="Simulate the EVs' days alone.")(mobility_command)
app.command("fit-mobility", short_help="Estimate the mobility chain from travel diaries.")(
    fit_mobility_command
)
app.command("reproduce", short_help="Reproduce the paper, statement by statement.")(reproduce_command)
app.command("scenarios", short_help="List what comes along, and what it teaches.")(scenarios_command)
app.command("sweep", short_help="Run a field through values, day by day.")(sweep_command)

Config = Annotated[
    str,
    typer.Argument(help="Scenario file (TOML), or the name of one that comes along (cosim scenarios)."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Change any field: grid.slack_voltage_pu=1.02, stations.CS6.chargers=4, grid.storage.0.bus=30.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


class ModelName(StrEnum):
    """Which model of the day to run."""

    agents = "agents"
    equilibrium = "equilibrium"
    both = "both"


@app.command("run", short_help="Run a day, or many; compare the agents with the equilibrium.")
def run_command(  # noqa: PLR0913, PLR0917  (an option each)
    config: Config,
    model: Annotated[ModelName, typer.Option(help="Which model of the day to run.")] = ModelName.both,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed; by default that of the scenario.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Run directory; must not exist yet. A run of many days that was stopped goes on."),
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Days the agents live through.")] = None,
    replications: Annotated[
        int, typer.Option(min=1, help="Days of the agents, each with draws of its own.")
    ] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the replications.")] = 1,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Run a day, or many: the agents, the equilibrium, or both, and compare them."""
    from experiments.runner import run
    from experiments.scenarios import load_scenario
    from experiments.terminal import progress_bar, show_json, show_table

    changes = [*(settings or ()), *([] if days is None else [f"days={days}"])]
    scenario = load_scenario(config, changes, seed=seed)
    with progress_bar() as progress:
        finished = run(scenario, model.value, out, progress, replications=replications, workers=workers)
    (show_json if as_json else show_table)(finished)
    raise typer.Exit(FLAGGED if finished.manifest["flags"] else OK)


@app.command(short_help="Check a scenario and list all that is wrong with it.")
def validate(config: Config, settings: Settings = None) -> None:
    """Check a scenario and its data, and list everything that is wrong with it."""
    from experiments.scenarios import load_scenario

    scenario = load_scenario(config, settings or ())
    roads, feeders = scenario.network, [case.feeder for case in scenario.feeders]
    typer.echo(
        f"{config}: fine. Road nodes: {len(roads.nodes)}, links: {len(roads.links) - len(scenario.stations)}, "
        f"OD pairs: {scenario.od_share.size}, paths and (path, station) pairs: {scenario.paths.count}, "
        f"stations: {len(scenario.stations)}, feeders: {len(feeders)}, "
        f"buses: {sum(feeder.bus_count for feeder in feeders)}."
    )


@app.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from cosim.config.schema import json_schema

    typer.echo(json_schema())


@app.command(short_help="Copy a commented scenario, to start a study.")
def init(
    directory: Annotated[Path, typer.Argument(help="New directory for the study.")],
    scenario: Annotated[
        str, typer.Option("--from", help="Scenario to start from (cosim scenarios).")
    ] = "paper",
) -> None:
    """Copy a commented scenario with its data, to start a study of your own."""
    from experiments.scenarios import copy_scenario

    file = copy_scenario(scenario, directory)
    typer.echo(f"{file} is yours to change. Then: cosim run {file}")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"cosim {version('cosim')}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Agent-based co-simulation of coupled power and transportation networks."""


def main() -> None:
    """Run the command line; every error a user can mend is a sentence, never a traceback."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a run that is stopped cleans up
    try:
        app()
    except ConfigError as error:
        stop(error, WRONG_INPUT)
    except ModelError as error:
        stop(error, FLAGGED)
    except MemoryError as error:
        problem = (
            f"there is not enough memory ({error}). Take fewer EVs, days or periods, or a smaller network"
        )
        stop(ConfigError("memory", [problem]), WRONG_INPUT)
    except OSError as error:
        stop(ConfigError(str(error.filename or "files"), [f"{error.strerror}"]), WRONG_INPUT)


def stop(error: Exception, code: int) -> None:
    """Print the error and leave with *code*."""
    typer.echo(f"cosim: {error}", err=True)
    sys.exit(code)
