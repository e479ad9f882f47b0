"""What finished work belongs to: the scenario with all its data, and the program with its libraries."""

import hashlib
import json
import sys
from functools import cache
from pathlib import Path

from cosim.config.extending import file_fields
from cosim.scenario import Scenario
from experiments.manifest import versions
from experiments.store.pieces import digest_of

PACKAGES = Path(__file__).parents[2]
"""Folder of the packages of the program."""


def identity_of(scenario: Scenario) -> str:
    """Return a digest of what results depend on: all settings, the content of the files read, and the program."""
    tables = scenario.config.model_dump(mode="json")
    for table, key in list(file_fields(tables)):
        table[key] = scenario.files.get((scenario.folder / table[key]).resolve(), table[key])
    return digest_of(json.dumps([program(), tables, _own_choice(scenario)], sort_keys=True))


def _own_choice(scenario: Scenario) -> str:
    """Return a digest of the module of a choice model of the user's; empty without one."""
    module, colon, _ = scenario.config.population.choice.partition(":")
    file = getattr(sys.modules.get(module), "__file__", None) if colon else None
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""


@cache
def program() -> str:
    """Return a digest of the source files, the dictionary of tables among them, and of the versions of libraries."""
    content = hashlib.sha256(json.dumps(versions()).encode())
    for package in ("cosim", "agents", "experiments"):
        for file in sorted((PACKAGES / package).rglob("*")):
            if file.suffix in {".py", ".toml"}:
                content.update(f"\n{file.relative_to(PACKAGES)}\n".encode() + file.read_bytes())
    return content.hexdigest()
