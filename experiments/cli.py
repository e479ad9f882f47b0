"""The command line. Heavy libraries are imported inside the commands, so that ``--help`` answers at once."""

import os
import signal
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from cosim.errors import ConfigError, ModelError
from experiments.assign.command import assign_command
from experiments.compare.command import compare_command, converge_command
from experiments.dispatch.command import dispatch_command
from experiments.estimate_od.command import estimate_od_command
from experiments.fit_mobility.command import fit_mobility_command
from experiments.mobility.command import mobility_command
from experiments.options import Config, Settings
from experiments.reproduce.command import reproduce_command
from experiments.run.command import run_command
from experiments.sweep.command import scenarios_command, sweep_command
from experiments.why.command import why_command

WRONG_INPUT, FLAGGED = 2, 3

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
app.command("run", short_help="Run a day, or many; compare the agents with the equilibrium.")(run_command)
app.command("scenarios", short_help="List what comes along, and what it teaches.")(scenarios_command)
app.command("sweep", short_help="Run a field through values, day by day.")(sweep_command)


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
