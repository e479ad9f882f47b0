"""One hour's assignment: solve it, and tell it as numbers, as tables and as a page."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import process_time
from typing import Any

import numpy as np
import pandas as pd

from cosim.arrays import FloatArray, Frame, IntArray
from cosim.errors import ConfigError
from cosim.results import RunDirectory, write_tables
from cosim.road.assignment import Equilibrium, solve_sue
from cosim.road.bush_problem import BushProblem
from cosim.road.latency import link_time_integral
from cosim.road.network import Network
from cosim.road.paths import PathSet
from cosim.road.pose import pose_problem
from cosim.road.problem import AssignmentProblem, fisk_objective, total_travel_time_veh_min
from cosim.road.user_equilibrium import UserEquilibrium, solve_so, solve_ue
from experiments.road_files import RoadInput

SUE_METHODS = ("newton", "sra", "mswa", "msa")
COMPARED_ITERATIONS = 300
"""Iterations granted to each method that is only shown beside the chosen one; a tenth on bushes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assigned:
    """The answer to one assignment, whatever its method."""

    roads: RoadInput
    method: str
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
        links = zip(*_ends(self.network), self.link_flow_veh_h, self.link_time_min, strict=True)
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


def assign(
    roads: RoadInput,
    *,
    method: str = "newton",
    theta_per_min: float | None = None,
    routes: str = "auto",
    tolerance: float = 1e-6,
    max_iterations: int = 10_000,
) -> Assigned:
    """Return the assignment of one hour of all trips: stochastic, or by Wardrop's principles (``ue``, ``so``).

    Raises ConfigError for a number that cannot be, for ODs without a path and for too many paths.
    """
    theta = roads.theta_per_min if theta_per_min is None else theta_per_min
    given = {"theta": theta, "tolerance": tolerance}
    problems = [f"{name} is {value:g}; it must be above 0" for name, value in given.items() if not value > 0]
    if problems:
        where = "options"
        raise ConfigError(where, problems)
    if method in ("ue", "so"):
        return _by_wardrop(roads, method, tolerance)
    started = process_time()
    data = roads.data
    problem = pose_problem(data.network, data.od, theta, routes=routes)
    posed = process_time()
    answer = solve_sue(problem, method=method, tolerance=tolerance, max_iterations=max_iterations)  # type: ignore[arg-type]
    return _stochastic(roads, problem, answer, tolerance, (posed - started, process_time() - posed))


def _stochastic(
    roads: RoadInput,
    problem: AssignmentProblem | BushProblem,
    answer: Equilibrium,
    tolerance: float,
    cpu_s: tuple[float, float],
) -> Assigned:
    beckmann = beckmann_objective(problem.network, answer.link_flow_veh_h)
    return Assigned(
        roads=roads,
        method=answer.method,
        tolerance=tolerance,
        problem=problem,
        paths=problem.paths if isinstance(problem, AssignmentProblem) else None,
        path_flow_veh_h=answer.path_flow_veh_h,
        link_flow_veh_h=answer.link_flow_veh_h,
        link_time_min=answer.link_time_min,
        toll_min=np.zeros_like(answer.link_time_min),
        od_cost_min=answer.expected_cost_min,
        residuals=answer.residuals,
        residual=answer.residual,
        converged=answer.converged,
        beckmann=beckmann,
        fisk=_fisk(problem, answer, beckmann),
        routes_cpu_s=cpu_s[0],
        cpu_s=cpu_s[1],
    )


def _fisk(problem: AssignmentProblem | BushProblem, answer: Equilibrium, beckmann: float) -> float:
    """Return Fisk's objective; on bushes from ln f = ln q - theta (c - S), S the expected minimum cost."""
    if isinstance(problem, AssignmentProblem):
        return fisk_objective(problem, answer.path_flow_veh_h)
    q, cost = problem.demand_veh_h, problem.network.cost_min(answer.link_time_min)
    return float(
        beckmann
        - answer.link_flow_veh_h @ cost
        + q @ (answer.expected_cost_min + np.log(q) / problem.theta_per_min[0])
    )


def beckmann_objective(network: Network, flow_veh_h: FloatArray) -> float:
    """Return sum int_0^x c, whose minimum is the user equilibrium [min veh/h]."""
    fixed = flow_veh_h @ network.cost_min(np.zeros_like(flow_veh_h))
    return float(link_time_integral(network, flow_veh_h).sum() + fixed)


def _by_wardrop(roads: RoadInput, method: str, tolerance: float) -> Assigned:
    started = process_time()
    solve = solve_ue if method == "ue" else solve_so
    answer: UserEquilibrium = solve(roads.data.network, roads.data.od, tolerance=tolerance)
    cost = answer.paths.time_min(roads.data.network.cost_min(answer.link_time_min) + answer.toll_min)
    return Assigned(
        roads=roads,
        method=method,
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
        cpu_s=process_time() - started,
    )


def compare_methods(assigned: Assigned) -> dict[str, FloatArray]:
    """Return the residuals of every method of the same problem, the chosen one's first."""
    found = {assigned.method: assigned.residuals}
    if assigned.problem is None:
        return found
    limit = COMPARED_ITERATIONS // (10 if isinstance(assigned.problem, BushProblem) else 1)
    for method in SUE_METHODS:
        if method not in found:
            answer = solve_sue(
                assigned.problem,
                method=method,  # type: ignore[arg-type]
                tolerance=assigned.tolerance,
                max_iterations=limit,
            )
            found[method] = answer.residuals
    return found


def write_assignment(assigned: Assigned, directory: RunDirectory) -> None:
    """Write the tables (Parquet and CSV) and the page into a new directory."""
    from experiments.assignment_page import write_page

    residuals = compare_methods(assigned)
    with directory as unfinished:
        folder = unfinished.path
        tables = {**tables_of(assigned), "convergence": _convergence(residuals)}
        write_tables(folder, tables)
        for name, frame in tables.items():
            frame.to_csv(folder / f"{name}.csv", index=False)
        write_page(assigned, tables, folder / "report.html")


def tables_of(assigned: Assigned) -> dict[str, Frame]:
    """Return the tables links, ods and, where paths are listed, paths."""
    tables = {"links": _links(assigned), "ods": _ods(assigned)}
    return {**tables, "paths": _paths(assigned, assigned.paths)} if assigned.paths is not None else tables


def _links(assigned: Assigned) -> Frame:
    network, flow = assigned.network, assigned.link_flow_veh_h
    tail, head = _ends(network)
    return pd.DataFrame(
        {
            "link": network.links,
            "from_node": tail,
            "to_node": head,
            "flow_veh_h": flow,
            "time_min": assigned.link_time_min,
            "cost_min": network.cost_min(assigned.link_time_min),
            "toll_min": assigned.toll_min,
            "capacity_veh_h": network.capacity_veh_h,
            "saturation": flow / network.capacity_veh_h,
        }
    )


def _ods(assigned: Assigned) -> Frame:
    od, network = assigned.roads.data.od, assigned.network
    return pd.DataFrame(
        {
            "origin": _names(network, od.origin),
            "dest": _names(network, od.dest),
            "demand_veh_h": od.demand_veh_h,
            "cost_min": assigned.od_cost_min,
        }
    )


def _paths(assigned: Assigned, paths: PathSet) -> Frame:
    od, group = assigned.roads.data.od, paths.groups.of_path
    time = assigned.link_time_min
    return pd.DataFrame(
        {
            "origin": _names(assigned.network, od.origin[group]),
            "dest": _names(assigned.network, od.dest[group]),
            "path": np.arange(paths.count),
            "nodes": [paths.path_name(path) for path in range(paths.count)],
            "links": [
                " ".join(assigned.network.links[a] for a in paths.links_of(k)) for k in range(paths.count)
            ],
            "flow_veh_h": assigned.path_flow_veh_h,
            "share": assigned.path_flow_veh_h / od.demand_veh_h[group],
            "time_min": paths.time_min(time),
            "cost_min": paths.time_min(assigned.network.cost_min(time) + assigned.toll_min),
        }
    )


def _convergence(residuals: Mapping[str, FloatArray]) -> Frame:
    parts = [
        pd.DataFrame({"method": name, "iteration": np.arange(1, own.size + 1), "residual": own})
        for name, own in residuals.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _ends(network: Network) -> tuple[list[str], list[str]]:
    return _names(network, network.from_node), _names(network, network.to_node)


def _names(network: Network, nodes: IntArray) -> list[str]:
    return [network.nodes[node] for node in nodes]
