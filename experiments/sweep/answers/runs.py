"""The runs of a campaign as a table, and what of it can be told of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cosim.arrays import Frame
from cosim.errors import ConfigError

BROKEN = "limits_broken"
"""The figure that is true where a limit is broken."""
KEYS = ("run", "setting", "seed_number", "seed", "model", "day", "flagged", "failed")
"""Columns that are neither a field of the scenario nor a figure of the day."""
PLACE = "answers of a campaign"


@dataclass(frozen=True, eq=False)
class Runs:
    """The runs of a campaign: a row for each run, model and day; *fields* are the columns that are varied.

    ``seed_number`` names the random numbers: runs of one number share theirs, whatever their setting. The
    equilibrium has none of its own: it has one run for each setting, with the number 0.
    """

    frame: Frame
    fields: tuple[str, ...]

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of the figures: the columns of numbers, in their order."""
        from pandas.api.types import is_numeric_dtype

        others = {*KEYS, *self.fields, BROKEN}
        return tuple(name for name in self.frame if name not in others and is_numeric_dtype(self.frame[name]))

    @property
    def models(self) -> tuple[str, ...]:
        """Models that ran, in their order."""
        return tuple(self.frame.model.unique())

    @cached_property
    def settings(self) -> Frame:
        """Values of the fields (columns) of each setting (index, ascending)."""
        return self.frame.drop_duplicates("setting").set_index("setting")[list(self.fields)].sort_index()

    @cached_property
    def points(self) -> dict[int, dict[str, Any]]:
        """Values of the fields of each setting."""
        return {int(setting): values for setting, values in self.settings.to_dict("index").items()}

    @cached_property
    def _by_values(self) -> dict[tuple[Any, ...], int]:
        return {_key(values): setting for setting, values in self.points.items()}

    @cached_property
    def finished(self) -> Frame:
        """The runs that did not fail, each with its last day."""
        rows = self.frame[self.frame.failed.fillna("") == ""]
        return rows.sort_values("day", kind="stable").drop_duplicates(
            ["setting", "model", "seed_number"], keep="last"
        )

    def by_seed(self, figure: str, model: str) -> Frame:
        """Return a figure by seed number (rows) and setting (columns): NaN where a run failed or has no value.

        Raises ConfigError for a figure or a model that is not there.
        """
        self.check(figure, model)
        rows = self.finished[self.finished.model == model]
        seeds = sorted(self.frame.seed_number[self.frame.model == model].unique())
        table = rows.set_index(["seed_number", "setting"])[figure].unstack()  # noqa: PD010  (duplicates are a fault)
        return table.reindex(columns=self.settings.index, index=seeds).astype(float)

    def check(self, figure: str, model: str) -> None:
        """Raise ConfigError for a figure or a model that is not there."""
        for value, known, what in (
            (figure, (*self.figures, BROKEN), "figure"),
            (model, self.models, "model"),
        ):
            if value not in known:
                raise ConfigError(
                    PLACE, [f"there is no {what} '{value}'; there are: {', '.join(map(str, known))}"]
                )

    def numeric(self, field: str) -> bool:
        """Return whether all values of a field are numbers."""
        return bool(self.settings[field].map(_is_number).all())

    @property
    def numeric_fields(self) -> tuple[str, ...]:
        """Fields of numbers that have several values."""
        return tuple(f for f in self.fields if self.numeric(f) and len(self.settings[f].unique()) > 1)

    @property
    def is_grid(self) -> bool:
        """Whether the settings are all combinations of a few values of each field, each once."""
        if not self.fields:
            return True
        texts = self.settings.astype(str)
        return (
            len(texts) == np.prod([texts[field].nunique() for field in self.fields])
            and not texts.duplicated().any()
        )

    def along(self, field: str) -> list[tuple[dict[str, Any], Sequence[int]]]:
        """Return the settings of each combination of the other fields, by rising value of *field*.

        Raises ConfigError for a field that is not varied, or that is not one of numbers.
        """
        if field not in self.numeric_fields:
            known = ", ".join(self.numeric_fields) or "none"
            raise ConfigError(PLACE, [f"{field} is no field of numbers that is varied; there are: {known}"])
        others = [name for name in self.fields if name != field]
        ordered = self.settings.sort_values(field, kind="stable")
        if not others:
            return [({}, list(ordered.index))]
        groups = ordered.groupby(others, sort=False, dropna=False)
        return [
            (dict(zip(others, key, strict=True)), list(rows.index))
            for key, rows in sorted(groups, key=_first)
        ]

    def setting_like(self, setting: int, values: Mapping[str, Any]) -> int | None:
        """Return the setting that has these *values*, and those of *setting* in all other fields; None without one."""
        return self._by_values.get(_key({**self.points[setting], **values}))

    def left_out(self) -> list[str]:
        """Return sentences about runs that failed, and figures that have no value in some runs."""
        failed = self.frame[self.frame.failed.fillna("") != ""]
        sentences = []
        if len(failed):
            places = ", ".join(map(str, sorted(failed.setting.unique())))
            sentences.append(
                f"{failed.run.nunique()} of {self.frame.run.nunique()} runs failed (settings {places}): they are in no "
                "figure; where they failed because of their setting, what is left is no fair sample of it"
            )
        for figure in self.figures:
            has_some = self.finished.groupby(["setting", "model"])[figure].transform("count") > 0
            rows = self.finished[has_some]  # a station that a setting has not is not missing there
            if missing := int(rows[figure].isna().sum()):
                told = f"{figure} has no value in {missing} of {len(rows)} rows"
                sentences.append(f"{told}: its figures are of the rest")
        return sentences


def main_model(runs: Runs) -> str:
    """Return the model that is shown where only one can be: the agents, if they ran."""
    return "agents" if "agents" in runs.models else runs.models[0]


def _key(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return values that are equal where their fields are: numbers as such, others as texts."""
    return tuple(float(value) if _is_number(value) else str(value) for value in values.values())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool | np.bool_)


def _first(group: tuple[Any, Frame]) -> int:
    return int(group[1].index.min())
