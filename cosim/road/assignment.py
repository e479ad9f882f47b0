"""Stochastic user equilibrium (SUE) of one period, by Newton's method or by averaging.

Equation and step numbers are those of Ma et al. (2024).
"""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from cosim.arguments import checked, numbers_of
from cosim.arrays import BoolArray, FloatArray, Frame
from cosim.road.averaging import Averaging, average_link_flows, average_path_flows, below_capacity
from cosim.road.bush_loading import BushLoading
from cosim.road.bush_problem import BushProblem
from cosim.road.choice import expected_minimum_cost_min
from cosim.road.latency import is_overloaded, link_toll_min
from cosim.road.loading import PathLoading
from cosim.road.network import Network
from cosim.road.newton import LoadingSearch, newton
from cosim.road.problem import AssignmentProblem
from cosim.road.station_capacity import check_station_capacity
from cosim.road.steps import Method
from cosim.sections import Count
from cosim.words import counted


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Equilibrium:
    """Flows, times and costs of one period at equilibrium, with the residual and the history of the search.

    On bushes the arrays over paths are empty, and the residual is an upper bound.
    """

    method: Method
    network: Network
    path_flow_veh_h: FloatArray
    link_flow_veh_h: FloatArray
    link_time_min: FloatArray
    toll_min: FloatArray
    """Toll x t' per link, part of the costs of a stochastic system optimum; zero otherwise."""
    path_cost_min: FloatArray
    path_share: FloatArray
    """Choice probability P(c) at these costs (Eq. 7)."""
    expected_cost_min: FloatArray
    """Expected minimum cost per group, C* = -1/theta ln sum_k exp(-theta c_k)."""
    mean_time_min: FloatArray
    """Mean travel time per group."""
    residual: float
    """max |q P(c(f)) - f| / max(1, q) over all paths."""
    converged: bool
    residuals: FloatArray
    """Residual before each step."""
    steps: FloatArray
    """Size of each step."""
    overloaded: BoolArray
    """Stations loaded beyond 0.99 of capacity, where Davidson's function is extended linearly; per link."""

    def __repr__(self) -> str:
        """Return the method, the residual and the iterations in a line."""
        end = "converged" if self.converged else "not converged"
        after = counted(self.iterations, "iteration")
        return f"<Equilibrium by {self.method}: {end}, residual {self.residual:.1e} after {after}>"

    def to_frame(self) -> Frame:
        """Return a table with one row per link, see `Network.frame`."""
        return self.network.frame(self.link_flow_veh_h, self.link_time_min, self.toll_min)

    @property
    def iterations(self) -> int:
        """Number of times the costs were computed (Step 3)."""
        return self.residuals.size


@checked
def solve_sue(
    problem: AssignmentProblem | BushProblem,
    *,
    start: FloatArray | None = None,
    method: Method = "newton",
    tolerance: Annotated[float, Field(ge=0, lt=1)] = 1e-6,
    max_iterations: Count = 10_000,
) -> Equilibrium:
    """Return the stochastic user equilibrium, the path flows with f = q P(c(f)).

    On a network of marginal costs this is the stochastic system optimum (Maher, Stewart and Rosa 2005), the minimum
    of sum x t + sum f ln f / theta, the total perceived travel time.

    *method* is ``newton`` (on the link flows), or averaging of logit loadings with the step sizes ``sra``
    (self-regulated), ``mswa`` (later loadings weigh more) or ``msa`` (1/n). *start* are path flows (on bushes: link
    flows) [veh/h], such as those of an earlier period; the default is the free-flow loading. With a tolerance of 0 all
    iterations are made; a search that does not converge returns its best flows, with ``converged`` False.
    Raises ConfigError for an invalid argument, InfeasibleError if demand exceeds the capacity of the stations.
    """
    if start is not None:
        size, element = (
            (len(problem.network.links), "link")
            if isinstance(problem, BushProblem)
            else (problem.paths.count, "path")
        )
        start = numbers_of("solve_sue", "start", start, size, f"a flow per {element}")
    if not problem.extends:
        check_station_capacity(problem)
    if isinstance(problem, BushProblem):
        return _solve_on_bushes(problem, start, method, tolerance, max_iterations)
    return _solve_on_paths(problem, start, method, tolerance, max_iterations)


def _solve_on_paths(
    problem: AssignmentProblem,
    start: FloatArray | None,
    method: Method,
    tolerance: float,
    max_iterations: int,
) -> Equilibrium:
    start = problem.free_flow_loading_veh_h() if start is None else start
    search: LoadingSearch[PathLoading] | Averaging[PathLoading]
    if method == "newton":
        search = newton(
            problem, problem.paths.link_flow_veh_h(start), tolerance=tolerance, max_iterations=max_iterations
        )
        flow = search.loading.path_flow_veh_h
        if not np.isfinite(search.residual):  # every loading exceeded the capacity of a station
            flow = below_capacity(problem, flow)
    else:
        search = average_path_flows(
            problem, start, method=method, tolerance=tolerance, max_iterations=max_iterations
        )
        flow = search.flow_veh_h
    link_flow = problem.paths.link_flow_veh_h(flow)
    link_cost, toll = _cost_and_toll_min(problem, link_flow)
    cost = problem.path_cost_min(link_cost)
    share = problem.path_shares(cost)
    return Equilibrium(
        **_common_fields(problem, method, search, link_flow, problem.residual(flow, share), tolerance),
        path_flow_veh_h=flow,
        path_cost_min=cost,
        path_share=share,
        expected_cost_min=expected_minimum_cost_min(cost, problem.paths.groups, problem.theta_per_min),
        mean_time_min=problem.paths.groups.total(share * problem.paths.time_min(link_cost - toll)),
    )


def _solve_on_bushes(
    problem: BushProblem, start: FloatArray | None, method: Method, tolerance: float, max_iterations: int
) -> Equilibrium:
    start = problem.load(problem.network.t0_min).link_flow_veh_h if start is None else start
    search: LoadingSearch[BushLoading] | Averaging[BushLoading]
    if method == "newton":
        search = newton(problem, start, tolerance=tolerance, max_iterations=max_iterations)
    else:
        search = average_link_flows(
            problem, start, method=method, tolerance=tolerance, max_iterations=max_iterations
        )
    flow = search.loading.link_flow_veh_h
    not_listed = np.empty(0)
    link_cost, toll = _cost_and_toll_min(problem, flow)
    loading = problem.load(link_cost)
    return Equilibrium(
        **_common_fields(problem, method, search, flow, search.residual, tolerance),
        path_flow_veh_h=not_listed,
        path_cost_min=not_listed,
        path_share=not_listed,
        expected_cost_min=loading.expected_cost_min,
        mean_time_min=loading.mean_time_min(link_cost - toll),
    )


def _cost_and_toll_min(
    problem: AssignmentProblem | BushProblem, link_flow: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the cost (time and toll) and the toll of each link [min]."""
    toll = link_toll_min(problem.network, link_flow, extend=problem.extends)
    return problem.link_time_min(link_flow), toll


def _common_fields(
    problem: AssignmentProblem | BushProblem,
    method: Method,
    search: Averaging[Any] | LoadingSearch[Any],
    link_flow: FloatArray,
    residual: float,
    tolerance: float,
) -> dict[str, Any]:
    """Return the fields of the equilibrium that paths and bushes share."""
    link_cost, toll = _cost_and_toll_min(problem, link_flow)
    return {
        "method": method,
        "network": problem.network,
        "link_flow_veh_h": link_flow,
        "link_time_min": link_cost - toll,
        "toll_min": toll,
        "residual": residual,
        "converged": residual <= tolerance,
        "residuals": np.array(search.residuals),
        "steps": np.array(search.steps),
        "overloaded": is_overloaded(problem.network, link_flow),
    }
