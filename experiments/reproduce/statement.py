"""A statement of the paper as something that can turn out false: a sentence, a measure, a band, a verdict."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from experiments.reproduce.cases import Reproduction
from experiments.reproduce.grid_case import GridCase, Variant

Verdict = Literal["agrees", "differs"]
Relation = Literal["at most", "at least", "equal to"]
EVERYWHERE = ""
"""Key of ``differs`` for a verdict that is the same in all variants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What the paper says, what we measure, and what the measure must be for the two to agree."""

    figure: str
    """Figure, table, equation or section of the paper."""
    says: str
    """The paper's sentence, quoted or told."""
    measure: str
    """What is measured."""
    unit: str = ""
    relation: Relation
    expected: float
    tolerance: float = 0.0
    """How far beyond *expected* still agrees."""
    differs: Mapping[str, str] = field(default_factory=dict)
    """Where the recorded verdict is ``differs``: a preset, a tariff or both, and the reason."""

    def verdict(self, value: float) -> Verdict:
        """Return whether *value* is what the paper says; what is no number is not."""
        fits = {
            "at most": value <= self.expected + self.tolerance,
            "at least": value >= self.expected - self.tolerance,
            "equal to": abs(value - self.expected) <= self.tolerance,
        }
        return "agrees" if fits[self.relation] else "differs"

    def reason(self, variant: Variant | None) -> str:
        """Return why the recorded verdict is ``differs``; empty where it is ``agrees``."""
        words = set() if variant is None else {variant.preset, variant.tariff}
        return next(
            (why for where, why in self.differs.items() if words.issuperset(where.split())),
            "",
        )

    @property
    def asked(self) -> str:
        """Say the band in words."""
        band = f"{self.relation} {self.expected:g}"
        if self.tolerance:
            sign = {"at most": "+", "at least": "\N{MINUS SIGN}", "equal to": "\N{PLUS-MINUS SIGN}"}
            band += f" {sign[self.relation]} {self.tolerance:g}"
        return f"{band} {self.unit}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A claim judged on one case."""

    id: str
    claim: Claim
    variant: Variant | None
    """Preset and tariff; None where the grid has no part in it."""
    value: float

    @property
    def verdict(self) -> Verdict:
        """Whether what we obtain is what the paper says."""
        return self.claim.verdict(self.value)

    @property
    def reason(self) -> str:
        """Why the recorded verdict is ``differs``."""
        return self.claim.reason(self.variant)

    @property
    def recorded(self) -> Verdict:
        """The verdict that is known; another one means that something has changed."""
        return "differs" if self.reason else "agrees"

    @property
    def as_recorded(self) -> bool:
        """Whether the verdict is the known one, and there is a value to judge."""
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
            "verdict": self.verdict,
            "recorded": self.recorded,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Statement:
    """A claim and the function that measures it, on the whole case or on the feeder in each variant."""

    id: str
    claim: Claim
    measure: Callable[[Any], float]
    per_variant: bool
    tariffs: tuple[str, ...]

    def judged(self, case: Reproduction) -> list[Judgement]:
        """Return the claim's judgements, one for each variant where it is about the feeder."""
        if not self.per_variant:
            return [self._judgement(None, case)]
        return [self._judgement(v, grid) for v, grid in case.grid.items() if v.tariff in self.tariffs]

    def _judgement(self, variant: Variant | None, case: Reproduction | GridCase) -> Judgement:
        return Judgement(id=self.id, claim=self.claim, variant=variant, value=float(self.measure(case)))


def of_the_case(**claim: Any) -> Callable[[Callable[[Reproduction], float]], Statement]:
    """Make a statement of a function that measures the whole case; *claim* is what a `Claim` holds."""
    return lambda measure: Statement(_id(measure), Claim(**claim), measure, per_variant=False, tariffs=())


def of_each_variant(
    *, tariffs: tuple[str, ...] = ("dynamic", "table"), **claim: Any
) -> Callable[[Callable[[GridCase], float]], Statement]:
    """Make a statement of a function that measures the feeder, judged for each preset and tariff."""
    return lambda measure: Statement(_id(measure), Claim(**claim), measure, per_variant=True, tariffs=tariffs)


def _id(measure: Callable[..., float]) -> str:
    return measure.__name__.replace("_", "-")
