"""Arrays and records in one file: no code, and no compression, which costs more than the disk."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from agents.packing import packed, unpacked


def save_arrays(file: Path, arrays: Mapping[str, Any], records: Any) -> None:
    """Write *records*, as a line of JSON, and packed *arrays* after it."""
    content = packed(arrays)
    with file.open("wb") as out:
        out.write(json.dumps({"arrays": list(content), "records": records}).encode() + b"\n")
        for array in content.values():
            np.lib.format.write_array(out, np.asarray(array, order="C"), allow_pickle=False)


def load_arrays(file: Path) -> tuple[dict[str, Any], Any]:
    """Return the arrays and the records in *file*."""
    with file.open("rb") as content:
        head = json.loads(content.readline())
        arrays = {name: np.lib.format.read_array(content, allow_pickle=False) for name in head["arrays"]}
    return unpacked(arrays), head["records"]
