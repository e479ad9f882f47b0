"""The bundled scenarios, in a clone and in an installed wheel alike."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosim.arguments import check, whole_number
from cosim.errors import ConfigError

if TYPE_CHECKING:
    from cosim.scenario import Scenario

TUTORIALS = "tutorials"
"""Folder of the scenarios that change one thing of another, to show what it does."""


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


def find_scenario(wanted: str) -> Path:
    """Return the file of a scenario, given as a path or as the name of a bundled one."""
    path = Path(wanted)
    if path.is_dir():
        raise ConfigError(wanted, ["is a directory; name the scenario file in it"])
    if path.exists():
        return path
    shipped = scenario_files().get(path.stem)
    if shipped and path in {Path(path.stem), "configs" / shipped.relative_to(scenarios_home())}:
        return shipped
    known = ", ".join(scenario_names())
    raise ConfigError(wanted, [f"there is no such file, and no scenario of that name (there are: {known})"])


def load_scenario(wanted: str | Path, settings: Iterable[str] = (), *, seed: int | None = None) -> "Scenario":
    """Return a scenario, given as a file or as the name of a bundled one, with *settings* laid over it."""
    from cosim import scenario

    if seed is not None:
        check("load_scenario", whole_number({"seed": seed}, 0))
    return scenario.load_scenario(find_scenario(str(wanted)), settings, seed=seed)


def copy_scenario(name: str, directory: str | Path) -> Path:
    """Copy a scenario, what it extends and the data both name to a new *directory*; return its file there."""
    from cosim.config.extending import extended_file, file_fields, read_scenario_tables

    directory, files = Path(directory), scenario_files()
    if name not in files:
        raise ConfigError(name, [f"there is no such scenario; there are: {', '.join(sorted(files))}"])
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ConfigError(str(directory), ["exists already and is not empty; name a new directory"])
    source, home = files[name], scenarios_home()
    named = {source.parent / place[key] for place, key in file_fields(read_scenario_tables(source))}
    for file in {source, extended_file(source) or source, *named}:
        if file.is_file():
            copy = directory / file.resolve().relative_to(home.resolve())
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
    return directory / source.relative_to(home)


def describe(file: Path) -> dict[str, Any]:
    """Return what a scenario file says of itself, without its models being built."""
    from cosim.config.extending import read_scenario_tables
    from cosim.config.reading import read_toml
    from cosim.sections import EXTENDS

    own, tables = read_toml(file), read_scenario_tables(file)
    return {
        "description": tables.get("description", ""),
        "what_to_look_at": tables.get("what_to_look_at", ""),
        "extends": Path(own[EXTENDS]).stem if EXTENDS in own else None,
        "vary": tables.get("vary", []),
        "file": str(file),
    }
