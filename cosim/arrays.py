"""Types of the arrays of the package."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Frame = Any
"""A pandas data frame; pandas ships no types."""
