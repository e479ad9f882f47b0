"""The days of a run that are over, kept beside its directory until it is whole: a killed run goes on from there."""

import hashlib
import json
import os
import shutil
from pathlib import Path

from agents.checkpoint import load_boundary, save_boundary
from agents.days import DayOfAgents
from cosim.errors import ConfigError
from cosim.results import ModelTables, write_tables
from cosim.scenario import Scenario
from experiments.manifest import write_scenario

OF_WHAT = "of-what.json"
BOUNDARY = "day_boundary.npz"


class Checkpoints:
    """The finished days of the run that will be *final*: ``.<name>.days`` beside it."""

    def __init__(self, final: Path, scenario: Scenario) -> None:
        """Find the days that are there; refuse those of another scenario."""
        self.path = final.with_name(f".{final.name}.days")
        self.identity = identity(scenario)
        kept = self.path / OF_WHAT
        if kept.exists() and json.loads(kept.read_text(encoding="utf-8")) != self.identity:
            problem = "holds the days of an unfinished run of another scenario, seed or version"
            raise ConfigError(str(self.path), [f"{problem}; remove it, or name another directory"])

    @property
    def days(self) -> list[Path]:
        """The directories of the days that are over, from the first one on."""
        return sorted(self.path.glob("day-*"))

    def load(self) -> list[DayOfAgents]:
        """Return the days that are over; only the last one with its boundary."""
        found = []
        for number, path in enumerate(self.days, start=1):
            tables = ModelTables(path)
            boundary = load_boundary(path / BOUNDARY) if path == self.days[-1] else None
            read = {name: tables.read(name) for name in tables.names}
            found.append(DayOfAgents(day=number, tables=read, boundary=boundary))
        return found

    def save(self, day: DayOfAgents) -> None:
        """Keep a day that is over, all of it or nothing."""
        if day.boundary is None:
            return
        earlier, name = self.days, f"day-{day.day:04d}"
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / OF_WHAT).write_text(json.dumps(self.identity), encoding="utf-8")
        unfinished = self.path / f".{name}-{os.getpid()}"
        shutil.rmtree(unfinished, ignore_errors=True)
        write_tables(unfinished, day.tables)
        save_boundary(unfinished / BOUNDARY, day.boundary)
        unfinished.rename(self.path / name)
        for path in earlier:
            (path / BOUNDARY).unlink(missing_ok=True)

    def remove(self) -> None:
        """Forget the days: the run is whole."""
        shutil.rmtree(self.path, ignore_errors=True)


def identity(scenario: Scenario) -> dict[str, str]:
    """Return what days must have in common to be of one run: scenario with all its data, and the program."""
    import importlib.metadata
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as name:
        write_scenario(scenario, Path(name))
        files = sorted(path for path in Path(name).rglob("*") if path.is_file())
        content = {str(path.relative_to(name)): _hash(path) for path in files}
    return {**content, "version": importlib.metadata.version("cosim")}


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
