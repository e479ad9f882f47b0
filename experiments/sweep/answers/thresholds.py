"""Thresholds: the value of a field at which a figure crosses a level, or a limit is broken too often.

Nothing is said outside the range that was studied: a seed that did not cross in it is censored, not left out.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cosim.arrays import FloatArray, Frame
from cosim.errors import ConfigError
from experiments.compare.significance import CONFIDENCE
from experiments.sweep.answers.means import clopper_pearson
from experiments.sweep.answers.runs import BROKEN, PLACE, Runs


def thresholds(runs: Runs, figure: str, level: float, field: str) -> Frame:
    """Return where in *field* a figure crosses *level*: a row for each model and combination of the other fields.

    Each seed has a curve over *field*, straight between the values studied; it crosses where it first goes beyond
    *level*, in the ``direction`` in which the mean curve goes. ``crossed`` of ``n`` seeds do; ``before`` of them
    are beyond it already at the lowest value, ``after`` nowhere, and ``again`` come back at least once.
    ``estimate`` is the median over seeds, ``low`` and ``high`` its exact interval by order statistics, which covers
    ``confidence`` (at least 95 %; NaN below six seeds). Where one of them lies outside the range studied it is NaN,
    and ``sentence`` says on which side. A seed without a value at one of the levels is counted as ``left_out``.

    With the figure ``limits_broken``, *level* is a probability: see ``probability_thresholds``. Raises ConfigError
    for a figure or field that is not there.
    """
    import pandas as pd

    if figure == BROKEN:
        return probability_thresholds(runs, level, field)
    rows = []
    for model in runs.models:
        table = runs.by_seed(figure, model)
        for others, settings in runs.along(field):
            x = runs.settings.loc[settings, field].to_numpy(float)
            curves = table[settings].to_numpy()
            whole = curves[np.isfinite(curves).all(axis=1)]
            found = _threshold(x, whole, level, figure, field, _where(model, others))
            rows.append(
                {
                    **others,
                    "model": model,
                    "figure": figure,
                    "level": level,
                    "field": field,
                    **found,
                    "left_out": len(curves) - len(whole),
                }
            )
    return pd.DataFrame(rows)


def _where(model: str, others: dict[str, Any]) -> str:
    return ", ".join([model, *(f"{name} = {value}" for name, value in others.items())])


def _threshold(
    x: FloatArray, curves: FloatArray, level: float, figure: str, field: str, where: str
) -> dict[str, Any]:
    """Return the row of one set of curves, a row for each seed."""
    if len(x) < 2:
        raise ConfigError(PLACE, [f"a threshold of {field} needs at least two of its values"])
    if not len(curves):
        raise ConfigError(PLACE, [f"threshold of {figure}: no seed has a value at all levels of {field}"])
    falls = bool(curves[:, -1].mean() < curves[:, 0].mean())
    beyond = curves < level if falls else curves > level
    places = crossings(x, curves, level, falls=falls)
    median, low, high, confidence = median_interval(places)
    turns = np.diff(beyond.astype(int), axis=1)
    counts = {
        "n": len(curves),
        "crossed": int(np.isfinite(places).sum()),
        "before": int(np.isneginf(places).sum()),
        "after": int(np.isposinf(places).sum()),
        "again": int((turns < 0).any(axis=1).sum()),
    }
    direction = "falls below" if falls else "rises above"
    about = f"{where}: {figure} {direction} {level:g} at {field}"
    return {
        "direction": direction,
        **counts,
        "estimate": _within(median),
        "low": _within(low),
        "high": _within(high),
        "confidence": confidence,
        "sentence": _sentence(about, x, (median, low, high), counts),
    }


def crossings(x: FloatArray, curves: FloatArray, level: float, *, falls: bool) -> FloatArray:
    """Return where each curve (row) over *x* first goes beyond *level*, straight between its points.

    -inf where it is beyond at the first point, inf where it is nowhere; a curve that touches the level is not
    beyond it.
    """
    apart = (level - curves) if falls else (curves - level)
    beyond = apart > 0
    first = beyond.argmax(axis=1)
    result = np.where(beyond.any(axis=1), -np.inf, np.inf)
    inner = first > 0
    seeds, right = np.flatnonzero(inner), first[inner]
    before, after = -apart[seeds, right - 1], apart[seeds, right]
    result[inner] = x[right - 1] + (x[right] - x[right - 1]) * before / (before + after)
    return result


def median_interval(values: FloatArray) -> tuple[float, float, float, float]:
    """Return median, low, high and confidence of the exact interval by order statistics; values may be infinite.

    [x_(k), x_(n+1-k)] covers the median of any distribution with 1 - 2 P(Binomial(n, 1/2) < k) at least; k is the
    largest with 95 %. NaN below six values, where none has.
    """
    from scipy.stats import binom

    n, ordered = len(values), np.sort(values)
    lower, upper = ordered[(n - 1) // 2], ordered[n // 2]
    median = float(lower if lower == upper else (lower + upper) / 2) if lower != -upper else float(lower)
    k = int(binom.ppf((1 - CONFIDENCE) / 2, n, 0.5))
    k = k if 2 * binom.cdf(k - 1, n, 0.5) <= 1 - CONFIDENCE else k - 1
    if k < 1:
        return median, float("nan"), float("nan"), float("nan")
    covered = 1 - 2 * float(binom.cdf(k - 1, n, 0.5))
    return median, float(ordered[k - 1]), float(ordered[n - k]), covered


def _within(value: float) -> float:
    return value if np.isfinite(value) else float("nan")


def _sentence(about: str, x: FloatArray, interval: tuple[float, float, float], counts: dict[str, int]) -> str:
    median, low, high = (_told(value, x) for value in interval)
    n, missing = counts["n"], counts["before"] + counts["after"]
    text = f"{about} {median}" + (f" (95 % interval of the median: {low} to {high})" if low else "")
    text += f"; {n} seeds" if low else f"; {n} seeds, too few for an interval (six or more)"
    if missing:
        text += f", not crossed between {x[0]:g} and {x[-1]:g} on {missing} of them"
        text += f" (beyond it already at {x[0]:g} on {counts['before']})" if counts["before"] else ""
    return text


def _told(value: float, x: FloatArray) -> str:
    if np.isnan(value):
        return ""
    if np.isinf(value):
        return f"above {x[-1]:g}" if value > 0 else f"below {x[0]:g}"
    return f"{value:.4g}"


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """How many of *n* runs break a limit at each of the rising values *x* of a field."""

    x: FloatArray
    broken: FloatArray
    n: FloatArray

    @property
    def falls(self) -> bool:
        """Whether limits are broken less often at higher values."""
        share = self.broken / self.n
        return bool(np.cov(self.x, share)[0, 1] < 0)

    def turned(self) -> "Counts":
        """Return the same from right to left: what falls, rises."""
        return Counts(-self.x[::-1], self.broken[::-1], self.n[::-1])


def probability_thresholds(runs: Runs, probability: float, field: str) -> Frame:
    """Return the values of *field* from which on a limit is broken with *probability*, if that is monotone in *field*.

    ``estimate`` is where the isotonic regression of the shares (weighted by runs), straight between the values
    studied, reaches it. ``low`` and ``high`` are values studied. ``low`` is the last one of those, from the left,
    whose upper Clopper-Pearson limit stays below *probability*; it lies beyond the value sought only if the first
    value studied that does so is taken wrongly, which happens with a probability of 2.5 %. ``high`` likewise from
    the right. So the interval covers at least 95 % at any number of seeds, if the probability is monotone: that is
    assumed. NaN, and said in ``sentence``, where the range studied does not tell.
    """
    import pandas as pd

    if not 0 < probability < 1:
        raise ConfigError(PLACE, [f"the probability is {probability:g}; it must be above 0 and below 1"])
    rows = []
    for model in runs.models:
        table = runs.by_seed(BROKEN, model)
        for others, settings in runs.along(field):
            values = table[settings].to_numpy()
            n = np.isfinite(values).sum(axis=0)
            known = n > 0
            x = runs.settings.loc[settings, field].to_numpy(float)[known]
            if len(x) < 2:
                raise ConfigError(PLACE, [f"a threshold of {field} needs runs at two of its values or more"])
            found = _level(
                Counts(x, np.nansum(values, axis=0)[known], n[known].astype(float)),
                probability,
                f"{_where(model, others)}: at {field}",
            )
            where = {"model": model, "figure": BROKEN, "level": probability, "field": field}
            rows.append({**others, **where, **found, "left_out": int((~known).sum())})
    return pd.DataFrame(rows)


def _level(counts: Counts, probability: float, where: str) -> dict[str, Any]:
    falls = counts.falls
    seen = counts.turned() if falls else counts
    estimate, (low, high) = isotonic_level(seen, probability), exact_levels(seen, probability)
    if falls:
        estimate, low, high = -estimate, -high, -low
    x = counts.x
    shares = f"{counts.broken[0] / counts.n[0]:.0%} at {x[0]:g}, {counts.broken[-1] / counts.n[-1]:.0%} at {x[-1]:g}"
    interval = f"95 % interval: {_end(low, x, low=True)} to {_end(high, x, low=False)}"
    told = f"{where} {_told(estimate, x)} a limit is broken with probability {probability:g}"
    return {
        "direction": "falls below" if falls else "rises above",
        "n": int(counts.n.min()),
        "estimate": _within(estimate),
        "low": _within(low),
        "high": _within(high),
        "confidence": CONFIDENCE,
        "sentence": f"{told} ({interval}; {shares})",
    }


def _end(value: float, x: FloatArray, *, low: bool) -> str:
    """Return an end of an interval; an infinite one is beyond the range, and told as what was studied."""
    if np.isfinite(value):
        return f"{value:.4g}"
    return f"below {x[0]:g}" if low else f"above {x[-1]:g}"


def isotonic_level(counts: Counts, probability: float) -> float:
    """Return where the isotonic regression of the shares reaches *probability*; -inf or inf outside the range."""
    from scipy.optimize import isotonic_regression

    shares = isotonic_regression(counts.broken / counts.n, weights=counts.n).x
    if shares[0] >= probability:
        return -np.inf if shares[0] > probability else float(counts.x[0])
    if shares[-1] < probability:
        return np.inf
    right = int(np.argmax(shares >= probability))
    slope = (counts.x[right] - counts.x[right - 1]) / (shares[right] - shares[right - 1])
    return float(counts.x[right - 1] + (probability - shares[right - 1]) * slope)


def exact_levels(counts: Counts, probability: float) -> tuple[float, float]:
    """Return the last value, from the left, at which the probability is surely lower, and the last from the right."""
    lower, upper = clopper_pearson(counts.broken, counts.n)
    below, above = upper < probability, lower > probability
    left = int(np.argmin(below)) if not below.all() else len(below)
    right = int(np.argmin(above[::-1])) if not above.all() else len(above)
    low = float(counts.x[left - 1]) if left else -np.inf
    high = float(counts.x[len(above) - right]) if right else np.inf
    return low, high
