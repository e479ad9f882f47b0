"""One quantity of two samples: how far they are apart, within which band, and whether that is more than chance."""

from dataclasses import dataclass

import numpy as np

from cosim.arrays import BoolArray, FloatArray
from experiments.compare.measures import relative_error
from experiments.compare.sample import Sample, are_paired
from experiments.compare.significance import ROUNDING, SOLVER_DIGITS, half_width, t_p_value, welch_p_value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TwoSamples:
    """One quantity of both samples; arrays are (replications, items and periods)."""

    reference: FloatArray
    other: FloatArray
    paired: bool
    has_chance: bool
    """Whether replications show how much of a difference is chance: every random sample has several."""

    @property
    def means(self) -> tuple[FloatArray, FloatArray]:
        """The means over the replications, of the reference and of the other."""
        return mean(self.reference), mean(self.other)

    @property
    def difference(self) -> FloatArray:
        """Other minus reference, of the means; zero where only the rounding of the means differs."""
        first, second = self.means
        return np.where(self._is_within(ROUNDING), 0.0, second - first)

    def _is_within(self, share: float) -> BoolArray:
        first, second = self.means
        within: BoolArray = np.abs(second - first) <= share * np.maximum(np.abs(first), np.abs(second))
        return within

    @property
    def half_width(self) -> FloatArray:
        """Half the width of the band of the difference; NaN without replications."""
        if not self.has_chance:
            return np.full(self.other.shape[1], np.nan)
        if self.paired:
            return half_width(self.other - self.reference)
        # an equilibrium has no chance in it: its band has no width
        parts = [half_width(sample) for sample in (self.reference, self.other) if len(sample) > 1]
        width: FloatArray = np.sqrt(np.sum(np.square(parts), axis=0))
        return width

    def p_value(self) -> FloatArray:
        """Return the p-value of each difference from the replications; 1 where only a solver's digits differ."""
        if not self.has_chance:
            return np.full(self.other.shape[1], np.nan)
        if self.paired:
            p_value = t_p_value(self.other - self.reference)
        elif min(len(self.reference), len(self.other)) > 1:
            p_value = welch_p_value(self.reference, self.other)
        else:
            p_value = t_p_value(self.other - mean(self.reference))
        return np.where(self._is_within(SOLVER_DIGITS), 1.0, p_value)

    def columns(self) -> dict[str, FloatArray]:
        """Return the columns that every table of differences has."""
        (first, second), difference, width = self.means, self.difference, self.half_width
        apart = {"difference": difference, "relative_error": relative_error(second, first)}
        band = {"low": difference - width, "high": difference + width}
        return {"reference": first, "other": second, **apart, **band}


def two_samples(reference: Sample, other: Sample, first: FloatArray, second: FloatArray) -> TwoSamples:
    """Return the values of one quantity in both samples, (replications, items)."""
    random = [sample for sample in (reference, other) if sample.is_random]
    return TwoSamples(
        reference=first,
        other=second,
        paired=are_paired(reference, other),
        has_chance=bool(random) and all(len(sample.days) > 1 for sample in random),
    )


def mean(samples: FloatArray) -> FloatArray:
    """Return the mean over the replications that have a value."""
    count = np.isfinite(samples).sum(axis=0)
    total = np.nansum(samples, axis=0)
    result: FloatArray = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return result
