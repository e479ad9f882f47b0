"""Two samples item by item and period by period: differences with bands and tests, and what they come to."""

from typing import Any

import numpy as np
import pandas as pd

from cosim.arrays import FloatArray, Frame
from cosim.results import Recorder
from experiments.compare.measures import geh, r_squared, rmse, weighted_error
from experiments.compare.quantities import QUANTITIES, Quantity, values
from experiments.compare.route_switchers import mcnemar_p_values
from experiments.compare.sample import Sample
from experiments.compare.significance import (
    ALONE,
    FEW_DAYS,
    adjusted,
    half_width,
    poisson_p_value,
    two_counts_p_value,
)
from experiments.compare.two_samples import TwoSamples, mean, two_samples

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
        found_in = np.select([~index.isin(second.index), ~index.isin(first.index)], _ALONE, "both")
        rows, columns = {"day": other.day, "found_in": found_in, **_items(index)}, samples.columns()
        columns["geh"] = geh(*samples.means) if quantity.is_flow else np.full(found_in.size, np.nan)
        tests = {"p_value": p_value, "p_adjusted": adjusted(p_value, "any")}
        recorder.add("differences", **keys, **rows, **columns, **tests)
        _record_measures(recorder, keys, quantity, samples, p_value)


def _items(index: Frame) -> dict[str, Any]:
    """Return the period and the item of each row."""
    return {name: index.get_level_values(name).to_numpy() for name in ("period", "item")}


def _p_values(
    samples: TwoSamples, quantity: Quantity, reference: Sample, other: Sample, index: Frame
) -> FloatArray:
    """Return the p-value of each difference; NaN where a few days show no chance, or models book it otherwise.

    Agents' loads, waits and voltages follow when vehicles arrive, an equilibrium's when they set out.
    """
    across = reference.model != other.model and not quantity.is_count
    few = not quantity.is_count and min(len(samples.reference), len(samples.other)) < FEW_DAYS and not across
    if not quantity.is_tested or across or few:
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


def _record_measures(
    recorder: Recorder, keys: dict[str, Any], quantity: Quantity, samples: TwoSamples, p_value: FloatArray
) -> None:
    """Write ``measures`` of what both samples have a value of."""
    first, second = samples.means
    there = np.isfinite(first) & np.isfinite(second)
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
        rejected=int((adjusted(p_value, "any") <= ALONE).sum()),
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
            kind=quantity.kind,
            **_items(frame.index),
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
