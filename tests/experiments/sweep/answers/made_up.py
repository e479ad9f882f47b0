"""Runs of a campaign made up by a formula, so that what is to be found is known."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from experiments.sweep.answers.runs import Runs

EV, CHARGERS = "population.ev_share", "stations.S.chargers"


def runs_of(
    values: Mapping[str, Sequence[Any]],
    figures: Callable[..., Mapping[str, Any]],
    seeds: int,
    models: Sequence[str] = ("agents",),
) -> Runs:
    """Return the runs of a grid; *figures* are computed from the values, in their order, and the seed number."""
    rows = [
        {
            "run": f"{setting}-{seed}",
            "setting": setting,
            **dict(zip(values, point, strict=True)),
            "seed_number": seed,
            "seed": 1000 + seed,
            "model": model,
            "day": 1,
            "limits_broken": False,
            "flagged": "",
            "failed": "",
            **figures(*point, seed),
        }
        for setting, point in enumerate(product(*values.values()), start=1)
        for seed in range(1, seeds + 1)
        for model in models
    ]
    return Runs(pd.DataFrame(rows), tuple(values))


def noise(*key: int) -> float:
    """Return a standard normal number that belongs to *key*."""
    return float(np.random.default_rng(key).normal())


def with_failed(runs: Runs, setting: int, seed: int) -> Runs:
    """Return the runs with one that failed."""
    frame = runs.frame.copy()
    failed = (frame.setting == setting) & (frame.seed_number == seed)
    frame.loc[failed, list(runs.figures)] = np.nan
    frame["limits_broken"] = frame.limits_broken.astype(object)
    frame.loc[failed, "limits_broken"] = None
    frame.loc[failed, "failed"] = "killed three times"
    return Runs(frame, runs.fields)
