"""Two samples item by item and period by period: differences with bands and tests, and what they come to."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cosim.arrays import FloatArray, Frame
from cosim.results import Recorder
from experiments.compare.measures import geh, r_squared, relative_error, rmse, weighted_error
from experiments.compare.quantities import QUANTITIES, Quantity, values
from experiments.compare.route_switchers import mcnemar_p_values
from experiments.compare.sample import Sample, are_paired
from experiments.compare.significance import (
    LEVEL,
    ROUNDING,
    SOLVER_DIGITS,
    adjusted,
    half_width,
    poisson_p_value,
    t_p_value,
    two_counts_p_value,
    welch_p_value,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TwoSamples:
    """One quantity of both samples; arrays are (replications, items and periods)."""

    reference: FloatArray
    other: FloatArray
    paired: bool
    has_chance: bool
    """Whether replications show how much of a difference is chance: every random sample has several."""

    @property
    def difference(self) -> FloatArray:
        """Other minus reference, of the means; zero where only the rounding of the means differs."""
        first, second = mean(self.reference), mean(self.other)
        scale = np.maximum(np.abs(first), np.abs(second))
        return np.where(np.abs(second - first) <= ROUNDING * scale, 0.0, second - first)

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
        scale = np.maximum(np.abs(mean(self.reference)), np.abs(mean(self.other)))
        return np.where(np.abs(self.difference) <= SOLVER_DIGITS * scale, 1.0, p_value)

    def columns(self) -> dict[str, FloatArray]:
        """Return the columns that every table of differences has."""
        first, second = mean(self.reference), mean(self.other)
        return {
            "reference": first,
            "other": second,
            "difference": self.difference,
            "relative_error": relative_error(second, first),
            "low": self.difference - self.half_width,
            "high": self.difference + self.half_width,
        }


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


_ALONE = ["reference", "other"]


def compare_items(recorder: Recorder, pair: int, reference: Sample, other: Sample) -> None:
    """Write ``differences`` and ``measures`` of every quantity that both samples have, item by item of either."""
    for quantity in QUANTITIES:
        first, second = values(reference, quantity), values(other, quantity)
        if first.empty or second.empty:
            continue
        index = first.index.append(second.index.difference(first.index, sort=False))
        matrices = (
            sample.reindex(index, fill_value=quantity.if_absent).to_numpy().T for sample in (first, second)
        )
        samples = two_samples(reference, other, *matrices)
        p_value = _p_values(samples, quantity, reference, other, index)
        keys = {"pair": pair, "kind": quantity.kind, "quantity": quantity.name}
        rows = {
            "day": other.day,
            "period": index.get_level_values("period").to_numpy(),
            "item": index.get_level_values("item").to_numpy(),
            "found_in": np.select([~index.isin(second.index), ~index.isin(first.index)], _ALONE, "both"),
        }
        columns = samples.columns()
        columns["geh"] = _geh(quantity, columns["other"], columns["reference"])
        tests = {"p_value": p_value, "p_adjusted": adjusted(p_value, "any")}
        recorder.add("differences", **keys, **rows, **columns, **tests)
        _record_measures(recorder, keys, quantity, samples, p_value)


def _p_values(
    samples: TwoSamples, quantity: Quantity, reference: Sample, other: Sample, index: Frame
) -> FloatArray:
    """Return the p-value of each difference; NaN where one day shows no chance."""
    if not quantity.is_tested:
        return np.full(samples.other.shape[1], np.nan)
    if not quantity.is_count or not other.is_random or (samples.paired and samples.has_chance):
        return samples.p_value()
    counts, other_counts = (hours * sample.sum(axis=0) for hours, sample in
                            ((reference.hours, samples.reference), (other.hours, samples.other)))  # fmt: skip
    if samples.paired:
        difference = np.rint(other_counts) - np.rint(counts)
        return mcnemar_p_values(quantity.kind, reference, other, index, difference)
    if reference.is_random and other.is_random:
        return two_counts_p_value(counts, other_counts, len(samples.reference), len(samples.other))
    return poisson_p_value(other_counts, counts * len(samples.other))


def _geh(quantity: Quantity, value: FloatArray, reference: FloatArray) -> FloatArray:
    return geh(value, reference) if quantity.is_flow else np.full(value.size, np.nan)


def _record_measures(
    recorder: Recorder, keys: dict[str, Any], quantity: Quantity, samples: TwoSamples, p_value: FloatArray
) -> None:
    """Write ``measures`` of what both samples have a value of."""
    there = np.isfinite(first := mean(samples.reference)) & np.isfinite(second := mean(samples.other))
    if not there.any():
        return
    first, second = first[there], second[there]
    recorder.add_row(
        "measures",
        **keys,
        compared=int(there.sum()),
        reference_mean=float(first.mean()),
        other_mean=float(second.mean()),
        rmse=rmse(second, first),
        weighted_error=weighted_error(second, first),
        r_squared=r_squared(second, first),
        geh_below_5_share=float((geh(second, first) < 5).mean()) if quantity.is_flow else float("nan"),
        tests=int(np.isfinite(p_value).sum()),
        rejected=int((adjusted(p_value, "any") <= LEVEL).sum()),
    )


def in_one_only(differences: Frame) -> Frame:
    """Return kind, item and sample of what only one of the two has."""
    alone = differences[differences.found_in != "both"]
    return alone[["kind", "item", "found_in"]].drop_duplicates()


def band_table(sample: Sample) -> Frame:
    """Return the table ``bands`` of a replicated sample: mean, t-based band of the mean, and percentiles of a day."""
    recorder = Recorder()
    for quantity in QUANTITIES:
        if quantity.kind == "path":
            continue
        frame = values(sample, quantity)
        if frame.empty:
            continue
        samples = frame.to_numpy().T
        here = np.isfinite(samples)
        low, high = _percentiles(samples)
        width, middle = half_width(samples), mean(samples)
        recorder.add(
            "bands",
            day=sample.day,
            period=frame.index.get_level_values("period").to_numpy(),
            kind=quantity.kind,
            item=frame.index.get_level_values("item").to_numpy(),
            quantity=quantity.name,
            replications=here.sum(axis=0),
            mean=middle,
            sd=pd.DataFrame(samples).std().to_numpy(),
            low=middle - width,
            high=middle + width,
            day_low=low,
            day_high=high,
        )
    return recorder.frame("bands")


def _percentiles(samples: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the 2.5 % and 97.5 % percentiles over replications, of what is not NaN."""
    frame = pd.DataFrame(samples).quantile([0.025, 0.975])
    return frame.loc[0.025].to_numpy(), frame.loc[0.975].to_numpy()
