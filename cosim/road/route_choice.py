"""How drivers weigh their alternatives: strategies of one method over arrays, which serve one EV and a million alike.

A strategy of your own is a class with that method (docs/drivers.md).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.randomness import stream
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


PROBIT_DRAWS = 1000
"""Perceptions by which probit shares are simulated: a share is right within 0.032 (two standard errors, at 0.5)."""
COSTS_AT_ONCE = 4_000_000


class RouteChoice(Protocol):
    """A way to choose; scenario files name it in ``population.choice``."""

    def weights(self, among: Alternatives) -> FloatArray:
        """Return what the chances of each row's alternatives are in proportion to: finite, not negative, not all 0.

        The weights of a row must follow from that row alone, and be 0 where the cost is infinite.
        """
        ...


class Logit:
    """Drivers who see each cost with an error of its own (Eq. 7 of Ma et al. 2024): P ~ exp(-theta c)."""

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


class Probit:
    """Drivers who see each link with a normal error of its own: paths that share links share their errors.

    The variance on a link is in proportion to its free-flow time (Daganzo and Sheffi 1977), and on the path of the
    row with the least free-flow time it is that of logit, pi^2 / (6 theta^2).
    """

    def weights(self, among: Alternatives) -> FloatArray:
        """Return in how many of the simulated perceptions each alternative is the cheapest."""
        errors, cost_min = perception_errors(among.paths), among.cost_min
        t0_min = among.paths.time_min(among.paths.network.t0_min)[among.path]
        least_min = np.where(among.path >= 0, t0_min, np.inf).min(axis=-1, keepdims=True)
        spread = np.pi / np.sqrt(6 * least_min) / among.theta_per_min
        wins = np.zeros(cost_min.shape)
        step = max(1, COSTS_AT_ONCE // max(1, cost_min.size))
        for first in range(0, PROBIT_DRAWS, step):
            seen_min = cost_min + spread * errors[first : first + step, among.path]
            cheapest = seen_min.argmin(axis=-1)
            wins += (cheapest[..., np.newaxis] == np.arange(cost_min.shape[-1])).sum(axis=0)
        return wins


BUILT_IN: dict[str, RouteChoice] = {
    "logit": Logit(),
    "path_size": PathSizeLogit(),
    "cheapest": Cheapest(),
    "probit": Probit(),
}


@lru_cache(maxsize=4)
def sizes_of(paths: PathSet) -> FloatArray:
    """Return the path sizes of a path set, worked out once."""
    return path_sizes(paths)


@lru_cache(maxsize=4)
def perception_errors(paths: PathSet) -> FloatArray:
    """Return simulated errors of each path's cost over sqrt(variance per minute), (`PROBIT_DRAWS`, paths).

    All drivers' shares come of the same perceptions, whatever the scenario's seed: only choices are draws.
    """
    t0_min = paths.network.t0_min
    of_links = stream(0, "perceptions").standard_normal((PROBIT_DRAWS, t0_min.size)) * np.sqrt(t0_min)
    return np.ascontiguousarray((paths.incidence @ of_links.T).T)
