"""All verdicts and errata of a case (Ma et al. 2024), as a value and as plain text."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.reproduce.cases import Reproduction
from experiments.reproduce.errata import errata_with_numbers
from experiments.reproduce.errata.erratum import ErratumEvidence
from experiments.reproduce.learning_case import LearningCase
from experiments.reproduce.statement import Judgement, Kind
from experiments.reproduce.statements import judge
from experiments.run.learning_check import NOT_SETTLED, Finding, apart, verdict_in_words


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """The check by drivers who learn, all judgements by chapter, and the errata with their numbers."""

    learners: LearningCase
    chapters: Mapping[str, list[Judgement]]
    errata: list[ErratumEvidence]

    @property
    def judgements(self) -> list[Judgement]:
        """All judgements in the order of the page."""
        return [judgement for chapter in self.chapters.values() for judgement in chapter]

    @property
    def evidence(self) -> list[Judgement]:
        """Judgements of what could have turned out otherwise."""
        return self._of("evidence")

    @property
    def constraints(self) -> list[Judgement]:
        """Judgements of what the program itself holds: constraints of the dispatch, tolerances of the searches."""
        return self._of("constraint")

    @property
    def calibrated(self) -> list[Judgement]:
        """Judgements of what an input was set to."""
        return self._of("calibration")

    def _of(self, kind: Kind) -> list[Judgement]:
        return [judgement for judgement in self.judgements if judgement.claim.kind == kind]

    @property
    def statement_count(self) -> int:
        """Number of statements that are evidence; those about the feeder have a judgement for each variant."""
        return len({judgement.id for judgement in self.evidence})

    @property
    def verdict_count(self) -> Counter[str]:
        """Number of judgements of each verdict, evidence alone."""
        return Counter(judgement.verdict for judgement in self.evidence)

    @property
    def changed(self) -> list[Judgement]:
        """Judgements whose verdict is not the recorded one."""
        return [judgement for judgement in self.judgements if not judgement.as_recorded]

    def as_json(self) -> dict[str, Any]:
        """Return the check, statements and errata as plain values."""
        return {
            "learning_check": self.learners.as_json(),
            "statements": [judgement.as_json() for judgement in self.judgements],
            "errata": [erratum.as_json() for erratum in self.errata],
        }


def report_on(case: Reproduction) -> Report:
    """Return the check, the judgements of all statements of the paper, and the evidence of all errata."""
    return Report(case.learners, judge(case), errata_with_numbers(case))


def agreeing(judgements: Sequence[Judgement]) -> str:
    """Return how many agree, of how many."""
    return f"{sum(own.verdict == 'agrees' for own in judgements)} of {len(judgements)}"


def verdict_of(found: Finding) -> str:
    """Return the verdict on drivers who learn, in words."""
    return found.verdict if found.verdict == NOT_SETTLED else verdict_in_words(as_numbers(found))


def as_numbers(found: Finding) -> dict[str, Any]:
    """Return what the words of a finding are made of."""
    return {"ratio": found.ratio, "ratio_max": found.ratio_max, "verdict": found.verdict}


def _learners(learners: LearningCase) -> list[str]:
    """Return how drivers who learn end, in lines; that it was not asked where the check was not made."""
    if not learners.findings:
        return ["The check by drivers who learn was not asked for.", ""]
    days = learners.scenario.config.learning_check.days
    lines = [f"Drivers who are told nothing of the equilibrium, {days} days later, against it:"]
    for found in learners.findings:
        ratio, bound = apart(found.ratio, found.ratio_max)
        lines += [
            f"  {found.links:9} {ratio} sampling floors away (by chance to {bound}): {verdict_of(found)}",
            f"            {found.distance:.1%} of the flow, of which chance makes {found.floor:.1%}, the floor; a true",
            f"            difference of {found.smallest_seen:.1%} would be seen 4 times in 5",
        ]
    return [*lines, ""]


def as_text(report: Report) -> str:
    """Return how drivers who learn end, the numbers of verdicts, and the statements that differ with their reasons."""
    count = report.verdict_count
    total = f"{report.statement_count} statements of the paper, {len(report.evidence)} verdicts"
    lines = [
        *_learners(report.learners),
        f"{total}: {count['agrees']} agree, {count['differs']} differ.",
        f"No evidence: {agreeing(report.constraints)} constraints kept, {agreeing(report.calibrated)} by calibration.",
        "",
    ]
    for judgement in report.judgements:
        if judgement.verdict == "differs" or not judgement.as_recorded:
            reason = judgement.reason if judgement.as_recorded else "This is not the recorded verdict."
            lines += [_line(judgement), f"    {reason}"]
    return "\n".join(lines)


def _line(judgement: Judgement) -> str:
    claim = judgement.claim
    variant = f" ({judgement.variant})" if judgement.variant else ""
    change = "" if judgement.as_recorded else f", recorded: {judgement.recorded}"
    value = f"{judgement.value:.4g} {claim.unit}".strip()
    return (
        f"{claim.figure}: {judgement.id}{variant}: {value}, expected {claim.expectation}: "
        f"{judgement.verdict}{change}"
    )
