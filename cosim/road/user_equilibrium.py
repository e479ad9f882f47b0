"""Wardrop's two principles: the user equilibrium, and the system optimum with the tolls that bring it about.

The user equilibrium is the limit of stochastic equilibria. Each iteration solves one in which the paths are weighted by
their shares p_k of the previous iteration, P_k ~ p_k exp(-theta c_k): a proximal step on Beckmann's objective. Theta
doubles in each iteration; paths that have become the cheapest are added, unused ones removed.

Classes share the links and have the same value of time, so one objective holds for all. Path sizes weight the initial
shares of paths; as theta grows, ln PS / theta vanishes, so the link flows do not depend on them.
"""

from dataclasses import dataclass, replace

import numpy as np

from cosim.arguments import PER_CLASS_AND_OD, checked, numbers_of
from cosim.arrays import FloatArray, Frame
from cosim.errors import refuse
from cosim.road.columns import VEHICLES, shortest_paths, with_cheaper_paths, with_enough_stations
from cosim.road.latency import link_time_min, link_toll_min
from cosim.road.network import Network, OdTable
from cosim.road.newton import newton
from cosim.road.objective import beckmann_objective
from cosim.road.path_size import path_sizes
from cosim.road.paths import PathSet, UserClasses
from cosim.road.problem import AssignmentProblem
from cosim.sections import Count, NonNegative, Tolerance
from cosim.short_repr import short_repr

FIRST_THETA_TIMES_COST = 100.0
"""Theta of the first iteration times the mean cost of a trip on the initial paths."""
LAST_THETA_TIMES_COST = 1e8
"""Theta of the last iteration times that cost: beyond, rounding errors of the costs change the shares."""
THETA_GROWTH = 2.0
"""Factor on theta per iteration."""
MAX_INCREASE = 1.01
"""Beckmann's objective after a step over the least so far, above which the step is taken back: each should lower it."""
SHORTER_STEP = 8.0
"""Divisor of theta after a step that was taken back; from then on theta grows by the root of its factor."""
NEW_PATH_WEIGHT = 0.1
"""Weight of a new path, in place of a share of the previous iteration."""
MIN_SHARE = 1e-9
"""Share below which a path is removed; it is added again if it becomes the cheapest."""
RESIDUAL_OVER_GAP = 1000.0
"""Residual to which a stochastic equilibrium is solved, over the relative gap of the previous iteration."""
MIN_RESIDUAL, MAX_RESIDUAL = 1e-4, 0.1
"""Bounds of that residual."""
MAX_NEWTON_ITERATIONS = 60
"""Newton iterations per stochastic equilibrium."""
MAX_ITERATIONS = 60
"""Stochastic equilibria solved."""


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UserEquilibrium:
    """Flows of a user equilibrium (every used path is a cheapest one), or of a system optimum (minimum total cost)."""

    paths: PathSet
    path_flow_veh_h: FloatArray
    link_flow_veh_h: FloatArray
    link_time_min: FloatArray
    toll_min: FloatArray
    """Marginal cost toll per link of a system optimum; zero at a user equilibrium."""
    beckmann: float
    """Beckmann's objective sum int_0^x t, with the fixed costs of links [min veh/h]; of a system optimum sum x t."""
    total_cost: float
    """sum x c without marginal cost tolls [min veh/h]."""
    relative_gap: float
    """(sum x c - sum q c_min) / sum x c, with c_min over all paths of the network, and tolls part of c."""
    converged: bool
    gaps: FloatArray
    """Relative gap after each iteration."""

    def to_frame(self) -> Frame:
        """Return a table with one row per link, see `Network.frame`."""
        return self.paths.network.frame(self.link_flow_veh_h, self.link_time_min, self.toll_min)


@checked
def solve_ue(
    network: Network,
    od: OdTable,
    *,
    classes: UserClasses = VEHICLES,
    demand_veh_h: FloatArray | None = None,
    path_size: NonNegative = 0.0,
    tolerance: Tolerance = 1e-6,
    max_iterations: Count = MAX_ITERATIONS,
) -> UserEquilibrium:
    """Return the deterministic user equilibrium to a relative gap of *tolerance*.

    *demand_veh_h* is given class by class, per OD; by default every class has that of the OD table. The price of a
    station belongs in ``fixed_cost_min``. *path_size* weights new paths by PS^w; the link flows do not depend on it.
    On a network of marginal costs the solution is the system optimum. Raises ConfigError for an OD without a path,
    InfeasibleError if demand exceeds the capacity of the stations.
    """
    demand = _demand("solve_ue", od, classes, demand_veh_h)
    return _search(network, od, classes, demand, path_size, tolerance, max_iterations)


def _demand(call: str, od: OdTable, classes: UserClasses, demand_veh_h: FloatArray | None) -> FloatArray:
    """Return the demand class by class, per OD; ConfigError for values that are wrong, or all 0."""
    given = np.tile(od.demand_veh_h, len(classes)) if demand_veh_h is None else demand_veh_h
    demand = numbers_of(call, "demand_veh_h", given, len(classes) * od.origin.size, PER_CLASS_AND_OD)
    refuse(call, [] if demand.sum() > 0 else ["there are no trips to assign: every demand is 0"])
    return demand


def _search(
    network: Network,
    od: OdTable,
    classes: UserClasses,
    demand: FloatArray,
    path_size: float,
    tolerance: float,
    max_iterations: int,
) -> UserEquilibrium:
    paths = shortest_paths(network, od, classes)
    start = AssignmentProblem(paths=paths, demand_veh_h=demand, theta_per_min=np.ones(demand.size))
    paths = with_enough_stations(start).paths
    share = np.ones(paths.count)
    flow = paths.link_flow_veh_h(_equal_split(paths, demand))
    theta = FIRST_THETA_TIMES_COST * demand.sum() / _initial_total_cost(network, flow)
    last_theta = theta * LAST_THETA_TIMES_COST / FIRST_THETA_TIMES_COST
    gaps: list[float] = []
    residual, growth, best = MAX_RESIDUAL, THETA_GROWTH, np.inf
    while True:
        problem = AssignmentProblem(
            paths=paths,
            demand_veh_h=demand,
            theta_per_min=np.full(demand.size, theta),
            extra_cost_min=-np.log(share) / theta,
        )
        loading = newton(problem, flow, tolerance=residual, max_iterations=MAX_NEWTON_ITERATIONS).loading
        objective = beckmann_objective(network, loading.link_flow_veh_h)
        if (
            objective > MAX_INCREASE * best and len(gaps) < max_iterations
        ):  # the step was too long for Newton's method
            theta, growth = theta / SHORTER_STEP, growth**0.5
            gaps.append(gaps[-1])
            continue
        best = min(objective, best)
        flow = loading.link_flow_veh_h
        cost = network.cost_min(link_time_min(network, flow))
        extended = with_cheaper_paths(paths, cost, loading.path_share > MIN_SHARE)
        gaps.append(float(1 - demand @ extended.cheapest_cost_min / (flow @ cost)))
        if gaps[-1] <= tolerance or len(gaps) >= max_iterations:
            return _user_equilibrium(problem.paths, loading.path_flow_veh_h, flow, gaps, tolerance)
        paths, previous = extended.paths, extended.previous_index
        weight = NEW_PATH_WEIGHT * path_sizes(paths) ** path_size if path_size else NEW_PATH_WEIGHT
        share = np.where(previous >= 0, loading.path_share[previous], weight)
        theta = min(theta * growth, last_theta)
        residual = float(np.clip(RESIDUAL_OVER_GAP * gaps[-1], MIN_RESIDUAL, MAX_RESIDUAL))


@checked
def solve_so(
    network: Network,
    od: OdTable,
    *,
    classes: UserClasses = VEHICLES,
    demand_veh_h: FloatArray | None = None,
    path_size: NonNegative = 0.0,
    tolerance: Tolerance = 1e-6,
    max_iterations: Count = MAX_ITERATIONS,
) -> UserEquilibrium:
    """Return the system optimum: the user equilibrium of the marginal costs t + x t', with the tolls x t' [min].

    Arguments and errors are those of :func:`solve_ue`.
    """
    demand = _demand("solve_so", od, classes, demand_veh_h)
    marginal = replace(network, marginal=True)
    optimum = _search(marginal, od, classes, demand, path_size, tolerance, max_iterations)
    return replace(optimum, paths=replace(optimum.paths, network=network))


def _equal_split(paths: PathSet, demand_veh_h: FloatArray) -> FloatArray:
    return paths.groups.expand(demand_veh_h / np.diff(paths.groups.start))


def _initial_total_cost(network: Network, flow_veh_h: FloatArray) -> float:
    """Return sum x c at the initial flows, because free-flow times may be zero; stations cost as if empty."""
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
