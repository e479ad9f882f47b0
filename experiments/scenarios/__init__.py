"""The bundled scenarios, of a clone or of an installed wheel."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosim.arguments import check, whole_number
from cosim.errors import ConfigError

if TYPE_CHECKING:
    from cosim.scenario import Scenario

TUTORIALS = "tutorials"
"""Folder of scenarios that change one aspect of another scenario, to show its effect."""


def scenarios_home() -> Path:
    """Return the folder of the scenarios: ``configs`` of a clone, or its copy inside the installed package."""
    in_package, in_clone = (Path(__file__).parents[level] / "configs" for level in (1, 2))
    return in_package if in_package.is_dir() else in_clone


def scenario_files() -> dict[str, Path]:
    """Return the file of each bundled scenario, by name: cases first, then tutorials."""
    home = scenarios_home()
    cases, tutorials = (sorted(folder.glob("*.toml")) for folder in (home, home / TUTORIALS))
    return {file.stem: file for file in (*cases, *tutorials)}


def scenario_names() -> tuple[str, ...]:
    """Return the names of the bundled scenarios."""
    return tuple(sorted(scenario_files()))


def find_scenario(scenario: str) -> Path:
    """Return the file of a scenario, given as a path or as the name of a bundled one."""
    path = Path(scenario)
    if path.is_dir():
        raise ConfigError(scenario, ["is a directory; name the scenario file in it"])
    if path.exists():
        return path
    bundled = scenario_files().get(path.stem)
    if bundled and path in {Path(path.stem), "configs" / bundled.relative_to(scenarios_home())}:
        return bundled
    known = ", ".join(scenario_names())
    raise ConfigError(scenario, [f"there is no such file, and no scenario of that name (there are: {known})"])


def load_scenario(file: str | Path, settings: Iterable[str] = (), *, seed: int | None = None) -> "Scenario":
    """Return a scenario, given as a file or as the name of a bundled one, with *settings* laid over it."""
    from cosim import scenario

    if seed is not None:
        check("load_scenario", whole_number({"seed": seed}, 0))
    return scenario.load_scenario(find_scenario(str(file)), settings, seed=seed)


def copy_scenario(name: str, directory: str | Path) -> Path:
    """Copy a scenario, its base and their data files to a new *directory*; return the copied scenario file."""
    from cosim.config.extending import extended_file, file_fields, read_scenario_tables

    directory, files = Path(directory), scenario_files()
    if name not in files:
        raise ConfigError(name, [f"there is no such scenario; there are: {', '.join(sorted(files))}"])
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ConfigError(str(directory), ["exists already and is not empty; name a new directory"])
    source, home = files[name], scenarios_home()
    data = {source.parent / table[key] for table, key in file_fields(read_scenario_tables(source))}
    for file in {source, extended_file(source) or source, *data}:
        if file.is_file():
            copy = directory / file.resolve().relative_to(home.resolve())
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
    return directory / source.relative_to(home)


def describe(file: Path) -> dict[str, Any]:
    """Return the descriptive fields of a scenario file, without building its models."""
    from cosim.config.extending import read_scenario_tables
    from cosim.config.reading import read_toml
    from cosim.sections import EXTENDS

    fields, tables = read_toml(file), read_scenario_tables(file)
    return {
        "description": tables.get("description", ""),
        "what_to_look_at": tables.get("what_to_look_at", ""),
        "extends": Path(fields[EXTENDS]).stem if EXTENDS in fields else None,
        "vary": tables.get("vary", []),
        "file": str(file),
    }
