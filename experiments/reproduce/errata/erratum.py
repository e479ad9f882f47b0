"""An erratum of Ma et al. (2024): the printed form, the fault, the correction, and numbers that show it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from experiments.reproduce.cases import Reproduction

NO_FAULT = "nothing"
"""The entry *wrong* of an equation that is correct as printed."""
Numbers = Callable[[Reproduction], tuple[float, ...]]
"""Measure of an erratum: the numbers that show it."""


@dataclass(frozen=True, slots=True)
class Erratum:
    """An equation or step of the paper; *shown* is the sentence with its numbers."""

    item: str
    printed: str
    wrong: str
    we_do: str
    shown: str

    @property
    def is_right(self) -> bool:
        """Whether it is correct as printed."""
        return self.wrong == NO_FAULT


@dataclass(frozen=True, slots=True)
class ErratumEvidence:
    """An erratum with its numbers."""

    erratum: Erratum
    numbers: tuple[float, ...]

    @property
    def evidence(self) -> str:
        """The sentence with its numbers."""
        return self.erratum.shown.format(*self.numbers)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        erratum = self.erratum
        return {
            "item": erratum.item,
            "printed": erratum.printed,
            "wrong": erratum.wrong,
            "we_do": erratum.we_do,
            "numbers": [number if math.isfinite(number) else None for number in self.numbers],
            "evidence": self.evidence,
        }
