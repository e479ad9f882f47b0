"""What a sweep gives: a row for each run, with the figures of its days."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cosim.arrays import Frame
from cosim.short_repr import short_repr
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

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that are varied or sampled."""
        return self.design.fields

    def flagged(self) -> list[str]:
        """Return a sentence for each run that broke a limit or failed, named by its values and its seed."""
        rows = self.frame[(self.frame.flagged != "") | (self.frame.failed != "")]
        columns = rows[["setting", "seed_number", "flagged", "failed"]]
        return [
            f"{self._named(int(setting), int(seed))}: {flagged or failed}"
            for setting, seed, flagged, failed in columns.itertuples(index=False)
        ]

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
    mixed = [field for field in design.fields if frame[field].dtype == object]
    return frame.assign(**{field: frame[field].map(_text) for field in mixed})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else as_toml(value)
