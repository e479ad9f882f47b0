"""The fields that a sweep varies, and their values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Any

from cosim.arrays import Frame
from cosim.config.reading import parse_value
from cosim.errors import refuse

Point = tuple[Any, ...]
"""The values of the varied fields on one day of the sweep."""
_NUMBER = r"([+-]?(?:\d+\.?\d*|\.\d+))"
_RANGE = re.compile(rf"{_NUMBER}\s*:\s*{_NUMBER}\s*:\s*{_NUMBER}")
LONGEST_RANGE = 10_000
"""Steps of a range, at most."""


@dataclass(frozen=True, slots=True)
class ParameterGrid:
    """Fields and their values; the days are all combinations, with the last field varying fastest."""

    fields: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]

    @property
    def points(self) -> list[Point]:
        """Values of the fields on each day."""
        return list(product(*self.values))

    def settings(self, point: Point) -> tuple[str, ...]:
        """Return the values of a day as ``field=value``."""
        return tuple(f"{field}={as_toml(value)}" for field, value in zip(self.fields, point, strict=True))

    def flagged(self, days: Frame) -> list[tuple[str, str]]:
        """Return the flagged days, by the values of their fields, with their flags."""
        return [
            (", ".join(" = ".join(setting.split("=", 1)) for setting in self.settings(point)), flag)
            for point, flag in zip(self.points, days.flagged, strict=True)
            if flag
        ]


def as_toml(value: Any) -> str:
    """Return a value in TOML."""
    import tomli_w

    return tomli_w.dumps({"value": value}).removeprefix("value = ").strip()


def read_parameters(variations: Sequence[str]) -> ParameterGrid:
    """Return the grid of ``field=value,value,...`` texts; values are written as in TOML, or as ``low:high:step``.

    Raises ConfigError with a sentence for every invalid text.
    """
    problems = []
    fields, values = [], []
    for variation in variations:
        field, equals, text = (part.strip() for part in variation.partition("="))
        field_values, fault = _values(text)
        problems += [f"{field}: {fault}"] if fault else []
        if not (equals and field and text):
            problems.append(
                f"'{variation}' is not of the form field=value,value, as in road.theta_per_min=0.1,0.2"
            )
        elif field in fields:
            problems.append(f"{field} is varied twice; give all its values at once")
        fields.append(field)
        values.append(tuple(field_values))
    if not variations:
        problems.append("nothing to vary; give a field with its values, as in road.theta_per_min=0.1,0.2")
    refuse("vary", problems)
    return ParameterGrid(tuple(fields), tuple(values))


def parameter_grid(vary: ParameterGrid | Mapping[str, Sequence[Any]]) -> ParameterGrid:
    """Return the grid of the values of each field; raises ConfigError for a field without any."""
    if isinstance(vary, ParameterGrid):
        return vary
    faults = [
        f"{field} is {values!r}; it must be a list of values"
        for field, values in vary.items()
        if isinstance(values, str) or not (isinstance(values, Sequence) and values)
    ]
    refuse("sweep", faults if vary else ["nothing to vary; give a field with its values"])
    return ParameterGrid(tuple(vary), tuple(map(tuple, vary.values())))


def _values(text: str) -> tuple[list[Any], str]:
    """Return the values of a text, and what is wrong with it: a list as in TOML, words, or ``low:high:step``."""
    if span := _RANGE.fullmatch(text):
        return _range(text, *map(Decimal, span.groups()))
    parsed = parse_value(f"[{text}]")
    return (parsed if isinstance(parsed, list) else [word.strip() for word in text.split(",")]), ""


def _range(text: str, low: Decimal, high: Decimal, step: Decimal) -> tuple[list[Any], str]:
    """Return the values from *low* to at most *high*: whole numbers where both are written as such."""
    if step <= 0 or high < low:
        return [], f"'{text}' has no values; a range is low:high:step, as in 0.1:0.5:0.1"
    if high - low > LONGEST_RANGE * step:
        return [], f"'{text}' has more than {LONGEST_RANGE:,} values; take a longer step"
    kind = int if "." not in text else float
    return [kind(low + number * step) for number in range(int((high - low) / step) + 1)], ""


def text_fields(days: Frame, parameters: ParameterGrid) -> Frame:
    """Return the days with the values of the fields as texts, because a column may have values of several types."""
    return days.assign(**{field: days[field].map(str) for field in parameters.fields})
