"""The page of a campaign and its explorer for teaching: one file each, which open offline."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cosim.arrays import Frame
from experiments.figures.style import Figure
from experiments.page import drawn, embedded_all, packed, rendered
from experiments.study import without_formulas
from experiments.sweep.answers import figures as draw
from experiments.sweep.answers.runs import Runs, main_model
from experiments.sweep.answers.summary import Answers

MOST_ROWS = 100
"""Rows of a table that a page shows."""
MOST_FLAGS = 20
MOST_LINES = 2_000
"""Settings that parallel coordinates show."""
MOST_FIELDS = 4
"""Fields over which the figures are drawn."""
OF_A_GRID = (
    "Share of the variance of a day that each field, each pair of fields, and chance explain, with 95 % jackknife "
    "intervals: seed is what the random numbers of a day do to all settings alike."
)
OF_RANGES = (
    "Sobol indices: the share of the variance over the ranges that a field explains alone (first) and with all others "
    "(total), with 95 % bootstrap intervals."
)


def page(name: str, about: Mapping[str, Any], runs: Runs, answers: Answers, flags: Sequence[str]) -> str:
    """Return the page; the same runs give the same bytes. It starts with the text ``what_to_look_at`` of *about*."""
    tables = {**answers.tables, "runs": runs.frame}
    return rendered(
        "answers.html.jinja",
        figures=embedded_all(_figures(runs, answers)),
        tables={key: _shown(table) for key, table in tables.items()},
        parallel=_parallel(runs, answers.tables),
        name=name,
        about=about,
        lead=_lead(runs),
        headlines=_headlines(runs),
        sentences=answers.sentences,
        notes=answers.notes,
        fields=runs.fields[:MOST_FIELDS],
        flags=flags[:MOST_FLAGS],
        more_flags=len(flags[MOST_FLAGS:]),
        variance_see=OF_RANGES if "sobol" in tables else OF_A_GRID,
    )


def _figures(runs: Runs, answers: Answers) -> dict[str, Figure]:
    tables = answers.tables
    means, limits = tables["means"], tables["limits"]
    model = main_model(runs)
    found = {}
    for number, field in enumerate(runs.fields[:MOST_FIELDS], start=1):
        found[f"over-{number}"] = drawn(draw.figures_over, runs, means, field)
        if runs.is_grid and draw.has_few_lines(runs, field):
            found[f"broken-{number}"] = drawn(draw.broken_over, runs, limits, field)
    varied = [field for field in runs.fields if len(runs.settings[field].astype(str).unique()) > 1]
    if len(varied) > 1 and runs.is_grid:
        found["heat"] = drawn(draw.heat_maps, runs, means, (varied[0], varied[1]), model)
    for key in ("effects", "sobol"):
        if key in tables:
            found["variance"] = drawn(draw.shares_of_variance, runs, tables[key], model)
    if "remedies" in tables:
        found["remedies"] = drawn(draw.remedy_costs, tables["remedies"], model)
    if runs.is_grid:
        found["stations"] = drawn(draw.station_energy, runs, means, model)
    return found


def _lead(runs: Runs) -> str:
    models = " and ".join(f"the {model}" for model in runs.models)
    return f"A day of {models} for each value of {' and '.join(runs.fields)}."


def _headlines(runs: Runs) -> dict[str, str]:
    per_model = runs.frame.groupby("model", sort=False).seed_number.nunique()
    failed = int((runs.frame.failed.fillna("") != "").sum())
    return {
        "settings": f"{len(runs.settings):,}",
        **{f"seeds, {model}": f"{count:,}" for model, count in per_model.items() if count > 1},
        "runs": f"{len(runs.frame.drop_duplicates(['setting', 'model', 'seed_number'])):,}",
        **({"failed": f"{failed:,}"} if failed else {}),
    }


def _shown(table: Frame) -> dict[str, Any]:
    """Return the columns and the first rows of a table as texts, and all of it as packed CSV."""
    rows = table.head(MOST_ROWS).itertuples(index=False, name=None)
    return {
        "columns": list(table.columns),
        "rows": [[_text(value) for value in row] for row in rows],
        "more": f"{len(table) - MOST_ROWS:,}" if len(table) > MOST_ROWS else "",
        "csv": packed(without_formulas(table).to_csv(index=False, lineterminator="\n")),
    }


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _parallel(runs: Runs, tables: Mapping[str, Frame]) -> str:
    """Return what parallel coordinates are drawn from; empty where there is nothing to compare, or too much."""
    if not 1 < len(runs.settings) <= MOST_LINES:
        return ""
    return _json(draw.parallel_coordinates(runs, tables["means"], tables["limits"], main_model(runs)))


def _json(content: Any) -> str:
    return json.dumps(content, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def explorer(name: str, about: Mapping[str, Any], runs: Runs, answers: Answers) -> str:
    """Return a page with a slider for each field, which shows the figures of the setting chosen.

    Where values were not run together, as of sampled points, it shows the nearest setting, and says so.
    """
    levels = {field: _levels(runs, field) for field in runs.fields}
    places = {field: {text: place for place, text in enumerate(texts)} for field, texts in levels.items()}
    points = [
        [places[field][_level(value)] for field, value in point.items()] for point in runs.points.values()
    ]
    data = {
        "fields": [{"name": field, "texts": texts} for field, texts in levels.items()],
        "points": points,
        "models": list(runs.models),
        "figures": [_explored(runs, answers.tables["means"], figure) for figure in runs.figures],
        "broken": [_broken(runs, answers.tables["limits"], model) for model in runs.models],
    }
    return rendered("explorer.html.jinja", data=_json(data), name=name, about=about)


def _levels(runs: Runs, field: str) -> list[str]:
    values = runs.settings[field]
    ordered = values.sort_values() if runs.numeric(field) else values
    return list(dict.fromkeys(map(_level, ordered)))


def _level(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _explored(runs: Runs, means: Frame, figure: str) -> dict[str, Any]:
    values = []
    for model in runs.models:
        rows = (
            means[(means.figure == figure) & (means.model == model)]
            .set_index("setting")
            .loc[list(runs.points)]
        )
        columns = (
            rows[["mean", "low", "high"]].astype(object).where(rows[["mean", "low", "high"]].notna(), None)
        )
        values.append([[*row, int(n)] for row, n in zip(columns.to_numpy().tolist(), rows.n, strict=True)])
    known = [[row[0] for row in rows if row[0] is not None] or [0.0] for rows in values]
    ends = {"least": [min(own) for own in known], "most": [max(own) for own in known]}
    return {"label": draw.LABELS.get(figure, figure), **ends, "values": values}


def _broken(runs: Runs, limits: Frame, model: str) -> list[list[Any]]:
    rows = limits[limits.model == model].set_index("setting").loc[list(runs.points)]
    columns = rows[["broken", "n", "low", "high"]].astype(object)
    found: list[list[Any]] = (
        columns.where(rows[["broken", "n", "low", "high"]].notna(), None).to_numpy().tolist()
    )
    return found
