"""The errata of Ma et al. (2024), the one source: docs/method.md repeats their table, and a test compares the two."""

from cosim.files import packaged_text, parsed_toml
from experiments.reproduce.cases import Reproduction
from experiments.reproduce.errata import feeder, roads
from experiments.reproduce.errata.erratum import Erratum, ErratumEvidence

ERRATA = tuple(
    Erratum(item, **fields) for item, fields in parsed_toml(packaged_text(__name__, "errata.toml")).items()
)
NUMBERS = roads.NUMBERS | feeder.NUMBERS


def errata_with_numbers(case: Reproduction) -> list[ErratumEvidence]:
    """Return all errata with their numbers."""
    return [ErratumEvidence(erratum, NUMBERS[erratum.item](case)) for erratum in ERRATA]


def errata_table() -> str:
    """Return the errata as the Markdown table of docs/method.md."""
    rows = [f"| {row.item} | {_escaped(row.wrong)} | {_escaped(row.we_do)} |" for row in ERRATA]
    return "\n".join(["| printed | what is wrong | what we do |", "|---|---|---|", *rows])


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
