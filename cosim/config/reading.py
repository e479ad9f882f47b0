"""Read a scenario file: TOML in, one frozen ``ScenarioConfig`` out, all problems reported at once."""

import json
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cosim.config.base import Section
from cosim.config.grid import FeederConfig
from cosim.config.scenario import ScenarioConfig
from cosim.errors import ConfigError

_WORDS = {
    "extra_forbidden": "is not a known key",
    "missing": "is missing",
}


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file, or say why it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(str(path), ["there is no such file"]) from None
    except (OSError, UnicodeDecodeError) as reason:
        raise ConfigError(str(path), [f"cannot be read as text: {reason}"]) from None
    except tomllib.TOMLDecodeError as reason:
        raise ConfigError(str(path), [f"is not valid TOML: {reason}"]) from None


def apply_settings(tables: dict[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Return *tables* with each ``field=value`` of the command line written into them.

    Fields are dotted; a list is entered by position or by the ``name`` of its entry:
    ``grid.slack_voltage_pu=1.02``, ``stations.CS6.chargers=4``.
    """
    changed: dict[str, Any] = json.loads(json.dumps(tables, default=str))
    problems = [problem for setting in settings if (problem := _apply(changed, setting))]
    if problems:
        source = "--set"
        raise ConfigError(source, problems)
    return changed


def _apply(tables: dict[str, Any], setting: str) -> str | None:
    field, equals, text = setting.partition("=")
    if not equals or not field.strip():
        return f"'{setting}' is not of the form field=value, as in grid.slack_voltage_pu=1.02"
    place: Any = tables
    *path, last = field.strip().split(".")
    for step in path:
        place = _enter(place, step)
        if place is None:
            return f"{field}: there is no '{step}' to set a value in"
    key: Any = _position(place, last) if isinstance(place, list) else last
    if key is None or not isinstance(place, dict | list):
        return f"{field}: there is no '{last}' to set a value in"
    place[key] = _parse_value(text.strip())
    return None


def _enter(place: Any, step: str) -> Any:
    if isinstance(place, dict):
        return place.setdefault(step, {})
    position = _position(place, step) if isinstance(place, list) else None
    return None if position is None else place[position]


def _position(entries: list[Any], step: str) -> int | None:
    for index, entry in enumerate(entries):
        if str(index) == step or (isinstance(entry, dict) and entry.get("name") == step):
            return index
    return None


def _parse_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def check(tables: Mapping[str, Any], source: str) -> ScenarioConfig:
    """Return *tables* as a checked configuration, or raise with one sentence for every fault."""
    try:
        return ScenarioConfig.model_validate(tables)
    except ValidationError as faults:
        found = [_sentence(dict(fault), tables) for fault in faults.errors()]
        raise ConfigError(source, list(dict.fromkeys(found))) from None


def without_faults(tables: Mapping[str, Any]) -> ScenarioConfig | None:
    """Return *tables* with every faulty optional field at its default, so that the rest can be judged."""
    rest: dict[str, Any] = json.loads(json.dumps(tables, default=str))
    for _ in range(3):
        try:
            return ScenarioConfig.model_validate(rest)
        except ValidationError as faults:
            for fault in faults.errors():
                _remove(rest, _field(fault["loc"], rest))
    return None


def _remove(tables: Any, path: tuple[Any, ...]) -> None:
    for step in path[:-1]:
        try:
            tables = tables[step]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(tables, dict) and path:
        tables.pop(path[-1], None)


def _field(loc: tuple[int | str, ...], tables: Mapping[str, Any]) -> tuple[int | str, ...]:
    """Return where the user wrote a value: a feeder's field may come from the defaults in ``[grid]``."""
    if loc[:2] != ("grid", "feeders") or len(loc) < 4:
        return loc
    grid = tables.get("grid", {})
    feeders = grid.get("feeders") if isinstance(grid, dict) else None
    written = isinstance(feeders, list) and isinstance(loc[2], int) and loc[3] in feeders[loc[2]]
    return loc if written else ("grid", *loc[3:])


def _sentence(fault: dict[str, Any], tables: Mapping[str, Any]) -> str:
    loc = _field(fault["loc"], tables)
    field = ".".join(str(part) for part in loc)
    if fault["type"] in _WORDS:
        return f"{field} {_WORDS[fault['type']]}{_suggestion(fault, loc)}"
    allowed = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if fault["type"] == "value_error" and isinstance(fault["input"], dict):
        return f"{field or 'the file'}: {allowed}"
    wanted = allowed if allowed.startswith("must") else f"must be {allowed}"
    return f"{field} = {_shown(fault['input'])}: {wanted}"


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _suggestion(fault: dict[str, Any], loc: tuple[int | str, ...]) -> str:
    """Return the known keys nearest to an unknown one."""
    if fault["type"] != "extra_forbidden":
        return ""
    section = _section_fields(loc[:-1])
    near = get_close_matches(str(loc[-1]), section, n=1)
    return f" (do you mean '{near[0]}'?)" if near else (f" (known: {', '.join(section)})" if section else "")


def _section_fields(loc: tuple[int | str, ...]) -> list[str]:
    section: Any = ScenarioConfig
    for step in (part for part in loc if isinstance(part, str)):
        if step == "grid":
            section = FeederConfig
            continue
        if step == "feeders":
            continue
        field = section.model_fields.get(step)
        if field is None:
            return []
        inner = (field.annotation, *getattr(field.annotation, "__args__", ()))
        sections = [kind for kind in inner if isinstance(kind, type) and issubclass(kind, Section)]
        if not sections:
            return []
        section = sections[0]
    return list(section.model_fields)
