"""Sobol indices: the variance of a figure by field, from Saltelli's points."""

from collections.abc import Callable
from typing import Any
from warnings import warn

import numpy as np

from cosim.arrays import FloatArray, Frame
from cosim.errors import ConfigError
from experiments.sweep.answers.runs import PLACE, Runs

RESAMPLES = 300
"""Bootstrap samples of the base points, for the intervals."""
ADVICE = "pip install 'cosim[sensitivity]'"


def sobol_indices(runs: Runs, figure: str, model: str, *, note: Callable[[str], object] = warn) -> Frame:
    """Return the Sobol indices of a figure: a row for each field, of ``order`` first and total.

    Of the variance over the ranges sampled, uniformly, ``first`` is the share of a field alone, ``total`` that of
    all that it has part in. The settings must be Saltelli's points, in their order; the figure is the mean over the
    seeds of each. SALib estimates (Saltelli 2010, Jansen 1999); ``_low`` and ``_high`` are 95 % intervals by
    bootstrap over the base points, with a fixed seed. They are not those of the seeds: with random numbers in
    common the indices are those of the seeds that ran. A base point with a row that failed is left out as a whole,
    and told to *note*. Raises ConfigError for other settings, and without SALib.
    """
    fields = list(runs.fields)
    problem, step = _problem(runs), len(fields) + 2
    values = runs.by_seed(figure, model).mean(axis=0, skipna=False).to_numpy()
    blocks = values.reshape(-1, step)
    whole = np.isfinite(blocks).all(axis=1)
    if not whole.all():
        note(
            f"Sobol indices of {figure}: {int((~whole).sum())} of {len(whole)} base points are left out (failed runs)"
        )
    if whole.sum() < 2 or np.ptp(blocks[whole]) == 0:
        raise ConfigError(PLACE, [f"{figure} has no variance over the points that have a value"])
    found = _salib()(problem, blocks[whole].ravel(), calc_second_order=False, num_resamples=RESAMPLES, seed=1)
    return _indices(found, fields, {"model": model, "figure": figure, "n": int(whole.sum())})


def _salib() -> Callable[..., Any]:
    try:
        from SALib.analyze.sobol import analyze
    except ImportError as missing:
        raise ConfigError(PLACE, [f"Sobol indices need SALib, which is not installed: {ADVICE}"]) from missing
    analyse: Callable[..., Any] = analyze
    return analyse


def _problem(runs: Runs) -> dict[str, Any]:
    """Return the problem in SALib's terms; raises ConfigError if the settings are not Saltelli's points."""
    points, fields = runs.settings.to_numpy(), list(runs.fields)
    d = len(fields)
    step = d + 2
    told = (
        'Sobol indices need Saltelli\'s points (design = "saltelli"): two samples, and exchanges of a field; from a '
        "grid, Latin or Sobol points they cannot be had without a model of the figure. Of a grid, take effects"
    )
    refusal = ConfigError(PLACE, [told])
    if d < 2 or len(points) % step or not all(map(runs.numeric, fields)):
        raise refusal
    blocks = points.astype(float).reshape(-1, step, d)
    a, b = blocks[:, 0], blocks[:, -1]
    if not all(np.array_equal(blocks[:, 1 + k], _crossed(a, b, k)) for k in range(d)):
        raise refusal
    bounds = [[float(points[:, k].min()), float(points[:, k].max())] for k in range(d)]
    return {"num_vars": d, "names": fields, "bounds": bounds}


def _crossed(base: FloatArray, other: FloatArray, column: int) -> FloatArray:
    """Return *base* with one column of *other*."""
    crossed = base.copy()
    crossed[:, column] = other[:, column]
    return crossed


def _indices(found: Any, fields: list[str], about: dict[str, Any]) -> Frame:
    import pandas as pd

    rows = []
    for order, key in (("first", "S1"), ("total", "ST")):
        for k, field in enumerate(fields):
            value, width = float(found[key][k]), float(found[f"{key}_conf"][k])
            rows.append({**about, "order": order, "effect": field, **_interval(value, width)})
    return pd.DataFrame(rows)


def _interval(value: float, width: float) -> dict[str, float]:
    return {"share": value, "low": value - width, "high": value + width}
