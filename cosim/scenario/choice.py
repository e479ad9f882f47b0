"""How the drivers of a scenario choose: one of our strategies, or one that the user wrote."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.config import ScenarioConfig
from cosim.errors import ConfigError
from cosim.road.choice import padded_members
from cosim.road.paths import PathSet
from cosim.road.route_choice import BUILT_IN, Alternatives, RouteChoice

FIELD = "population.choice"


def build_choice(config: ScenarioConfig, paths: PathSet | None) -> RouteChoice | None:
    """Return the strategy that ``population.choice`` names; raise ConfigError if it names none that works.

    One of the user's is tried on the first ODs, so that it fails before anything is computed.
    """
    name = config.population.choice
    if name in BUILT_IN:
        return BUILT_IN[name]
    choice = _watched(name)
    if paths is not None:
        choice.weights(_some_alternatives(paths, config.road.theta_per_min))
    return choice


@dataclass(frozen=True, slots=True)
class Watched:
    """A strategy of the user's, of which every answer is looked at."""

    name: str
    choice: RouteChoice

    def __reduce__(self) -> tuple[Any, ...]:
        """Let another process find the class by its name, in the working directory too."""
        return _watched, (self.name,)

    def weights(self, alternatives: Alternatives) -> FloatArray:
        """Return its weights, or say what is wrong with them."""
        try:
            weight = np.asarray(self.choice.weights(alternatives), dtype=np.float64)
        except Exception as fault:
            raise _problem(self.name, f"weights() fails: {type(fault).__name__}: {fault}") from fault
        if weight.shape != alternatives.cost_min.shape:
            raise _problem(
                self.name,
                f"weights() gives an array of shape {weight.shape} for costs of {alternatives.cost_min.shape}",
            )
        if not (np.isfinite(weight).all() and (weight >= 0).all() and (weight.sum(axis=-1) > 0).all()):
            raise _problem(
                self.name, "weights() must be finite, 0 or more, and in each row above 0 for one alternative"
            )
        if weight[np.isinf(alternatives.cost_min)].any():
            raise _problem(self.name, "weights() must be 0 where a cost is infinite: there is no alternative")
        return weight


def _watched(name: str) -> Watched:
    return Watched(name, _user_choice(name))


def _user_choice(name: str) -> RouteChoice:
    """Return a new object of a class named as ``module:Class``; the module may lie in the working directory."""
    module, colon, kind = name.partition(":")
    if not (colon and module and kind):
        known = ", ".join(f"'{built_in}'" for built_in in BUILT_IN)
        raise ConfigError(
            FIELD, [f"{FIELD} is '{name}'; it must be {known}, or a class as 'my_module:MyChoice'"]
        )
    try:
        with _working_directory_first():
            found = getattr(import_module(module), kind, None)
    except Exception as fault:
        raise _problem(
            name, f"module '{module}' cannot be imported: {type(fault).__name__}: {fault}"
        ) from fault
    if not (isinstance(found, type) and callable(getattr(found, "weights", None))):
        raise _problem(
            name, f"module '{module}' has no class '{kind}' with a method weights(self, alternatives)"
        )
    try:
        made: RouteChoice = found()
    except Exception as fault:
        raise _problem(name, f"{kind}() fails: {type(fault).__name__}: {fault}") from fault
    return made


@contextmanager
def _working_directory_first() -> Iterator[None]:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)


def _some_alternatives(paths: PathSet, theta_per_min: float) -> Alternatives:
    members = padded_members(paths.groups, slice(0, 2))
    cost_min = np.append(paths.time_min(paths.network.t0_min), np.inf)[members]
    return Alternatives(cost_min=cost_min, theta_per_min=theta_per_min, path=members, paths=paths)


def _problem(name: str, what: str) -> ConfigError:
    return ConfigError(FIELD, [f"{FIELD} is '{name}', but {what}"])
