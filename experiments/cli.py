"""The command line. Large libraries are imported inside the commands, so that ``--help`` is fast."""

import os
import sys
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer

from cosim.errors import STORAGE, ConfigError, ModelError, StorageError
from experiments.assign.command import assign_command
from experiments.columns import columns_command
from experiments.compare.command import compare_command, converge_command
from experiments.crash import tell
from experiments.dispatch.command import dispatch_command
from experiments.ending import SENTENCES
from experiments.estimate_od.command import estimate_od_command
from experiments.fit_mobility.command import fit_mobility_command
from experiments.mobility.command import mobility_command
from experiments.reproduce.command import reproduce_command
from experiments.resume.command import resume_command
from experiments.run.command import run_command
from experiments.run.figures_command import figures_command
from experiments.say import say
from experiments.scenarios.command import (
    init_command,
    scenarios_command,
    schema_command,
    validate_command,
)
from experiments.sweep.command import sweep_command
from experiments.why.command import why_command

WRONG_INPUT, FLAGGED, NO_STORAGE = 2, 3, 5
"""Exit codes: invalid files or options; a result that violates a limit, or none; a result that cannot be written."""

# Matrices are small: more BLAS threads are slower, and the last bits would depend on their number.
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

app = typer.Typer(
    name="cosim",
    help="Agent-based co-simulation of coupled power and transportation networks.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

for _name, _command, _help in (
    ("assign", assign_command, "Assign traffic to a road network alone."),
    ("columns", columns_command, "Print the meaning of the columns of result tables."),
    ("compare", compare_command, "Compare runs, with the causes of differences."),
    ("converge", converge_command, "Measure the error against the number of agents."),
    ("dispatch", dispatch_command, "Dispatch feeders alone, with a certificate."),
    ("estimate-od", estimate_od_command, "Estimate OD trips from counts or link times."),
    ("figures", figures_command, "Write the figures of a run as PDF, PNG or SVG."),
    ("fit-mobility", fit_mobility_command, "Estimate the mobility chain from travel diaries."),
    ("init", init_command, "Copy a commented scenario, to start a study."),
    ("mobility", mobility_command, "Simulate the mobility of EVs alone."),
    ("reproduce", reproduce_command, "Reproduce the paper (Ma et al. 2024), statement by statement."),
    ("resume", resume_command, "Go on with a run or sweep that was stopped."),
    ("run", run_command, "Run a day, or many; compare the agents with the equilibrium."),
    ("scenarios", scenarios_command, "List the bundled scenarios."),
    ("schema", schema_command, "Print the JSON Schema of scenario files."),
    ("sweep", sweep_command, "Vary fields of a scenario, and compare the days."),
    ("validate", validate_command, "Check a scenario and list all errors."),
    ("why", why_command, "Explain the day of one EV of a run."),
):
    # a negative number is no option: the number of an EV is checked where the run is known
    _context = {"ignore_unknown_options": True} if _command is why_command else None
    app.command(_name, short_help=_help, context_settings=_context)(_command)


def _version(requested: bool) -> None:
    if requested:
        say(f"cosim {version('cosim')}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Agent-based co-simulation of coupled power and transportation networks."""


def main() -> None:
    """Run the command line; errors of the input are printed as sentences, without a traceback."""
    sys.excepthook = tell
    try:
        app()
    except SystemExit as error:
        if error.code in SENTENCES:
            stop(error, int(error.code), SENTENCES[error.code])
        raise
    except ConfigError as error:
        stop(error, WRONG_INPUT)
    except ModelError as error:
        stop(error, FLAGGED)
    except StorageError as error:
        stop(error, NO_STORAGE)
    except MemoryError as error:
        problem = (
            f"there is not enough memory ({error}). Use fewer EVs, days or periods, or a smaller network"
        )
        stop(ConfigError("memory", [problem]), WRONG_INPUT)
    except OSError as error:
        place = str(error.filename or "files")
        if error.errno in STORAGE:
            stop(error, NO_STORAGE, str(StorageError(place, error.errno)))
        stop(ConfigError(place, [f"{error.strerror}"]), WRONG_INPUT)


def stop(error: BaseException, code: int, sentence: str = "") -> NoReturn:
    """Print the error with its notes, and exit with *code*."""
    for line in (sentence or str(error), *getattr(error, "__notes__", ())):
        say(f"cosim: {line}", err=True)
    sys.exit(code)
