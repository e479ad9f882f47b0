"""Means over seeds with 95 % intervals, paired differences to a baseline, and how often a limit is broken."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from cosim.arrays import FloatArray, Frame
from cosim.errors import ConfigError
from experiments.compare.significance import CONFIDENCE, half_width, t_p_value
from experiments.sweep.answers.runs import BROKEN, PLACE, Runs


def means(runs: Runs) -> Frame:
    """Return mean and 95 % interval of every figure, a row for each setting, model and figure.

    ``n`` runs have a value, ``missing`` have none. The interval is Student's, mean +- t_{0.975, n-1} s / sqrt(n);
    NaN for a single run. It is exact for normal figures, and good from some ten seeds on for others.
    """
    rows = []
    for model, figure, table in _tables(runs):
        values = table.to_numpy()
        for setting, column in zip(table.columns, values.T, strict=True):
            found = column[np.isfinite(column)]
            rows.append(
                {
                    **_about(runs, setting),
                    "model": model,
                    "figure": figure,
                    "n": len(found),
                    "missing": len(column) - len(found),
                    **_mean(found),
                }
            )
    return _frame(rows)


def _mean(values: FloatArray) -> dict[str, float]:
    """Return mean, low and high of values without NaN."""
    if not len(values):
        return dict.fromkeys(("mean", "low", "high"), float("nan"))
    mean, width = float(values.mean()), float(half_width(values))
    return {"mean": mean, "low": mean - width, "high": mean + width}


def means_by_value(runs: Runs, field: str) -> Frame:
    """Return mean and interval of every figure by value of *field*: of means over all other fields, seed by seed."""
    rows = []
    values = runs.settings[field]
    for model, figure, table in _tables(runs):
        for value in values.drop_duplicates():
            over = table[values.index[values == value]].mean(axis=1, skipna=False).to_numpy()
            rows.append({field: value, "model": model, "figure": figure, **_mean(over[np.isfinite(over)])})
    return _frame(rows)


def differences(runs: Runs, baseline: Mapping[str, Any]) -> Frame:
    """Return how much every setting differs from its baseline, seed by seed: mean difference, 95 % interval, p-value.

    *baseline* holds values of some fields: a setting is compared with the one that has these values, and its own in
    all other fields. Runs of one seed number share their random numbers, so the interval and the p-value are those of
    Student's paired t-test of the ``n`` seeds that both have; NaN for a single one, and the p-value also where all
    seeds differ by the same. Raises ConfigError if a setting has no such baseline.
    """
    compared = _baselines(runs, baseline)
    rows = []
    for model, figure, table in _tables(runs):
        for setting, base in compared.items():
            apart = (table[setting] - table[base]).to_numpy()
            apart = apart[np.isfinite(apart)]
            found = _mean(apart)
            rows.append(
                {
                    **_about(runs, setting),
                    "model": model,
                    "figure": figure,
                    "baseline": base,
                    "n": len(apart),
                    "difference": found["mean"],
                    "low": found["low"],
                    "high": found["high"],
                    "p_value": float(t_p_value(apart)) if len(apart) > 1 else float("nan"),
                }
            )
    return _frame(rows)


def _baselines(runs: Runs, baseline: Mapping[str, Any]) -> dict[int, int]:
    """Return the baseline of each setting that is not its own."""
    unknown = [field for field in baseline if field not in runs.fields]
    if unknown or not baseline:
        told = f"{unknown[0]} is not varied" if unknown else "no field is given"
        raise ConfigError(PLACE, [f"baseline: {told}; it names values of: {', '.join(runs.fields)}"])
    found = {setting: runs.setting_like(setting, baseline) for setting in runs.points}
    for setting, base in found.items():
        if base is None:
            values = runs.points[setting] | dict(baseline)
            named = ", ".join(f"{field} = {value}" for field, value in values.items())
            raise ConfigError(PLACE, [f"setting {setting} has no baseline: no runs have {named}"])
    return {setting: base for setting, base in found.items() if base is not None and base != setting}


def limits_broken(runs: Runs) -> Frame:
    """Return on how many of the runs of each setting and model a limit is broken, and the probability of it.

    ``probability`` is broken / n; ``low`` and ``high`` are the exact 95 % interval of Clopper and Pearson (1934),
    which covers at least that, whatever the probability. NaN without a run.
    """
    rows = []
    for model in runs.models:
        table = runs.by_seed(BROKEN, model)
        for setting, column in table.items():
            known = column[np.isfinite(column)]
            rows.append({**_about(runs, setting), "model": model, **proportion(int(known.sum()), len(known))})
    return _frame(rows)


def proportion(broken: int, n: int) -> dict[str, Any]:
    """Return n, the number that is broken, its share, and the limits of its Clopper-Pearson interval."""
    low, high = clopper_pearson(np.array([broken]), np.array([n]))
    share = broken / n if n else float("nan")
    return {"n": n, "broken": broken, "probability": share, "low": float(low[0]), "high": float(high[0])}


def clopper_pearson(broken: Any, n: Any) -> tuple[FloatArray, FloatArray]:
    """Return the limits of the exact 95 % intervals of *broken* out of *n*; NaN of none.

    They are quantiles of beta distributions: low of (k, n - k + 1), high of (k + 1, n - k).
    """
    from scipy.stats import beta

    k, tail = np.asarray(broken, dtype=float), (1 - CONFIDENCE) / 2
    low = np.where(k > 0, beta.ppf(tail, np.maximum(k, 1), n - k + 1), 0.0)
    high = np.where(k < n, beta.isf(tail, k + 1, np.maximum(n - k, 1)), 1.0)
    known = np.asarray(n) > 0
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def _tables(runs: Runs) -> Iterator[tuple[str, str, Frame]]:
    for model in runs.models:
        for figure in runs.figures:
            yield model, figure, runs.by_seed(figure, model)


def _about(runs: Runs, setting: int) -> dict[str, Any]:
    return {"setting": setting, **runs.points[setting]}


def _frame(rows: list[dict[str, Any]]) -> Frame:
    import pandas as pd

    return pd.DataFrame(rows)
