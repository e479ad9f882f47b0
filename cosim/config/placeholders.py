"""Stand-ins for what is faulty in a scenario, so that the references of all the rest can be judged too."""

from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, TypeVar

from pydantic import ValidationError

from cosim.config.faults import Fault, Field, written_at
from cosim.sections import Section

T = TypeVar("T", bound=Section)
PLACEHOLDER = "(unknown)"
"""Takes the place of a text; a problem that mentions it only follows from a fault that is known already."""
LEFT_OUT = object()
SUBSTITUTES: tuple[Any, ...] = (PLACEHOLDER, LEFT_OUT, {}, [{}], 1)
"""Tried one after another: a text, the default, then what passes as a table, a list, a number."""
MAX_REPAIRS = 200


def with_placeholders(tables: Mapping[str, Any], kind: type[T]) -> T | None:
    """Return *tables* as a *kind*, each faulty field at its default, or else at a stand-in; None where that fails."""
    rest, tried = deepcopy(dict(tables)), Counter[Field]()
    for _ in range(MAX_REPAIRS):
        try:
            return kind.model_validate(rest)
        except ValidationError as faults:
            for field in _blamed(dict(faults.errors()[0])):
                place = written_at(field, rest)
                _mend(rest, place, tried[place])
                tried[place] += 1
    return None


def _blamed(fault: Fault) -> Iterator[Field]:
    """Yield the fields a fault is about."""
    for name in fault.get("ctx", {}).get("fields", ()):
        yield (*fault["loc"], name)
    if fault["type"] != "contradiction":
        yield fault["loc"]


def _mend(tables: dict[str, Any], field: Field, attempt: int) -> None:
    """Try the next remedy on a field; where none helps, do without the table that holds it."""
    if attempt >= len(SUBSTITUTES):
        _mend(tables, field[:-1], 0)
        return
    if not field:
        return
    place: Any = tables
    *path, last = field
    for step in path:
        place = place[step]
    if SUBSTITUTES[attempt] is not LEFT_OUT:
        place[last] = deepcopy(SUBSTITUTES[attempt])
    elif isinstance(place, list) or last in place:
        place.pop(last)  # type: ignore[arg-type]
