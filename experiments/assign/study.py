"""One hour's assignment: solve it, and tell it as numbers."""

from dataclasses import dataclass, replace
from time import process_time
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import ConfigError
from cosim.road.assignment import Equilibrium, solve_sue
from cosim.road.build_problem import build_problem
from cosim.road.bush_problem import BushProblem
from cosim.road.columns import solve_sue_adding_paths
from cosim.road.latency import link_time_integral
from cosim.road.network import Network
from cosim.road.paths import PathSet
from cosim.road.problem import AssignmentProblem, fisk_objective, total_travel_time_veh_min
from cosim.road.user_equilibrium import MAX_ROUNDS, solve_so, solve_ue
from experiments.road_files import RoadInput

SUE_METHODS, WARDROP = ("newton", "sra", "mswa", "msa"), ("ue", "so")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assigned:
    """The answer to one assignment, whatever its method."""

    roads: RoadInput
    method: str
    system_optimum: bool
    """Whether travellers pay marginal cost tolls, which are in all costs."""
    tolerance: float
    problem: AssignmentProblem | BushProblem | None
    """The question; None for the user equilibrium and the system optimum, which find their own paths."""
    paths: PathSet | None
    """None on bushes: no path is listed."""
    path_flow_veh_h: FloatArray
    link_flow_veh_h: FloatArray
    link_time_min: FloatArray
    toll_min: FloatArray
    od_cost_min: FloatArray
    """Per OD: the expected minimum cost, or the cheapest path's."""
    residuals: FloatArray
    residual: float
    """Of a stochastic equilibrium max |q P(c(f)) - f| / max(1, q); else the relative gap."""
    converged: bool
    beckmann: float
    fisk: float | None
    cpu_s: float
    """CPU time of the search alone."""
    routes_cpu_s: float
    """CPU time of listing the paths, or of growing the bushes."""

    @property
    def network(self) -> Network:
        """The roads."""
        return self.roads.data.network

    @property
    def total_travel_time_veh_min(self) -> float:
        """Time that all vehicles of an hour spend."""
        return total_travel_time_veh_min(self.link_flow_veh_h, self.link_time_min, 1.0)

    def as_json(self) -> dict[str, Any]:
        """Return the answer as plain numbers and names."""
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
            "beckmann": self.beckmann,
            "fisk": self.fisk,
            "total_travel_time": self.total_travel_time_veh_min,
            "links": [
                {"from": tail, "to": head, "flow": float(flow), "time": float(time)}
                for tail, head, flow, time in links
            ],
        }


def assign(  # noqa: PLR0913  (what the command asks)
    roads: RoadInput,
    *,
    method: str = "newton",
    system_optimum: bool = False,
    theta_per_min: float | None = None,
    routes: str = "auto",
    add_paths: bool = False,
    path_size: float = 0.0,
    tolerance: float = 1e-6,
    max_iterations: int = 10_000,
) -> Assigned:
    """Return the assignment of one hour of all trips: stochastic, or by Wardrop's principles (``ue``, ``so``).

    With *system_optimum* the stochastic methods find the stochastic system optimum, and ``ue`` is ``so``. Raises
    ConfigError for a number that cannot be, for ODs without a path and for too many paths.
    """
    theta = roads.theta_per_min if theta_per_min is None else theta_per_min
    given = {"theta": theta, "tolerance": tolerance}
    problems = [
        f"{name} is {value:g}; it must be above 0" for name, value in given.items() if not 0 < value < np.inf
    ]
    if not 0 <= path_size < np.inf:
        problems.append(f"path size is {path_size:g}; it must be a number, 0 or more")
    if add_paths and method in WARDROP:
        problems.append(f"{method} finds its own paths; leave --add-paths out")
    if routes != "auto" and method in WARDROP:
        problems.append(f"{method} finds its own paths; leave --paths out")
    if theta_per_min is not None and method in WARDROP:
        problems.append(
            f"{method} has no theta, everybody takes a cheapest path; leave --theta out, or use newton"
        )
    if problems:
        where = "options"
        raise ConfigError(where, problems)
    optimum = system_optimum or method == "so"
    if method in WARDROP:
        return _by_wardrop(roads, optimum, path_size, tolerance, min(max_iterations, MAX_ROUNDS))
    marginal = replace(roads.data, network=replace(roads.data.network, marginal=optimum))
    begun = process_time()
    try:
        problem = build_problem(
            marginal.network, marginal.od, theta, paths=routes, path_size=0.0 if add_paths else path_size
        )
    except ConfigError as error:
        raise roads.placed(error) from None
    built = process_time()
    search: dict[str, Any] = {"method": method, "tolerance": tolerance, "max_iterations": max_iterations}
    if add_paths:
        grown = solve_sue_adding_paths(_listed(problem), path_size=path_size, **search)
        problem, answer, complete = grown.problem, grown.equilibrium, grown.complete
    else:
        answer, complete = solve_sue(problem, **search), True
    return _stochastic(
        roads, problem, answer, tolerance, complete=complete, cpu_s=(built - begun, process_time() - built)
    )


def _listed(problem: AssignmentProblem | BushProblem) -> AssignmentProblem:
    if isinstance(problem, BushProblem):
        where = "options"
        raise ConfigError(
            where, ["paths are added to listed ones, not to bushes; give --paths k:K or budget:B"]
        )
    return problem


def _stochastic(
    roads: RoadInput,
    problem: AssignmentProblem | BushProblem,
    answer: Equilibrium,
    tolerance: float,
    *,
    complete: bool,
    cpu_s: tuple[float, float],
) -> Assigned:
    return Assigned(
        roads=roads,
        method=answer.method,
        system_optimum=problem.network.marginal,
        tolerance=tolerance,
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
        beckmann=beckmann_objective(roads.data.network, answer.link_flow_veh_h),
        fisk=_fisk(problem, answer),
        routes_cpu_s=cpu_s[0],
        cpu_s=cpu_s[1],
    )


def _fisk(problem: AssignmentProblem | BushProblem, answer: Equilibrium) -> float:
    """Return Fisk's objective; on bushes from ln f = ln q - theta (c - S), S the expected minimum cost."""
    if isinstance(problem, AssignmentProblem):
        return fisk_objective(problem, answer.path_flow_veh_h)
    flow, q = answer.link_flow_veh_h, problem.demand_veh_h
    cost = problem.network.cost_min(answer.link_time_min + answer.toll_min)
    entropy = q @ (answer.expected_cost_min + np.log(q) / problem.theta_per_min[0]) - flow @ cost
    return beckmann_objective(problem.network, flow) + float(entropy)


def beckmann_objective(network: Network, flow_veh_h: FloatArray) -> float:
    """Return sum int_0^x c, whose minimum is the user equilibrium [min veh/h]."""
    fixed = flow_veh_h @ network.cost_min(np.zeros_like(flow_veh_h))
    return float(link_time_integral(network, flow_veh_h).sum() + fixed)


def _by_wardrop(
    roads: RoadInput, optimum: bool, path_size: float, tolerance: float, max_rounds: int
) -> Assigned:
    begun = process_time()
    solve = solve_so if optimum else solve_ue
    try:
        answer = solve(
            roads.data.network, roads.data.od, path_size=path_size, tolerance=tolerance, max_rounds=max_rounds
        )
    except ConfigError as error:
        raise roads.placed(error) from None
    cpu_s = process_time() - begun
    cost = answer.paths.time_min(roads.data.network.cost_min(answer.link_time_min) + answer.toll_min)
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
        beckmann=beckmann_objective(roads.data.network, answer.link_flow_veh_h),
        fisk=None,
        routes_cpu_s=0.0,
        cpu_s=cpu_s,
    )
