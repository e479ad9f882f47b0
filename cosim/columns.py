"""A column of a result table."""

import re
from dataclasses import dataclass
from typing import Any, Literal

DType = Literal["int64", "float64", "object", "bool"]
_DTYPES: dict[str, DType] = {"whole": "int64", "real": "float64", "text": "object", "boolean": "bool"}
_MISSING: dict[DType, Any] = {"int64": 0, "float64": float("nan"), "object": "", "bool": False}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name (with the unit), its type and its meaning."""

    name: str
    dtype: DType
    meaning: str

    @classmethod
    def of_type(cls, name: str, kind: str, meaning: str) -> "Column":
        """Return the column of a *kind*: whole, real, text or boolean."""
        return cls(name, _DTYPES[kind], meaning)

    @property
    def kind(self) -> str:
        """Whole, real, text or boolean."""
        return next(kind for kind, dtype in _DTYPES.items() if dtype == self.dtype)

    @property
    def missing(self) -> Any:
        """Value where a model has none."""
        return _MISSING[self.dtype]

    def covers(self, name: str) -> bool:
        """Whether *name* is this column; STATION, as in energy_STATION_kwh, matches the name of any station."""
        return re.fullmatch(self.name.replace("STATION", ".+"), name) is not None
