"""Attempts of a stranger's folder, and the changes of toy that make one."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SECRET = "SECRET-4711"  # noqa: S105
RUN = "run toy.toml --set population.estimate_diaries=1000 --out out"
VALIDATE = "validate toy.toml"
SWEEP = "sweep toy.toml --vary road.theta_per_min=0.4,0.5 --out out"


@dataclass(frozen=True)
class Attempt:
    """What is changed in the folder, and the command its user types there."""

    name: str
    change: Callable[[], object]
    command: str = VALIDATE


def replaced(old: str, new: str, file: str = "toy.toml") -> Callable[[], object]:
    """Return a change of one text in a file."""

    def change() -> None:
        before = Path(file).read_text(encoding="utf-8")
        if old not in before:
            raise AssertionError(file, old)
        Path(file).write_text(before.replace(old, new, 1), encoding="utf-8")

    return change


def written(file: str, text: str | bytes) -> Callable[[], object]:
    """Return a change that writes a file."""
    content = text.encode() if isinstance(text, str) else text
    return lambda: Path(file).write_bytes(content)


def all_of(*changes: Callable[[], object]) -> Callable[[], object]:
    """Return several changes."""
    return lambda: [change() for change in changes]


def linked(file: str, target: str) -> Callable[[], object]:
    """Return a change that puts a link in place of a file or folder."""

    def change() -> None:
        path = Path(file)
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.symlink_to(target)

    return change


def a_pipe(file: str) -> Callable[[], object]:
    """Return a change that puts a pipe in place of a file."""

    def change() -> None:
        Path(file).unlink()
        os.mkfifo(file)

    return change


LOAD = 'station_load = "{}"\nseed = 1'


def a_run(change: Callable[[], object]) -> Callable[[], object]:
    """Return a change that makes a run, and changes it."""
    return lambda: (shutil.copytree("../run", "run"), change())
