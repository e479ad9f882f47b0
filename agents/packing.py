"""Arrays in less space, restored bit-identical: whole numbers in few bytes, mostly zeros as those that are not.

The trips of a million EVs take 165 bytes each in memory; packed, a third of that is written, and hashed.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cosim.arrays import IntArray

SHORT = 1000
"""Size below which an array stays as it is."""
SPARSE_SHARE = 0.3
"""Share of values other than 0 up to which these alone are kept, with their places."""
SAMPLED = 64
"""Of so many values one is looked at before all are."""
WHOLE, PLACES, VALUES, SAME, SIZE = "whole ", "places ", "values ", "same ", "size "
"""What a packed array is called by: one of these, and its name, which has no blank. SAME: one value, repeated."""


def packed(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arrays packed, under names that say how."""
    found = {}
    for name, array in arrays.items():
        if array.ndim != 1 or array.size < SHORT:
            found[name] = array
        elif array.strides == (0,):
            found[SAME + name], found[SIZE + name] = array[:1], np.array(array.size)
        elif array.dtype not in {np.dtype(np.int64), np.dtype(np.float64)}:
            found[name] = array
        elif (places := _few_places(array)) is not None:
            found[PLACES + name], found[VALUES + name] = _narrow(places), array[places]
            found[SIZE + name] = np.array(array.size)
        elif array.dtype == np.int64:
            found[WHOLE + name] = _narrow(array)
        else:
            found[name] = array
    return found


def _few_places(array: Any) -> IntArray | None:
    """Return the places of the values other than 0, if they are few."""
    bits = array.view(np.int64)  # by the bits: -0.0 is kept
    if np.count_nonzero(bits[::SAMPLED]) > 2 * SPARSE_SHARE * array.size / SAMPLED:
        return None
    places = np.flatnonzero(bits)
    return places if places.size <= SPARSE_SHARE * array.size else None


def _narrow(array: IntArray) -> Any:
    """Return whole numbers in as few bytes as hold them."""
    if array.size == 0:
        return array
    least, most = int(array.min()), int(array.max())
    kinds = (np.int8, np.int16, np.int32)
    fitting = [kind for kind in kinds if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max]
    return array.astype(fitting[0]) if fitting else array


def unpacked(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arrays that were packed."""
    arrays = {}
    for key, array in content.items():
        kind, blank, name = key.partition(" ")
        if kind + blank == WHOLE:
            arrays[name] = array.astype(np.int64)
        elif kind + blank == SIZE and SAME + name in content:
            arrays[name] = np.full(int(array), content[SAME + name][0])
        elif kind + blank == SIZE:
            values = content[VALUES + name]
            arrays[name] = np.zeros(int(array), dtype=values.dtype)
            arrays[name][content[PLACES + name]] = values
        elif not blank:
            arrays[key] = array
    return arrays
