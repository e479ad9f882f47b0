"""Checks of the arguments of public functions; all problems are raised together, one sentence for each."""

from collections.abc import Iterable, Mapping
from math import isfinite
from numbers import Integral, Real
from typing import Any

from cosim.errors import ConfigError


def check(call: str, *problems: Iterable[str]) -> None:
    """Raise ConfigError if there are any *problems* with the arguments of a function's *call*."""
    if sentences := [sentence for of_argument in problems for sentence in of_argument]:
        raise ConfigError(call, sentences)


def one_of(name: str, value: Any, allowed: Iterable[Any]) -> list[str]:
    """Return a sentence unless the value is one of those *allowed*."""
    *others, last = map(repr, allowed)
    if repr(value) in {*others, last}:
        return []
    return [f"{name} is {value!r}; it must be {', '.join(others)} or {last}"]


def positive(values: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each value that is not a finite number above 0; None, an option not given, is allowed."""
    return [
        f"{name} is {_shown(value)}; it must be above 0"
        for name, value in values.items()
        if value is not None and not (_is_number(value) and 0 < value < float("inf"))
    ]


def not_negative(values: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each value that is not a finite number, 0 or more."""
    return [
        f"{name} is {_shown(value)}; it must be 0 or more"
        for name, value in values.items()
        if not (_is_number(value) and value >= 0)
    ]


def whole_number(values: Mapping[str, Any], minimum: int) -> list[str]:
    """Return a sentence for each value that is not a whole number, *minimum* or more."""
    return [
        f"{name} is {_shown(value)}; it must be a whole number, {minimum} or more"
        for name, value in values.items()
        if isinstance(value, bool) or not isinstance(value, Integral) or value < minimum
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)


def _shown(value: Any) -> str:
    return f"{value:g}" if _is_number(value) else repr(value)
