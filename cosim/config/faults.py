"""Validation errors of pydantic as problems: the field as written by the user, its value, and allowed values."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from cosim.config.events import AnyEvent
from cosim.config.grid import FeederConfig
from cosim.config.plausibility import unit_question
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
    "model_attributes_type": "a table",
    "model_type": "a table",
    "string_pattern_mismatch": "a name without slash, control character, leading dot or dash",
    "string_too_long": "a text of at most {max_length} characters",
    "string_too_short": "a text that is not empty",
    "string_type": "a text in quotes",
    "too_short": "a list with at least one entry",
    "tuple_type": "a list of tables",
}


def problems_of(faults: list[Any], tables: Mapping[str, Any]) -> list[Problem]:
    """Return a problem for each validation error of *tables*."""
    return [problem_of(fault, tables) for fault in faults if not _follows_from_others(fault)]


def _follows_from_others(fault: Fault) -> bool:
    """Whether a list is empty only because all its entries have errors."""
    return fault["type"] == "too_short" and len(fault["input"]) > 0


def problem_of(fault: Fault, tables: Mapping[str, Any]) -> Problem:
    """Return the problem of one validation error."""
    field = written_at(fault["loc"], tables)
    name, kind = field_name(field, tables), fault["type"]
    if kind == "union_tag_not_found":
        return Problem("is missing", field=f"{name}.kind")
    if kind == "union_tag_invalid":
        allowed = f"one of {fault['ctx']['expected_tags']}"
        return Problem(field=f"{name}.kind", value=fault["ctx"]["tag"], allowed=allowed)
    if kind == "missing":
        return Problem("is missing", field=name)
    if kind == "extra_forbidden":
        return Problem("is not a known key", field=name, advice=_known_keys(fault["loc"], field))
    if kind == "contradiction":
        problem = Problem(str(fault["msg"]))
        return problem.within("table", name) if name else problem
    allowed = str(_MUST_BE.get(kind, fault["msg"])).format(**fault.get("ctx", {}))
    value = fault["input"]
    return Problem(
        field=name,
        value=value,
        allowed=allowed.removeprefix("Value error, "),
        advice=unit_question(name, value),
    )


def field_name(field: Field, tables: Any) -> str:
    """Return the dotted name of a field, as in ``stations.CS6.chargers``; entries of lists are given by their name."""
    words, container = [], tables
    for step in field:
        entry = container[step] if _has(container, (step,)) else None
        name = entry.get("name") if isinstance(step, int) and isinstance(entry, dict) else None
        is_unique = isinstance(name, str) and not any(
            other is not entry and _entry_name(other) == name for other in container
        )
        words.append(str(name if is_unique and name else step))
        container = entry
    return ".".join(words)


def _entry_name(entry: Any) -> Any:
    return entry.get("name") if isinstance(entry, dict) else None


def written_at(field: Field, tables: Mapping[str, Any]) -> Field:
    """Return the field in which the user wrote a value: a feeder's field may come from the defaults in ``[grid]``.

    The field of an event is found by the kind of event, which is no part of the field.
    """
    if field[:1] == ("events",):
        return field[:2] + field[3:]
    if field[:2] != ("grid", "feeders") or len(field) < 3:
        return field
    default = ("grid", *field[3:])
    if not _has(tables, field[:3]):
        return default
    in_feeder = _has(tables, field) or (not _has(tables, default) and _has(tables, field[:4]))
    return field if in_feeder or len(field) == 3 else default


def _has(container: Any, field: Field) -> bool:
    for step in field:
        in_list = isinstance(step, int) and isinstance(container, list) and step < len(container)
        if not in_list and not (isinstance(container, dict) and step in container):
            return False
        container = container[step]
    return True


def _known_keys(loc: Field, field: Field) -> str:
    """Return advice about an unknown key: one that is written alike, one of this name elsewhere, or all known here."""
    key, keys = str(field[-1]), _keys_of(loc[:-1] if field[0] == "events" else field[:-1])
    if similar := get_close_matches(key, keys, n=1) or [name for name in keys if name.startswith(f"{key}_")]:
        return f"do you mean '{similar[0]}'?"
    if elsewhere := [name for name in _all_fields(ScenarioConfig) if name.rpartition(".")[2] == key]:
        return f"do you mean {' or '.join(repr(name) for name in dict.fromkeys(elsewhere))}?"
    return f"known are {', '.join(keys)}"


def _all_fields(section: Any, above: str = "") -> Iterator[str]:
    """Yield the dotted names of all fields, each kind of entry of a list once."""
    for name, field in section.model_fields.items():
        written = above + (field.alias or name)
        yield written
        for inner in sections_in(field.annotation):
            yield from _all_fields(inner, f"{written}.")


def _keys_of(field: Field) -> list[str]:
    """Return the keys of the table at *field*; ``[grid]`` and its feeders share theirs, events have those of a kind."""
    section: Any = ScenarioConfig
    for step in field:
        if step == "grid":
            section = FeederConfig
        elif field[0] == "events" and step == field[-1]:
            section = next(
                kind
                for kind in sections_in(AnyEvent)
                if step in get_args(kind.model_fields["kind"].annotation)
            )
        elif isinstance(step, str) and step != "feeders":
            section = next(sections_in(section.model_fields[step].annotation))
    shared = [EXTENDS] if not field else ["feeders"] if field == ("grid",) else []
    return [*shared, *(entry.alias or name for name, entry in section.model_fields.items())]


def sections_in(annotation: Any) -> Any:
    """Yield the section classes in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for part in get_args(annotation):
        yield from sections_in(part)
