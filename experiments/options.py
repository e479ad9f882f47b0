"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer


def new_directory(out: Path | None) -> Path | None:
    """Return the output directory; raises ConfigError if it exists."""
    from experiments.store.folders import RunDirectory

    return None if out is None else RunDirectory(out).final


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
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
