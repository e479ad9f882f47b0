"""An append-only journal: a line a record, with its checksum, on the disk before it counts.

What a killed process left unfinished is its last line at most; it is dropped when the journal is read.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from experiments.store.folders import sync_names
from experiments.store.pieces import digest_of

DIGEST = 16
"""Letters of a checksum."""
Record = dict[str, Any]


class Journal:
    """A journal that this process alone appends to."""

    def __init__(self, file: Path) -> None:
        """Begin a new one."""
        self.file = file
        self._descriptor = os.open(
            file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644
        )
        sync_names(file.parent)

    def add(self, records: Iterable[Record], *, sync: bool = True) -> None:
        """Append records; with *sync* they are on the disk when this returns. Raises OSError where it is full."""
        text = "".join(_line(record) for record in records).encode()
        written = os.write(self._descriptor, text)
        while written < len(text):  # a signal, or a disk that is about to be full
            written += os.write(self._descriptor, text[written:])
        if sync:
            os.fsync(self._descriptor)

    def close(self) -> None:
        """End it."""
        os.close(self._descriptor)


def _line(record: Record) -> str:
    body = json.dumps(record, separators=(",", ":"))
    return f"{digest_of(body)[:DIGEST]} {body}\n"


def read_journal(file: Path) -> tuple[list[Record], int]:
    """Return the records of a journal, and how many lines are torn or damaged; none for a file that is gone."""
    try:
        lines = file.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return [], 0
    records = [record for line in lines if (record := _read(line)) is not None]
    return records, len(lines) - len(records)


def _read(line: bytes) -> Record | None:
    head, _, body = line.decode("utf-8", "replace").partition(" ")
    if not body.endswith("\n") or digest_of(body[:-1])[:DIGEST] != head:
        return None
    record: Record = json.loads(body)
    return record
