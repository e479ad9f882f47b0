"""Placeholders for the invalid values of a scenario, so that the references of all others can be checked."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from cosim.config.faults import Fault, Field, problem_of, written_at
from cosim.errors import Problem
from cosim.sections import Section

T = TypeVar("T", bound=Section)
PLACEHOLDER = "(unknown)"
"""Replaces a text; a problem that mentions it only follows from one that is known already."""
LEFT_OUT = object()
"""Replaces a value by its default."""
SUBSTITUTES: tuple[Any, ...] = (PLACEHOLDER, LEFT_OUT, {}, [{}], 1, "00:00", "24:00")
"""Substitutes for an invalid value in the order of trial: a text, the default, a table, a list, a number, times."""
MAX_REPAIRS = 200
"""Validations after which a file is given up."""


@dataclass(frozen=True, slots=True)
class Repaired(Generic[T]):
    """Tables with a substitute for each invalid value."""

    config: T | None
    """None where that fails."""
    contradictions: tuple[Problem, ...]
    """Of valid values: pydantic looks for none in a table with an invalid one."""


def with_placeholders(tables: Mapping[str, Any], kind: type[T]) -> Repaired[T]:
    """Return *tables* as a *kind*, with a substitute for each invalid value."""
    repaired, attempts = deepcopy(dict(tables)), Counter[Field]()
    contradictions: list[Problem] = []
    for _ in range(MAX_REPAIRS):
        try:
            return Repaired(kind.model_validate(repaired), tuple(contradictions))
        except ValidationError as faults:
            if faults.error_count() > MAX_REPAIRS:
                break  # more than can be repaired, each try as long as the file
            first = dict(faults.errors()[0])
            fields = [written_at(invalid, repaired) for invalid in _invalid_fields(first)]
            if first["type"] == "contradiction" and not any(_is_within(field, attempts) for field in fields):
                contradictions.append(problem_of(first, tables))
            for field in fields:
                _substitute(repaired, field, attempts[field])
                attempts[field] += 1
    return Repaired(None, tuple(contradictions))


def _is_within(field: Field, substituted: Collection[Field]) -> bool:
    """Whether a field, or a table that it is in, has been substituted."""
    return any(field[:length] in substituted for length in range(1, len(field) + 1))


def _invalid_fields(fault: Fault) -> Iterator[Field]:
    """Yield the fields of a validation error."""
    for name in fault.get("ctx", {}).get("fields", ()):
        yield (*fault["loc"], name)
    if fault["type"] != "contradiction":
        yield fault["loc"]


def _substitute(tables: dict[str, Any], field: Field, attempt: int) -> None:
    """Replace a field by the next substitute; after the last one, replace the table that holds it."""
    if attempt >= len(SUBSTITUTES):
        _substitute(tables, field[:-1], 0)
        return
    if not field:
        return
    container: Any = tables
    *path, key = field
    for step in path:
        container = container[step]
    if SUBSTITUTES[attempt] is not LEFT_OUT:
        container[key] = deepcopy(SUBSTITUTES[attempt])
    elif isinstance(container, list) or key in container:
        container.pop(key)  # type: ignore[arg-type]
