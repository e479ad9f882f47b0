"""How far apart two sets of figures are: relative error, GEH, R2, root mean square."""

import numpy as np

from cosim.arrays import FloatArray


def relative_error(value: FloatArray, reference: FloatArray) -> FloatArray:
    """Return (value - reference) / |reference|: zero where both are zero, NaN where only *reference* is."""
    value, reference = np.asarray(value, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    difference = value - reference
    nothing = np.where(difference == 0, 0.0, np.nan)
    return np.divide(difference, np.abs(reference), out=nothing, where=reference != 0)


def geh(counted_veh_h: FloatArray, expected_veh_h: FloatArray) -> FloatArray:
    """Return the GEH statistic sqrt(2 (m - c)^2 / (m + c)) of hourly flows; 0 where both are 0."""
    total = np.asarray(counted_veh_h + expected_veh_h, dtype=np.float64)
    squared = np.divide(
        2 * (counted_veh_h - expected_veh_h) ** 2, total, out=np.zeros_like(total), where=total > 0
    )
    return np.sqrt(squared)


def r_squared(value: FloatArray, reference: FloatArray) -> float:
    """Return the coefficient of determination 1 - sum (value - reference)^2 / sum (reference - mean)^2.

    1 for a perfect match, below 0 where the reference's mean would have been nearer. Where the reference does
    not vary it is 1 if matched, else minus infinity.
    """
    residual = float(np.sum((value - reference) ** 2))
    spread = float(np.sum((reference - np.mean(reference)) ** 2))
    if spread == 0:
        return 1.0 if residual == 0 else -np.inf
    return 1 - residual / spread


def rmse(value: FloatArray, reference: FloatArray) -> float:
    """Return the root mean square of the differences."""
    return float(np.sqrt(np.mean((value - reference) ** 2)))


def weighted_error(value: FloatArray, reference: FloatArray) -> float:
    """Return sum |value - reference| / sum |reference|: the relative error, large figures weighing more."""
    total = float(np.abs(reference).sum())
    return float(np.abs(value - reference).sum()) / total if total else float("nan")
