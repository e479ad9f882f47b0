"""Base class and value types of the tables of a scenario file."""

from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from cosim.errors import UNPRINTABLE

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
Seed = Annotated[int, Field(ge=0, le=2**63 - 1)]
PerUnitVoltage = Annotated[float, Field(ge=0.5, le=1.5)]
# Physical bounds: wide enough for any case, and so narrow that no product or quotient of two overflows.
PowerKw = Annotated[float, Field(ge=1e-3, le=1e7)]
"""From a watt to 10 GW."""
PowerOrZeroKw = Annotated[float, Field(ge=0, le=1e7)]
EnergyKwh = Annotated[float, Field(ge=1e-3, le=1e8)]
BatteryKwh = Annotated[float, Field(ge=0.1, le=1e4)]
"""Battery of a vehicle."""
ConsumptionKwhPerKm = Annotated[float, Field(ge=1e-3, le=10)]
SpeedKmH = Annotated[float, Field(ge=1, le=300)]
RatedKv = Annotated[float, Field(ge=0.1, le=1_000)]
Efficiency = Annotated[float, Field(ge=0.01, le=1)]
SignedPrice = Annotated[float, Field(ge=-1e6, le=1e6)]
Price = Annotated[float, Field(ge=0, le=1e6)]
"""Per kWh, MWh or hour."""
PositivePrice = Annotated[float, Field(ge=1e-6, le=1e6)]
Penalty = Annotated[float, Field(ge=1e-6, le=1e9)]
Scale = Annotated[float, Field(ge=1e-6, le=1e9)]
"""A factor."""
ThetaPerMin = Annotated[float, Field(ge=1e-6, le=1e4)]
"""Logit scale."""
Minutes = Annotated[float, Field(ge=1e-3, le=1e5)]
Seconds = Annotated[float, Field(ge=1e-3, le=1e7)]
Shape = Annotated[float, Field(ge=1e-3, le=1e4)]
"""Shape of a distribution, or its spread on a logarithmic scale."""
_UNPRINTABLE = UNPRINTABLE.pattern[1:-1]
Name = Annotated[
    str, Field(min_length=1, max_length=200, pattern=rf"^[^-./\\{_UNPRINTABLE}][^/\\{_UNPRINTABLE}]*$")
]
"""A name, which may become that of a file or a column."""
_Printable = Annotated[str, Field(min_length=1, max_length=1_000, pattern=rf"^[^{_UNPRINTABLE}]+$")]


def _without_marks(text: str) -> str:
    if UNPRINTABLE.search(text.translate({ord(space): " " for space in "\n\r\t"})):
        msg = "a text without control characters and marks that turn its direction"
        raise ValueError(msg)
    return text


Prose = Annotated[str, AfterValidator(_without_marks)]
"""Lines that a person reads, on a terminal or a page."""
EXTENDS = "extends"
"""Key of a file that gives only its changes to another one."""
FILE = "file"
"""Marks the fields that name files."""
File = Annotated[_Printable, FILE]
"""A file, named relative to the scenario file."""
Place = Annotated[
    _Printable,
    BeforeValidator(_number_as_name),
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
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        serialize_by_alias=True,
    )


def contradiction(sentence: str, *fields: str) -> PydanticCustomError:
    """Return the error for *fields* of one table whose values contradict each other."""
    return PydanticCustomError("contradiction", "{sentence}", {"sentence": sentence, "fields": fields})
