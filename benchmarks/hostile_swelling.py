"""Files that swell in memory or hold a reader for long."""

import os

from attempts import (
    RUN,
    Attempt,
    replaced,
    written,
)


def _of_scenarios_and_tables() -> list[Attempt]:
    """Return those of scenarios and tables."""
    return [
        Attempt("100,000 lists", written("toy.toml", "x = " + "[" * 100_000)),
        Attempt("100,000 tables", written("toy.toml", "x." * 100_000 + "x = 1")),
        Attempt(
            "a cell of 60 MB",
            written("toy/od.csv", b"origin,destination,demand_veh_h\n" + b"1" * 60_000_000 + b",4,1\n"),
        ),
        Attempt("60 MB of commas", written("toy/od.csv", b"," * 60_000_000)),
        Attempt(
            "60 MB of lines",
            written("toy/od.csv", b"origin,destination,demand_veh_h\n" + b"1,4,1\n" * 10_000_000),
        ),
        Attempt("a hole of 10 GB", lambda: os.truncate("toy/od.csv", 10**10)),
        Attempt("a number of a million digits", replaced("periods = 8", f"periods = {'9' * 500_000}")),
        Attempt("a million stations", written("toy.toml", '[[stations]]\nname="S"\n' * 40_000)),
        Attempt("a billion periods", replaced("periods = 8", "periods = 1000000000")),
        Attempt("a billion EVs", replaced("[population]", "[population]\nevs = 1000000000"), RUN),
    ]


def swelling() -> list[Attempt]:
    """Return files that swell."""
    return [*_of_scenarios_and_tables()]
