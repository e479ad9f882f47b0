"""Options that several commands share."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.say import say

if TYPE_CHECKING:
    from cosim.files import Permission
    from cosim.scenario import Scenario


def new_directory(out: Path | None) -> Path | None:
    """Return the output directory; raises ConfigError if it exists."""
    from experiments.store.folders import RunDirectory

    return None if out is None else RunDirectory(out).final


def loaded(
    config: str, settings: Sequence[str], seed: int | None, *, outside: bool, code: bool
) -> "Scenario":
    """Return the scenario of a command; Python code that it names runs where that is allowed, and is told before."""
    from cosim.config.reading import read_settings
    from cosim.scenario import check_scenario, with_imported_choice
    from cosim.scenario.choice import FIELD, NotImported

    scenario = check_scenario(config, settings, seed=seed, allow=permissions(outside=outside))
    if isinstance(scenario.choice, NotImported) and (code or FIELD in read_settings(settings)):
        say(f"note: {FIELD} imports {scenario.choice.code}.", err=True)
        return with_imported_choice(scenario)
    return scenario


def permissions(*, outside: bool = False, code: bool = False) -> "tuple[Permission, ...]":
    """Return what the flags of a command allow a scenario."""
    return (*(("outside",) if outside else ()), *(("import",) if code else ()))


Config = Annotated[
    str,
    typer.Argument(help="Scenario file (TOML), or the name of a bundled scenario (cosim scenarios)."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Change any field: grid.slack_voltage_pu=1.02, stations.CS6.chargers=4, grid.storage.0.bus=30.",
    ),
]
Seed = Annotated[int | None, typer.Option(min=0, help="Seed; by default that of the scenario.")]
Workers = Annotated[int, typer.Option(min=1, help="Number of processes; results do not depend on it.")]
Out = Annotated[
    Path | None,
    typer.Option(callback=new_directory, help="New directory for the tables and the page."),
]
AllowOutside = Annotated[
    bool, typer.Option("--allow-outside", help="Let the scenario read files outside its folder.")
]
AllowImport = Annotated[
    bool,
    typer.Option("--allow-import", help="Run the Python class that the scenario names as population.choice."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
