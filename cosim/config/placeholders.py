"""Placeholders for the invalid values of a scenario, so that the references of all others can be checked."""

from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, TypeVar

from pydantic import ValidationError

from cosim.config.faults import Fault, Field, written_at
from cosim.sections import Section

T = TypeVar("T", bound=Section)
PLACEHOLDER = "(unknown)"
"""Replaces a text; a problem that mentions it only follows from one that is known already."""
LEFT_OUT = object()
"""Replaces a value by its default."""
SUBSTITUTES: tuple[Any, ...] = (PLACEHOLDER, LEFT_OUT, {}, [{}], 1)
"""Substitutes for an invalid value in the order of trial: a text, the default, a table, a list, a number."""
MAX_REPAIRS = 200
"""Validations after which a file is given up."""


def with_placeholders(tables: Mapping[str, Any], kind: type[T]) -> T | None:
    """Return *tables* as a *kind*, with a substitute for each invalid value; None where that fails."""
    repaired, attempts = deepcopy(dict(tables)), Counter[Field]()
    for _ in range(MAX_REPAIRS):
        try:
            return kind.model_validate(repaired)
        except ValidationError as faults:
            for invalid in _invalid_fields(dict(faults.errors()[0])):
                field = written_at(invalid, repaired)
                _substitute(repaired, field, attempts[field])
                attempts[field] += 1
    return None


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
