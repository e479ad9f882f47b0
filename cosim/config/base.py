"""What every table of a scenario file shares: frozen, strict about keys, a few kinds of value."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator


def _number_as_name(value: Any) -> Any:
    """Take the number of a node or bus as its name."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
PerUnitVoltage = Annotated[float, Field(ge=0.5, le=1.5)]
Name = Annotated[str, Field(min_length=1)]
Place = Annotated[str, BeforeValidator(_number_as_name), Field(min_length=1)]
"""A road node or a bus, written as a text or a whole number."""


class Section(BaseModel):
    """One table of a scenario file: values do not change, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def refuse_text_and_truth_for_numbers(cls, value: Any, info: Any) -> Any:
        """Take numbers only as numbers: ``"5"`` and ``true`` are slips of the pen, not values."""
        kind = cls.model_fields[info.field_name].annotation
        if isinstance(value, str | bool) and kind in {float, int, float | None, int | None}:
            msg = "must be a number without quotes"
            raise ValueError(msg)
        return value
