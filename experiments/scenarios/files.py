"""Copies and descriptions of the bundled scenarios."""

from pathlib import Path
from typing import Any

from cosim.arguments import checked
from cosim.config.bundled import scenario_files, scenarios_home
from cosim.errors import ConfigError
from cosim.files import read_bytes


@checked
def copy_scenario(name: str, directory: str | Path) -> Path:
    """Copy a scenario, its base and their data files to a new *directory*; return the copied scenario file.

    A tutorial is copied beside what it extends, so that all of a study is below the folder of its scenario.

    Raises ConfigError for an unknown name, and for a directory that is not empty.
    """
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
            copy = directory / (file.name if file == source else file.resolve().relative_to(home.resolve()))
            copy.parent.mkdir(parents=True, exist_ok=True)
            content = read_bytes(file)
            copy.write_bytes(content.replace(b'"../', b'"') if file == source else content)
    return directory / source.name


def describe(file: Path) -> dict[str, Any]:
    """Return the descriptive fields of a scenario file, without building its models."""
    from cosim.config.extending import read_scenario_tables
    from cosim.files import read_toml
    from cosim.sections import EXTENDS

    fields, tables = read_toml(file), read_scenario_tables(file)
    return {
        "description": tables.get("description", ""),
        "what_to_look_at": tables.get("what_to_look_at", ""),
        "extends": Path(fields[EXTENDS]).stem if EXTENDS in fields else None,
        "vary": tables.get("vary", []),
        "file": str(file),
    }
