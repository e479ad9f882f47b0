"""Tables of a piece in one file, with a third of the work of Parquet: they are written once more when all is whole."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from agents.array_file import load_arrays, save_arrays
from cosim.arrays import Frame

FILE = "tables.arrays"


def keep_frames(folder: Path, tables: Mapping[str, Frame]) -> None:
    """Write tables of numbers and texts; a text is written once, and its number in each row."""
    import pandas as pd

    arrays: dict[str, Any] = {}
    texts: dict[str, list[str]] = {}
    for table, frame in tables.items():
        for column in frame:
            name, values = f"{table}/{column}", frame[column].to_numpy()
            if values.dtype == object:
                values, known = pd.factorize(values)
                texts[name] = known.tolist()
            arrays[name] = values
    save_arrays(folder / FILE, arrays, {"columns": list(arrays), "texts": texts})


def kept_frames(folder: Path) -> dict[str, Frame]:
    """Return the tables that were written into *folder*, value by value and in their order."""
    import pandas as pd

    arrays, records = load_arrays(folder / FILE)
    tables: dict[str, dict[str, Any]] = {}
    for name in records["columns"]:
        table, _, column = name.partition("/")
        texts = records["texts"].get(name)
        values = arrays[name] if texts is None else np.array(texts, dtype=object)[arrays[name]]
        tables.setdefault(table, {})[column] = values
    return {table: pd.DataFrame(columns) for table, columns in tables.items()}
