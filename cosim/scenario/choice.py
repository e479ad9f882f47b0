"""The choice model of a scenario's drivers: a built-in one, or a class of the user's."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.config import ScenarioConfig
from cosim.errors import ConfigError
from cosim.grid.last_resort import OutOfTimeError, within
from cosim.road.choice import padded_members
from cosim.road.paths import PathSet
from cosim.road.route_choice import BUILT_IN, Alternatives, RouteChoice

FIELD = "population.choice"
"""Field of the scenario that names the choice model."""


def build_choice(config: ScenarioConfig) -> RouteChoice:
    """Return the choice model that ``population.choice`` names, a class of the user's without importing it.

    Raises ConfigError for a name of neither.
    """
    name = config.population.choice
    if name in BUILT_IN:
        return BUILT_IN[name]
    _module_and_class(name)
    return NotImported(name, config.population.choice_time_max_s)


def import_choice(choice: RouteChoice, paths: PathSet, theta_per_min: float) -> RouteChoice:
    """Return the class of the user's that *choice* stands for; any other choice model as it is.

    It is tried on the first OD pairs, so that it fails before anything is computed: with ConfigError.
    """
    if not isinstance(choice, NotImported):
        return choice
    imported = _checked_choice(choice.name, choice.limit_s)
    imported.weights(_trial_alternatives(paths, theta_per_min))
    if imported.is_given_up:
        raise _problem(choice.name, imported.found)
    return imported


@dataclass(frozen=True, slots=True)
class NotImported:
    """The place of a choice model that a file names and nobody has allowed to run: all but the agents works."""

    name: str
    limit_s: float

    def weights(self, alternatives: Alternatives) -> FloatArray:  # noqa: ARG002
        """Raise ConfigError: the model is not known."""
        raise self.refusal

    @property
    def refusal(self) -> ConfigError:
        """The reason, and what would be imported."""
        advice = f"--allow-import, or --set {FIELD}={self.name}, runs it"
        return _problem(self.name, f"a scenario runs no Python code unless told so: {self.code}. {advice}")

    @property
    def code(self) -> str:
        """What would be imported, in words."""
        module, kind = _module_and_class(self.name)
        return f"class {kind} of module {module}, looked for in {Path.cwd()} first"


@dataclass(frozen=True, slots=True)
class CheckedChoice:
    """A choice model of the user's whose weights are checked."""

    name: str
    choice: RouteChoice
    limit_s: float
    """Seconds after which a call that has not come back is given up."""
    given_up: list[str] = field(default_factory=list)
    """What was given up: nothing, or this model."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how another process loads the class by its name, also from the working directory."""
        return _checked_choice, (self.name, self.limit_s)

    @property
    def is_given_up(self) -> bool:
        """Whether a call did not come back, so that drivers choose by the logit instead."""
        return bool(self.given_up)

    @property
    def found(self) -> str:
        """What happened, as a clause."""
        return f"weights() did not come back within {self.limit_s:g} s (population.choice_time_max_s)"

    def weights(self, alternatives: Alternatives) -> FloatArray:
        """Return the weights of the model, those of the logit once a call did not come back.

        Raises ConfigError where they are not valid.
        """
        if not self.given_up:
            try:
                return self._own_weights(alternatives)
            except OutOfTimeError:
                self.given_up.append(self.name)
        return BUILT_IN["logit"].weights(alternatives)

    def _own_weights(self, alternatives: Alternatives) -> FloatArray:
        try:
            own = within(self.limit_s, lambda: self.choice.weights(alternatives))
            weight = np.asarray(own, dtype=np.float64)
        except OutOfTimeError:
            raise
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


def _checked_choice(name: str, limit_s: float) -> CheckedChoice:
    return CheckedChoice(name, _user_choice(name, limit_s), limit_s)


def _user_choice(name: str, limit_s: float) -> RouteChoice:
    """Return a new object of a class named as ``module:Class``; the module may be in the working directory."""
    module, kind = _module_and_class(name)
    try:
        with _working_directory_first():
            choice_class = getattr(within(limit_s, lambda: import_module(module)), kind, None)
    except Exception as fault:
        raise _problem(
            name, f"module '{module}' cannot be imported: {type(fault).__name__}: {fault}"
        ) from fault
    if not (isinstance(choice_class, type) and callable(getattr(choice_class, "weights", None))):
        raise _problem(
            name, f"module '{module}' has no class '{kind}' with a method weights(self, alternatives)"
        )
    try:
        choice: RouteChoice = within(limit_s, choice_class)
    except Exception as fault:
        raise _problem(name, f"{kind}() fails: {type(fault).__name__}: {fault}") from fault
    return choice


def _module_and_class(name: str) -> tuple[str, str]:
    """Return module and class of a name; raise ConfigError for one that names neither these nor a built-in model."""
    module, _, kind = name.partition(":")
    if not (kind.isidentifier() and all(map(str.isidentifier, module.split(".")))):
        known = ", ".join(f"'{built_in}'" for built_in in BUILT_IN)
        raise ConfigError(
            FIELD, [f"{FIELD} is '{name}'; it must be {known}, or a class as 'my_module:MyChoice'"]
        )
    return module, kind


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
