"""The choice model of a scenario's drivers: a built-in one, or a class of the user's."""

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
"""Field of the scenario that names the choice model."""


def build_choice(config: ScenarioConfig, paths: PathSet | None) -> RouteChoice | None:
    """Return the choice model that ``population.choice`` names; raise ConfigError if there is none, or it fails.

    A class of the user's is tried on the first OD pairs, so that it fails before anything is computed.
    """
    name = config.population.choice
    if name in BUILT_IN:
        return BUILT_IN[name]
    choice = _checked_choice(name)
    if paths is not None:
        choice.weights(_trial_alternatives(paths, config.road.theta_per_min))
    return choice


@dataclass(frozen=True, slots=True)
class CheckedChoice:
    """A choice model of the user's whose weights are checked."""

    name: str
    choice: RouteChoice

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how another process loads the class by its name, also from the working directory."""
        return _checked_choice, (self.name,)

    def weights(self, alternatives: Alternatives) -> FloatArray:
        """Return the weights of the model; raise ConfigError where they are not valid."""
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


def _checked_choice(name: str) -> CheckedChoice:
    return CheckedChoice(name, _user_choice(name))


def _user_choice(name: str) -> RouteChoice:
    """Return a new object of a class named as ``module:Class``; the module may be in the working directory."""
    module, colon, kind = name.partition(":")
    if not (colon and module and kind):
        known = ", ".join(f"'{built_in}'" for built_in in BUILT_IN)
        raise ConfigError(
            FIELD, [f"{FIELD} is '{name}'; it must be {known}, or a class as 'my_module:MyChoice'"]
        )
    try:
        with _working_directory_first():
            choice_class = getattr(import_module(module), kind, None)
    except Exception as fault:
        raise _problem(
            name, f"module '{module}' cannot be imported: {type(fault).__name__}: {fault}"
        ) from fault
    if not (isinstance(choice_class, type) and callable(getattr(choice_class, "weights", None))):
        raise _problem(
            name, f"module '{module}' has no class '{kind}' with a method weights(self, alternatives)"
        )
    try:
        choice: RouteChoice = choice_class()
    except Exception as fault:
        raise _problem(name, f"{kind}() fails: {type(fault).__name__}: {fault}") from fault
    return choice


@contextmanager
def _working_directory_first() -> Iterator[None]:
    directory = str(Path.cwd())
    sys.path.insert(0, directory)
    try:
        yield
    finally:
        sys.path.remove(directory)


def _trial_alternatives(paths: PathSet, theta_per_min: float) -> Alternatives:
    members = padded_members(paths.groups, slice(0, 2))
    cost_min = np.append(paths.time_min(paths.network.t0_min), np.inf)[members]
    return Alternatives(cost_min=cost_min, theta_per_min=theta_per_min, path=members, paths=paths)


def _problem(name: str, clause: str) -> ConfigError:
    return ConfigError(FIELD, [f"{FIELD} is '{name}', but {clause}"])
