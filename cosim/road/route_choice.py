"""Discrete choice models of drivers: strategies with one method over arrays, for one EV or a million.

A user-defined strategy is a class with this method (docs/drivers.md).
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
    """Choice sets of paths or (path, station) pairs: one row per driver or group, one column per alternative.

    Shorter rows are padded with infinite costs.
    """

    cost_min: FloatArray
    """Perceived generalised cost: road time, station time with its expected wait, charging cost."""
    theta_per_min: float
    """Logit scale: perception errors are in proportion to 1/theta."""
    path: IntArray
    """Index in the path set; -1 for padding."""
    paths: PathSet

    @property
    def excess_cost_min(self) -> FloatArray:
        """Cost of each alternative above the cheapest of its row."""
        excess: FloatArray = self.cost_min - self.cost_min.min(axis=-1, keepdims=True)
        return excess

    @property
    def path_size(self) -> FloatArray:
        """Path size PS of each alternative, in (0, 1]: 1 if it shares no link with others of its OD."""
        return cached_path_sizes(self.paths)[self.path]


PROBIT_DRAWS = 1000
"""Draws of the perception errors of probit: the standard error of a share is at most 0.016."""
MAX_ARRAY_SIZE = 4_000_000
"""Perceived costs held in memory at once."""


class RouteChoice(Protocol):
    """A discrete choice model; scenario files name it in ``population.choice``."""

    def weights(self, alternatives: Alternatives) -> FloatArray:
        """Return weights in proportion to the choice probabilities of each row: finite, not negative, not all 0.

        The weights of a row must depend on that row alone, and be 0 where the cost is infinite.
        """
        ...


class Logit:
    """Multinomial logit, with independent errors of the costs: P ~ exp(-theta c) (Eq. 7 of Ma et al. 2024)."""

    def weights(self, alternatives: Alternatives) -> FloatArray:
        """Return exp(-theta (c - min c)), which cannot underflow to 0 in a whole row."""
        weight: FloatArray = np.exp(-alternatives.theta_per_min * alternatives.excess_cost_min)
        return weight


class PathSizeLogit:
    """Path-size logit, with a correction for overlap: P ~ PS exp(-theta c)."""

    def weights(self, alternatives: Alternatives) -> FloatArray:
        """Return PS exp(-theta (c - min c)) (Ben-Akiva and Bierlaire 1999)."""
        return alternatives.path_size * np.exp(-alternatives.theta_per_min * alternatives.excess_cost_min)


class Cheapest:
    """Deterministic choice of the cheapest alternative, the limit of logit for large theta."""

    def weights(self, alternatives: Alternatives) -> FloatArray:
        """Return 1 for the cheapest alternatives of each row, 0 for others."""
        return np.where(alternatives.excess_cost_min == 0, 1.0, 0.0)


class Probit:
    """Probit, with independent normal errors of the links, so that overlapping paths have correlated errors.

    The variance of a link is in proportion to its free-flow time (Daganzo and Sheffi 1977); on the path of the row with
    the minimum free-flow time it is that of logit, pi^2 / (6 theta^2).
    """

    def weights(self, alternatives: Alternatives) -> FloatArray:
        """Return the number of draws in which each alternative is the cheapest."""
        errors = perception_errors(alternatives.paths)
        cost_min = alternatives.cost_min
        t0_min = alternatives.paths.time_min(alternatives.paths.network.t0_min)[alternatives.path]
        fastest_min = np.where(alternatives.path >= 0, t0_min, np.inf).min(axis=-1, keepdims=True)
        scale = np.pi / np.sqrt(6 * fastest_min) / alternatives.theta_per_min
        wins = np.zeros(cost_min.shape)
        step = max(1, MAX_ARRAY_SIZE // max(1, cost_min.size))
        for first in range(0, PROBIT_DRAWS, step):
            perceived_min = cost_min + scale * errors[first : first + step, alternatives.path]
            cheapest = perceived_min.argmin(axis=-1)
            wins += (cheapest[..., np.newaxis] == np.arange(cost_min.shape[-1])).sum(axis=0)
        return wins


BUILT_IN: dict[str, RouteChoice] = {
    "logit": Logit(),
    "path_size": PathSizeLogit(),
    "cheapest": Cheapest(),
    "probit": Probit(),
}


@lru_cache(maxsize=4)
def cached_path_sizes(paths: PathSet) -> FloatArray:
    """Return the path sizes of a path set, computed once."""
    return path_sizes(paths)


@lru_cache(maxsize=4)
def perception_errors(paths: PathSet) -> FloatArray:
    """Return draws of each path's cost error over sqrt(variance per minute), (`PROBIT_DRAWS`, paths).

    The draws do not depend on the seed of the scenario, so that shares are the same for all seeds.
    """
    t0_min = paths.network.t0_min
    link_errors = stream(0, "perceptions").standard_normal((PROBIT_DRAWS, t0_min.size)) * np.sqrt(t0_min)
    return np.ascontiguousarray((paths.incidence @ link_errors.T).T)
