"""Who works on what, where several processes or machines share a folder: writers that live, and their claims."""

import os
import secrets
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from experiments.store.folders import hold_file, is_held

BEAT_S = 10.0
"""A writer touches its file so often."""
LEASE_S = 60.0
"""A writer of another machine whose file is older has died."""
WRITERS, CLAIMS = "writers", "claims"


def machine() -> str:
    """Return a name of this machine since its start."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
    return f"{uuid.getnode():x}"[-8:]


class Writer:
    """A process that writes into *folder*, as a context manager: it holds a file, and touches it while it lives."""

    def __init__(self, folder: Path) -> None:
        """Choose a name that no other writer has."""
        self.folder = folder
        self.name = f"{machine()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._file = folder / WRITERS / self.name
        self._over = threading.Event()

    def __enter__(self) -> Self:
        """Live."""
        for name in (WRITERS, CLAIMS):
            (self.folder / name).mkdir(exist_ok=True)
        self._held = hold_file(self._file)
        threading.Thread(target=self._beat, daemon=True).start()
        return self

    def _beat(self) -> None:
        while not self._over.wait(BEAT_S):
            with suppress(OSError):
                os.utime(self._file)

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        """Give all claims back, and be gone."""
        self._over.set()
        for claim in self._claims():
            with suppress(OSError):
                if claim.read_text(encoding="ascii") == self.name:
                    claim.unlink()
        with suppress(OSError):
            self._file.unlink()
        os.close(self._held)

    def _claims(self) -> list[Path]:
        return sorted((self.folder / CLAIMS).iterdir())

    def claim(self, work: str) -> bool:
        """Return whether this writer now has a piece of work that nobody had."""
        with suppress(FileExistsError):
            descriptor = os.open(self.folder / CLAIMS / work, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            os.write(descriptor, self.name.encode("ascii"))
            os.close(descriptor)
            return True
        return False

    def release(self, work: str) -> None:
        """Give a piece of work back, which is done."""
        (self.folder / CLAIMS / work).unlink(missing_ok=True)

    def claimed(self) -> set[str]:
        """Return the pieces of work that some writer has."""
        return {claim.name for claim in self._claims()}

    def others(self) -> list[str]:
        """Return the writers that live besides this one."""
        names = [file.name for file in (self.folder / WRITERS).iterdir() if file.name != self.name]
        return [name for name in sorted(names) if self._lives(name)]

    def _lives(self, name: str) -> bool:
        file = self.folder / WRITERS / name
        if name.startswith(machine()) and (held := is_held(file)) is not None:
            return held
        with suppress(FileNotFoundError):
            now = time.time()
            with suppress(OSError):  # by the clock of the file system
                os.utime(self._file)
                now = self._file.stat().st_mtime
            return now - file.stat().st_mtime < LEASE_S
        return False

    def bury(self) -> list[str]:
        """Remove the files and the claims of writers that have died; return their names. For one process at a time."""
        living = {self.name, *self.others()}
        dead = [file for file in (self.folder / WRITERS).iterdir() if file.name not in living]
        for claim in self._claims():
            with suppress(FileNotFoundError):
                owner = claim.read_text(encoding="ascii")
                fresh = not owner and time.time() - claim.stat().st_mtime < LEASE_S
                if owner not in living and not fresh:
                    claim.unlink()
        for file in dead:
            file.unlink(missing_ok=True)
        return [file.name for file in dead]
