"""An erratum of Ma et al. (2024): the printed form, the fault, the correction, and numbers that show it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from experiments.reproduce.cases import Reproduction

RIGHT = "nothing"
Numbers = Callable[[Reproduction], tuple[float, ...]]
"""Returns the numbers that show an erratum."""


@dataclass(frozen=True, slots=True)
class Erratum:
    """One equation or step; *shown* is the sentence for its numbers."""

    item: str
    printed: str
    wrong: str
    we_do: str
    shown: str

    @property
    def is_right(self) -> bool:
        """Whether it can be used as printed."""
        return self.wrong == RIGHT


@dataclass(frozen=True, slots=True)
class Shown:
    """An erratum with its numbers."""

    erratum: Erratum
    numbers: tuple[float, ...]

    @property
    def evidence(self) -> str:
        """The sentence with the numbers in it."""
        return self.erratum.shown.format(*self.numbers)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        own = self.erratum
        return {
            "item": own.item,
            "printed": own.printed,
            "wrong": own.wrong,
            "we_do": own.we_do,
            "numbers": [number if math.isfinite(number) else None for number in self.numbers],
            "evidence": self.evidence,
        }
