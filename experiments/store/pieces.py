"""Finished pieces of a run that is not whole yet: each is whole or absent, sealed, and on the disk before it counts.

A piece is a folder with a seal: what it is, what it belongs to, and the SHA-256 of each of its files. It holds Parquet,
JSON and arrays, no code.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosim.errors import ConfigError
from cosim.words import counted
from experiments.store.folders import (
    LOCK,
    cannot_be_created,
    clear,
    hidden,
    hold,
    is_ours,
    remove,
    sync,
    sync_names,
    try_hold,
)

SEAL = "seal.json"
LARGEST_SEAL = 10_000_000
COMMAND, SCENARIO = "command", "scenario"
"""Pieces that say what was to be run; they are no results."""
FOREIGN = "belongs to another scenario, seed or version of the program"
KIND = "pieces"
Tell = Callable[[str], object]
"""Called with a sentence for the user."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """The pieces in the folder *path* that belong to *identity* (empty: to any); processes may write at a time."""

    path: Path
    identity: str

    @property
    def names(self) -> list[str]:
        """Names of all pieces that are there, in order."""
        folders = self.path.iterdir() if self.path.is_dir() else ()
        return sorted(folder.name for folder in folders if not folder.name.startswith("."))

    @property
    def results(self) -> list[str]:
        """Names of all pieces that are results."""
        return [name for name in self.names if name not in {COMMAND, SCENARIO}]

    def __contains__(self, name: str) -> bool:
        """Whether a piece is there."""
        return (self.path / name).is_dir()

    def put(self, name: str, write: Callable[[Path], object]) -> None:
        """Keep what *write* writes into a folder as a piece, unless it is there."""
        if name in self:
            return
        unfinished = self.path / f".{name}-{os.getpid()}"
        try:
            unfinished.mkdir()
            write(unfinished)
            seal = {"piece": name, "identity": self.identity, "files": _files(unfinished)}
            (unfinished / SEAL).write_text(_sealed(seal), encoding="utf-8")
            sync(unfinished)
            unfinished.rename(self.path / name)
            sync_names(self.path)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    def drop(self, name: str) -> None:
        """Forget a piece, if it is there."""
        if name in self:
            # it is absent at once, not file by file
            shutil.rmtree((self.path / name).rename(self.path / f".{name}-{os.getpid()}"))

    def link(self, name: str, folder: Path) -> None:
        """Put the files of a piece into *folder*, without a copy where the file system can."""
        folder.mkdir(parents=True)
        for file in (self.path / name).iterdir():
            if file.name != SEAL:
                try:
                    os.link(file, folder / file.name)
                except OSError:
                    shutil.copyfile(file, folder / file.name)

    def fault(self, name: str) -> str:
        """Return what is wrong with a piece, as a clause; empty if it is whole and belongs to this identity."""
        folder = self.path / name
        seal = _read_seal(folder / SEAL)
        if seal is None:
            return "has no seal, or a damaged one"
        if seal["piece"] != name:
            return f"is the piece {seal['piece']} under another name"
        if self.identity not in {seal["identity"], ""}:
            return FOREIGN
        files = _files(folder)
        changed = [file for file, digest in seal["files"].items() if files.get(file) != digest]
        changed += sorted(files.keys() - seal["files"].keys())
        return f"is damaged ({changed[0]})" if changed else ""

    def identity_of(self, name: str) -> str:
        """Return what a whole piece belongs to."""
        seal = _read_seal(self.path / name / SEAL)
        return seal["identity"] if seal else ""


def _files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file in *folder* but the seal."""
    digests = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file != folder / SEAL:
            with file.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256")
            digests[file.relative_to(folder).as_posix()] = digest.hexdigest()
    return digests


def _sealed(seal: dict[str, Any]) -> str:
    body = json.dumps(seal, sort_keys=True)
    return f"{digest_of(body)}\n{body}"


def _read_seal(file: Path) -> dict[str, Any] | None:
    """Return the content of a seal; None if it is not as it was written."""
    if not file.is_file():  # a pipe would be waited for
        return None
    try:
        with file.open("rb") as content:
            head, _, body = content.read(LARGEST_SEAL).decode("utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        return None
    return json.loads(body) if head == digest_of(body) else None


def digest_of(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def folder_of(final: Path) -> Path:
    """Return the folder of the pieces of the run that will be *final*."""
    return final.with_name(f".{final.name}.{KIND}")


class Store:
    """The pieces of the run that will be *final*, ``.NAME.pieces`` beside it, as a context manager.

    On entry damaged pieces are told and removed. On exit all are removed if the run is whole, or nothing is finished;
    else they stay, and an exception under way is given a note that says how to go on.
    """

    def __init__(self, final: Path, identity: str, tell: Tell) -> None:
        """Name the folder; *tell* is called with a sentence for each piece that is damaged."""
        self.final, self.tell = final, tell
        self.pieces = Pieces(folder_of(final), identity)

    def __enter__(self) -> Pieces:
        """Hold the folder, and return its pieces; ConfigError if they are of another run, or in use."""
        try:
            self._held = hold(self.pieces.path)
        except OSError as reason:
            raise cannot_be_created(self.final, reason) from None
        try:
            self._check()
            clear_empty(self.final.parent)
        except BaseException:
            os.close(self._held)
            raise
        return self.pieces

    def _check(self) -> None:
        pieces = self.pieces
        for left in pieces.path.iterdir():
            if left.name.startswith(".") and left.name != LOCK:
                remove(left)
        faults = {name: pieces.fault(name) for name in pieces.names}
        results = [faults[name] for name in pieces.results]
        if FOREIGN in results and "" not in results:
            problem = f"holds finished pieces of an unfinished run that {FOREIGN}"
            raise ConfigError(str(pieces.path), [f"{problem}; remove it, or name another directory"])
        for name, fault in faults.items():
            if fault:
                self.tell(f"{pieces.path / name} {fault}; it is computed again")
                remove(pieces.path / name)
        if pieces.results:
            self.tell(f"goes on with {counted(len(pieces.results), 'finished piece')} in {pieces.path}")

    def __exit__(self, _: object, failure: BaseException | None, *__: object) -> None:
        """Remove the pieces, or say how to go on."""
        kept = self.pieces.results
        if not kept or self.final.exists():
            clear(self.pieces.path)
        elif failure is not None:
            are, them = ("is", "it") if len(kept) == 1 else ("are", "them")
            failure.add_note(
                f"{counted(len(kept), 'finished piece')} {are} kept in {self.pieces.path}; "
                f"the same command goes on with {them}, or: cosim resume {self.final}"
            )
        os.close(self._held)


def clear_empty(parent: Path) -> None:
    """Remove stores in *parent* that hold no result, where their processes have ended."""
    for folder, final in hidden(parent, KIND):
        held = try_hold(folder) if is_ours(folder) else None
        if held is not None:
            if final.exists() or not Pieces(folder, "").results:
                clear(folder)
            os.close(held)


def left_behind(parent: Path, start: str, identity: str) -> Path | None:
    """Return the unfinished run in *parent* of this *identity* whose name begins with *start*; None without any."""
    for folder, final in hidden(parent, KIND):
        held = try_hold(folder) if final.name.startswith(start) else None
        if held is not None:
            pieces = Pieces(folder, identity)
            is_ours = any(not pieces.fault(name) for name in pieces.results)
            os.close(held)
            if is_ours:
                return final
    return None
