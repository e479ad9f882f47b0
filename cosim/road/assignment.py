"""Stochastic user equilibrium (SUE) of one period, by Newton's method or by averaging.

Equation and step numbers are those of Ma et al. (2024).
"""

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from cosim.arguments import check, not_negative, one_of, whole
from cosim.arrays import BoolArray, FloatArray, Frame
from cosim.road.averaging import Averaged, average, average_loadings, below_capacity
from cosim.road.bush_problem import BushProblem
from cosim.road.choice import expected_minimum_cost_min
from cosim.road.latency import is_overloaded, link_toll_min
from cosim.road.loading import PathLoading
from cosim.road.network import Network
from cosim.road.newton import LoadingSearch, newton
from cosim.road.problem import AssignmentProblem
from cosim.road.station_capacity import check_station_capacity
from cosim.road.steps import Method


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Equilibrium:
    """The flows of one period, how well they reproduce themselves, and how the search got there.

    On bushes nothing is known of single paths: the arrays over paths are empty, the residual an upper bound.
    """

    method: Method
    path_flow_veh_h: FloatArray
    link_flow_veh_h: FloatArray
    link_time_min: FloatArray
    toll_min: FloatArray
    """Per link; zero unless it is a stochastic system optimum, whose tolls x t' are part of the costs."""
    path_cost_min: FloatArray
    path_share: FloatArray
    """P(c) at these costs: what a driver who knows them would choose (Eq. 7)."""
    expected_cost_min: FloatArray
    """Expected minimum cost of each group, the satisfaction -1/theta ln sum_k exp(-theta c_k)."""
    mean_time_min: FloatArray
    """Mean travel time of each group."""
    residual: float
    """max |q P(c(f)) - f| / max(1, q) over all paths: the one definition of residual everywhere."""
    converged: bool
    residuals: FloatArray
    """Residual before each step."""
    steps: FloatArray
    """Length of each step; NaN where the search begins again with another theta."""
    overloaded: BoolArray
    """Links whose time is an extended Davidson: the result then shows an overload, not a wait."""

    def __repr__(self) -> str:
        """Return the equilibrium in a line."""
        end = "converged" if self.converged else "not converged"
        return f"<Equilibrium by {self.method}: {end}, residual {self.residual:.1e} after {self.iterations} iterations>"

    def to_frame(self, network: Network) -> Frame:
        """Return a table with a row per link of *network*: its ends, flow [veh/h], time and toll [min]."""
        import pandas as pd

        columns = {
            "link": network.links,
            "from_node": [network.nodes[node] for node in network.from_node],
            "to_node": [network.nodes[node] for node in network.to_node],
            "flow_veh_h": self.link_flow_veh_h,
            "time_min": self.link_time_min,
            "toll_min": self.toll_min,
            "capacity_veh_h": network.capacity_veh_h,
        }
        return pd.DataFrame(columns)

    @property
    def iterations(self) -> int:
        """Number of times the costs were computed (Step 3)."""
        return self.residuals.size


def solve_sue(
    problem: AssignmentProblem | BushProblem,
    *,
    start: FloatArray | None = None,
    method: Method = "newton",
    tolerance: float = 1e-6,
    max_iterations: int = 10_000,
) -> Equilibrium:
    """Return the path flows that reproduce themselves, f = q P(c(f)).

    On a network of marginal costs they are the stochastic system optimum (Maher, Stewart and Rosa 2005): the
    least sum x t + sum f ln f / theta, what all travellers together perceive to spend.

    *method* is ``newton`` (on the link flows), or averaging of logit loadings by the step ``sra``
    (self-regulated), ``mswa`` (later loadings weigh more) or ``msa`` (the paper's 1/n). *start* are path
    flows (on bushes: link flows) [veh/h], such as an earlier period's; without it the free-flow loading is
    taken. A tolerance of 0 makes all iterations; not reaching it is a result too: see ``converged``.
    Raises ConfigError for an argument that cannot be, InfeasibleError if the stations cannot take all.
    """
    check(
        "solve_sue",
        one_of("method", method, get_args(Method)),
        not_negative({"tolerance": tolerance}),
        whole({"max_iterations": max_iterations}, 0),
    )
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
    search: LoadingSearch[PathLoading] | Averaged
    if method == "newton":
        search = newton(
            problem, problem.paths.link_flow_veh_h(start), tolerance=tolerance, max_iterations=max_iterations
        )
        flow = search.loading.path_flow_veh_h
        if not np.isfinite(search.residual):  # not one loading that the stations could take was found
            flow = below_capacity(problem, flow)
    else:
        search = average(problem, start, method=method, tolerance=tolerance, max_iterations=max_iterations)
        flow = search.path_flow_veh_h
    link_flow = problem.paths.link_flow_veh_h(flow)
    link_cost, toll = _cost_and_toll_min(problem, link_flow)
    cost = problem.path_cost_min(link_cost)
    share = problem.path_shares(cost)
    return Equilibrium(
        **_outcome(problem, method, search, link_flow, problem.residual(flow, share), tolerance),
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
    if method == "newton":
        search = newton(problem, start, tolerance=tolerance, max_iterations=max_iterations)
    else:
        search = average_loadings(
            problem, start, method=method, tolerance=tolerance, max_iterations=max_iterations
        )
    flow, not_listed = search.loading.link_flow_veh_h, np.empty(0)
    link_cost, toll = _cost_and_toll_min(problem, flow)
    loading = problem.load(link_cost)
    return Equilibrium(
        **_outcome(problem, method, search, flow, search.residual, tolerance),
        path_flow_veh_h=not_listed,
        path_cost_min=not_listed,
        path_share=not_listed,
        expected_cost_min=loading.expected_cost_min,
        mean_time_min=loading.mean_time_min(link_cost - toll),
    )


def _cost_and_toll_min(
    problem: AssignmentProblem | BushProblem, link_flow: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return what each link costs in time and toll, and the toll alone [min]."""
    toll = link_toll_min(problem.network, link_flow, extend=problem.extends)
    return problem.link_time_min(link_flow), toll


def _outcome(
    problem: AssignmentProblem | BushProblem,
    method: Method,
    search: Averaged | LoadingSearch[Any],
    link_flow: FloatArray,
    residual: float,
    tolerance: float,
) -> dict[str, Any]:
    """Return the fields of the equilibrium that do not depend on single paths."""
    link_cost, toll = _cost_and_toll_min(problem, link_flow)
    return {
        "method": method,
        "link_flow_veh_h": link_flow,
        "link_time_min": link_cost - toll,
        "toll_min": toll,
        "residual": residual,
        "converged": residual <= tolerance,
        "residuals": np.array(search.residuals),
        "steps": np.array(search.steps),
        "overloaded": is_overloaded(problem.network, link_flow),
    }
