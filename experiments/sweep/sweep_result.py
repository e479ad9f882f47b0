"""What a sweep gives: a row for each run, with the figures of its days."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cosim.arrays import Frame
from cosim.errors import ConfigError
from cosim.short_repr import short_repr
from experiments.sweep.answers.effects import effects
from experiments.sweep.answers.means import differences, limits_broken, means
from experiments.sweep.answers.remedies import remedies
from experiments.sweep.answers.runs import PLACE, Runs, main_model
from experiments.sweep.answers.saltelli import sobol_indices
from experiments.sweep.answers.summary import Answers, Asked, answer
from experiments.sweep.answers.thresholds import thresholds
from experiments.sweep.design import Design, as_toml
from experiments.sweep.plan import Plan

KEYS = ("seed_number", "seed", "model", "day")
ENDS = ("limits_broken", "flagged", "failed")
Rows = list[dict[str, Any]]


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
        """Return a sentence for each setting and model with runs that broke a limit or failed, worded by the first."""
        told = self.frame.assign(told=self.frame.flagged.where(self.frame.failed == "", self.frame.failed))
        sentences = []
        for (setting, _), rows in told.groupby(["setting", "model"], sort=False):
            ended = rows[rows.told != ""]
            if len(ended):
                first = ended.iloc[0]
                of_all = f" ({len(ended)} of {len(rows)} like this)" if len(rows) > 1 else ""
                sentences.append(f"{self._named(int(setting), int(first.seed_number))}: {first.told}{of_all}")
        return sentences

    def _named(self, setting: int, seed: int) -> str:
        values = [self.design.named(setting - 1)] if self.fields else []
        return ", ".join([*values, *([f"seed {seed}"] if seed else [])])


def runs_frame(plan: Plan, results: Mapping[str, Rows], failed: Mapping[str, str]) -> Frame:
    """Return the table of all runs in the order of the plan: *results* by the id of the run, or why it *failed*."""
    import pandas as pd

    rows = []
    for member in plan.members:
        point = plan.design.points[member.setting - 1]
        about = {
            "run": member.run,
            "setting": member.setting,
            **dict(zip(plan.design.fields, point, strict=True)),
            "seed_number": member.seed_number,
            "seed": member.seed,
            "model": member.model,
        }
        found = results.get(member.run) or [failed_row(failed[member.run])]
        rows += [
            {
                **about,
                **{key: value for key, value in row.items() if key not in about},
                "failed": row.get("failed", ""),
            }
            for row in found
        ]
    return pd.DataFrame(rows)[_ordered(rows)]


def failed_row(reason: str) -> dict[str, Any]:
    """Return the row of a run that gave nothing."""
    return {"day": 1, "limits_broken": False, "flagged": "", "failed": reason}


def _ordered(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the columns in their order, those that only some rows have among them."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [name for name in names if name not in ENDS] + list(ENDS)


def text_fields(frame: Frame, design: Design) -> Frame:
    """Return the rows with values of several types in one column as texts."""
    mixed = [field for field in design.fields if field in frame and frame[field].dtype == object]
    return frame.assign(**{field: frame[field].map(_text) for field in mixed})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else as_toml(value)
