"""An indicator: one measure of a cause in both samples, and the threshold above which it counts."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from cosim.arrays import Frame
from experiments.compare.sample import Sample, are_paired
from experiments.compare.significance import Estimate, chance, estimate

MATERIAL_ODDS = 1.05
MATERIAL_SHARE = 0.01
MEAN_WAIT = "mean wait [min]"
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
    detectable: float = math.nan
    """The effect that would have been found with power .8; NaN where no chance is known."""

    @property
    def present(self) -> bool:
        """Whether the cause separates the samples; never if the threshold is NaN."""
        return bool(self.effect > self.threshold)


@dataclass(frozen=True, slots=True, eq=False)
class Cause:
    """A cause that is looked for in two samples; its methods make the indicators that measure it."""

    name: str
    reference: Sample
    other: Sample
    deviating: frozenset[str] = frozenset()
    """Whose choices a test rejects: not_charging, charging, and theta where it is that of path choices."""

    @property
    def is_across_models(self) -> bool:
        """Whether agents are compared with an equilibrium."""
        return self.reference.model != self.other.model

    def apart(
        self, indicator: str, values: tuple[float, float], threshold: float, sentence: str
    ) -> Indicator:
        """Return the indicator whose effect is how far the other of two *values* is from the reference's."""
        first, second = values
        figures = {"reference": first, "other": second, "effect": abs(second - first), "threshold": threshold}
        return Indicator(cause=self.name, indicator=indicator, sentence=sentence, **figures)

    def beyond_chance(
        self, indicator: str, estimates: tuple[Estimate, Estimate], material: float, sentence: str
    ) -> Indicator:
        """Return the indicator that counts where its effect is both above *material* and beyond chance."""
        first, second = estimates
        known = chance(first, second, paired=are_paired(self.reference, self.other))
        found = self.apart(indicator, (first.value, second.value), max(material, known.beyond), sentence)
        return replace(found, detectable=max(material, known.detectable))

    def measured(
        self,
        indicator: str,
        measure: Callable[[Sample], Estimate],
        sentence: str,
        *,
        material: float = 0.0,
        material_share: float = 0.0,
    ) -> Indicator:
        """Return the indicator of what *measure* finds in both samples; the *sentence* has a place for each value.

        It counts where its effect is beyond chance, and above *material* or a share of the reference's value.
        """
        first, second = estimates = measure(self.reference), measure(self.other)
        told = sentence.format(reference=first.value, other=second.value)
        least = max(material, material_share * abs(first.value))  # max keeps a first that is NaN
        return self.beyond_chance(indicator, estimates, least, told)


def daily_mean(frames: Iterable[Frame], figure: Callable[[Frame], float]) -> Estimate:
    """Return the mean of a figure of each day, with the error that its days show."""
    return estimate(np.array([figure(frame) for frame in frames], dtype=np.float64))


def material_min(sample: Sample) -> float:
    """Return the time that shifts the odds between two routes by 5 %."""
    return math.log(MATERIAL_ODDS) / sample.config.road.theta_per_min


def strategy(sample: Sample) -> tuple[str, float, str]:
    """Return how drivers weigh costs: the name of their strategy, their value of time, and how they price a session."""
    road, people = sample.config.road, sample.config.population
    energy = people.energy_in_choice if sample.is_random else "mean"
    name = people.choice if sample.is_random or people.choice == "path_size" else "logit"
    return name, road.value_of_time_cny_per_h, f"its {energy} energy" if road.price_in_choice else "nothing"
