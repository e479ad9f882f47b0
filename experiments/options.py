"""Options that several commands share."""

from typing import Annotated

import typer

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
