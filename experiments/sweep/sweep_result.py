"""What a sweep gives: a row for each run, with the figures of its days."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cosim.arrays import Frame
from cosim.short_repr import short_repr
from cosim.words import counted
from experiments.sweep.design import Design, as_toml
from experiments.sweep.one_run import FIGURES, LIMITS
from experiments.sweep.plan import Plan

FAILED = "failed"
MOST_FLAGS = 20
"""Sentences about limits, at most."""


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sweep:
    """The runs of a sweep.

    ``frame`` has a row for each run and day: ``run`` (its id), ``setting`` (number from 1), a column for each field
    that is varied or sampled, ``seed_number`` (1..N; 0 for the equilibrium, which serves all seeds), ``seed``,
    ``model``, ``day``, then the figures, ``limits_broken``, ``flagged`` (which limits, in sentences) and ``failed``
    (why a run gave nothing; empty for all others).
    """

    frame: Frame
    design: Design
    """Fields and settings."""
    missing: int = 0
    """Runs that others are still at, or that nobody has begun: they are not in the frame."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that are varied or sampled."""
        return self.design.fields

    def flagged(self) -> list[str]:
        """Return sentences about the runs that broke limits or failed, of each setting and model the first."""
        broken = self.frame[(self.frame.flagged != "") | (self.frame.failed != "")]
        found = []
        for (setting, model), rows in broken.groupby(["setting", "model"], sort=False):
            first = rows.iloc[0]
            alike = self.frame[(self.frame.setting == setting) & (self.frame.model == model)]
            of = (
                f" ({len(rows)} of {len(alike)} days; this is seed {first.seed_number})"
                if len(alike) > 1
                else ""
            )
            named = f"{self.design.named(int(setting) - 1)}: " if self.fields else ""
            found.append(f"{named}{first.flagged or first.failed}{of}")
        more = len(found) - MOST_FLAGS
        return found[:MOST_FLAGS] + ([f"{counted(more, 'more setting')} broke limits"] if more > 0 else [])


def plan_frame(plan: Plan) -> Frame:
    """Return a row for each run of a plan: id, setting, values of the fields, seed, model."""
    import pandas as pd

    members, points = plan.members, plan.design.points
    columns: dict[str, Any] = {
        "run": [m.run for m in members],
        "setting": [m.setting for m in members],
        **{
            field: _column([points[m.setting - 1][place] for m in members])
            for place, field in enumerate(plan.design.fields)
        },
        **{name: [getattr(m, name) for m in members] for name in ("seed_number", "seed", "model")},
    }
    return pd.DataFrame(columns)


def _column(values: list[Any]) -> list[Any]:
    """Return values of one type; those of several, and lists, as texts."""
    kinds = {type(value) for value in values}
    if kinds <= {int, float} or kinds in ({bool}, {str}):
        return values
    return [value if isinstance(value, str) else as_toml(value) for value in values]


def told_of_runs(plan: Plan) -> dict[str, dict[str, Any]]:
    """Return what a segment says of each run besides its results: values of the fields, seed, model."""
    frame = plan_frame(plan).drop(columns="setting").drop_duplicates("run").set_index("run")
    return dict(zip(frame.index, frame.astype(object).to_dict("records"), strict=True))


def result_columns(plan: Plan) -> list[str]:
    """Return the columns that the results of a run have, besides its id."""
    stations = dict.fromkeys(name for setting in plan.settings for name in setting.stations)
    return ["day", *FIGURES, *(f"energy_{name}_kwh" for name in stations), "evs", *LIMITS]


def runs_frame(plan: Plan, results: Frame, failed: Mapping[str, str]) -> Frame:
    """Return the table of all runs that are finished, in the order of the plan, and of those that *failed*."""
    import pandas as pd

    reasons = [
        {"run": run, "day": 1, "limits_broken": False, "flagged": "", FAILED: why}
        for run, why in failed.items()
    ]
    columns = ["run", *result_columns(plan)]
    found = results.reindex(columns=columns).assign(**{FAILED: ""})
    if reasons:
        found = pd.concat([found, pd.DataFrame(reasons, columns=found.columns)], ignore_index=True)
    planned = plan_frame(plan)
    order = planned.index.to_series().rename("order")
    joined = planned.assign(order=order).merge(found, on="run", how="inner", sort=False)
    return (
        joined.sort_values(["order", "day"], kind="stable", ignore_index=True)
        .drop(columns="order")
        .astype({"day": "int64", "limits_broken": bool})
    )
