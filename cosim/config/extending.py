"""A scenario that extends another one: it names the other file and gives only its changes."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo

from cosim.config.bundled import scenario_files
from cosim.config.faults import sections_in
from cosim.config.grid import FeederConfig, GridConfig, without_other_source
from cosim.config.reading import entry_key, no_such_entry
from cosim.config.scenario import ScenarioConfig
from cosim.errors import ConfigError, Problem, refuse, shown
from cosim.files import read_toml
from cosim.sections import EXTENDS, FILE, Section

NOT_INHERITED = ("name", "what_to_look_at", "sweep")
"""Keys that are not taken from the extended scenario."""


def read_scenario_tables(path: Path) -> dict[str, Any]:
    """Return the tables of a scenario file, merged into those of the file that it ``extends``.

    Tables are merged field by field. A list is replaced as a whole, or its entries by position or name, as by
    ``--set``: ``[stations.CS6]``. File names of the other scenario stay relative to its folder.
    """
    tables = read_toml(path)
    if EXTENDS not in tables:
        return tables
    base_name = tables.pop(EXTENDS)
    if not isinstance(base_name, str):
        allowed = "the name of a scenario file, a text in quotes"
        raise ConfigError(str(path), [Problem(field=EXTENDS, value=base_name, allowed=allowed)])
    base = _base_tables(path, base_name)
    problems: list[Problem] = []
    merged = _merged(base, tables, problems, "")
    refuse(str(path), problems)
    merged.setdefault("name", path.stem)
    return dict(merged)


def extended_file(path: Path) -> Path | None:
    """Return the file that a scenario file extends; None where it stands alone."""
    base_name = read_toml(path).get(EXTENDS)
    return _base_file(path, base_name) if isinstance(base_name, str) else None


def _base_file(path: Path, base_name: str) -> Path:
    """Return the file beside *path*, or the bundled scenario of that name."""
    file = path.parent / base_name
    return file if file.is_file() else scenario_files().get(base_name, file)


def _base_tables(path: Path, base_name: str) -> dict[str, Any]:
    """Return the tables of the file that *path* extends, with file names relative to the folder of *path*."""
    file = _base_file(path, base_name)
    try:
        base = read_toml(file)
    except ConfigError as error:
        problems = [
            replace(p, clause=f"is {shown(base_name)}; {p.clause}", field=EXTENDS) for p in error.problems
        ]
        raise ConfigError(str(path), problems) from None
    if EXTENDS in base:
        clause = f"is '{base_name}', which extends '{base[EXTENDS]}' itself"
        problem = Problem(clause, field=EXTENDS, value=base_name, advice="extend that one")
        raise ConfigError(str(path), [problem])
    beside = file == path.parent / base_name
    named_from = Path(base_name).parent if beside else file.parent.resolve()
    for table, key in file_fields(base):
        if key != "network" or (file.parent / table[key]).is_file():
            table[key] = (named_from / table[key]).as_posix()
    return {key: value for key, value in base.items() if key not in NOT_INHERITED}


def _merged(base: Any, change: Any, problems: list[Problem], field: str) -> Any:
    """Return *base* with *change* merged into it; changes to entries that do not exist are added to *problems*."""
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
        merged[key] = _merged(before, value, problems, f"{field}.{step}".lstrip("."))
    return merged


def file_fields(
    tables: Mapping[str, Any], section: type[Section] = ScenarioConfig
) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each table of a scenario that names a file, with the key in it."""
    fields = section.model_fields
    if section is GridConfig:
        fields = {**FeederConfig.model_fields, **fields}
    for key, value in tables.items():
        if key not in fields:
            continue
        if isinstance(value, str) and _names_file(fields[key]):
            yield tables, key  # type: ignore[misc]
        entry_section = next(sections_in(fields[key].annotation), None)
        for entry in value if isinstance(value, list) else [value]:
            if entry_section is not None and isinstance(entry, dict):
                yield from file_fields(entry, entry_section)


def _names_file(field: FieldInfo) -> bool:
    return FILE in field.metadata or any(FILE in get_args(part) for part in get_args(field.annotation))
