"""Two sides item by item and period by period: differences with bands and tests, and what they come to."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cosim.arrays import FloatArray, Frame
from cosim.results import Recorder
from experiments.compare.measures import geh, r_squared, relative_error, rmse, weighted_error
from experiments.compare.moved import moved_p_values
from experiments.compare.quantities import QUANTITIES, Quantity, values
from experiments.compare.sides import Side, are_paired
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
class Samples:
    """One quantity of both sides; arrays are (replications, items and periods)."""

    reference: FloatArray
    other: FloatArray
    paired: bool
    has_chance: bool
    """Whether replications show how much of a difference is chance: every random side has several."""

    @property
    def difference(self) -> FloatArray:
        """Other minus reference, of the means; zero where only the rounding of the means differs."""
        first, second = mean(self.reference), mean(self.other)
        scale = np.maximum(np.abs(first), np.abs(second))
        return np.where(np.abs(second - first) <= ROUNDING * scale, 0.0, second - first)

    @property
    def half_width(self) -> FloatArray:
        """Half the width of the band of the difference; not a number without replications."""
        if not self.has_chance:
            return np.full(self.other.shape[1], np.nan)
        if self.paired:
            return half_width(self.other - self.reference)
        # an equilibrium has no chance in it: its band has no width
        parts = [half_width(side) for side in (self.reference, self.other) if len(side) > 1]
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


def samples_of(reference: Side, other: Side, first: FloatArray, second: FloatArray) -> Samples:
    """Return the values of both sides as samples, (replications, items)."""
    random = [side for side in (reference, other) if side.is_random]
    return Samples(
        reference=first,
        other=second,
        paired=are_paired(reference, other),
        has_chance=bool(random) and all(len(side.days) > 1 for side in random),
    )


def mean(samples: FloatArray) -> FloatArray:
    """Return the mean over the replications that have a value."""
    count = np.isfinite(samples).sum(axis=0)
    total = np.nansum(samples, axis=0)
    result: FloatArray = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return result


_ALONE = ["reference", "other"]


def compare_items(recorder: Recorder, pair: int, reference: Side, other: Side) -> None:
    """Write ``differences`` and ``measures`` of every quantity that both sides have, item by item of either."""
    for quantity in QUANTITIES:
        first, second = values(reference, quantity), values(other, quantity)
        if first.empty or second.empty:
            continue
        index = first.index.append(second.index.difference(first.index, sort=False))
        matrices = (
            side.reindex(index, fill_value=quantity.if_absent).to_numpy().T for side in (first, second)
        )
        samples = samples_of(reference, other, *matrices)
        p_value = _p_values(samples, quantity, reference, other, index)
        keys = {"pair": pair, "kind": quantity.kind, "quantity": quantity.name}
        rows = {
            "day": other.day,
            "period": index.get_level_values("period").to_numpy(),
            "item": index.get_level_values("item").to_numpy(),
            "found_in": np.select([~index.isin(second.index), ~index.isin(first.index)], _ALONE, "both"),
        }
        recorder.add("differences", **keys, **rows, **_figures(quantity, samples, p_value))
        _record_measures(recorder, keys, quantity, samples, p_value)


def _p_values(samples: Samples, quantity: Quantity, reference: Side, other: Side, index: Frame) -> FloatArray:
    """Return the p-value of each difference; not a number where chance cannot be told from one day."""
    if not quantity.is_tested:
        return np.full(samples.other.shape[1], np.nan)
    if not quantity.is_count or not other.is_random or (samples.paired and samples.has_chance):
        return samples.p_value()
    counts, other_counts = (hours * side.sum(axis=0) for hours, side in
                            ((reference.hours, samples.reference), (other.hours, samples.other)))  # fmt: skip
    if samples.paired:
        difference = np.rint(other_counts) - np.rint(counts)
        return moved_p_values(quantity.kind, reference, other, index, difference)
    if reference.is_random and other.is_random:
        return two_counts_p_value(counts, other_counts, len(samples.reference), len(samples.other))
    return poisson_p_value(other_counts, counts * len(samples.other))


def _figures(quantity: Quantity, samples: Samples, p_value: FloatArray) -> dict[str, FloatArray]:
    """Return the columns of ``differences``."""
    first, second = mean(samples.reference), mean(samples.other)
    return {
        "reference": first,
        "other": second,
        "difference": samples.difference,
        "relative_error": relative_error(second, first),
        "geh": geh(second, first) if quantity.is_flow else np.full(first.size, np.nan),
        "low": samples.difference - samples.half_width,
        "high": samples.difference + samples.half_width,
        "p_value": p_value,
        "p_adjusted": adjusted(p_value, "any"),
    }


def _record_measures(
    recorder: Recorder, keys: dict[str, Any], quantity: Quantity, samples: Samples, p_value: FloatArray
) -> None:
    """Write ``measures`` of what both sides have a value of."""
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


def one_sided(differences: Frame) -> Frame:
    """Return kind, item and side of what one side alone has."""
    alone = differences[differences.found_in != "both"]
    return alone[["kind", "item", "found_in"]].drop_duplicates()


def band_table(side: Side) -> Frame:
    """Return the table ``bands`` of a replicated side: mean, t-based band of the mean, and percentiles of a day."""
    recorder = Recorder()
    for quantity in QUANTITIES:
        if quantity.kind == "path":
            continue
        frame = values(side, quantity)
        if frame.empty:
            continue
        samples = frame.to_numpy().T
        here = np.isfinite(samples)
        low, high = _percentiles(samples)
        width, middle = half_width(samples), mean(samples)
        recorder.add(
            "bands",
            day=side.day,
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
    """Return the 2.5 % and 97.5 % percentiles over replications, of what is a number."""
    frame = pd.DataFrame(samples).quantile([0.025, 0.975])
    return frame.loc[0.025].to_numpy(), frame.loc[0.975].to_numpy()
