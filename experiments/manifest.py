"""Files of a run besides its tables: the resolved scenario with its data, versions, hashes, timings."""

import importlib.metadata
import json
import math
import platform
from collections.abc import Collection
from hashlib import sha256
from itertools import chain, count
from pathlib import Path
from typing import Any

from cosim.config.extending import file_fields
from cosim.errors import ConfigError
from cosim.files import file_hash, read_bytes
from cosim.scenario import Scenario

PACKAGES = (
    "cosim",
    "clarabel",
    "cvxpy",
    "mesa",
    "mosek",
    "numpy",
    "pandapower",
    "pandas",
    "pyarrow",
    "scipy",
    "simpy",
)


def write_scenario(scenario: Scenario, run_dir: Path) -> None:
    """Write the resolved scenario with copies of its data, so that the directory can be run again.

    Only what was read and understood is copied, as it was then; ConfigError where a file has changed since.
    """
    import tomli_w

    tables = _without_empty(scenario.config.model_dump(mode="json"))
    names: dict[Path, str] = {}
    for table, key in list(file_fields(tables)):
        source = (scenario.folder / table[key]).resolve()
        if source in scenario.files:
            if source not in names:
                names[source] = _free_name(table[key], names.values())
                (run_dir / "inputs").mkdir(exist_ok=True)
                (run_dir / names[source]).write_bytes(_as_read(source, scenario.files[source]))
            table[key] = names[source]
        elif key != "network":  # which may be a name in pandapower
            del table[key]
    (run_dir / "scenario.toml").write_text(tomli_w.dumps(tables), encoding="utf-8")


def _as_read(file: Path, digest: str) -> bytes:
    """Return the content of a file; raise ConfigError if it is not that of the hash."""
    content = read_bytes(file)
    if sha256(content).hexdigest() != digest:
        raise ConfigError(str(file), ["has changed since the scenario was read; run it again"])
    return content


def _free_name(written: str, taken: Collection[str]) -> str:
    """Return a name for the copy of a file that is not *taken* by another copy."""
    path = Path(written)
    plain = path.name if path.is_absolute() else "_".join(p for p in path.parts if p not in {"..", "inputs"})
    candidates = chain([plain], (f"{number}_{plain}" for number in count(2)))
    return next(name for name in (f"inputs/{candidate}" for candidate in candidates) if name not in taken)


def _without_empty(value: Any) -> Any:
    """Return the value without None, which TOML does not have."""
    if isinstance(value, dict):
        return {key: _without_empty(item) for key, item in value.items() if item is not None}
    return [_without_empty(item) for item in value] if isinstance(value, list) else value


def write_manifest(run_dir: Path, facts: dict[str, Any]) -> None:
    """Write *facts* with the versions of all packages used, and a hash of every table."""
    content = {
        **facts,
        "versions": versions(),
        "tables": table_hashes(run_dir),
    }
    (run_dir / "manifest.json").write_text(
        json.dumps(without_nan(content), indent=2, allow_nan=False), encoding="utf-8"
    )


def versions() -> dict[str, str | None]:
    """Return the versions of Python and of all packages used."""
    return {"python": platform.python_version(), **{package: _version(package) for package in PACKAGES}}


def table_hashes(run_dir: Path) -> dict[str, str]:
    """Return the hash of every table of a run, by its file within the directory."""
    return {str(file.relative_to(run_dir)): file_hash(file) for file in sorted(run_dir.rglob("*.parquet"))}


def _version(package: str) -> str | None:
    """Return the version of a package; None if it is not installed, as MOSEK is optional."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def without_nan(value: Any) -> Any:
    """Return the value with None for NaN and infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
