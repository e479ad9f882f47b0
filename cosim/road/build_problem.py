"""The assignment problem of an OD table, with paths or bushes as its size asks for."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from cosim.arguments import PER_CLASS_AND_OD, check, checked, numbers_of
from cosim.arrays import FloatArray
from cosim.errors import ConfigError
from cosim.road.bush_problem import BushProblem
from cosim.road.bushes import BushSet, find_bushes
from cosim.road.columns import VEHICLES
from cosim.road.network import Network, OdTable
from cosim.road.path_size import path_size_cost_min
from cosim.road.paths import PathSet, UserClass, UserClasses, find_paths
from cosim.road.problem import AssignmentProblem, Overload
from cosim.sections import NonNegative

LISTED_ODS = 1000
"""ODs up to which paths are listed. Measured: Sioux Falls (528 ODs) takes 0.04 s with 3,376 listed paths and
0.02 s on bushes; Anaheim (1,406 ODs) 0.8 s with 8 paths per OD and 0.05 s on bushes."""
AUTOMATIC: tuple[dict[str, Any], ...] = ({"path_limit": 100}, {"budget": 1.5, "path_limit": 1_000})
"""Path sets tried in turn: all paths where they are few, else those of at most 1.5 times the cheapest."""


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
    """Return the problem of these travellers on the paths asked for (see :func:`choose_paths`).

    *theta_per_min* is one number, or one per class; *demand_veh_h* is given class by class, per OD (without it
    a single class has the OD table's). *path_size* is the weight of ln PS in the path-size logit, usually 1; it
    needs listed paths.
    """
    classes = tuple(classes)
    theta = np.asarray(theta_per_min, dtype=np.float64)
    if theta.shape not in {(), (1,), (len(classes),)}:
        check(
            "build_problem",
            [f"theta_per_min has {theta.size} values; give one, or one per class ({len(classes)})"],
        )
    if demand_veh_h is None and len(classes) > 1:
        check(
            "build_problem", ["with more than one class, say how much of the demand each has: demand_veh_h"]
        )
    given = od.demand_veh_h if demand_veh_h is None else demand_veh_h
    demand = numbers_of(
        "build_problem", "demand_veh_h", given, len(classes) * od.origin.size, PER_CLASS_AND_OD
    )
    theta = np.broadcast_to(theta, len(classes))
    chosen = choose_paths(network, od, classes, paths)
    if isinstance(chosen, BushSet):
        if path_size:
            where = "path size"
            raise ConfigError(where, ["needs listed paths, not bushes; give budget:B or k:K as paths"])
        return BushProblem(bushes=chosen, demand_veh_h=demand, theta_per_min=theta, overload=overload)
    by_group = np.repeat(theta, od.origin.size)
    return AssignmentProblem(
        paths=chosen,
        demand_veh_h=demand,
        theta_per_min=by_group,
        extra_cost_min=path_size_cost_min(chosen, by_group, path_size) if path_size else 0.0,
        overload=overload,
    )


def choose_paths(
    network: Network, od: OdTable, classes: Sequence[UserClass], paths: str = "auto"
) -> PathSet | BushSet:
    """Return the paths, or the bushes, that *paths* names.

    ``all``; ``budget:1.5``, those of at most 1.5 times the cheapest; ``k:10``, the ten cheapest; ``bush``; or
    ``auto``: all where no OD has more than 100, else a budget of 1.5, and bushes where that is too many, or with
    more than 1,000 ODs. Raises ConfigError for paths that are too many, missing, or not understood.
    """
    if paths == "auto":
        for choice in AUTOMATIC if od.origin.size <= LISTED_ODS else ():
            try:
                return find_paths(network, od, classes, **choice)
            except ConfigError:  # too many paths; if it is that there are none, the bushes will say so
                continue
    if paths in {"auto", "bush"}:
        return find_bushes(network, od, classes)
    return find_paths(network, od, classes, **_choice(paths))


def _choice(paths: str) -> dict[str, Any]:
    kind, _, number = paths.partition(":")
    try:
        if kind == "budget" and float(number) >= 1:
            return {"budget": float(number)}
        if kind == "k" and int(number) >= 1:
            return {"k": int(number)}
    except ValueError:
        pass
    if paths == "all":
        return {}
    where = "paths"
    problems = [
        f"{paths!r} is not understood; give auto, all, bush, budget:B with B >= 1, or k:K with K >= 1"
    ]
    raise ConfigError(where, problems)
