"""The errata, the one source: docs/method.md repeats their table, and a test compares the two."""

from experiments.reproduce.cases import Reproduction
from experiments.reproduce.errata.erratum import Shown
from experiments.reproduce.errata.feeder import FEEDER
from experiments.reproduce.errata.roads import ROADS

ERRATA = (*ROADS, *FEEDER)


def shown(case: Reproduction) -> list[Shown]:
    """Return every erratum with its numbers."""
    return [Shown(erratum, erratum.measure(case)) for erratum in ERRATA]


def errata_table() -> str:
    """Return the errata as the Markdown table of docs/method.md."""
    rows = [f"| {own.item} | {_plain(own.wrong)} | {_plain(own.we_do)} |" for own in ERRATA]
    return "\n".join(["| printed | what is wrong | what we do |", "|---|---|---|", *rows])


def _plain(text: str) -> str:
    return text.replace("|", "\\|")
