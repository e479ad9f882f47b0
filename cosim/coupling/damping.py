"""Step size of the price iteration: 1 (the implied prices themselves) unless that overshoots."""

from dataclasses import dataclass, field

import numpy as np

from cosim.arrays import FloatArray, IntArray

PRICE_TOLERANCE_CNY_PER_KWH = 1e-6
"""Differences up to this are within the accuracy of the dispatch: their sign means nothing."""
STEP_GROWTH = 1.5
"""Factor on the step size of a period whose change keeps its direction; its n-th root after n - 1 overshoots."""


@dataclass(slots=True)
class Damping:
    """Step size of each period, halved where a change turns back and is more than half as long as the one before.

    A loop that contracts, alternating or not, keeps the step size 1. Where the response is steeper than
    anticipated, the step size falls until the loop contracts.
    """

    periods: int
    step_size: FloatArray = field(init=False)
    overshoots: IntArray = field(init=False)
    """Number of halvings of each period."""
    _last_change: FloatArray | None = field(init=False)

    def __post_init__(self) -> None:
        """Begin undamped."""
        self.reset()

    def reset(self) -> None:
        """Set all step sizes back to 1: the map has changed, and earlier changes say nothing about it."""
        self.step_size, self.overshoots = np.ones(self.periods), np.zeros(self.periods, dtype=np.int64)
        self._last_change = None

    def step(self, value: FloatArray, image: FloatArray) -> FloatArray:
        """Update the step sizes and return the next value, (periods, stations), between *value* and its *image*."""
        change = image - value
        if self._last_change is not None:
            self._adapt(change, self._last_change)
        self._last_change = change
        step_size = self.step_size[:, None]
        return np.where(step_size == 1.0, image, value + step_size * change)

    def _adapt(self, change: FloatArray, last_change: FloatArray) -> None:
        direction = (change * last_change).sum(axis=1)
        length, last_length = np.linalg.norm(change, axis=1), np.linalg.norm(last_change, axis=1)
        overshot = (direction < 0) & (length > last_length / 2) & (length > PRICE_TOLERANCE_CNY_PER_KWH)
        self.overshoots = self.overshoots + overshot
        growth = np.where(direction > 0, STEP_GROWTH ** (1 / (1 + self.overshoots)), 1.0)
        self.step_size = np.minimum(1.0, self.step_size * np.where(overshot, 0.5, growth))
