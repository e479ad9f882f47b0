"""Reads a scenario file: TOML in, one frozen ``ScenarioConfig`` out, all problems reported at once."""

import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

import numpy as np
from pydantic import ValidationError

from cosim.config.faults import problems_of
from cosim.config.grid import GridConfig
from cosim.config.scenario import ScenarioConfig
from cosim.config.sweep import SweepConfig
from cosim.errors import ConfigError, refuse
from cosim.files import parsed_toml
from cosim.sections import Section

_POINT_FIRST, _POINT_LAST = re.compile(r"(?<![\w.])\.(?=\d)"), re.compile(r"(?<=\d)\.(?![\w.])")
"""The points of ``.2`` and ``2.``, which TOML does not take."""
SETTINGS = "settings"
"""Source of the problems of settings."""


Settings = Mapping[str, Any] | Iterable[str] | str | None
"""Changes of fields: ``{"grid.slack_voltage_pu": 1.02}``, texts ``"grid.slack_voltage_pu=1.02"``, or one such text."""


def read_settings(settings: Settings) -> dict[str, Any]:
    """Return the values of the fields that the settings change; ConfigError for what is no setting."""
    if isinstance(settings, Mapping):
        return dict(settings)
    texts = [settings] if isinstance(settings, str) else settings or ()
    found: dict[str, Any] = {}
    problems = []
    for text in texts:
        field, equals, value = (part.strip() for part in str(text).partition("="))
        if equals and all(field.split(".")):
            found[field] = parse_value(value)
        else:
            problems.append(f"{text!r} is not of the form field=value, as in grid.slack_voltage_pu=1.02")
    refuse(SETTINGS, problems)
    return found


def apply_settings(tables: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Return *tables* with each of the settings written into them.

    Fields are dotted; a list is entered by position or by the ``name`` of its entry:
    ``grid.slack_voltage_pu=1.02``, ``stations.CS6.chargers=4``.
    """
    changed = deepcopy(tables)
    values = read_settings(settings)
    refuse(SETTINGS, filter(None, [_apply(changed, field, value) for field, value in values.items()]))
    return changed


def _apply(tables: dict[str, Any], field: str, value: Any) -> str:
    """Write one setting into *tables*; return why that cannot be done, or nothing."""
    *path, last = str(field).split(".")
    container: Any = tables
    for step in path:
        if isinstance(container, dict):
            container.setdefault(step, {})
        if (key := entry_key(container, step)) is None:
            return f"'{field}': {no_such_entry(container, step)}"
        container = container[key]
    if (key := entry_key(container, last)) is None:
        return f"'{field}': {no_such_entry(container, last)}"
    container[key] = deepcopy(value.item() if isinstance(value, np.generic) else value)
    return ""


def entry_key(container: Any, step: str) -> str | int | None:
    """Return the key of a table, or the position in a list of the entry with this position or name."""
    if isinstance(container, dict):
        return step
    for position, entry in enumerate(container if isinstance(container, list) else ()):
        if str(position) == step or (isinstance(entry, dict) and entry.get("name") == step):
            return position
    return None


def no_such_entry(container: Any, step: str) -> str:
    """Return the sentence that a container has no entry *step*, with the entries it has."""
    if not isinstance(container, list):
        return f"there is no table that could hold '{step}'"
    entries = [
        str(entry.get("name", position)) if isinstance(entry, dict) else str(position)
        for position, entry in enumerate(container)
    ]
    return f"the list has no entry '{step}'; it has {', '.join(entries) or 'none'}"


def parse_value(text: str) -> Any:
    """Return a value written as in TOML; other text is a string, so that a shell needs no second quotes.

    A number may also be written without a digit beside the point: ``.2``, ``[.2, 1.]``.
    """
    for written in (text, _POINT_LAST.sub(".0", _POINT_FIRST.sub("0.", text))):
        try:
            (value,) = parsed_toml(f"value = {written}").values()
        except ValueError:
            continue
        return value
    return text


class GridFile(Section):
    """A file that describes feeders alone."""

    grid: GridConfig


def check_grid(tables: Mapping[str, Any], source: str) -> GridConfig:
    """Return the feeders of *tables*, which hold ``grid`` alone; raise ConfigError with all problems."""
    try:
        return GridFile.model_validate(tables).grid
    except ValidationError as faults:
        raise ConfigError(source, problems_of(faults.errors(), tables)) from None


class SweepFile(Section):
    """The table of a scenario file that says what is varied."""

    sweep: SweepConfig


def check_sweep(table: Any, source: str) -> SweepConfig:
    """Return the table ``[sweep]`` of a scenario, checked alone; raise ConfigError with all problems."""
    tables = {"sweep": table}
    try:
        return SweepFile.model_validate(tables).sweep
    except ValidationError as faults:
        raise ConfigError(source, problems_of(faults.errors(), tables)) from None


def check(tables: Mapping[str, Any], source: str) -> ScenarioConfig:
    """Return *tables* as a checked configuration; raise ConfigError with all problems."""
    try:
        return ScenarioConfig.model_validate(tables)
    except ValidationError as faults:
        raise ConfigError(source, problems_of(faults.errors(), tables)) from None
