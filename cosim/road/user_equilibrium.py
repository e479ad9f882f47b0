"""Wardrop's two principles: the user equilibrium, and the system optimum with the tolls that bring it about.

The user equilibrium is the limit of stochastic equilibria. Each round solves one in which the paths are
weighed by their shares in the round before, P_k ~ p_k exp(-theta c_k): a proximal step on Beckmann's
objective. Theta doubles from round to round; paths that became the cheapest are added, unused ones are left.
"""

from dataclasses import dataclass, replace

import numpy as np

from cosim.arrays import FloatArray
from cosim.road.columns import cheapest_paths, with_cheaper_paths
from cosim.road.latency import link_time_integral, link_time_min, link_time_slope
from cosim.road.network import Network, OdTable
from cosim.road.newton import newton
from cosim.road.paths import PathSet
from cosim.road.problem import AssignmentProblem

FIRST_THETA = 100.0
"""Theta of the first round times the mean cost of a trip when all take their free-flow path."""
LAST_THETA = 1e8
"""Theta of the last round times that cost: beyond, rounding of the costs moves shares."""
FACTOR = 2.0
NEW_SHARE = 0.1
"""Weight with which a new path begins."""
UNUSED = 1e-9
"""Share below which a path is left out; it comes back if it becomes the cheapest."""
INNER_TOLERANCE = 1e-4
INNER_ITERATIONS = 60


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UserEquilibrium:
    """Flows at which nobody has a cheaper path, or which cost all travellers together the least."""

    paths: PathSet
    path_flow_veh_h: FloatArray
    link_flow_veh_h: FloatArray
    link_time_min: FloatArray
    toll_min: FloatArray
    """Per link; zero unless it is a system optimum, whose marginal cost tolls make it an equilibrium."""
    beckmann: float
    """Objective of the equilibrium [min veh/h]: sum int_0^x t, with what links cost besides time."""
    total_cost: float
    """sum x c, without tolls that come back to the travellers [min veh/h]."""
    relative_gap: float
    """(sum x c - sum q c_min) / sum x c, c_min over all paths of the network, tolls counted."""
    converged: bool
    gaps: FloatArray
    """Relative gap after each round."""


def solve_ue(
    network: Network, od: OdTable, *, tolerance: float = 1e-6, max_rounds: int = 60
) -> UserEquilibrium:
    """Return the deterministic user equilibrium of one class of travellers, to a relative gap of *tolerance*."""
    demand = od.demand_veh_h
    paths = cheapest_paths(network, od)
    share, flow = np.ones(paths.count), paths.link_flow_veh_h(demand)
    jammed = network.cost_min(link_time_min(network, flow))  # all on one path: free-flow times may be zero
    theta = FIRST_THETA * demand.sum() / (flow @ jammed)
    last_theta = theta * LAST_THETA / FIRST_THETA
    gaps: list[float] = []
    while True:
        problem = AssignmentProblem(
            paths=paths,
            demand_veh_h=demand,
            theta_per_min=np.full(demand.size, theta),
            extra_cost_min=-np.log(share) / theta,
        )
        loading = newton(problem, flow, tolerance=INNER_TOLERANCE, max_iterations=INNER_ITERATIONS).loading
        flow = loading.link_flow_veh_h
        cost = network.cost_min(link_time_min(network, flow))
        grown = with_cheaper_paths(paths, cost, loading.path_share > UNUSED)
        gaps.append(float(1 - demand @ grown.least_cost_min / (flow @ cost)))
        if gaps[-1] <= tolerance or len(gaps) >= max_rounds:
            return _user_equilibrium(problem.paths, loading.path_flow_veh_h, flow, gaps, tolerance)
        paths = grown.paths
        share = np.where(grown.before >= 0, loading.path_share[grown.before], NEW_SHARE)
        theta = min(theta * FACTOR, last_theta)


def solve_so(
    network: Network, od: OdTable, *, tolerance: float = 1e-6, max_rounds: int = 60
) -> UserEquilibrium:
    """Return the system optimum as the equilibrium of marginal costs t + x t', with the tolls x t' [min].

    Of a BPR road t + x t' = t0 (1 + alpha (1 + beta) (x/c)^beta), again BPR. Raises ValueError for a network
    with charging arcs.
    """
    if network.charging_arcs.size:
        msg = "the system optimum is that of roads; leave the charging arcs out"
        raise ValueError(msg)
    marginal = replace(network, alpha=network.alpha * (1 + network.beta))
    optimum = solve_ue(marginal, od, tolerance=tolerance, max_rounds=max_rounds)
    flow = optimum.link_flow_veh_h
    time = link_time_min(network, flow)
    return replace(
        optimum,
        link_time_min=time,
        toll_min=flow * link_time_slope(network, flow),
        total_cost=float(flow @ network.cost_min(time)),
    )


def _user_equilibrium(
    paths: PathSet, path_flow: FloatArray, flow: FloatArray, gaps: list[float], tolerance: float
) -> UserEquilibrium:
    network = paths.network
    time = link_time_min(network, flow)
    fixed = flow @ network.cost_min(np.zeros_like(flow))
    return UserEquilibrium(
        paths=paths,
        path_flow_veh_h=path_flow,
        link_flow_veh_h=flow,
        link_time_min=time,
        toll_min=np.zeros_like(flow),
        beckmann=float(link_time_integral(network, flow).sum() + fixed),
        total_cost=float(flow @ network.cost_min(time)),
        relative_gap=gaps[-1],
        converged=gaps[-1] <= tolerance,
        gaps=np.array(gaps),
    )
