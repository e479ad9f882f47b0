"""How far to go towards the prices that charging leads to: all the way, unless that overshoots."""

from dataclasses import dataclass, field

import numpy as np

from cosim.arrays import FloatArray, IntArray

NOISE_CNY_PER_KWH = 1e-6
"""Prices closer than this are the same to the solver of the dispatch; their turns say nothing."""
LONGER = 1.5
"""Growth of a step that goes on in its direction; the more often a period has overshot, the less it grows."""


@dataclass(slots=True)
class Damping:
    """A step for each period, halved where a change turns back without having become half as long.

    An undamped loop that contracts is left alone, alternating or not. Where the response is steeper than was
    anticipated, the step falls until it contracts.
    """

    periods: int
    step: FloatArray = field(init=False)
    overshoots: IntArray = field(init=False)
    _last: FloatArray | None = field(init=False)

    def __post_init__(self) -> None:
        """Begin undamped."""
        self.begin_again()

    def begin_again(self) -> None:
        """Forget how it went: what the prices lead to has become something else."""
        self.step, self.overshoots = np.ones(self.periods), np.zeros(self.periods, dtype=np.int64)
        self._last = None

    def towards(self, value: FloatArray, wanted: FloatArray) -> FloatArray:
        """Return the next *value*, (periods, things), between it and what it leads to."""
        change = wanted - value
        if self._last is not None:
            self._learn(change, self._last)
        self._last = change
        step = self.step[:, None]
        return np.where(step == 1.0, wanted, value + step * change)

    def _learn(self, change: FloatArray, last: FloatArray) -> None:
        turned = (change * last).sum(axis=1)
        length, before = np.linalg.norm(change, axis=1), np.linalg.norm(last, axis=1)
        overshot = (turned < 0) & (length > before / 2) & (length > NOISE_CNY_PER_KWH)
        self.overshoots = self.overshoots + overshot
        growth = np.where(turned > 0, LONGER ** (1 / (1 + self.overshoots)), 1.0)
        self.step = np.minimum(1.0, self.step * np.where(overshot, 0.5, growth))
