"""The distributions of the mobility model, sampled by inversion: one uniform number gives one value.

NumPy's own gamma and normal samplers use rejection: a value may take several random numbers and so change all that
follow. By inversion the values of EV i depend on the uniform numbers of EV i alone.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cosim.arrays import FloatArray


class Distribution(Protocol):
    """A distribution that can be sampled by inversion."""

    def quantile(self, uniform: FloatArray) -> FloatArray:
        """Return the quantiles of the probabilities *uniform* (0 <= u < 1)."""
        ...


@dataclass(frozen=True, slots=True)
class Normal:
    """Normal distribution; values outside [low, high] are clipped to the bound."""

    mean: float
    deviation: float
    low: float = -np.inf
    high: float = np.inf

    def quantile(self, uniform: FloatArray) -> FloatArray:
        """Return the quantiles, clipped."""
        return np.clip(self.mean + self.deviation * _standard_normal(uniform), self.low, self.high)


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Log-normal distribution with mean *log_mean* of the logarithm; values outside [low, high] are clipped."""

    log_mean: float
    log_deviation: float
    low: float = 0.0
    high: float = np.inf

    def quantile(self, uniform: FloatArray) -> FloatArray:
        """Return the quantiles, clipped."""
        value = np.exp(self.log_mean + self.log_deviation * _standard_normal(uniform))
        return np.clip(value, self.low, self.high)


@dataclass(frozen=True, slots=True)
class ShiftedGamma:
    """Gamma distribution that begins at *shift*."""

    shape: float
    scale: float
    shift: float = 0.0

    def quantile(self, uniform: FloatArray) -> FloatArray:
        """Return the quantiles."""
        from scipy.special import gammaincinv  # takes 0.1 s to import, and is not always needed

        return np.asarray(self.shift + self.scale * gammaincinv(self.shape, uniform), dtype=np.float64)


def quadrature(count: int) -> tuple[FloatArray, FloatArray]:
    """Return *count* probabilities in (0, 1) and their weights, dense towards both ends to resolve the tails."""
    edges = (1 - np.cos(np.pi * np.arange(count + 1) / count)) / 2
    return (edges[1:] + edges[:-1]) / 2, np.diff(edges)


def _standard_normal(uniform: FloatArray) -> FloatArray:
    from scipy.special import ndtri

    return np.asarray(ndtri(uniform), dtype=np.float64)
