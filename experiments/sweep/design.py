"""The settings of a sweep: all combinations of the values of some fields, with points sampled from ranges of others."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from math import prod
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.config.reading import parse_value
from cosim.config.sweep import Kind
from cosim.errors import Problem, refuse

Point = tuple[Any, ...]
"""The values of the fields in one setting."""
Values = Mapping[str, Sequence[Any]]
"""The values of each field, or the ends of its range."""
_NUMBER = r"([+-]?(?:\d+\.?\d*|\.\d+))"
_RANGE = re.compile(rf"{_NUMBER}\s*:\s*{_NUMBER}(?:\s*:\s*{_NUMBER})?")
LONGEST_RANGE = 10_000
"""Steps of a range, at most."""
MOST_SETTINGS = 1_000_000


@dataclass(frozen=True, slots=True)
class Design:
    """Fields and the settings of them, in order."""

    fields: tuple[str, ...]
    points: tuple[Point, ...]

    def named(self, number: int) -> str:
        """Return the values of a setting (from 0), as in ``population.ev_share = 0.2``."""
        pairs = zip(self.fields, self.points[number], strict=True)
        return ", ".join(f"{field} = {as_toml(value)}" for field, value in pairs)


def as_toml(value: Any) -> str:
    """Return a value in TOML."""
    import tomli_w

    return tomli_w.dumps({"value": value}).removeprefix("value = ").strip()


def make_design(vary: Values, sample: Values, points: int, kind: Kind, seed: int) -> Design:
    """Return all combinations of the varied values, the last field varying fastest, each with all sampled points.

    The points depend on *seed* alone. Those of ``saltelli`` are *points* blocks of (fields + 2) points, ordered as
    SALib wants them without second order. Raises ConfigError for values that are none.
    """
    problems = [*_value_faults(vary), *_range_faults(sample)]
    problems += [
        Problem(f"{field} is varied and sampled; choose one", field="sample")
        for field in vary.keys() & sample.keys()
    ]
    if sample and kind != "latin" and points & (points - 1):
        advice = "points of Sobol's sequence are balanced only then"
        problems.append(Problem(field="points", value=points, allowed="a power of 2, as 64", advice=advice))
    refuse("sweep", problems)
    blocks = len(sample) + 2 if sample and kind == "saltelli" else 1
    count = prod(len(values) for values in vary.values()) * (points * blocks if sample else 1)
    if count > MOST_SETTINGS:
        refuse("sweep", [Problem(f"these are {count:,} settings", allowed=f"{MOST_SETTINGS:,} or fewer")])
    sampled = _sampled(sample, points, kind, seed) if sample else [()]
    grid = product(*vary.values())
    return Design((*vary, *sample), tuple((*point, *further) for point in grid for further in sampled))


def _value_faults(vary: Values) -> list[Problem | str]:
    return [
        f"{field} is {values!r}; it must be a list of values"
        for field, values in vary.items()
        if isinstance(values, str) or not (isinstance(values, Sequence) and values)
    ]


def _range_faults(sample: Values) -> list[Problem | str]:
    return [
        f"{field} is sampled from {ends!r}; it must be two numbers, the lower one first"
        for field, ends in sample.items()
        if not (
            isinstance(ends, Sequence)
            and len(ends) == 2
            and all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends)
            and ends[0] < ends[1]
        )
    ]


def _sampled(sample: Values, points: int, kind: Kind, seed: int) -> list[Point]:
    """Return the points; a range between whole numbers gives whole numbers, its ends among them."""
    columns = [
        _scaled(unit, *ends)
        for unit, ends in zip(_unit(len(sample), points, kind, seed).T, sample.values(), strict=True)
    ]
    return list(zip(*columns, strict=True))


def _scaled(unit: FloatArray, low: float, high: float) -> list[Any]:
    if isinstance(low, int) and isinstance(high, int):
        return [int(value) for value in low + np.floor(unit * (high - low + 1))]
    return [float(value) for value in low + unit * (high - low)]


def _unit(fields: int, points: int, kind: Kind, seed: int) -> FloatArray:
    """Return points of the unit cube, (points, fields)."""
    from scipy.stats import qmc

    rng = np.random.default_rng(seed)
    if kind == "latin":
        return np.asarray(qmc.LatinHypercube(fields, rng=rng).random(points))
    if kind == "sobol":
        return np.asarray(qmc.Sobol(fields, rng=rng).random(points))
    both = qmc.Sobol(2 * fields, rng=rng).random(points)
    first, second = both[:, :fields], both[:, fields:]
    mixed = [np.where(np.arange(fields) == field, second, first) for field in range(fields)]
    return np.stack([first, *mixed, second], axis=1).reshape(-1, fields)


def read_vary(texts: Sequence[str]) -> dict[str, list[Any]]:
    """Return the values of ``field=value,value,...`` texts; they are written as in TOML, or as ``low:high:step``.

    Raises ConfigError with a sentence for every invalid text.
    """
    return _read("vary", texts, "value,value, as in road.theta_per_min=0.1,0.2", _values)


def read_sample(texts: Sequence[str]) -> dict[str, list[Any]]:
    """Return the ends of the range of each ``field=low:high`` text."""
    return _read("sample", texts, "low:high, as in population.ev_share=0.1:0.6", _ends)


def _read(option: str, texts: Sequence[str], form: str, values_of: Any) -> dict[str, list[Any]]:
    problems, found = [], dict[str, list[Any]]()
    for written in texts:
        field, equals, text = (part.strip() for part in written.partition("="))
        values, fault = values_of(text)
        problems += [f"{field}: {fault}"] if fault else []
        if not (equals and field and text):
            problems.append(f"'{written}' is not of the form field={form}")
        elif field in found:
            problems.append(f"{field} is given twice; give all its values at once")
        found[field] = values
    refuse(option, problems)
    return found


def _values(text: str) -> tuple[list[Any], str]:
    """Return the values of a text, and what is wrong with it: a list as in TOML, words, or ``low:high:step``."""
    if (span := _RANGE.fullmatch(text)) and span[3]:
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


def _ends(text: str) -> tuple[list[Any], str]:
    span = _RANGE.fullmatch(text)
    if not span or span[3]:
        return [], f"'{text}' is no range; a range that is sampled is low:high, as in 0.1:0.6"
    kind = int if "." not in text else float
    low, high = kind(span[1]), kind(span[2])
    return [low, high], "" if low < high else f"'{text}' is empty; the lower end comes first"
