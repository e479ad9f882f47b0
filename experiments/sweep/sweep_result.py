"""What a sweep gives: a row for each run, with the figures of its days."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cosim.arrays import Frame
from cosim.errors import ConfigError
from cosim.short_repr import short_repr
from cosim.words import counted
from experiments.sweep.answers.effects import effects
from experiments.sweep.answers.means import differences, limits_broken, means
from experiments.sweep.answers.remedies import remedies
from experiments.sweep.answers.runs import PLACE, Runs, main_model
from experiments.sweep.answers.saltelli import sobol_indices
from experiments.sweep.answers.summary import Answers, Asked, answer
from experiments.sweep.answers.thresholds import thresholds
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
    asked: Asked = field(default_factory=Asked)
    """What is asked of the runs."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that are varied or sampled."""
        return self.design.fields

    @property
    def runs(self) -> Runs:
        """The runs as statistics take them."""
        return Runs(self.frame, self.fields)

    def means(self) -> Frame:
        """Return the mean of each figure in each setting, with its 95 % interval over seeds."""
        return means(self.runs)

    def differences(self, baseline: Mapping[str, Any] | None = None) -> Frame:
        """Return how much each setting differs from the one with the values of *baseline*, seed by seed."""
        return differences(self.runs, baseline or self.asked.baseline)

    def probability(self) -> Frame:
        """Return the probability that a limit is broken in each setting, with its exact 95 % interval."""
        return limits_broken(self.runs)

    def effects(self, figure: str, model: str | None = None) -> Frame:
        """Return the share of the variance of a figure that each field and each pair explains: of a grid."""
        return effects(self.runs, figure, model or main_model(self.runs))

    def sobol(self, figure: str, model: str | None = None) -> Frame:
        """Return the Sobol indices of a figure: of a sweep with ``design="saltelli"``."""
        return sobol_indices(self.runs, figure, model or main_model(self.runs))

    def threshold(self, figure: str, level: float, field: str | None = None) -> Frame:
        """Return where in a field of numbers a figure crosses *level*, with its 95 % interval.

        Of ``limits_broken``, where its probability does. *field* is by default the one that varies.
        """
        fields = self.runs.numeric_fields
        if field is None and len(fields) != 1:
            raise ConfigError(PLACE, [f"threshold: name a field; there are: {', '.join(fields) or 'none'}"])
        return thresholds(self.runs, figure, level, field or fields[0])

    def remedies(self) -> Frame:
        """Return what each remedy costs a day, with its investment, and how often a limit is still broken."""
        if not self.asked.investments:
            raise ConfigError(PLACE, ["there are no remedies; give them as [[sweep.remedies]]"])
        baseline, most = next(iter(self.asked.investments)), self.asked.broken_at_most
        return remedies(self.runs, self.asked.investments, baseline, broken_at_most=most)

    def answers(self) -> Answers:
        """Return all of these at once, and what they say in words."""
        return answer(self.runs, self.asked)

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
