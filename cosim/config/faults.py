"""The faults pydantic finds in a scenario, as problems: the field as the user wrote it, its value, what is allowed."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, get_args

from cosim.config.grid import FeederConfig
from cosim.config.scenario import ScenarioConfig
from cosim.errors import Problem
from cosim.sections import EXTENDS, Section

Fault = Mapping[str, Any]
Field = tuple[int | str, ...]
"""The keys and positions that lead to a value."""

_MUST_BE = {
    "bool_type": "true or false",
    "finite_number": "a finite number",
    "float_type": "a number without quotes",
    "greater_than": "above {gt:g}",
    "greater_than_equal": "{ge:.12g} or more",
    "int_type": "a whole number without quotes",
    "less_than": "below {lt:g}",
    "less_than_equal": "{le:.12g} or less",
    "literal_error": "{expected}",
    "model_type": "a table",
    "string_pattern_mismatch": "a name that can be that of a directory: no slash, no leading dot",
    "string_too_short": "a text that is not empty",
    "string_type": "a text in quotes",
    "too_short": "a list with at least one entry",
    "tuple_type": "a list of tables",
}


def problems_of(faults: list[Any], tables: Mapping[str, Any]) -> list[Problem]:
    """Return a problem for each fault of *tables*."""
    return [problem_of(fault, tables) for fault in faults if not _follows_from_others(fault)]


def _follows_from_others(fault: Fault) -> bool:
    """Tell a list that is empty only because all its entries are faulty."""
    return fault["type"] == "too_short" and len(fault["input"]) > 0


def problem_of(fault: Fault, tables: Mapping[str, Any]) -> Problem:
    """Return what is wrong: the field, what it is, what it must be."""
    field = written_at(fault["loc"], tables)
    name, kind = field_name(field, tables), fault["type"]
    if kind == "missing":
        return Problem("is missing", field=name)
    if kind == "extra_forbidden":
        return Problem("is not a known key", field=name, advice=_known_keys(field))
    if kind == "contradiction":
        problem = Problem(str(fault["msg"]))
        return problem.within("table", name) if name else problem
    allowed = str(_MUST_BE.get(kind, fault["msg"])).format(**fault.get("ctx", {}))
    return Problem(field=name, value=fault["input"], allowed=allowed.removeprefix("Value error, "))


def field_name(field: Field, tables: Any) -> str:
    """Return the dotted name of a field, as in ``stations.CS6.chargers``; entries of lists go by their name."""
    words, place = [], tables
    for step in field:
        entry = place[step] if _has(place, (step,)) else None
        called = entry.get("name") if isinstance(step, int) and isinstance(entry, dict) else None
        unique = isinstance(called, str) and [_called(other) for other in place].count(called) == 1
        words.append(str(called if unique and called else step))
        place = entry
    return ".".join(words)


def _called(entry: Any) -> Any:
    return entry.get("name") if isinstance(entry, dict) else None


def written_at(field: Field, tables: Mapping[str, Any]) -> Field:
    """Return where the user wrote a value: a feeder's field may come from the defaults in ``[grid]``."""
    if field[:2] != ("grid", "feeders") or len(field) < 3:
        return field
    within, default = field[3:], ("grid", *field[3:])
    if not _has(tables, field[:3]):
        return default
    in_feeder = _has(tables, field) or (not _has(tables, default) and _has(tables, field[:4]))
    return field if in_feeder or not within else default


def _has(place: Any, field: Field) -> bool:
    for step in field:
        inside = isinstance(step, int) and isinstance(place, list) and step < len(place)
        if not inside and not (isinstance(place, dict) and step in place):
            return False
        place = place[step]
    return True


def _known_keys(field: Field) -> str:
    known = _keys_of(field[:-1])
    near = get_close_matches(str(field[-1]), known, n=1)
    return f"do you mean '{near[0]}'?" if near else f"known are {', '.join(known)}"


def _keys_of(field: Field) -> list[str]:
    """Return the keys of the table at *field*; ``[grid]`` and its feeders share theirs."""
    section: Any = ScenarioConfig
    for step in field:
        if step == "grid":
            section = FeederConfig
        elif isinstance(step, str) and step != "feeders":
            section = next(sections_in(section.model_fields[step].annotation))
    shared = [EXTENDS] if not field else ["feeders"] if field == ("grid",) else []
    return [*shared, *section.model_fields]


def sections_in(annotation: Any) -> Any:
    """Yield the tables an annotation speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for part in get_args(annotation):
        yield from sections_in(part)
