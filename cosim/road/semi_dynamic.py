"""The periods of a day in sequence: warm-started (Step 7 of Ma et al. 2024), or with unfinished trips carried over.

Carry-over of the demand that has not arrived is what makes a model semi-dynamic, or quasi-dynamic (Nakayama and
Connors 2014). Ma et al. (2024) call their day semi-dynamic, but carry no demand over.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.road.assignment import Equilibrium, solve_sue
from cosim.road.problem import AssignmentProblem

MIN_DEMAND_VEH_H = 1e-9
"""Demand below which the shares of the previous period are not used as a start."""
MAX_ITERATIONS = 60
"""Assignments of one period until the carry-over agrees with its travel times."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CarryOverPeriod:
    """One period of a day in which unfinished trips are carried over into the next period."""

    equilibrium: Equilibrium
    demand_veh_h: FloatArray
    """Demand assigned per group: demand of the period, plus the previous carry-over, minus its own."""
    carry_over_veh_h: FloatArray
    """Flow per group carried over into the next period."""
    converged: bool
    """Whether the equilibrium has converged and the carry-over agrees with its travel times."""


def warm_started_day(problems: Iterable[AssignmentProblem], **options: Any) -> list[Equilibrium]:
    """Return the equilibrium of each period, the search of each started from the flows of the one before (Step 7).

    The problems share one path set; *options* are those of :func:`solve_sue`, except ``start``.
    """
    day: list[Equilibrium] = []
    before: AssignmentProblem | None = None
    for problem in problems:
        start = None if before is None else warm_start_veh_h(problem, before, day[-1].path_flow_veh_h)
        day.append(solve_sue(problem, start=start, **options))
        before = problem
    return day


def carry_over_day(
    problems: Sequence[AssignmentProblem], *, period_min: float, tolerance: float = 1e-6, **options: Any
) -> list[CarryOverPeriod]:
    """Return the periods of a day with unfinished trips assigned to the next period, so that vehicles are conserved.

    The demand assigned is q_t + r_(t-1) - r_t, r_t the carry-over: the mean share of a trip left at the end of the
    period (:func:`carry_over_share`) times q_t. The carry-over is an unknown, solved by damped fixed-point iteration
    with the equilibrium. The last period's is not assigned. *options* as in :func:`solve_sue`.
    """
    day: list[CarryOverPeriod] = []
    inflow: FloatArray | float = 0.0
    before: AssignmentProblem | None = None
    flow = np.empty(0)
    for problem in problems:
        carry_over = problem.demand_veh_h * carry_over_share(_free_flow_mean_time_min(problem), period_min)
        scale = np.maximum(1.0, problem.demand_veh_h)
        step, last_distance = 1.0, np.inf
        for _ in range(MAX_ITERATIONS):
            assigned = replace(problem, demand_veh_h=problem.demand_veh_h + inflow - carry_over)
            start = None if before is None else warm_start_veh_h(assigned, before, flow)
            solution = solve_sue(assigned, start=start, tolerance=tolerance, **options)
            before, flow = assigned, solution.path_flow_veh_h
            change = problem.demand_veh_h * carry_over_share(solution.mean_time_min, period_min) - carry_over
            distance = float(np.max(np.abs(change) / scale))
            if distance <= tolerance:
                break
            step = (
                step / 2 if distance > last_distance else step
            )  # under congestion a full step may oscillate
            last_distance = distance
            carry_over = carry_over + step * change
        # The flow removed from this period is added to the next one, so that vehicles are conserved.
        removed = problem.demand_veh_h + inflow - assigned.demand_veh_h
        day.append(
            CarryOverPeriod(
                equilibrium=solution,
                demand_veh_h=assigned.demand_veh_h,
                carry_over_veh_h=removed,
                converged=solution.converged and distance <= tolerance,
            )
        )
        inflow = removed
    return day


def _free_flow_mean_time_min(problem: AssignmentProblem) -> FloatArray:
    """Return the mean free-flow time per group [min]."""
    time = problem.network.t0_min
    share = problem.path_shares(problem.path_cost_min(time))
    return problem.paths.groups.total(share * problem.paths.time_min(time))


def carry_over_share(time_min: FloatArray, period_min: float) -> FloatArray:
    """Return the mean share of a trip of duration tau that is left when the period of its departure ends.

    For departures uniform over the period H it is int_0^H max(0, 1 - (H - s)/tau) ds / H = tau / 2H for tau <= H, and
    1 - H / 2 tau for longer trips, which are assumed to end in the next period.
    """
    within = time_min <= period_min
    return np.where(
        within, time_min / (2 * period_min), 1 - period_min / (2 * np.where(within, period_min, time_min))
    )


def warm_start_veh_h(
    problem: AssignmentProblem, before: AssignmentProblem, path_flow_veh_h: FloatArray
) -> FloatArray:
    """Return the earlier period's path flows scaled by q_t / q_{t-1} per group (Step 2).

    A group without earlier demand, or of which a path is closed now, starts from the free-flow loading.
    """
    earlier, demand, groups = before.path_demand_veh_h, problem.path_demand_veh_h, problem.paths.groups
    closed_veh_h = np.where(np.isinf(problem.extra_cost_min), path_flow_veh_h, 0.0)
    has_flow = (earlier > MIN_DEMAND_VEH_H) & (groups.expand(groups.total(closed_veh_h)) <= 0)
    growth = np.divide(demand, earlier, out=np.zeros_like(demand), where=has_flow)
    return np.where(has_flow, growth * path_flow_veh_h, problem.free_flow_loading_veh_h())
