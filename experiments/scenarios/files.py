"""The bundled scenarios: copied, and what each says of itself."""

import shutil
from pathlib import Path
from typing import Any

from cosim.arguments import checked
from cosim.config.bundled import scenario_files, scenarios_home
from cosim.errors import ConfigError


@checked
def copy_scenario(name: str, directory: str | Path) -> Path:
    """Copy a scenario, what it extends and the data both name to a new *directory*; return its file there.

    Raises ConfigError for an unknown name, and for a directory that holds anything.
    """
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
