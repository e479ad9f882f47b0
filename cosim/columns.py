"""A column of a result table, and short words for those of each type."""

import re
from dataclasses import dataclass
from typing import Any, Literal

DType = Literal["int64", "float64", "object", "bool"]
_MISSING: dict[DType, Any] = {"int64": 0, "float64": float("nan"), "object": "", "bool": False}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name (with the unit), its type and its meaning."""

    name: str
    dtype: DType
    meaning: str

    @property
    def missing(self) -> Any:
        """What stands where a model has no value."""
        return _MISSING[self.dtype]

    def covers(self, name: str) -> bool:
        """Whether a column of this *name* is meant: STATION, as in energy_STATION_kwh, stands for any station."""
        return re.fullmatch(self.name.replace("STATION", ".+"), name) is not None


def whole(name: str, meaning: str) -> Column:
    """Return a column of whole numbers."""
    return Column(name, "int64", meaning)


def real(name: str, meaning: str) -> Column:
    """Return a column of real numbers."""
    return Column(name, "float64", meaning)


def text(name: str, meaning: str) -> Column:
    """Return a column of texts."""
    return Column(name, "object", meaning)


def boolean(name: str, meaning: str) -> Column:
    """Return a column of true and false."""
    return Column(name, "bool", meaning)
