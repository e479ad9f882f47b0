"""Sobol indices against those of the Ishigami function, which are known."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats.qmc import Sobol

from cosim.errors import ConfigError
from experiments.sweep.answers.runs import Runs
from experiments.sweep.answers.saltelli import sobol_indices
from tests.experiments.sweep.answers.made_up import runs_of

pytest.importorskip("SALib", reason="Sobol indices were not tested: no SALib here")


def points(n: int) -> np.ndarray:
    """Return Saltelli's points, written anew: A, A with one column of B each, B."""
    both = -np.pi + 2 * np.pi * Sobol(6, rng=np.random.default_rng(5)).random(n)
    rows = []
    for a, b in zip(both[:, :3], both[:, 3:], strict=True):
        rows += [a, [b[0], a[1], a[2]], [a[0], b[1], a[2]], [a[0], a[1], b[2]], b]
    return np.array(rows)


def ishigami(n: int) -> Runs:
    """Return the runs of sin x + 7 sin^2 y + 0.1 z^4 sin x (Ishigami and Homma 1990)."""
    x = points(n)
    values = np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])
    frame = pd.DataFrame(x, columns=list("xyz")).assign(
        run=range(len(x)), setting=range(1, len(x) + 1), seed_number=0, seed=1, model="equilibrium", day=1
    )
    return Runs(frame.assign(cost_cny=values, limits_broken=False, flagged="", failed=""), ("x", "y", "z"))


def test_indices_of_the_ishigami_function_are_the_known_ones() -> None:
    v1, v2 = 0.5 * (1 + 0.1 * np.pi**4 / 5) ** 2, 7**2 / 8
    v13 = 0.1**2 * np.pi**8 * (1 / 18 - 1 / 50)
    total = v1 + v2 + v13
    known = {
        ("first", "x"): v1,
        ("first", "y"): v2,
        ("first", "z"): 0.0,
        ("total", "x"): v1 + v13,
        ("total", "y"): v2,
        ("total", "z"): v13,
    }
    found = sobol_indices(ishigami(1024), "cost_cny", "equilibrium", note=pytest.fail)
    for row in found.itertuples():
        expected = known[row.order, row.effect] / total
        assert row.share == pytest.approx(expected, abs=0.02)
        assert row.low <= expected <= row.high
    assert found.n.tolist() == [1024] * 6


def test_a_failed_run_leaves_its_base_point_out_and_is_told() -> None:
    runs, told = ishigami(64), []
    runs.frame.loc[12, ["cost_cny", "failed"]] = [np.nan, "killed three times"]
    found = sobol_indices(runs, "cost_cny", "equilibrium", note=told.append)
    assert found.n.tolist() == [63] * 6
    assert told == ["Sobol indices of cost_cny: 1 of 64 base points are left out (failed runs)"]


def test_points_of_another_design_are_refused() -> None:
    grid = runs_of({"a": [1, 2], "b": [1, 2]}, lambda a, b, _: {"cost_cny": a + b}, 1)
    swapped = ishigami(8)
    swapped.frame.loc[1, "y"] = 0.5
    for runs in (grid, swapped):
        with pytest.raises(ConfigError, match="Sobol indices need Saltelli's points"):
            sobol_indices(runs, "cost_cny", runs.models[0])


def test_without_salib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "SALib.analyze.sobol", None)
    with pytest.raises(ConfigError, match=r"pip install 'cosim\[sensitivity\]'"):
        sobol_indices(ishigami(8), "cost_cny", "equilibrium")
