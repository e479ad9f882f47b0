"""The errata of Ma et al. (2024), the one source: docs/method.md repeats their table, and a test compares the two."""

import tomllib
from importlib.resources import files

from experiments.reproduce.cases import Reproduction
from experiments.reproduce.errata import feeder, roads
from experiments.reproduce.errata.erratum import Erratum, Shown

ERRATA = tuple(
    Erratum(item, **own)
    for item, own in tomllib.loads(
        files(__name__).joinpath("errata.toml").read_text(encoding="utf-8")
    ).items()
)
NUMBERS = roads.NUMBERS | feeder.NUMBERS


def shown(case: Reproduction) -> list[Shown]:
    """Return every erratum with its numbers."""
    return [Shown(erratum, NUMBERS[erratum.item](case)) for erratum in ERRATA]


def errata_table() -> str:
    """Return the errata as the Markdown table of docs/method.md."""
    rows = [f"| {own.item} | {_plain(own.wrong)} | {_plain(own.we_do)} |" for own in ERRATA]
    return "\n".join(["| printed | what is wrong | what we do |", "|---|---|---|", *rows])


def _plain(text: str) -> str:
    return text.replace("|", "\\|")
