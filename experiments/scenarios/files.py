"""Copies and descriptions of the bundled scenarios."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cosim.arguments import checked
from cosim.config.bundled import scenario_files, scenarios_home
from cosim.errors import ConfigError
from cosim.files import read_bytes

SAMPLE_FOLDERS = ("samples", "nguyen_dupuis", "toy", "mobility")
"""Folders of the bundled data that samples are taken from; what lies in the first stands at the top."""
SAMPLE_KINDS = frozenset({".csv", ".tntp", ".m", ".toml"})


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
    copies = {directory / source.name: read_bytes(source).replace(b'"../', b'"')}
    for file in {extended_file(source) or source, *data} - {source}:
        if file.is_file():
            copies[directory / file.resolve().relative_to(home.resolve())] = read_bytes(file)
    _write_all(directory, copies)
    return directory / source.name


@checked
def copy_samples(directory: str | Path) -> None:
    """Copy small files of every kind that the program reads to *directory*; those that are there already are left.

    Raises ConfigError where the directory holds anything else.
    """
    directory, home = Path(directory), scenarios_home()
    copies = {
        directory / file.relative_to(home / "samples" if folder == "samples" else home): read_bytes(file)
        for folder in SAMPLE_FOLDERS
        for file in sorted((home / folder).rglob("*"))
        if file.suffix in SAMPLE_KINDS
    }
    there = {file for file in directory.rglob("*") if file.is_file()} if directory.is_dir() else set()
    if there == set(copies) and all(read_bytes(file) == copies[file] for file in there):
        return
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ConfigError(str(directory), ["exists already with other files; name a new directory"])
    _write_all(directory, copies)


def _write_all(directory: Path, files: Mapping[Path, bytes]) -> None:
    """Write files into a *directory* that is new or empty; where one cannot be written, nothing is left of them."""
    was_there = directory.exists()
    try:
        for file, content in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    except OSError:
        shutil.rmtree(directory, ignore_errors=True)
        if was_there:
            directory.mkdir()
        raise


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
        "vary": list(tables.get("sweep", {}).get("vary", [])),
        "file": str(file),
    }
