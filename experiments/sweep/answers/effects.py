"""Main effects and interactions of a full grid: which share of the variance of a day comes from what.

The days y are a table of seeds (s) and cells (g), a cell for each combination of values. The table is split into
orthogonal parts: of a set E of factors the part P_E y_s is what their combination adds to all smaller sets (for one
factor: the mean of each value, less the mean of all). Seeds are blocks: all cells share the random numbers of one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any
from warnings import warn

import numpy as np

from cosim.arrays import FloatArray, Frame
from cosim.errors import ConfigError
from experiments.compare.significance import CONFIDENCE, ROUNDING
from experiments.sweep.answers.runs import PLACE, Runs

FEWEST_FOR_INTERVAL = 5
"""Seeds below which a share has no interval: the jackknife of so few covers too little."""


def effects(runs: Runs, figure: str, model: str, *, note: Callable[[str], object] = warn) -> Frame:
    """Return the share of the variance of a figure that each factor, each pair, and chance explain.

    A day is drawn: each combination of the values of the fields with the same probability, and a seed. Its variance
    is the sum of V_E = |P_E mean|^2 / G - W_E / n of all sets E of factors (G cells, n seeds), of ``seed`` (between
    the seeds, of the mean over all cells) and of ``seed x setting`` (what else is between seeds). Each is unbiased,
    with W_E the variance of P_E y between the seeds; so a share may come out a little below 0. ``low`` and ``high``
    are 95 % jackknife intervals over seeds; ``p_value`` is of the F test with seeds as blocks, error |P_E y_s|
    between seeds, degrees of freedom after Greenhouse and Geisser (1959). Sets of three and more are one row,
    without a test.

    Only seeds with a value in all cells count; *note* is told of those left out. With one seed the shares are those
    of this seed, without intervals. Raises ConfigError if the settings are no full grid, or the figure does not
    vary.
    """
    factors = [field for field in runs.fields if runs.settings[field].astype(str).nunique() > 1]
    table = runs.by_seed(figure, model)
    grid = _grid(runs, factors, table)
    whole = np.isfinite(grid.reshape(len(grid), -1)).all(axis=1)
    if not whole.all():
        names = ", ".join(str(number) for number in table.index[~whole])
        note(
            f"effects on {figure}: seeds {names} have no value in some settings; they are left out as a whole"
        )
    days = grid[whole]
    if not len(days):
        raise ConfigError(PLACE, [f"effects on {figure}: no seed has a value in all settings"])
    return _shares(days, factors, figure, model)


def _grid(runs: Runs, factors: list[str], table: Frame) -> FloatArray:
    """Return the values by seed and factors; raises ConfigError if a combination is missing."""
    if not factors:
        raise ConfigError(PLACE, ["no field has several values, so nothing has an effect"])
    texts = runs.settings[factors].astype(str)
    levels = [list(dict.fromkeys(runs.settings.sort_values(field)[field].astype(str))) for field in factors]
    shape = tuple(map(len, levels))
    if len(runs.settings) != np.prod(shape) or texts.duplicated().any():
        told = (
            f"effects need all combinations of the values, {int(np.prod(shape))} of them; these are {len(texts)} "
            'points (of sampled points, take Sobol indices: design = "saltelli")'
        )
        raise ConfigError(PLACE, [told])
    places = tuple(
        np.array([level.index(text) for text in texts[field]])
        for field, level in zip(factors, levels, strict=True)
    )
    grid = np.full((len(table), *shape), np.nan)
    at: Any = (slice(None), *places)
    grid[at] = table[texts.index].to_numpy()
    return grid


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The part P_E y of a set of factors, a row for each seed."""

    name: str
    values: FloatArray
    """By seed and by cell of these factors."""
    df: int
    """Dimensions of the part: the product of (levels - 1)."""

    @property
    def between(self) -> float:
        """|P_E mean|^2 / G."""
        return float(np.mean(self.values.mean(axis=0) ** 2))

    @property
    def noise(self) -> float:
        """W_E, the variance between the seeds; 0 of one alone."""
        return float(np.mean(np.var(self.values, axis=0, ddof=1))) if len(self.values) > 1 else 0.0

    @property
    def variance(self) -> float:
        """V_E, without bias."""
        return self.between - self.noise / len(self.values)

    def test(self) -> tuple[float, float]:
        """Return F and its p-value; NaN for one seed, or without any chance."""
        from scipy.stats import f as f_law

        n, between, noise = len(self.values), self.between, self.noise
        if n < 2 or noise <= (ROUNDING**2) * max(between, ROUNDING):
            return float("nan"), float("nan")
        apart = self.values - self.values.mean(axis=0)
        products = apart @ apart.T
        epsilon = max(np.trace(products) ** 2 / (self.df * float(np.sum(products**2))), 1 / self.df)
        value, df = n * between / noise, min(epsilon, 1.0) * self.df
        return value, float(f_law.sf(value, df, df * (n - 1)))


def parts(days: FloatArray, factors: list[str]) -> Iterator[Part]:
    """Return the parts of single factors and of pairs."""
    axes = range(1, days.ndim)
    for size in (1, 2):
        for own in combinations(axes, size):
            values = days.mean(axis=tuple(axis for axis in axes if axis not in own))
            for axis in range(1, size + 1):
                values = values - values.mean(axis=axis, keepdims=True)
            name = " x ".join(factors[axis - 1] for axis in own)
            df = int(np.prod([days.shape[axis] - 1 for axis in own]))
            yield Part(name, values.reshape(len(days), -1), df)


def _variances(days: FloatArray, factors: list[str]) -> dict[str, float]:
    """Return the variance of a day by what it comes from; together they are all of it."""
    cells, several = days.reshape(len(days), -1), len(days) > 1
    seeds = float(np.var(cells.mean(axis=1), ddof=1)) if several else 0.0
    noise = float(np.mean(np.var(cells, axis=0, ddof=1))) - seeds if several else 0.0
    settings = float(np.var(cells.mean(axis=0))) - noise / len(days)
    found = {part.name: part.variance for part in parts(days, factors)}
    if len(factors) > 2:
        found["of three and more"] = settings - sum(found.values())
    return {**found, "seed": seeds, "seed x setting": noise}


def _shares(days: FloatArray, factors: list[str], figure: str, model: str) -> Frame:
    import pandas as pd

    shares = variance_shares(days, factors)
    if shares is None:
        raise ConfigError(
            PLACE, [f"{figure} is the same in all runs of the {model}: nothing has an effect on it"]
        )
    low, high = jackknife(days, factors, np.array(list(shares.values())))
    tests = {part.name: (part.df, *part.test()) for part in parts(days, factors)}
    rows = []
    for number, (name, share) in enumerate(shares.items()):
        df, value, p_value = tests.get(name, (None, float("nan"), float("nan")))
        rows.append(
            {
                "model": model,
                "figure": figure,
                "effect": name,
                "n": len(days),
                "share": share,
                "low": low[number],
                "high": high[number],
                "df": df,
                "f": value,
                "p_value": p_value,
            }
        )
    return pd.DataFrame(rows).astype({"df": "Int64"})


def variance_shares(days: FloatArray, factors: list[str]) -> dict[str, float] | None:
    """Return the shares of the variance, without intervals; None where there is none."""
    variances = _variances(days, factors)
    total = sum(variances.values())
    if total <= (ROUNDING * max(float(np.abs(days).max()), ROUNDING)) ** 2:
        return None
    return {name: variance / total for name, variance in variances.items()}


def jackknife(days: FloatArray, factors: list[str], shares: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the limits of the 95 % intervals of shares: Student's, by the jackknife over seeds.

    Of their log-odds, which are less skewed, where all leave-one-out shares are within 0 and 1.
    """
    from scipy.stats import t

    n = len(days)
    nothing = np.full(len(shares), np.nan)
    if n < FEWEST_FOR_INTERVAL:
        return nothing, nothing
    without = [variance_shares(np.delete(days, seed, axis=0), factors) for seed in range(n)]
    left = np.array([list(one.values()) for one in without if one])
    if len(left) < n:
        return nothing, nothing
    both = np.vstack([shares, left])
    inside = ((both > 0) & (both < 1)).all(axis=0)
    odds = np.where(inside, both, 0.5)
    scaled = np.where(inside, np.log(odds / (1 - odds)), both)
    error = np.sqrt((n - 1) ** 2 / n * np.var(scaled[1:], axis=0, ddof=1))
    width = float(t.ppf((1 + CONFIDENCE) / 2, n - 1)) * error
    ends = [scaled[0] - width, scaled[0] + width]
    low, high = (np.where(inside, 1 / (1 + np.exp(-end)), np.clip(end, 0.0, 1.0)) for end in ends)
    return low, high
