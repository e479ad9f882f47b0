"""All verdicts and errata of a case (Ma et al. 2024), as a value and as plain text."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.reproduce.cases import Reproduction
from experiments.reproduce.errata import shown
from experiments.reproduce.errata.erratum import Shown
from experiments.reproduce.statement import Judgement
from experiments.reproduce.statements import judge


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What became of every statement, and the numbers behind the errata."""

    chapters: Mapping[str, list[Judgement]]
    errata: list[Shown]

    @property
    def judgements(self) -> list[Judgement]:
        """All judgements in the order of the page."""
        return [judgement for own in self.chapters.values() for judgement in own]

    @property
    def statement_count(self) -> int:
        """Number of statements; one about the feeder has a verdict for each preset and tariff."""
        return len({judgement.id for judgement in self.judgements})

    @property
    def count(self) -> Counter[str]:
        """How many judgements there are of each verdict."""
        return Counter(judgement.verdict for judgement in self.judgements)

    @property
    def changed(self) -> list[Judgement]:
        """Judgements whose verdict is not the recorded one."""
        return [judgement for judgement in self.judgements if not judgement.as_recorded]

    def as_json(self) -> dict[str, Any]:
        """Return statements and errata as plain values."""
        return {
            "statements": [judgement.as_json() for judgement in self.judgements],
            "errata": [own.as_json() for own in self.errata],
        }


def report_on(case: Reproduction) -> Report:
    """Return the verdict on every statement of the paper, and the evidence for every erratum."""
    return Report(judge(case), shown(case))


def as_text(report: Report) -> str:
    """Return the outcome as a few lines: how many agree, which differ and why."""
    count = report.count
    total = f"{report.statement_count} statements of the paper, {len(report.judgements)} verdicts"
    lines = [f"{total}: {count['agrees']} agree, {count['differs']} differ.", ""]
    for own in report.judgements:
        if own.verdict == "differs" or not own.as_recorded:
            lines += [
                _line(own),
                f"    {own.reason if own.as_recorded else 'This is not the recorded verdict.'}",
            ]
    return "\n".join(lines)


def _line(own: Judgement) -> str:
    where = f" ({own.variant})" if own.variant else ""
    change = "" if own.as_recorded else f", recorded: {own.recorded}"
    unit = f" {own.claim.unit}" if own.claim.unit else ""
    return (
        f"{own.claim.figure}: {own.id}{where}: {own.value:.4g}{unit}, asked {own.claim.asked}: "
        f"{own.verdict}{change}"
    )
