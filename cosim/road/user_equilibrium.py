"""Wardrop's two principles: the user equilibrium, and the system optimum with the tolls that bring it about.

The user equilibrium is the limit of stochastic equilibria. Each round solves one in which the paths are
weighed by their shares in the round before, P_k ~ p_k exp(-theta c_k): a proximal step on Beckmann's
objective. Theta doubles from round to round; paths that became the cheapest are added, unused ones are left.

Classes share the links and value time alike, so one objective is that of all. Path sizes weigh the paths with
which the rounds begin: in the limit ln PS / theta is nothing, and the link flows are those without.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cosim.arguments import check, positive, whole
from cosim.arrays import FloatArray
from cosim.road.columns import VEHICLES, shortest_paths, with_cheaper_paths, with_enough_stations
from cosim.road.latency import link_time_min, link_toll_min
from cosim.road.network import Network, OdTable
from cosim.road.newton import newton
from cosim.road.objective import beckmann_objective
from cosim.road.path_size import path_sizes
from cosim.road.paths import PathSet, UserClass
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
LOOSEST, TIGHTEST = 0.1, 1e-4
"""Residuals to which a round is solved: 1,000 times the gap, between these. A round is left for the next one."""
INNER_ITERATIONS = 60
MAX_ROUNDS = 60


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
    """Objective of the equilibrium [min veh/h]: sum int_0^x t, with what links cost besides time; of a system
    optimum sum x t."""
    total_cost: float
    """sum x c, without tolls that come back to the travellers [min veh/h]."""
    relative_gap: float
    """(sum x c - sum q c_min) / sum x c, c_min over all paths of the network, tolls counted."""
    converged: bool
    gaps: FloatArray
    """Relative gap after each round."""


def solve_ue(
    network: Network,
    od: OdTable,
    *,
    classes: Sequence[UserClass] = VEHICLES,
    demand_veh_h: FloatArray | None = None,
    path_size: float = 0.0,
    tolerance: float = 1e-6,
    max_rounds: int = MAX_ROUNDS,
) -> UserEquilibrium:
    """Return the deterministic user equilibrium to a relative gap of *tolerance*.

    *demand_veh_h* is given class by class, per OD; without it every class has the OD table's. A station's price
    belongs in ``fixed_cost_min``. *path_size* weighs new paths by PS^w; the link flows do not depend on it. On a
    network of marginal costs the solution is the system optimum. Raises ConfigError for an OD without a path,
    InfeasibleError where the stations cannot take all.
    """
    check("solve_ue", positive({"tolerance": tolerance}), whole({"max_rounds": max_rounds}, 1))
    demand = np.tile(od.demand_veh_h, len(classes)) if demand_veh_h is None else demand_veh_h
    paths = shortest_paths(network, od, classes)
    start = AssignmentProblem(paths=paths, demand_veh_h=demand, theta_per_min=np.ones(demand.size))
    paths = with_enough_stations(start).paths
    share, flow = np.ones(paths.count), paths.link_flow_veh_h(_equal_split(paths, demand))
    theta = FIRST_THETA * demand.sum() / _jammed_cost(network, flow)
    last_theta = theta * LAST_THETA / FIRST_THETA
    gaps: list[float] = []
    inner = LOOSEST
    while True:
        problem = AssignmentProblem(
            paths=paths,
            demand_veh_h=demand,
            theta_per_min=np.full(demand.size, theta),
            extra_cost_min=-np.log(share) / theta,
        )
        loading = newton(problem, flow, tolerance=inner, max_iterations=INNER_ITERATIONS).loading
        flow = loading.link_flow_veh_h
        cost = network.cost_min(link_time_min(network, flow))
        grown = with_cheaper_paths(paths, cost, loading.path_share > UNUSED)
        gaps.append(float(1 - demand @ grown.least_cost_min / (flow @ cost)))
        if gaps[-1] <= tolerance or len(gaps) >= max_rounds:
            return _user_equilibrium(problem.paths, loading.path_flow_veh_h, flow, gaps, tolerance)
        paths = grown.paths
        first = NEW_SHARE * path_sizes(paths) ** path_size if path_size else NEW_SHARE
        share = np.where(grown.before >= 0, loading.path_share[grown.before], first)
        theta, inner = min(theta * FACTOR, last_theta), float(np.clip(1000 * gaps[-1], TIGHTEST, LOOSEST))


def solve_so(network: Network, od: OdTable, **options: Any) -> UserEquilibrium:
    """Return the system optimum: the equilibrium of marginal costs t + x t', and the tolls x t' [min].

    Charging arcs and several classes of travellers included; *options* as in :func:`solve_ue`.
    """
    optimum = solve_ue(replace(network, marginal=True), od, **options)
    return replace(optimum, paths=replace(optimum.paths, network=network))


def _equal_split(paths: PathSet, demand_veh_h: FloatArray) -> FloatArray:
    return paths.groups.spread(demand_veh_h / np.diff(paths.groups.start))


def _jammed_cost(network: Network, flow_veh_h: FloatArray) -> float:
    """Return sum x c with all on few paths, for free-flow times may be zero; stations count as if empty."""
    roads = np.where(network.is_charging, 0.0, flow_veh_h)
    return float(flow_veh_h @ network.cost_min(link_time_min(network, roads)))


def _user_equilibrium(
    paths: PathSet, path_flow: FloatArray, flow: FloatArray, gaps: list[float], tolerance: float
) -> UserEquilibrium:
    network = paths.network
    toll = link_toll_min(network, flow)
    time = link_time_min(network, flow) - toll
    return UserEquilibrium(
        paths=paths,
        path_flow_veh_h=path_flow,
        link_flow_veh_h=flow,
        link_time_min=time,
        toll_min=toll,
        beckmann=beckmann_objective(network, flow),
        total_cost=float(flow @ network.cost_min(time)),
        relative_gap=gaps[-1],
        converged=gaps[-1] <= tolerance,
        gaps=np.array(gaps),
    )
