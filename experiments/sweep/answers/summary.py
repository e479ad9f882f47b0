"""All answers of a campaign at once, as tables and sentences: what does not apply is left out, and why is said."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cosim.arrays import Frame
from cosim.errors import ConfigError
from experiments.sweep.answers.effects import effects
from experiments.sweep.answers.means import differences, limits_broken, means
from experiments.sweep.answers.remedies import REMEDY, Investment, cheapest_remedies, remedies
from experiments.sweep.answers.runs import BROKEN, Runs
from experiments.sweep.answers.saltelli import sobol_indices
from experiments.sweep.answers.thresholds import thresholds

PROBABILITIES = (0.05, 0.5)
"""Probabilities of a broken limit whose thresholds are given, whatever is asked."""

MOST_SENTENCES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of a campaign, besides what every one answers."""

    baseline: Mapping[str, Any] = field(default_factory=dict)
    """Values of fields that all settings are compared with."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Levels of figures whose thresholds are wanted."""
    investments: Mapping[str, Investment] = field(default_factory=dict)
    """What each remedy costs once; the first is the baseline of the others."""
    sampled: bool = False
    """Whether the settings are Saltelli's points."""
    broken_at_most: float = 0.05
    """Share of days on which a remedy may break a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Tables by name, and sentences."""

    tables: dict[str, Frame]
    """``means``, ``limits``, and of ``differences``, ``effects``, ``thresholds``, ``sobol``, ``remedies`` some."""
    sentences: list[str]
    """The answers in words: thresholds, and the cheapest remedies."""
    notes: list[str]
    """What was left out, and why."""


def answer(runs: Runs, asked: Asked) -> Answers:
    """Return all answers that the runs can give; raises ConfigError for a baseline or a figure that is not there."""
    if runs.frame.empty:
        return Answers(tables={}, sentences=[], notes=[])
    notes = runs.left_out()
    tables = {"means": means(runs), "limits": limits_broken(runs)}
    if asked.baseline:
        tables["differences"] = differences(runs, asked.baseline)
    tables["thresholds"] = _thresholds(runs, asked.thresholds)
    tables |= _shares(runs, asked, notes)
    if REMEDY in runs.fields:
        baseline = next(iter(asked.investments))
        tables["remedies"] = remedies(runs, asked.investments, baseline, broken_at_most=asked.broken_at_most)
    tables = {name: table for name, table in tables.items() if len(table)}
    sentences = _told_thresholds(tables["thresholds"]) if "thresholds" in tables else []
    if "remedies" in tables:
        sentences += cheapest_remedies(tables["remedies"], runs, asked.broken_at_most)
    return Answers(tables=tables, sentences=sentences, notes=notes)


def _thresholds(runs: Runs, levels: Mapping[str, float]) -> Frame:
    import pandas as pd

    tables = []
    for name in runs.numeric_fields:
        groups = runs.along(name)
        if min(len(settings) for _, settings in groups) < 2:
            continue
        tables += [thresholds(runs, figure, level, name) for figure, level in levels.items()]
        if _has_seeds(runs):
            tables += [thresholds(runs, BROKEN, probability, name) for probability in PROBABILITIES]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _told_thresholds(table: Frame) -> list[str]:
    """Return the first sentences, of what is crossed within the range before others, and how many more there are."""
    first = table.sort_values("estimate", key=lambda values: values.isna(), kind="stable")
    found = list(first.sentence[:MOST_SENTENCES])
    more = len(table) - len(found)
    return [*found, *([f"{more} more thresholds are in the table thresholds"] if more else [])]


def _has_seeds(runs: Runs) -> bool:
    return bool(runs.frame.groupby("model").seed_number.nunique().max() > 1)


def _shares(runs: Runs, asked: Asked, notes: list[str]) -> dict[str, Frame]:
    """Return effects of a grid or Sobol indices of Saltelli's points; *notes* is told of neither."""
    import pandas as pd

    if not any(len(runs.settings[field].astype(str).unique()) > 1 for field in runs.fields):
        return {}
    name, compute = ("sobol", sobol_indices) if asked.sampled else ("effects", effects)
    tables = []
    for model in runs.models:
        for figure in runs.figures:
            table = runs.by_seed(figure, model)
            if table.isna().all().any() or not _varies(table.to_numpy()):
                continue
            try:
                tables.append(compute(runs, figure, model, note=_once(notes)))
            except ConfigError as refusal:
                notes += [str(problem) for problem in refusal.problems if str(problem) not in notes]
                return {}
    return {name: pd.concat(tables, ignore_index=True)} if tables else {}


def _once(notes: list[str]) -> Callable[[str], object]:
    return lambda note: notes.append(note) if note not in notes else None


def _varies(values: Any) -> bool:
    """Return whether finite values differ by more than rounding."""
    known = values[np.isfinite(values)]
    return bool(len(known) and np.ptp(known) > 1e-9 * np.abs(known).max())


def told_settings(runs: Runs, answers: Answers, figures: Sequence[str]) -> Frame:
    """Return a row for each setting and model with its means, as *value ± half the interval*, and its broken limits."""
    table = answers.tables["means"]
    wide = {
        figure: rows.set_index(["setting", "model"]).apply(_told, axis=1)
        for figure, rows in table[table.figure.isin(figures)].groupby("figure", sort=False)
    }
    limits = answers.tables["limits"].set_index(["setting", "model"])
    shown = limits[list(runs.fields)].assign(n=limits.n)
    for figure in figures:
        if figure in wide:
            shown[figure] = wide[figure]
    shown["limits broken"] = limits.apply(_told_share, axis=1)
    return shown.reset_index().drop(columns="setting").astype(dict.fromkeys(runs.fields, str))


def _told(row: Any) -> str:
    half = (row.high - row.low) / 2
    return f"{row['mean']:.5g}" + (f" ± {half:.2g}" if np.isfinite(half) and half > 0 else "")


def _told_share(row: Any) -> str:
    if row.n <= 1:
        return "yes" if row.broken else "no"
    return f"{int(row.broken)} of {int(row.n)} ({row.low:.0%}-{row.high:.0%})"
