"""One hour's assignment: solve it, and its figures."""

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
from cosim.road.user_equilibrium import MAX_ROUNDS, solve_so, solve_ue
from experiments.road_files import RoadInput, road_input

SUE_METHODS, WARDROP = ("newton", "sra", "mswa", "msa"), ("ue", "so")
OPTIONS = "options"
"""Where a problem lies that is in no file."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assigned:
    """One assignment, whatever its method."""

    roads: RoadInput
    method: str
    system_optimum: bool
    """Whether travellers pay marginal cost tolls, which are in all costs."""
    tolerance: float
    problem: AssignmentProblem | BushProblem | None
    """The problem; None for the user equilibrium and the system optimum, which find their own paths."""
    paths: PathSet | None
    """None on bushes: no path is listed."""
    path_flow_veh_h: FloatArray
    link_flow_veh_h: FloatArray
    link_time_min: FloatArray
    toll_min: FloatArray
    od_cost_min: FloatArray
    """Per OD: the expected minimum cost, or the cost of the shortest path."""
    residuals: FloatArray
    residual: float
    """Of a stochastic equilibrium max |q P(c(f)) - f| / max(1, q); else the relative gap."""
    converged: bool
    beckmann_veh_min: float
    """Beckmann's objective of the hour."""
    fisk_veh_min: float | None
    """Fisk's objective of the hour; None for the user equilibrium and the system optimum."""
    cpu_s: float
    """CPU time of the search alone."""
    paths_cpu_s: float
    """CPU time of listing the paths, or of growing the bushes."""

    def __repr__(self) -> str:
        """Return the assignment in a line."""
        end = "converged" if self.converged else "not converged"
        return f"<Assigned by {self.method} to {self.roads.name}: {end}, residual {self.residual:.1e}>"

    @property
    def network(self) -> Network:
        """The roads."""
        return self.roads.data.network

    @property
    def total_travel_time_veh_min(self) -> float:
        """Time that all vehicles of an hour spend."""
        return total_travel_time_veh_min(self.link_flow_veh_h, self.link_time_min, 1.0)

    def as_json(self) -> dict[str, Any]:
        """Return the assignment as plain numbers and names."""
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


def assign(  # noqa: PLR0913  (what the command asks)
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
    """Return the assignment of one hour of all trips: stochastic, or by Wardrop's principles (``ue``, ``so``).

    *roads* are those of a scenario (a file, or the name of a bundled one) or of :func:`cosim.read_roads`. With
    *system_optimum* the stochastic methods find the stochastic system optimum, and ``ue`` is ``so``.
    *theta_per_min* is by default the scenario's, else 0.2; *tolerance* is the largest residual, of ``ue`` and
    ``so`` the relative gap. Raises ConfigError for an argument that cannot be, for ODs without a path and for too
    many paths.
    """
    check(
        "assign",
        one_of("method", method, (*SUE_METHODS, *WARDROP)),
        whole({"max_iterations": max_iterations}, 1),
    )
    roads = road_input(roads)
    theta = roads.theta_per_min if theta_per_min is None else theta_per_min
    problems = _odd_numbers(theta, tolerance, path_size)
    if method in WARDROP:
        problems += _not_of_wardrop(method, theta_per_min, paths, add_paths=add_paths)
    if problems:
        raise ConfigError(OPTIONS, problems)
    optimum = system_optimum or method == "so"
    search: dict[str, Any] = {"path_size": path_size, "tolerance": tolerance}
    try:
        if method in WARDROP:
            return _by_wardrop(roads, optimum, max_rounds=min(max_iterations, MAX_ROUNDS), **search)
        search |= {"method": method, "max_iterations": max_iterations}
        return _stochastic(roads, optimum, theta, paths, add_paths=add_paths, **search)
    except ConfigError as error:
        raise roads.placed(error) from None


def _odd_numbers(theta: float, tolerance: float, path_size: float) -> list[str]:
    given = {"theta": theta, "tolerance": tolerance}
    problems = [
        f"{name} is {value:g}; it must be above 0" for name, value in given.items() if not 0 < value < np.inf
    ]
    if not 0 <= path_size < np.inf:
        problems.append(f"path size is {path_size:g}; it must be a number, 0 or more")
    return problems


def _not_of_wardrop(method: str, theta_per_min: float | None, paths: str, *, add_paths: bool) -> list[str]:
    """Return a sentence for each option that only stochastic methods have."""
    own = f"{method} finds its own paths"
    return [
        *([f"{own}; leave --add-paths out"] if add_paths else []),
        *([f"{own}; leave --paths out"] if paths != "auto" else []),
        *(
            [f"{method} has no theta, every user takes a shortest path; leave --theta out, or use newton"]
            if theta_per_min is not None
            else []
        ),
    ]


def _stochastic(
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
    begun = process_time()
    problem = build_problem(
        network, roads.data.od, theta, paths=paths, path_size=0.0 if add_paths else path_size
    )
    listed = process_time()
    complete = True
    if add_paths:
        grown = solve_sue_adding_paths(_with_paths(problem), path_size=path_size, **search)
        problem, answer, complete = grown.problem, grown.equilibrium, grown.complete
    else:
        answer = solve_sue(problem, **search)
    return Assigned(
        roads=roads,
        method=answer.method,
        system_optimum=optimum,
        tolerance=search["tolerance"],
        problem=problem,
        paths=problem.paths if isinstance(problem, AssignmentProblem) else None,
        path_flow_veh_h=answer.path_flow_veh_h,
        link_flow_veh_h=answer.link_flow_veh_h,
        link_time_min=answer.link_time_min,
        toll_min=answer.toll_min,
        od_cost_min=answer.expected_cost_min,
        residuals=answer.residuals,
        residual=answer.residual,
        converged=answer.converged and complete,
        beckmann_veh_min=beckmann_objective(roads.data.network, answer.link_flow_veh_h),
        fisk_veh_min=fisk_at_equilibrium(problem, answer),
        paths_cpu_s=listed - begun,
        cpu_s=process_time() - listed,
    )


def _with_paths(problem: AssignmentProblem | BushProblem) -> AssignmentProblem:
    if isinstance(problem, BushProblem):
        raise ConfigError(
            OPTIONS, ["paths are added to listed ones, not to bushes; give --paths k:K or budget:B"]
        )
    return problem


def _by_wardrop(
    roads: RoadInput, optimum: bool, *, path_size: float, tolerance: float, max_rounds: int
) -> Assigned:
    begun = process_time()
    network, solve = roads.data.network, solve_so if optimum else solve_ue
    answer = solve(network, roads.data.od, path_size=path_size, tolerance=tolerance, max_rounds=max_rounds)
    cpu_s = process_time() - begun
    cost = answer.paths.time_min(network.cost_min(answer.link_time_min) + answer.toll_min)
    return Assigned(
        roads=roads,
        method="so" if optimum else "ue",
        system_optimum=optimum,
        tolerance=tolerance,
        problem=None,
        paths=answer.paths,
        path_flow_veh_h=answer.path_flow_veh_h,
        link_flow_veh_h=answer.link_flow_veh_h,
        link_time_min=answer.link_time_min,
        toll_min=answer.toll_min,
        od_cost_min=answer.paths.groups.minimum(cost),
        residuals=answer.gaps,
        residual=answer.relative_gap,
        converged=answer.converged,
        beckmann_veh_min=beckmann_objective(network, answer.link_flow_veh_h),
        fisk_veh_min=None,
        paths_cpu_s=0.0,
        cpu_s=cpu_s,
    )
