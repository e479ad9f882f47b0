"""Base class and value types of the tables of a scenario file."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

T = TypeVar("T")


def _number_as_name(value: Any) -> Any:
    """Return the number of a node or bus as its name."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Tolerance = Annotated[float, Field(gt=0, lt=1)]
"""Of a relative change, gap or residual: of 1 and more nothing is left to search for."""
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0)]
PerUnitVoltage = Annotated[float, Field(ge=0.5, le=1.5)]
Name = Annotated[str, Field(min_length=1)]
EXTENDS = "extends"
"""Key of a file that gives only its changes to another one."""
FILE = "file"
"""Marks the fields that name files."""
File = Annotated[str, Field(min_length=1), FILE]
"""A file, named relative to the scenario file."""
Place = Annotated[
    str,
    BeforeValidator(_number_as_name),
    Field(min_length=1),
    WithJsonSchema({"anyOf": [{"type": "string", "minLength": 1}, {"type": "integer"}]}),
]
"""A road node or a bus, written as a text or a whole number."""
Entries = Annotated[tuple[T, ...], Field(strict=False)]
"""A list of tables, ``[[...]]``."""


class Section(BaseModel):
    """One table of a scenario file: values are frozen, and an unknown key is an error.

    Types are strict: ``"5"`` and ``true`` are not numbers.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def contradiction(sentence: str, *fields: str) -> PydanticCustomError:
    """Return the error for *fields* of one table whose values contradict each other."""
    return PydanticCustomError("contradiction", "{sentence}", {"sentence": sentence, "fields": fields})
