"""An indicator: one measure of a cause in both samples, and the threshold above which it counts."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from experiments.compare.sample import Sample, are_paired
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


Samples = tuple[Sample, Sample]
"""The reference, and what is compared with it."""


def apart(
    cause: str, indicator: str, values: tuple[float, float], threshold: float, sentence: str
) -> Indicator:
    """Return the indicator whose effect is how far the other of two *values* is from the reference's."""
    first, second = values
    figures = {"reference": first, "other": second, "effect": abs(second - first), "threshold": threshold}
    return Indicator(cause=cause, indicator=indicator, sentence=sentence, **figures)


def beyond_chance(
    cause: str,
    indicator: str,
    samples: Samples,
    estimates: tuple[Estimate, Estimate],
    material: float,
    sentence: str,
) -> Indicator:
    """Return the indicator that counts where its effect is both above *material* and beyond chance."""
    first, second = estimates
    threshold = max(material, chance(first, second, paired=are_paired(*samples)))
    return apart(cause, indicator, (first.value, second.value), threshold, sentence)


def measured(
    cause: str,
    indicator: str,
    samples: Samples,
    measure: Callable[[Sample], Estimate],
    sentence: str,
    *,
    material: float = 0.0,
    material_share: float = 0.0,
) -> Indicator:
    """Return the indicator of what *measure* finds in both samples; the *sentence* has a place for each value.

    It counts where its effect is beyond chance, and above *material* or a share of the reference's value.
    """
    first, second = estimates = measure(samples[0]), measure(samples[1])
    told = sentence.format(reference=first.value, other=second.value)
    least = max(material, material_share * abs(first.value))
    return beyond_chance(cause, indicator, samples, estimates, least, told)


def material_min(sample: Sample) -> float:
    """Return the time that shifts the odds between two routes by 5 %."""
    return math.log(MATERIAL_ODDS) / sample.config.road.theta_per_min
