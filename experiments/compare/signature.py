"""A signature: one measure of a cause on both sides, and the threshold above which it counts."""

import math
from dataclasses import dataclass

from experiments.compare.sides import Side

MATERIAL_ODDS = 1.05
MATERIAL_SHARE = 0.01
TOLD_ONLY = float("nan")
"""Threshold of what is told and never counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One measure of a cause on both sides; ``effect`` above ``threshold`` means that it separates them."""

    cause: str
    signature: str
    """What is measured, with its unit."""
    reference: float
    other: float
    effect: float
    threshold: float
    sentence: str

    @property
    def present(self) -> bool:
        """Whether the cause separates the sides; never if the threshold is not a number."""
        return bool(self.effect > self.threshold)


def apart(
    cause: str, signature: str, reference: float, other: float, *, threshold: float, sentence: str
) -> Signature:
    """Return the signature whose effect is how far *other* is from *reference*."""
    return Signature(
        cause=cause,
        signature=signature,
        reference=reference,
        other=other,
        effect=abs(other - reference),
        threshold=threshold,
        sentence=sentence,
    )


def material_min(side: Side) -> float:
    """Return the time that shifts the odds between two routes by 5 %."""
    return math.log(MATERIAL_ODDS) / side.config.road.theta_per_min
