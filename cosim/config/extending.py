"""A scenario that extends another one: it names the other file and says only what it changes."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo

from cosim.config.faults import sections_in
from cosim.config.grid import FeederConfig, GridConfig, without_other_source
from cosim.config.reading import entry_key, no_such_entry, read_toml
from cosim.config.scenario import ScenarioConfig
from cosim.errors import ConfigError, Problem, refuse
from cosim.sections import EXTENDS, FILE, Section

OWN = ("name", "what_to_look_at", "vary")
"""What says which scenario this is; it is never taken from another one."""


def read_scenario_tables(path: Path) -> dict[str, Any]:
    """Return the tables of a scenario file; what it ``extends`` lies under what it says itself.

    Tables are laid over each other field by field. A list is replaced as a whole, or entered by the position or
    the name of an entry, as by ``--set``: ``[stations.CS6]``. Files of the other scenario stay where they are.
    """
    tables = read_toml(path)
    if EXTENDS not in tables:
        return tables
    wanted = tables.pop(EXTENDS)
    if not isinstance(wanted, str):
        allowed = "the name of a scenario file, a text in quotes"
        raise ConfigError(str(path), [Problem(field=EXTENDS, value=wanted, allowed=allowed)])
    base = _base_of(path, wanted)
    problems: list[Problem] = []
    merged = _overlaid(base, tables, problems, "")
    refuse(str(path), problems)
    merged.setdefault("name", path.stem)
    return dict(merged)


def extended_file(path: Path) -> Path | None:
    """Return the file that a scenario file extends; None where it stands alone."""
    wanted = read_toml(path).get(EXTENDS)
    return path.parent / wanted if isinstance(wanted, str) else None


def _base_of(path: Path, wanted: str) -> dict[str, Any]:
    """Return the tables of the file that *path* extends, with its data named from where *path* lies."""
    file = path.parent / wanted
    if not file.is_file():
        raise ConfigError(
            str(path), [Problem(f"is '{wanted}'; there is no such file beside it", field=EXTENDS)]
        )
    base = read_toml(file)
    if EXTENDS in base:
        found = f"is '{wanted}', which extends '{base[EXTENDS]}' itself"
        raise ConfigError(str(path), [Problem(found, field=EXTENDS, value=wanted, advice="extend that one")])
    for place, key in file_fields(base):
        if key != "network" or (file.parent / place[key]).is_file():
            place[key] = (Path(wanted).parent / place[key]).as_posix()
    return {key: value for key, value in base.items() if key not in OWN}


def _overlaid(base: Any, change: Any, problems: list[Problem], field: str) -> Any:
    """Return *base* with *change* laid over it; what is nowhere to be laid over goes to *problems*."""
    if not isinstance(change, dict) or not isinstance(base, dict | list):
        return change
    merged: Any = deepcopy(base)
    if field == "grid" and isinstance(base, dict):
        merged = without_other_source(merged, change)
    for step, value in change.items():
        key = entry_key(merged, step)
        if key is None:
            problems.append(Problem(no_such_entry(base, step)).within("table", field))
            continue
        before = merged.get(key) if isinstance(merged, dict) else merged[key]
        merged[key] = _overlaid(before, value, problems, f"{field}.{step}".lstrip("."))
    return merged


def file_fields(
    tables: Mapping[str, Any], section: type[Section] = ScenarioConfig
) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each place of a scenario's *tables* that names a file: the table, and the key in it."""
    fields = section.model_fields
    if section is GridConfig:
        fields = {**FeederConfig.model_fields, **fields}
    for key, value in tables.items():
        if key not in fields:
            continue
        if isinstance(value, str) and _names_file(fields[key]):
            yield tables, key  # type: ignore[misc]
        within = next(sections_in(fields[key].annotation), None)
        for entry in value if isinstance(value, list) else [value]:
            if within is not None and isinstance(entry, dict):
                yield from file_fields(entry, within)


def _names_file(field: FieldInfo) -> bool:
    return FILE in field.metadata or any(FILE in get_args(part) for part in get_args(field.annotation))
