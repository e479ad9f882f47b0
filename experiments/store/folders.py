"""Folders held by one living process, and the directory of a run, which is written under a temporary name."""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

from cosim.errors import STORAGE, ConfigError, CosimError, StorageError

LOCK = ".cosim.lock"
"""File that a process keeps locked while it lives; the system unlocks it when the process ends, however it ends. By it
a folder is known as this program's: what is in any other is the user's."""
ATTEMPTS, PAUSE_S = 20, 0.05
"""Another process that clears a folder which nobody holds needs a moment."""


def hold(folder: Path, attempts: int = ATTEMPTS) -> int:
    """Make *folder*, if need be, and hold it for this process; return the descriptor that ends this when closed.

    Raises ConfigError if another living process holds it for long, or if this program has not made it.
    """
    for _ in range(attempts):
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # it was cleared in the meantime
            if folder.is_symlink() or not is_ours(folder):
                problem = "is needed for unfinished work, but holds files of others; move it, or name another directory"
                raise ConfigError(str(folder), [problem])
            descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if _lock(descriptor, folder) is not False:
                return descriptor
            os.close(descriptor)
        time.sleep(PAUSE_S)
    raise ConfigError(
        str(folder), ["is in use by another process; wait until it ends, or name another directory"]
    )


def _lock(descriptor: int, folder: Path, name: str = LOCK) -> bool | None:
    """Return whether the folder, or the file *name* in it, is now held; None where the file system has no locks."""
    if sys.platform == "win32":
        return None
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    try:
        return os.path.samestat(os.fstat(descriptor), (folder / name).stat())
    except FileNotFoundError:  # removed by the process that held it
        return False


def try_hold(folder: Path) -> int | None:
    """Return a descriptor that holds an existing *folder*; None if a process may be at work there."""
    with suppress(OSError):
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if _lock(descriptor, folder):
            return descriptor
        os.close(descriptor)
    return None


def hold_file(file: Path) -> int:
    """Make a file, and hold it for this process; return the descriptor that ends this when closed."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    while _lock(descriptor, file.parent, file.name) is False:  # another process is looking whether it is held
        time.sleep(PAUSE_S)
    return descriptor


def is_held(file: Path) -> bool | None:
    """Whether a living process holds a file; None where the file system has no locks."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        locked = _lock(descriptor, file.parent, file.name)
    finally:
        os.close(descriptor)
    return None if locked is None else not locked


def is_ours(folder: Path) -> bool:
    """Whether this program has made a folder: it holds a lock, which goes last, or nothing yet."""
    return (folder / LOCK).exists() or not any(folder.iterdir())


def clear(folder: Path) -> None:
    """Remove a folder that this process holds, as far as that is possible; by its lock the rest is known as ours."""
    with suppress(OSError):
        for left in folder.iterdir():
            if left.name != LOCK:
                remove(left)
        shutil.rmtree(folder)


def hidden(parent: Path, kind: str) -> Iterator[tuple[Path, Path]]:
    """Yield the folders ``.NAME.kind`` in *parent*, each with the path that NAME would have."""
    with suppress(OSError):
        for folder in sorted(parent.iterdir()):
            name = folder.name.removeprefix(".").removesuffix(f".{kind}")
            if folder.name == f".{name}.{kind}" and folder.is_dir() and not folder.is_symlink():
                yield folder, parent / name


def sync(folder: Path) -> None:
    """Wait until all files of *folder* and its names are on the disk."""
    for path in (*folder.rglob("*"), folder):
        if path.is_dir() and sys.platform == "win32":
            continue
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_names(folder: Path) -> None:
    """Wait until the names in *folder* are on the disk."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def cannot_be_created(folder: Path, reason: OSError) -> CosimError:
    """Return the error for a folder: of the disk where it takes nothing, else of the name."""
    if reason.errno in STORAGE:
        return StorageError(str(folder), reason.errno)
    return ConfigError(str(folder), [f"cannot be created: {reason.strerror}"])


UNFINISHED = "unfinished"


class RunDirectory:
    """The directory of a run as a context manager: ``.NAME.unfinished`` while it is written, NAME when it is whole.

    On failure it is removed. Those that killed processes have left in the same folder are cleared on entry.
    """

    def __init__(self, final: Path) -> None:
        """Raise ConfigError for a directory that exists: results are never overwritten."""
        if final.exists():
            raise ConfigError(str(final), ["exists already; name another directory, or remove it first"])
        self.final = final
        self.path = final.with_name(f".{final.name}.{UNFINISHED}")
        self._held = -1

    def __enter__(self) -> Self:
        """Create the temporary directory, ``path``; ConfigError if another process writes it."""
        try:
            _clear_unfinished(self.final.parent)
            self._held = hold(self.path)
        except OSError as reason:
            raise cannot_be_created(self.final, reason) from None
        for left in self.path.iterdir():
            if left.name != LOCK:
                remove(left)
        return self

    def __exit__(self, failure: object, *_: object) -> None:
        """Rename the directory to its final name, once it is on the disk, or remove it."""
        try:
            if failure is None and not self.final.exists():
                sync(self.path)
                self.path.rename(self.final)
                (self.final / LOCK).unlink()
                sync_names(self.final.parent)
                return
        finally:
            clear(self.path)
            os.close(self._held)
        if failure is None:
            raise ConfigError(str(self.final), ["was made by another run in the meantime; its results stand"])


def _clear_unfinished(parent: Path) -> None:
    """Remove the unfinished directories in *parent* whose processes have ended."""
    for folder, _ in hidden(parent, UNFINISHED):
        held = try_hold(folder) if is_ours(folder) else None
        if held is not None:
            clear(folder)
            os.close(held)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
