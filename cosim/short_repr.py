"""How values that hold arrays are shown: in one line."""

from collections.abc import Sized
from dataclasses import fields
from numbers import Real
from typing import Any, TypeVar

T = TypeVar("T", bound=type)
MAX_CHARACTERS = 200
MAX_CHARACTERS_OF_TEXT = 30


def short_repr(kind: T) -> T:
    """Return the dataclass with a repr in one line: numbers and names, shapes of arrays, sizes of collections."""
    kind.__repr__ = _repr  # type: ignore[assignment]
    return kind


def _repr(value: Any) -> str:
    own = ((field.name, getattr(value, field.name)) for field in fields(value) if field.repr)
    text = ", ".join(f"{name} {_shown(content)}" for name, content in own if content is not None)
    shown = text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 3] + "..."
    return f"<{type(value).__name__}: {shown}>"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return repr(
            value if len(value) <= MAX_CHARACTERS_OF_TEXT else value[: MAX_CHARACTERS_OF_TEXT - 3] + "..."
        )
    if isinstance(value, Real):
        return str(value)
    shape = getattr(value, "shape", None)
    if shape is not None:
        return "x".join(map(str, shape)) + " array"
    if isinstance(value, Sized):
        return f"({len(value)})"
    return repr(getattr(value, "name", type(value).__name__))
