"""Traffic assignment of one hour, and its figures."""

from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from cosim.arguments import check, one_of, whole
from cosim.arrays import FloatArray
from cosim.errors import ConfigError
from cosim.road.assignment import solve_sue
from cosim.road.build_problem import build_problem
from cosim.road.bush_problem import BushProblem
from cosim.road.columns import solve_sue_adding_paths
from cosim.road.formats import RoadData
from cosim.road.network import Network
from cosim.road.objective import beckmann_objective, fisk_at_equilibrium
from cosim.road.paths import PathSet
from cosim.road.problem import AssignmentProblem, total_travel_time_veh_min
from cosim.road.user_equilibrium import MAX_ITERATIONS, solve_so, solve_ue
from experiments.road_files import RoadInput, road_input

SUE_METHODS = ("newton", "sra", "mswa", "msa")
WARDROP_METHODS = ("ue", "so")
OPTIONS = "options"
"""Source of problems with the options of the command."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assigned:
    """Result of an assignment by any method."""

    roads: RoadInput
    method: str
    system_optimum: bool
    """Whether travellers pay marginal cost tolls, which are part of all costs."""
    tolerance: float
    problem: AssignmentProblem | BushProblem | None
    """None for the user equilibrium and the system optimum, which generate their own paths."""
    paths: PathSet | None
    """None on bushes, which do not list paths."""
    path_flow_veh_h: FloatArray
    link_flow_veh_h: FloatArray
    link_time_min: FloatArray
    toll_min: FloatArray
    od_cost_min: FloatArray
    """Expected minimum cost per OD; of ``ue`` and ``so`` the cost of the shortest path."""
    residuals: FloatArray
    residual: float
    """max |q P(c(f)) - f| / max(1, q) of a stochastic equilibrium; the relative gap of ``ue`` and ``so``."""
    converged: bool
    beckmann_veh_min: float
    """Beckmann's objective of the hour."""
    fisk_veh_min: float | None
    """Fisk's objective of the hour; None for the user equilibrium and the system optimum."""
    cpu_s: float
    """CPU time of the search, without the listing of paths."""
    paths_cpu_s: float
    """CPU time of listing the paths, or of building the bushes."""

    def __repr__(self) -> str:
        """Return the method, the roads and the residual in a line."""
        end = "converged" if self.converged else "not converged"
        return f"<Assigned by {self.method} to {self.roads.name}: {end}, residual {self.residual:.1e}>"

    @property
    def network(self) -> Network:
        """The roads."""
        return self.roads.data.network

    @property
    def total_travel_time_veh_min(self) -> float:
        """Total travel time of one hour's vehicles."""
        return total_travel_time_veh_min(self.link_flow_veh_h, self.link_time_min, 1.0)

    def as_json(self) -> dict[str, Any]:
        """Return the figures and the link flows and times as plain values."""
        ends = (
            (self.network.nodes[node] for node in self.network.from_node),
            (self.network.nodes[node] for node in self.network.to_node),
        )
        links = zip(*ends, self.link_flow_veh_h, self.link_time_min, strict=True)
        return {
            "method": self.method,
            "iterations": int(self.residuals.size),
            "residual": self.residual,
            "cpu_s": self.cpu_s,
            "beckmann_veh_min": self.beckmann_veh_min,
            "fisk_veh_min": self.fisk_veh_min,
            "total_travel_time_veh_min": self.total_travel_time_veh_min,
            "links": [
                {"from": tail, "to": head, "flow_veh_h": float(flow), "time_min": float(time)}
                for tail, head, flow, time in links
            ],
        }


def assign(  # noqa: PLR0913  (one parameter per option of the command)
    roads: RoadInput | RoadData | str | Path,
    *,
    method: str = "newton",
    system_optimum: bool = False,
    theta_per_min: float | None = None,
    paths: str = "auto",
    add_paths: bool = False,
    path_size: float = 0.0,
    tolerance: float = 1e-6,
    max_iterations: int = 10_000,
) -> Assigned:
    """Return the assignment of one hour of trips: stochastic, or by Wardrop's principles (``ue``, ``so``).

    *roads* are those of a scenario (a file, or the name of a bundled one) or of :func:`cosim.read_roads`. With
    *system_optimum* the stochastic methods find the stochastic system optimum, and ``ue`` becomes ``so``.
    *theta_per_min* is by default that of the scenario, else 0.2; *tolerance* is the maximum residual, of ``ue`` and
    ``so`` the maximum relative gap. Raises ConfigError for an invalid argument, ODs without a path and too many paths.
    """
    check(
        "assign",
        one_of("method", method, (*SUE_METHODS, *WARDROP_METHODS)),
        whole({"max_iterations": max_iterations}, 1),
    )
    roads = road_input(roads)
    theta = roads.theta_per_min if theta_per_min is None else theta_per_min
    problems = _range_problems(theta, tolerance, path_size)
    if method in WARDROP_METHODS:
        problems += _stochastic_option_problems(method, theta_per_min, paths, add_paths=add_paths)
    if problems:
        raise ConfigError(OPTIONS, problems)
    optimum = system_optimum or method == "so"
    search: dict[str, Any] = {"path_size": path_size, "tolerance": tolerance}
    try:
        if method in WARDROP_METHODS:
            return _solve_wardrop(
                roads, optimum, max_iterations=min(max_iterations, MAX_ITERATIONS), **search
            )
        search |= {"method": method, "max_iterations": max_iterations}
        return _solve_stochastic(roads, optimum, theta, paths, add_paths=add_paths, **search)
    except ConfigError as error:
        raise roads.placed(error) from None


def _range_problems(theta: float, tolerance: float, path_size: float) -> list[str]:
    given = {"theta": theta, "tolerance": tolerance}
    problems = [
        f"{name} is {value:g}; it must be above 0" for name, value in given.items() if not 0 < value < np.inf
    ]
    if not 0 <= path_size < np.inf:
        problems.append(f"path size is {path_size:g}; it must be a number, 0 or more")
    return problems


def _stochastic_option_problems(
    method: str, theta_per_min: float | None, paths: str, *, add_paths: bool
) -> list[str]:
    """Return a sentence for each given option that only stochastic methods have."""
    given = {
        f"{method} generates its own paths; omit --add-paths": add_paths,
        f"{method} generates its own paths; omit --paths": paths != "auto",
        f"{method} has no theta, because every user takes a shortest path; omit --theta, or use newton": (
            theta_per_min is not None
        ),
    }
    return [problem for problem, holds in given.items() if holds]


def _solve_stochastic(
    roads: RoadInput,
    optimum: bool,
    theta: float,
    paths: str,
    *,
    add_paths: bool,
    path_size: float,
    **search: Any,
) -> Assigned:
    network = replace(roads.data.network, marginal=optimum)
    start_s = process_time()
    problem = build_problem(
        network, roads.data.od, theta, paths=paths, path_size=0.0 if add_paths else path_size
    )
    listed_s = process_time()
    complete = True
    if add_paths:
        extended = solve_sue_adding_paths(_listed(problem), path_size=path_size, **search)
        problem, solution, complete = extended.problem, extended.equilibrium, extended.complete
    else:
        solution = solve_sue(problem, **search)
    return Assigned(
        roads=roads,
        method=solution.method,
        system_optimum=optimum,
        tolerance=search["tolerance"],
        problem=problem,
        paths=problem.paths if isinstance(problem, AssignmentProblem) else None,
        path_flow_veh_h=solution.path_flow_veh_h,
        link_flow_veh_h=solution.link_flow_veh_h,
        link_time_min=solution.link_time_min,
        toll_min=solution.toll_min,
        od_cost_min=solution.expected_cost_min,
        residuals=solution.residuals,
        residual=solution.residual,
        converged=solution.converged and complete,
        beckmann_veh_min=beckmann_objective(roads.data.network, solution.link_flow_veh_h),
        fisk_veh_min=fisk_at_equilibrium(problem, solution),
        paths_cpu_s=listed_s - start_s,
        cpu_s=process_time() - listed_s,
    )


def _listed(problem: AssignmentProblem | BushProblem) -> AssignmentProblem:
    if isinstance(problem, BushProblem):
        raise ConfigError(OPTIONS, ["paths cannot be added to bushes; give --paths k:K or budget:B"])
    return problem


def _solve_wardrop(
    roads: RoadInput, optimum: bool, *, path_size: float, tolerance: float, max_iterations: int
) -> Assigned:
    start_s = process_time()
    network, solve = roads.data.network, solve_so if optimum else solve_ue
    solution = solve(
        network, roads.data.od, path_size=path_size, tolerance=tolerance, max_iterations=max_iterations
    )
    cpu_s = process_time() - start_s
    cost = solution.paths.time_min(network.cost_min(solution.link_time_min) + solution.toll_min)
    return Assigned(
        roads=roads,
        method="so" if optimum else "ue",
        system_optimum=optimum,
        tolerance=tolerance,
        problem=None,
        paths=solution.paths,
        path_flow_veh_h=solution.path_flow_veh_h,
        link_flow_veh_h=solution.link_flow_veh_h,
        link_time_min=solution.link_time_min,
        toll_min=solution.toll_min,
        od_cost_min=solution.paths.groups.minimum(cost),
        residuals=solution.gaps,
        residual=solution.relative_gap,
        converged=solution.converged,
        beckmann_veh_min=beckmann_objective(network, solution.link_flow_veh_h),
        fisk_veh_min=None,
        paths_cpu_s=0.0,
        cpu_s=cpu_s,
    )
