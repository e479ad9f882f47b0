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

NO_DEMAND_VEH_H = 1e-9
"""Demand too small for its shares to be worth keeping."""
MAX_ROUNDS = 60
"""Assignments of one period until as much is carried on as its own travel times ask for."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CarryOverPeriod:
    """One period of a day in which trips go on into the next period."""

    equilibrium: Equilibrium
    demand_veh_h: FloatArray
    """Per group, the flow assigned: trips that start now, and come in from before, less those that go on."""
    carry_over_veh_h: FloatArray
    """Per group, the flow that goes on into the next period."""
    converged: bool
    """Whether the equilibrium is one, and the flow carried is that of its travel times."""


def warm_started_day(problems: Iterable[AssignmentProblem], **options: Any) -> list[Equilibrium]:
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


def carry_over_day(
    problems: Sequence[AssignmentProblem], *, period_min: float, tolerance: float = 1e-6, **options: Any
) -> list[CarryOverPeriod]:
    """Return the periods of a day whose unfinished trips are assigned to the next one; no vehicle is lost.

    The demand assigned is q_t + r_(t-1) - r_t. Who departs at any moment of the period with equal chance and
    travels tau has, at its end, the share r_t / q_t of the way still before him (:func:`carry_over_share`); these
    parts of trips are assigned as vehicles (the OD modification of the semi-dynamic models; the paper leaves
    it out). What the last period carries on is in its ``carry_over_veh_h``. *options* as in :func:`solve_sue`.
    """
    day: list[CarryOverPeriod] = []
    arriving: FloatArray | float = 0.0
    before: AssignmentProblem | None = None
    flow = np.empty(0)
    for problem in problems:
        carried = problem.demand_veh_h * carry_over_share(_empty_road_time_min(problem), period_min)
        scale, step, last = np.maximum(1.0, problem.demand_veh_h), 1.0, np.inf
        for _ in range(MAX_ROUNDS):
            asked = replace(problem, demand_veh_h=problem.demand_veh_h + arriving - carried)
            start = None if before is None else warm_start_veh_h(asked, before, flow)
            found = solve_sue(asked, start=start, tolerance=tolerance, **options)
            before, flow = asked, found.path_flow_veh_h
            change = problem.demand_veh_h * carry_over_share(found.mean_time_min, period_min) - carried
            distance = float(np.max(np.abs(change) / scale))
            if distance <= tolerance:
                break
            step = step / 2 if distance > last else step  # congestion may make the trips take turns
            last = distance
            carried = carried + step * change
        settled = found.converged and distance <= tolerance
        # The flow that was taken out of this period, not the one it would ask for, is put into the next.
        taken = problem.demand_veh_h + arriving - asked.demand_veh_h
        day.append(
            CarryOverPeriod(
                equilibrium=found, demand_veh_h=asked.demand_veh_h, carry_over_veh_h=taken, converged=settled
            )
        )
        arriving = taken
    return day


def _empty_road_time_min(problem: AssignmentProblem) -> FloatArray:
    """Return each group's mean time if it met no one."""
    time = problem.network.t0_min
    share = problem.path_shares(problem.path_cost_min(time))
    return problem.paths.groups.total(share * problem.paths.time_min(time))


def carry_over_share(time_min: FloatArray, period_min: float) -> FloatArray:
    """Return the mean share of a trip of this length that is left when the period of its start ends.

    With departures spread evenly over the period H, int_0^H max(0, 1 - (H - s)/tau) ds / H = tau / 2H for
    tau <= H, and 1 - H / 2 tau for longer trips, of which the rest is taken to end in the next period.
    """
    within = time_min <= period_min
    return np.where(
        within, time_min / (2 * period_min), 1 - period_min / (2 * np.where(within, period_min, time_min))
    )


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
