"""The assignment problem of an OD table, on listed paths or, for large tables, on bushes."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from cosim.arguments import PER_CLASS_AND_OD, checked, numbers_of
from cosim.arrays import FloatArray
from cosim.errors import ConfigError, refuse
from cosim.road.bush_problem import BushProblem
from cosim.road.bushes import BushSet, find_bushes
from cosim.road.columns import VEHICLES
from cosim.road.network import Network, OdTable
from cosim.road.path_size import path_size_cost_min
from cosim.road.paths import PathSet, UserClass, UserClasses, find_paths
from cosim.road.problem import AssignmentProblem, Overload
from cosim.sections import NonNegative

MAX_LISTED_ODS = 1000
"""Number of ODs up to which paths are listed. Measured: Sioux Falls (528 ODs) takes 0.04 s with 3,376 listed paths and
0.02 s on bushes; Anaheim (1,406 ODs) 0.8 s with 8 paths per OD and 0.05 s on bushes."""
AUTOMATIC_CHOICES: tuple[dict[str, Any], ...] = ({"path_limit": 100}, {"budget": 1.5, "path_limit": 1_000})
"""Path sets tried in turn: all paths if at most 100 per OD, else those of at most 1.5 times the cheapest cost."""


@checked
def build_problem(
    network: Network,
    od: OdTable,
    theta_per_min: Annotated[float | Sequence[float], Field(gt=0)],
    *,
    classes: UserClasses = VEHICLES,
    demand_veh_h: FloatArray | None = None,
    paths: str = "auto",
    path_size: NonNegative = 0.0,
    overload: Overload = "refuse",
) -> AssignmentProblem | BushProblem:
    """Return the assignment problem on the path set *paths* (see :func:`choose_paths`).

    *theta_per_min* is one number, or one per class; *demand_veh_h* is given class by class, per OD (by default a
    single class has that of the OD table). *path_size* is the weight of ln PS in the path-size logit, usually 1; it
    needs listed paths. Raises ConfigError for an invalid argument or path set, and for several classes without demand.
    """
    several = demand_veh_h is None and len(classes) > 1
    refuse("build_problem", ["with more than one class, demand_veh_h must be given"] if several else [])
    given = od.demand_veh_h if demand_veh_h is None else demand_veh_h
    groups = len(classes) * od.origin.size
    demand = numbers_of("build_problem", "demand_veh_h", given, groups, PER_CLASS_AND_OD)
    theta = _theta_of_classes(theta_per_min, len(classes))
    chosen = choose_paths(network, od, classes, paths)
    if isinstance(chosen, BushSet):
        if path_size:
            refuse("path_size", ["needs listed paths, not bushes; give budget:B or k:K as paths"])
        return BushProblem(bushes=chosen, demand_veh_h=demand, theta_per_min=theta, overload=overload)
    by_group = np.repeat(theta, od.origin.size)
    return AssignmentProblem(
        paths=chosen,
        demand_veh_h=demand,
        theta_per_min=by_group,
        extra_cost_min=path_size_cost_min(chosen, by_group, path_size) if path_size else 0.0,
        overload=overload,
    )


def _theta_of_classes(theta_per_min: float | Sequence[float], classes: int) -> FloatArray:
    theta = np.asarray(theta_per_min, dtype=np.float64)
    is_valid = theta.shape in {(), (1,), (classes,)}
    problem = f"theta_per_min has {theta.size} values; give one, or one per class ({classes})"
    refuse("build_problem", [] if is_valid else [problem])
    return np.broadcast_to(theta, classes)


def choose_paths(
    network: Network, od: OdTable, classes: Sequence[UserClass], paths: str = "auto"
) -> PathSet | BushSet:
    """Return the path set, or the bushes, that *paths* describes.

    ``all``; ``budget:1.5``, those of at most 1.5 times the cheapest cost; ``k:10``, the ten cheapest; ``bush``; or
    ``auto``: all if no OD has more than 100, else a budget of 1.5, and bushes if these are too many, or for more than
    1,000 ODs. Raises ConfigError for an unknown description, and for too many or missing paths.
    """
    if paths == "auto":
        for choice in AUTOMATIC_CHOICES if od.origin.size <= MAX_LISTED_ODS else ():
            try:
                return find_paths(network, od, classes, **choice)
            except ConfigError:  # too many paths; ODs without a path are reported by the bushes
                continue
    if paths in {"auto", "bush"}:
        return find_bushes(network, od, classes)
    return find_paths(network, od, classes, **_choice(paths))


def _choice(paths: str) -> dict[str, Any]:
    kind, _, value = paths.partition(":")
    try:
        if kind == "budget" and float(value) >= 1:
            return {"budget": float(value)}
        if kind == "k" and int(value) >= 1:
            return {"k": int(value)}
    except ValueError:
        pass
    if paths == "all":
        return {}
    problem = f"{paths!r} is unknown; give auto, all, bush, budget:B with B >= 1, or k:K with K >= 1"
    raise ConfigError("paths", [problem])  # noqa: EM101
