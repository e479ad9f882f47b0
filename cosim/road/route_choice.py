"""How drivers weigh their alternatives: strategies of one method over arrays, which serve one EV and a million alike.

A strategy of your own is a class with that method (docs/drivers.md).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.road.path_size import path_sizes
from cosim.road.paths import PathSet


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Alternatives:
    """What drivers choose from: a row per driver (or per group of drivers alike), a column per alternative.

    Paths, or (path, station) pairs. Rows with fewer alternatives than others end in infinite costs.
    """

    cost_min: FloatArray
    """Generalised cost as the drivers believe it: road, station with its expected wait, price of the charge."""
    theta_per_min: float
    """How well the drivers know the costs."""
    path: IntArray
    """Number in the path set; -1 where a row has no more."""
    paths: PathSet

    @property
    def excess_min(self) -> FloatArray:
        """What each alternative costs beyond the cheapest of its row."""
        excess: FloatArray = self.cost_min - self.cost_min.min(axis=-1, keepdims=True)
        return excess

    @property
    def path_size(self) -> FloatArray:
        """Part of each alternative that is its own, in (0, 1]: 1 if it shares no link with others of its OD."""
        return sizes_of(self.paths)[self.path]


class RouteChoice(Protocol):
    """A way to choose; scenario files name it in ``population.choice``."""

    def weights(self, among: Alternatives) -> FloatArray:
        """Return what the chances of each row's alternatives are in proportion to: finite, not negative, not all 0.

        The weights of a row must follow from that row alone, and be 0 where the cost is infinite.
        """
        ...


class Logit:
    """Drivers who see each cost with an error of its own (Eq. 7): P ~ exp(-theta c)."""

    def weights(self, among: Alternatives) -> FloatArray:
        """Return exp(-theta (c - min c)), which cannot underflow to 0 in a whole row."""
        weight: FloatArray = np.exp(-among.theta_per_min * among.excess_min)
        return weight


class PathSizeLogit:
    """Logit in which paths that overlap are less than whole alternatives: P ~ PS exp(-theta c)."""

    def weights(self, among: Alternatives) -> FloatArray:
        """Return PS exp(-theta (c - min c)) (Ben-Akiva and Bierlaire 1999)."""
        return among.path_size * np.exp(-among.theta_per_min * among.excess_min)


class Cheapest:
    """Drivers who always take the cheapest alternative: the limit of logit as theta grows."""

    def weights(self, among: Alternatives) -> FloatArray:
        """Return 1 for the cheapest of each row, for each of them where several are."""
        return np.where(among.excess_min == 0, 1.0, 0.0)


BUILT_IN: dict[str, RouteChoice] = {"logit": Logit(), "path_size": PathSizeLogit(), "cheapest": Cheapest()}


@lru_cache(maxsize=4)
def sizes_of(paths: PathSet) -> FloatArray:
    """Return the path sizes of a path set, worked out once."""
    return path_sizes(paths)
