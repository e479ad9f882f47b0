"""A statement of Ma et al. (2024) as a testable claim: a sentence, a measure, a tolerance band, a verdict."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cosim.files import packaged_text, parsed_toml
from experiments.reproduce.cases import Reproduction
from experiments.reproduce.grid_case import GridCase, Variant

Agreement = Literal["agrees", "differs"]
Relation = Literal["at most", "at least", "equal to"]
Kind = Literal["evidence", "constraint", "calibration"]
"""Evidence could have turned out otherwise. A constraint the program itself holds: only a fault, or a case without an
answer, can turn it. Calibration: an input was set so that it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A statement of the paper, its measure, and the range of the measure in which the two agree."""

    figure: str
    """Figure, table, equation or section of the paper."""
    says: str
    """The sentence of the paper, quoted or paraphrased."""
    measure: str
    """Description of the measure."""
    unit: str = ""
    relation: Relation
    expected: float
    tolerance: float = 0.0
    """Difference to *expected* that still agrees."""
    kind: Kind = "evidence"
    """What its verdict is worth: only evidence is counted."""
    differs: Mapping[str, str] = field(default_factory=dict)
    """Reasons of recorded verdicts ``differs``, by variant (``everywhere``, ``B``, ``table``, ``A-table``)."""

    def verdict(self, value: float) -> Agreement:
        """Return whether *value* agrees with the paper; NaN does not."""
        holds = {
            "at most": value <= self.expected + self.tolerance,
            "at least": value >= self.expected - self.tolerance,
            "equal to": abs(value - self.expected) <= self.tolerance,
        }
        return "agrees" if holds[self.relation] else "differs"

    def reason(self, variant: Variant | None) -> str:
        """Return the reason of the recorded verdict ``differs``; empty for ``agrees``."""
        keys = {"everywhere"} | (set() if variant is None else {variant.preset, variant.tariff})
        return next((text for key, text in self.differs.items() if keys.issuperset(key.split("-"))), "")

    @property
    def expectation(self) -> str:
        """The range of agreement in words."""
        text = f"{self.relation} {self.expected:g}"
        if self.tolerance:
            sign = {"at most": "+", "at least": "\N{MINUS SIGN}", "equal to": "\N{PLUS-MINUS SIGN}"}
            text += f" {sign[self.relation]} {self.tolerance:g}"
        return f"{text} {self.unit}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A claim evaluated for one case."""

    id: str
    claim: Claim
    variant: Variant | None
    """Preset and tariff; None for claims independent of the grid."""
    value: float

    @property
    def verdict(self) -> Agreement:
        """Whether the value agrees with the paper."""
        return self.claim.verdict(self.value)

    @property
    def reason(self) -> str:
        """Reason of the recorded verdict ``differs``; empty for ``agrees``."""
        return self.claim.reason(self.variant)

    @property
    def recorded(self) -> Agreement:
        """The recorded verdict; a different one is a change of the results."""
        return "differs" if self.reason else "agrees"

    @property
    def as_recorded(self) -> bool:
        """Whether the verdict is the recorded one, and the value is finite."""
        return math.isfinite(self.value) and self.verdict == self.recorded

    def as_json(self) -> dict[str, Any]:
        """Return the judgement as plain values."""
        claim, variant = self.claim, self.variant
        return {
            "id": self.id,
            "figure": claim.figure,
            "statement": claim.says,
            "measure": claim.measure,
            "preset": variant.preset if variant else None,
            "tariff": variant.tariff if variant else None,
            "value": self.value if math.isfinite(self.value) else None,
            "unit": claim.unit,
            "relation": claim.relation,
            "expected": claim.expected,
            "tolerance": claim.tolerance,
            "kind": claim.kind,
            "verdict": self.verdict,
            "recorded": self.recorded,
            "reason": self.reason,
        }


Measure = Callable[[Reproduction], Mapping[Variant | None, float]]
"""Measure of a claim: one value, or one for each variant of the feeder."""


def of_the_case(value: Callable[[Reproduction], float]) -> Measure:
    """Return the measure of a statement about the whole case."""
    return lambda case: {None: value(case)}


def of_the_feeder(
    value: Callable[[GridCase], float], tariffs: Sequence[str] = ("dynamic", "table")
) -> Measure:
    """Return the measure of a statement about the feeder, with a value for each preset and tariff."""
    return lambda case: {v: value(grid) for v, grid in case.grid.items() if v.tariff in tariffs}


@dataclass(frozen=True, slots=True)
class Statement:
    """A claim and its measure."""

    id: str
    claim: Claim
    measure: Measure

    def judge(self, case: Reproduction) -> list[Judgement]:
        """Return the judgement of *case*, or one for each variant of the feeder."""
        return [
            Judgement(id=self.id, claim=self.claim, variant=variant, value=float(value))
            for variant, value in self.measure(case).items()
        ]


def statements(chapter: str, measures: Mapping[str, Measure]) -> tuple[Statement, ...]:
    """Return the claims of ``statements/<chapter>.toml`` in order, with their measures.

    Raises KeyError for a claim without a measure.
    """
    claims = parsed_toml(packaged_text("experiments.reproduce.statements", f"{chapter}.toml"))
    return tuple(Statement(name, Claim(**claim), measures[name]) for name, claim in claims.items())
