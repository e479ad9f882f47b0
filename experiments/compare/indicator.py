"""An indicator: one measure of a cause in both samples, and the threshold above which it counts."""

import math
from dataclasses import dataclass

from experiments.compare.sample import Sample
from experiments.compare.significance import Estimate, chance

MATERIAL_ODDS = 1.05
MATERIAL_SHARE = 0.01
INFORMATIONAL = float("nan")
"""Threshold of what is reported and never counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One measure of a cause in both samples; ``effect`` above ``threshold`` means that it separates them."""

    cause: str
    indicator: str
    """What is measured, with its unit."""
    reference: float
    other: float
    effect: float
    threshold: float
    sentence: str

    @property
    def present(self) -> bool:
        """Whether the cause separates the samples; never if the threshold is NaN."""
        return bool(self.effect > self.threshold)


def apart(
    cause: str, indicator: str, values: tuple[float, float], threshold: float, sentence: str
) -> Indicator:
    """Return the indicator whose effect is how far the other of two *values* is from the reference's."""
    reference, other = values
    return Indicator(
        cause=cause,
        indicator=indicator,
        reference=reference,
        other=other,
        effect=abs(other - reference),
        threshold=threshold,
        sentence=sentence,
    )


def beyond_chance(
    cause: str,
    indicator: str,
    estimates: tuple[Estimate, Estimate],
    material: float,
    sentence: str,
    *,
    paired: bool,
) -> Indicator:
    """Return the indicator that counts where its effect is both above *material* and beyond chance."""
    first, second = estimates
    threshold = max(material, chance(first, second, paired=paired))
    return apart(cause, indicator, (first.value, second.value), threshold, sentence)


def material_min(sample: Sample) -> float:
    """Return the time that shifts the odds between two routes by 5 %."""
    return math.log(MATERIAL_ODDS) / sample.config.road.theta_per_min
