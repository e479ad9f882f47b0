"""Arguments of public functions, checked as the fields of files are: every fault is a sentence, all are listed."""

from collections.abc import Iterable, Mapping
from math import isfinite
from numbers import Integral, Real
from typing import Any

from cosim.errors import ConfigError


def check(call: str, *problems: Iterable[str]) -> None:
    """Raise a ConfigError that lists the *problems* of the call of a function; do nothing without any."""
    if found := [problem for several in problems for problem in several]:
        raise ConfigError(call, found)


def one_of(name: str, value: Any, allowed: Iterable[Any]) -> list[str]:
    """Return a sentence unless the value is an allowed one."""
    *others, last = map(repr, allowed)
    if repr(value) in {*others, last}:
        return []
    return [f"{name} is {value!r}; it must be {', '.join(others)} or {last}"]


def positive(values: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each value that is not a finite number above 0; None is an option that is not given."""
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


def whole(values: Mapping[str, Any], least: int) -> list[str]:
    """Return a sentence for each value that is not a whole number from *least* on."""
    return [
        f"{name} is {_shown(value)}; it must be a whole number, {least} or more"
        for name, value in values.items()
        if isinstance(value, bool) or not isinstance(value, Integral) or value < least
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)


def _shown(value: Any) -> str:
    return f"{value:g}" if _is_number(value) else repr(value)
