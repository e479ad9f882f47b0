"""Arguments of public functions and of option classes, checked as the fields of files are: all faults at once.

``@checked`` reads the annotations: a class asks for an instance, a literal for one of its values, and the ranges are
those of `cosim.sections`. What depends on several arguments is checked within the function.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, signature
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import MAX_SHOWN_CHARACTERS, Problem, refuse

C = TypeVar("C", bound=Callable[..., Any])
_RANGES: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "gt": ("above {:g}", np.greater),
    "ge": ("{:.12g} or more", np.greater_equal),
    "lt": ("below {:g}", np.less),
    "le": ("{:.12g} or less", np.less_equal),
}
_KINDS = {bool: "True or False", int: "a whole number", float: "a number", str: "a text"}
PER_CLASS_AND_OD = "class by class, one per OD"
_MADE_BY = {
    "AssignmentProblem": "build_problem",
    "Feeder": "read_feeder_csv",
    "Load": "Load.scaled",
    "Network": "read_roads",
    "OdTable": "read_roads",
    "Scenario": "load_scenario",
}
"""The public function that makes one."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """A condition on a value, in words and as a test, for annotations: ``Annotated[float, Allowed(...)]``."""

    words: str
    holds: Callable[[Any], bool]
    advice: str = ""

    def problems(self, name: str, value: Any) -> list[Problem]:
        """Return a problem unless the value is allowed."""
        if self.holds(value):
            return []
        return [
            Problem(f"is {_shown(value)}", field=name, value=value, allowed=self.words, advice=self.advice)
        ]


Numbers = Annotated[FloatArray, Allowed("numbers", lambda value: _numbers(value, whole=False) is not None)]
"""An array or a list of numbers, also NaN; its shape is checked where it is used."""


def checked(call: C) -> C:
    """Return the function, or the class, that refuses arguments outside its annotations with a ConfigError."""
    if isinstance(call, type):
        call.__init__ = _checked(call.__init__, call.__qualname__)  # type: ignore[misc]
        return call
    return cast("C", _checked(call, call.__qualname__))


def numbers_of(call: str, name: str, value: Any, size: int, meaning: str) -> FloatArray:
    """Return numbers of 0 or more as an array; raises ConfigError unless there are *size* of them."""
    numbers = _numbers(value, whole=False)
    if numbers is None or numbers.shape != (size,) or not (numbers >= 0).all():
        is_shape = numbers is not None and numbers.shape != (size,)
        found = f"has shape {numbers.shape}" if is_shape else f"is {_shown(value)}"
        refuse(
            call, [Problem(found, field=name, value=value, allowed=f"{size} numbers of 0 or more, {meaning}")]
        )
    return np.asarray(value, dtype=np.float64)


def _checked(call: Any, name: str) -> Any:
    of_call = signature(call)
    rules = {
        parameter.name: rule
        for parameter in of_call.parameters.values()
        if (rule := allowed(parameter.annotation)) is not None
    }
    several = {p.name for p in of_call.parameters.values() if p.kind is p.VAR_POSITIONAL}

    @wraps(call)
    def call_checked(*arguments: Any, **options: Any) -> Any:
        given = of_call.bind(*arguments, **options).arguments
        problems = [
            problem
            for argument, rule in rules.items()
            if argument in given
            for value in (given[argument] if argument in several else [given[argument]])
            for problem in rule.problems(argument, value)
        ]
        refuse(name, problems)
        return call(*arguments, **options)

    return call_checked


def allowed(annotation: Any) -> Allowed | None:
    """Return what an annotation allows; None if it says nothing that can be checked."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        own = next((extra for extra in inside if isinstance(extra, Allowed)), None)
        return own or _within_range(inside[0], inside[1:])
    if origin is Literal:
        return one_of(*inside)
    if origin in {Union, UnionType}:
        return _any_of(inside)
    if annotation in _KINDS:
        return Allowed(_KINDS[annotation], lambda value: _is_kind(value, annotation))
    kind = annotation if origin is None else origin
    unknown = (Parameter.empty, Any, np.ndarray)
    if not isinstance(kind, type) or kind in unknown or getattr(kind, "_is_protocol", False):
        return None
    made_by = _MADE_BY.get(kind.__name__)
    article = "an" if kind.__name__[0] in "AEIOU" else "a"
    return Allowed(
        f"{article} {kind.__name__}",
        lambda value: isinstance(value, kind) and not isinstance(value, str),
        f"cosim.{made_by} returns one" if made_by else "",
    )


def problems_of(annotation: Any, name: str, value: Any) -> list[Problem | str]:
    """Return what is wrong with a value that its annotation does not allow."""
    rule = allowed(annotation)
    return [] if rule is None else list(rule.problems(name, value))


def one_of(*values: Any) -> Allowed:
    """Return what allows these values alone."""
    *others, last = map(repr, values)
    return Allowed(f"{', '.join(others)} or {last}", lambda value: repr(value) in {*others, last})


def _any_of(annotations: tuple[Any, ...]) -> Allowed | None:
    rules = [allowed(annotation) for annotation in annotations if annotation is not NoneType]
    checkable = [rule for rule in rules if rule is not None]
    if len(checkable) < len(rules):
        return None
    return Allowed(
        " or ".join(dict.fromkeys(rule.words for rule in checkable)),
        lambda value: (value is None and NoneType in annotations) or any(r.holds(value) for r in checkable),
        next((rule.advice for rule in checkable if rule.advice), ""),
    )


def _is_kind(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, Real) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, Integral) and not isinstance(value, bool)
    return isinstance(value, (bool, np.bool_) if kind is bool else kind)


def _within_range(kind: Any, extras: tuple[Any, ...]) -> Allowed | None:
    """Return what the bounds of a pydantic Field allow: of one number, or of each in an array or a list."""
    bounds = {
        key: bound
        for extra in extras
        for constraint in getattr(extra, "metadata", ())
        for key in _RANGES
        if (bound := getattr(constraint, key, None)) is not None
    }
    words = " and ".join(_RANGES[key][0].format(bound) for key, bound in bounds.items())
    single, whole = kind in {int, float}, kind is int

    def holds(value: Any) -> bool:
        numbers = _numbers(value, whole=whole)
        return (
            numbers is not None
            and not (single and numbers.ndim)
            and np.isfinite(numbers).all()
            and all(_RANGES[key][1](numbers, bound).all() for key, bound in bounds.items())
        )

    return Allowed(("a whole number, " if whole else "" if single else "a number or numbers ") + words, holds)


def _numbers(value: Any, *, whole: bool) -> Any:
    """Return numbers as an array; None for what are none."""
    try:
        numbers = np.asarray(value)
    except ValueError:  # rows of several lengths
        return None
    return numbers if numbers.dtype.kind in ("iu" if whole else "iuf") else None


def _shown(value: Any) -> str:
    if _is_kind(value, float):
        return f"{value:g}"
    text = " ".join(repr(value).split())
    return text if len(text) <= MAX_SHOWN_CHARACTERS else text[: MAX_SHOWN_CHARACTERS - 3] + "..."
