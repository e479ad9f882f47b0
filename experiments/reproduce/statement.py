"""A statement of Ma et al. (2024) as a testable claim: a sentence, a measure, a tolerance band, a verdict."""

import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Literal

from experiments.reproduce.cases import Reproduction
from experiments.reproduce.grid_case import GridCase, Variant

Agreement = Literal["agrees", "differs"]
Relation = Literal["at most", "at least", "equal to"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What the paper says, what we measure, and what the measure must be for the two to agree."""

    figure: str
    """Figure, table, equation or section of the paper."""
    says: str
    """The paper's sentence, quoted or in our words."""
    measure: str
    """What is measured."""
    unit: str = ""
    relation: Relation
    expected: float
    tolerance: float = 0.0
    """How far beyond *expected* still agrees."""
    differs: Mapping[str, str] = field(default_factory=dict)
    """Where the recorded verdict is ``differs`` (``everywhere``, ``B``, ``table``, ``A-table``), and the reason."""

    def verdict(self, value: float) -> Agreement:
        """Return whether *value* is what the paper says; NaN is not."""
        fits = {
            "at most": value <= self.expected + self.tolerance,
            "at least": value >= self.expected - self.tolerance,
            "equal to": abs(value - self.expected) <= self.tolerance,
        }
        return "agrees" if fits[self.relation] else "differs"

    def reason(self, variant: Variant | None) -> str:
        """Return why the recorded verdict is ``differs``; empty where it is ``agrees``."""
        words = {"everywhere"} | (set() if variant is None else {variant.preset, variant.tariff})
        return next((why for where, why in self.differs.items() if words.issuperset(where.split("-"))), "")

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
    def verdict(self) -> Agreement:
        """Whether what we obtain is what the paper says."""
        return self.claim.verdict(self.value)

    @property
    def reason(self) -> str:
        """Why the recorded verdict is ``differs``."""
        return self.claim.reason(self.variant)

    @property
    def recorded(self) -> Agreement:
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


Values = Callable[[Reproduction], Mapping[Variant | None, float]]
"""Returns what is judged: one value, or one for each variant of the feeder."""


def of_the_case(value: Callable[[Reproduction], float]) -> Values:
    """Return the one value of a statement about the whole case."""
    return lambda case: {None: value(case)}


def of_the_feeder(
    value: Callable[[GridCase], float], tariffs: Sequence[str] = ("dynamic", "table")
) -> Values:
    """Return the values of a statement about the feeder, one for each preset and tariff."""
    return lambda case: {v: value(grid) for v, grid in case.grid.items() if v.tariff in tariffs}


@dataclass(frozen=True, slots=True)
class Statement:
    """A claim and what measures it."""

    id: str
    claim: Claim
    values: Values

    def judged(self, case: Reproduction) -> list[Judgement]:
        """Return the judgements of *case*: one, or one for each variant of the feeder."""
        return [
            Judgement(id=self.id, claim=self.claim, variant=variant, value=float(value))
            for variant, value in self.values(case).items()
        ]


def statements(chapter: str, values: Mapping[str, Values]) -> tuple[Statement, ...]:
    """Return the claims of ``statements/<chapter>.toml`` in their order, each with what measures it.

    Raises KeyError for a claim that nothing measures.
    """
    text = files("experiments.reproduce.statements").joinpath(f"{chapter}.toml").read_text(encoding="utf-8")
    return tuple(Statement(name, Claim(**claim), values[name]) for name, claim in tomllib.loads(text).items())
