"""How far an averaging method moves towards the auxiliary flow in each iteration (Step 5)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

Method = Literal["newton", "sra", "mswa", "msa"]
AveragingMethod = Literal["sra", "mswa", "msa"]


class StepRule(Protocol):
    """Return the next step in (0, 1], told the Euclidean distance of auxiliary and current flow."""

    def __call__(self, distance: float) -> float:
        """Return the step of this iteration."""
        ...


@dataclass(slots=True)
class SuccessiveAverages:
    """The paper's step 1/n: converges for certain, and for ever; its tail falls no faster than 1/n."""

    iteration: int = 0

    def __call__(self, distance: float) -> float:  # noqa: ARG002  (a step set in advance listens to nobody)
        """Return 1/n in iteration n."""
        self.iteration += 1
        return 1 / self.iteration


@dataclass(slots=True)
class SuccessiveWeightedAverages:
    """Step n / (1 + ... + n): later loadings, made at better costs, weigh more (Liu et al. 2009)."""

    iteration: int = 0
    weight: float = 0.0

    def __call__(self, distance: float) -> float:  # noqa: ARG002
        """Return 2 / (n + 1) in iteration n."""
        self.iteration += 1
        self.weight += self.iteration
        return self.iteration / self.weight


@dataclass(slots=True)
class SelfRegulatedAverages:
    """Step 1/beta; beta grows much when the distance grew, little when it fell (Liu et al. 2009)."""

    beta: float = 1.0
    when_growing: float = 1.5
    when_falling: float = 0.01
    last: float | None = None

    def __call__(self, distance: float) -> float:
        """Return 1/beta; the first step is whole."""
        if self.last is not None:
            self.beta += self.when_growing if distance >= self.last else self.when_falling
        self.last = distance
        return 1 / self.beta


STEP_RULES: dict[AveragingMethod, Callable[[], StepRule]] = {
    "sra": SelfRegulatedAverages,
    "mswa": SuccessiveWeightedAverages,
    "msa": SuccessiveAverages,
}
