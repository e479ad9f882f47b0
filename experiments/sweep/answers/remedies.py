"""Remedies side by side: what each costs a day, with its investment, and how often a limit is still broken."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cosim.arrays import FloatArray, Frame
from cosim.errors import ConfigError
from experiments.compare.significance import half_width, t_p_value
from experiments.sweep.answers.means import proportion
from experiments.sweep.answers.runs import BROKEN, PLACE, Runs

REMEDY = "remedy"
"""The field of a campaign whose values are names of remedies."""
COST = "cost_cny"
DAYS_A_YEAR = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class Investment:
    """What a remedy costs once."""

    investment_cny: float = 0.0
    years: float = 20.0
    """Years it is written off in."""
    interest: float = 0.05
    """Interest a year."""

    @property
    def annuity_cny_per_day(self) -> float:
        """The annuity I i / (1 - (1 + i)^-n), or I / n without interest, by day of 365."""
        if self.interest == 0:
            return self.investment_cny / self.years / DAYS_A_YEAR
        rate = self.interest / -np.expm1(-self.years * np.log1p(self.interest))
        return float(self.investment_cny * rate / DAYS_A_YEAR)


def remedies(
    runs: Runs, investments: Mapping[str, Investment], baseline: str, *, broken_at_most: float = 0.05
) -> Frame:
    """Return what each remedy costs and keeps: a row for each remedy and model, and combination of other fields.

    ``total_cny`` of a day is the mean cost of operation plus the annuity, with the 95 % interval of the mean;
    ``difference_cny`` is that to the *baseline*, seed by seed, with interval and p-value of the paired t-test.
    ``broken`` of ``n`` days break a limit, with the Clopper-Pearson interval of the ``probability``. ``cheapest``
    is the lowest total of those that break one on a share of *broken_at_most* of the days or less: of the days
    seen, which the interval bounds. ``missing`` days have no cost (no dispatch or power flow solves them); they
    count as broken as they are, and in no cost. Then the mean of every other figure. Raises ConfigError without
    runs of remedies, or of the baseline.
    """
    import pandas as pd

    names = list(runs.settings[REMEDY].unique()) if REMEDY in runs.fields else []
    if not names or baseline not in names:
        told = f"there is no remedy '{baseline}' to compare with; there are: {', '.join(names) or 'none'}"
        raise ConfigError(PLACE, [told])
    tables = []
    for model in runs.models:
        cost, broken = runs.by_seed(COST, model), runs.by_seed(BROKEN, model)
        means = {f: runs.by_seed(f, model).mean() for f in runs.figures if f != COST}
        for group in _groups(runs):
            rows = [
                {
                    **{field: value for field, value in runs.points[setting].items() if field != REMEDY},
                    REMEDY: name,
                    "model": model,
                    **_row(
                        (cost[setting].to_numpy(), cost[group[baseline]].to_numpy()),
                        broken[setting].to_numpy(),
                        _annuity(investments, name),
                        _annuity(investments, baseline),
                    ),
                    **{figure: float(mean[setting]) for figure, mean in means.items()},
                }
                for name, setting in group.items()
            ]
            tables.append(_with_cheapest(pd.DataFrame(rows), broken_at_most))
    return pd.concat(tables, ignore_index=True)


def _groups(runs: Runs) -> list[dict[str, int]]:
    """Return the setting of each remedy, for each combination of the other fields."""
    found: dict[tuple[str, ...], dict[str, int]] = {}
    for setting, values in runs.points.items():
        others = tuple(str(value) for field, value in values.items() if field != REMEDY)
        found.setdefault(others, {})[values[REMEDY]] = setting
    return list(found.values())


def _annuity(investments: Mapping[str, Investment], name: str) -> float:
    return investments.get(name, Investment()).annuity_cny_per_day


def _row(
    costs: tuple[FloatArray, FloatArray], broken: FloatArray, annuity: float, annuity_of_baseline: float
) -> dict[str, Any]:
    own, base = costs
    known, apart = own[np.isfinite(own)], (own - base)[np.isfinite(own - base)]
    own_mean, own_width = _mean(known)
    difference, width = _mean(apart)
    difference += annuity - annuity_of_baseline
    counted = broken[np.isfinite(broken)]
    share = proportion(int(counted.sum()), len(counted))
    return {
        "n": share["n"],
        "missing": len(counted) - len(known),
        "operation_cny": own_mean,
        "investment_cny": annuity,
        "total_cny": own_mean + annuity,
        "low": own_mean + annuity - own_width,
        "high": own_mean + annuity + own_width,
        "difference_cny": difference,
        "difference_low": difference - width,
        "difference_high": difference + width,
        "p_value": float(t_p_value(apart + annuity - annuity_of_baseline))
        if len(apart) > 1
        else float("nan"),
        "broken": share["broken"],
        "probability": share["probability"],
        "probability_low": share["low"],
        "probability_high": share["high"],
    }


def _mean(values: FloatArray) -> tuple[float, float]:
    """Return the mean and half the width of its interval; NaN without values."""
    if not len(values):
        return float("nan"), float("nan")
    return float(values.mean()), float(half_width(values))


def _with_cheapest(rows: Frame, broken_at_most: float) -> Frame:
    kept = rows[(rows.probability <= broken_at_most) & rows.total_cny.notna()]
    return rows.assign(cheapest=rows.index == (kept.total_cny.idxmin() if len(kept) else -1))


def cheapest_remedies(table: Frame, runs: Runs, broken_at_most: float = 0.05) -> list[str]:
    """Return which remedy is cheapest, and how certain that is: a sentence for each group of the table *remedies*."""
    others = [field for field in runs.fields if field != REMEDY]
    sentences = []
    for key, rows in table.groupby(["model", *others], sort=False, dropna=False):
        named = zip(others, key[1:], strict=True)
        where = ", ".join([f"{key[0]}", *(f"{field} = {value}" for field, value in named)])
        sentences.append(f"{where}: {_cheapest(rows, broken_at_most)}")
    return sentences


def _cheapest(rows: Frame, broken_at_most: float) -> str:
    best = rows[rows.cheapest]
    if best.empty:
        return f"no remedy keeps all limits on {1 - broken_at_most:.0%} of the days"
    one = best.iloc[0]
    interval = f"{one.low:,.0f} to {one.high:,.0f}" if np.isfinite(one.low) else "no interval: one seed"
    days, share = (1 - broken_at_most, f"{one.probability_low:.0%} to {one.probability_high:.0%}")
    return (
        f"{one.remedy} is cheapest of those that keep all limits on {days:.0%} of the days: {one.total_cny:,.0f} CNY "
        f"a day ({interval}), limits broken on {one.broken} of {one.n} days (95 %: {share})"
    )
