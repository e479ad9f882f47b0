"""Packed arrays take less space, and are restored bit by bit."""

import numpy as np
import pytest

from agents.packing import SHORT, packed, unpacked
from cosim.arrays import FloatArray, IntArray

SIZE = 4 * SHORT
CASES = {
    "small numbers": np.arange(SIZE) % 100 - 1,
    "large numbers": np.arange(SIZE) + 2**40,
    "the least and the largest": np.tile([-(2**63), 2**63 - 1], SIZE // 2),
    "mostly zeros": np.where(np.arange(SIZE) % 50 == 0, 0.1, 0.0),
    "negative zeros and NaN": np.where(
        np.arange(SIZE) % 50 == 0, -0.0, np.where(np.arange(SIZE) % 51 == 0, np.nan, 0.0)
    ),
    "zeros alone": np.zeros(SIZE, dtype=np.int64),
    "floats": np.linspace(0, 1, SIZE),
    "one value": np.broadcast_to(0.5, SIZE),
    "one flag": np.broadcast_to(np.array([True]), SIZE),
    "few": np.arange(3),
    "none": np.zeros(0),
}


@pytest.mark.parametrize("case", CASES)
def test_arrays_are_restored_bit_by_bit(case: str) -> None:
    array: IntArray | FloatArray = CASES[case]
    restored = unpacked(packed({"trips.ev": array}))
    assert restored.keys() == {"trips.ev"}
    assert restored["trips.ev"].dtype == array.dtype
    assert restored["trips.ev"].tobytes() == array.tobytes()


def test_small_numbers_and_zeros_take_an_eighth_of_the_space() -> None:
    for case in ("small numbers", "mostly zeros", "zeros alone", "one value"):
        assert (
            sum(part.nbytes for part in packed({"trips.ev": CASES[case]}).values()) <= CASES[case].nbytes // 8
        )
