"""Step sizes of the averaging methods (Step 5 of Ma et al. 2024)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

Method = Literal["newton", "sra", "mswa", "msa"]
AveragingMethod = Literal["sra", "mswa", "msa"]


class StepRule(Protocol):
    """Rule for the step size, from the Euclidean distance between auxiliary and current flow."""

    def __call__(self, distance: float) -> float:
        """Return the step size of this iteration, in (0, 1]."""
        ...


@dataclass(slots=True)
class SuccessiveAverages:
    """Step 1/n, the method of successive averages (Sheffi and Powell 1982); the error falls no faster than 1/n."""

    iteration: int = 0

    def __call__(self, distance: float) -> float:  # noqa: ARG002  (the step does not depend on the distance)
        """Return 1/n in iteration n."""
        self.iteration += 1
        return 1 / self.iteration


@dataclass(slots=True)
class SuccessiveWeightedAverages:
    """Step n / (1 + ... + n): later loadings, at more accurate costs, weigh more (Liu, He and He 2009)."""

    iteration: int = 0
    weight: float = 0.0

    def __call__(self, distance: float) -> float:  # noqa: ARG002
        """Return 2 / (n + 1) in iteration n."""
        self.iteration += 1
        self.weight += self.iteration
        return self.iteration / self.weight


@dataclass(slots=True)
class SelfRegulatedAverages:
    """Step 1/beta; beta grows by 1.5 after the distance grew, by 0.01 after it fell (Liu, He and He 2009)."""

    beta: float = 1.0
    when_growing: float = 1.5
    when_falling: float = 0.01
    last: float | None = None

    def __call__(self, distance: float) -> float:
        """Return 1/beta; the first step size is 1."""
        if self.last is not None:
            self.beta += self.when_growing if distance >= self.last else self.when_falling
        self.last = distance
        return 1 / self.beta


STEP_RULES: dict[AveragingMethod, Callable[[], StepRule]] = {
    "sra": SelfRegulatedAverages,
    "mswa": SuccessiveWeightedAverages,
    "msa": SuccessiveAverages,
}
