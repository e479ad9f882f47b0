"""What an engine is given, and how it ends."""

from dataclasses import dataclass
from typing import Any

Lane = str
"""Name of a place that does one task at a time."""


@dataclass(frozen=True, slots=True)
class Task:
    """Arguments of the work, with a key by which the task is known."""

    key: Any
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class End:
    """How a task ended: with a value, or with an error; or its process died, or the connection to it was lost."""

    value: Any = None
    error: BaseException | None = None
    died: bool = False
    lost: bool = False
