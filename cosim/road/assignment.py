"""Stochastic user equilibrium of one period, and of the periods of a day one after another (Steps 1-7)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cosim.arrays import BoolArray, FloatArray
from cosim.road.latency import EXTEND_FROM, is_overloaded
from cosim.road.problem import AssignmentProblem
from cosim.road.station_capacity import check_station_capacity
from cosim.road.steps import STEP_RULES, Method

TO_BOUNDARY = 0.9
"""Share of a station's free capacity that one step may use up."""

NO_DEMAND_VEH_H = 1e-9
"""Demand too small for its shares to be worth keeping."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Equilibrium:
    """The flows of one period, how well they reproduce themselves, and how the search got there."""

    path_flow_veh_h: FloatArray
    link_flow_veh_h: FloatArray
    link_time_min: FloatArray
    path_cost_min: FloatArray
    path_share: FloatArray
    """P(c) at these costs: what a driver who knows them would choose (Eq. 7)."""
    residual: float
    """max |q P(c(f)) - f| / max(1, q) over all paths: the one definition of residual everywhere."""
    converged: bool
    residuals: FloatArray
    """Residual before each step; the last one is ``residual``."""
    steps: FloatArray
    """Length of each step."""
    overloaded: BoolArray
    """Links whose time is an extended Davidson: the answer then shows an overload, not a wait."""

    @property
    def iterations(self) -> int:
        """Number of times the costs were computed (Step 3)."""
        return self.residuals.size


def solve_sue(
    problem: AssignmentProblem,
    *,
    start: FloatArray | None = None,
    method: Method = "sra",
    tolerance: float = 1e-6,
    max_iterations: int = 10_000,
) -> Equilibrium:
    """Return the path flows that reproduce themselves, f = q P(c(f)), by averaging logit loadings.

    *start* are path flows [veh/h], such as an earlier period's; without it the free-flow loading is taken.
    *method* is the step: ``sra`` (self-regulated) or ``msa`` (the paper's 1/n). Not reaching the tolerance is
    an answer too: see ``converged``. Raises InfeasibleError if the stations cannot take the demand.
    """
    if problem.overload == "refuse":
        check_station_capacity(problem)
    demand, step_rule = problem.path_demand_veh_h, STEP_RULES[method]()
    scale = np.maximum(1.0, demand)
    flow = below_capacity(problem, problem.free_flow_loading_veh_h() if start is None else start)  # Step 2
    residuals: list[float] = []
    steps: list[float] = []
    while True:
        link_flow = problem.paths.link_flow_veh_h(flow)  # Step 3
        link_time = problem.link_time_min(link_flow)
        cost = problem.path_cost_min(link_time)
        share = problem.path_shares(cost)  # Step 4
        change = demand * share - flow
        residuals.append(float(np.max(np.abs(change) / scale)))
        if residuals[-1] <= tolerance or len(residuals) >= max_iterations:  # Step 6
            break
        step = min(step_rule(float(np.linalg.norm(change))), _longest_step(problem, link_flow, change))
        steps.append(step)
        flow = flow + step * change  # Step 5
    return Equilibrium(
        path_flow_veh_h=flow,
        link_flow_veh_h=link_flow,
        link_time_min=link_time,
        path_cost_min=cost,
        path_share=share,
        residual=residuals[-1],
        converged=residuals[-1] <= tolerance,
        residuals=np.array(residuals),
        steps=np.array(steps),
        overloaded=is_overloaded(problem.network, link_flow),
    )


def semi_dynamic_day(problems: Iterable[AssignmentProblem], **options: Any) -> list[Equilibrium]:
    """Return the equilibrium of each period, every one started from the one before (Step 7).

    The problems share one path set; *options* are those of :func:`solve_sue`, except ``start``.
    """
    day: list[Equilibrium] = []
    before: AssignmentProblem | None = None
    for problem in problems:
        start = None if before is None else warm_start_veh_h(problem, before, day[-1].path_flow_veh_h)
        day.append(solve_sue(problem, start=start, **options))
        before = problem
    return day


def warm_start_veh_h(
    problem: AssignmentProblem, before: AssignmentProblem, path_flow_veh_h: FloatArray
) -> FloatArray:
    """Return the earlier period's path flows scaled by q_t / q_{t-1} per group (Step 2).

    A group that had no demand starts from the free-flow loading.
    """
    earlier, now = before.path_demand_veh_h, problem.path_demand_veh_h
    known = earlier > NO_DEMAND_VEH_H
    growth = np.divide(now, earlier, out=np.zeros_like(now), where=known)
    return np.where(known, growth * path_flow_veh_h, problem.free_flow_loading_veh_h())


def below_capacity(problem: AssignmentProblem, path_flow_veh_h: FloatArray) -> FloatArray:
    """Return the path flows with those of a station beyond .99 c scaled to .9 c, where Davidson can start.

    The demand left out comes back with the steps: each takes away that share of what is missing.
    """
    if problem.overload == "extend":
        return path_flow_veh_h
    arcs = problem.network.charging_arcs
    flow = problem.paths.link_flow_veh_h(path_flow_veh_h)[arcs]
    capacity = problem.network.capacity_veh_h[arcs]
    fits = flow <= EXTEND_FROM * capacity
    factor = np.where(fits, 1.0, TO_BOUNDARY * capacity / np.where(fits, 1.0, flow))
    # A path without a station has number -1: the factor put at the end.
    scaled: FloatArray = path_flow_veh_h * np.append(factor, 1.0)[problem.paths.station]
    return scaled


def _longest_step(problem: AssignmentProblem, link_flow: FloatArray, path_change: FloatArray) -> float:
    """Return the step that uses up .9 of the free capacity of the station that fills first."""
    arcs = problem.network.charging_arcs
    if problem.overload == "extend" or not arcs.size:
        return 1.0
    rise = problem.paths.link_flow_veh_h(path_change)[arcs]
    free = problem.network.capacity_veh_h[arcs] - link_flow[arcs]
    binding = rise > TO_BOUNDARY * free
    return float(np.min(TO_BOUNDARY * free[binding] / rise[binding], initial=1.0))
