"""Other methods of assignment on the demand of a day that is solved: how far their flows are from its own."""

from dataclasses import dataclass

import numpy as np

from cosim.coupling.day import RoadDay, assignment_problems
from cosim.road.assignment import Equilibrium, solve_sue
from cosim.road.problem import AssignmentProblem
from cosim.road.semi_dynamic import warm_started_day
from cosim.road.steps import Method
from cosim.scenario import Scenario

OTHERS: tuple[Method, ...] = ("msa", "newton")
"""Plain averages of 1/n, each period from free flow; and the method that is exact in a few steps."""
MAX_MSA_ITERATIONS = 50
"""Iterations of 1/n in one period: its residual falls as 1/n, so that of more would be smaller in proportion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodDifference:
    """Another method on the same day, against the one that was used."""

    method: Method
    link_flow_veh_h: float
    """Largest difference of the flow of a link in a period."""
    iterations: int
    """Iterations of all periods."""
    residual: float
    """Largest residual of a period, where its search ended."""


def method_differences(scenario: Scenario, day: RoadDay) -> tuple[MethodDifference, ...]:
    """Return how far the day is by the methods `OTHERS`, as far as they are not the one in use.

    None are tried where trips are carried over, or where stations are extended beyond their capacity.
    """
    search = scenario.config.road.assignment
    if search.carry_over or day.shortfall:
        return ()
    problems = assignment_problems(scenario, day.open, day.demand, day.charging_price_cny_per_kwh, "refuse")
    return tuple(
        _difference(method, day, _solved(method, problems, search.tolerance))
        for method in OTHERS
        if method != search.method
    )


def _solved(method: Method, problems: list[AssignmentProblem], tolerance: float) -> list[Equilibrium]:
    if method == "newton":
        return warm_started_day(problems, method=method, tolerance=tolerance)
    return [
        solve_sue(problem, method=method, tolerance=tolerance, max_iterations=MAX_MSA_ITERATIONS)
        for problem in problems
    ]


def _difference(method: Method, day: RoadDay, solved: list[Equilibrium]) -> MethodDifference:
    flows = np.array([period.link_flow_veh_h for period in solved])
    return MethodDifference(
        method=method,
        link_flow_veh_h=float(np.abs(flows - day.link_flow_veh_h).max()),
        iterations=sum(period.iterations for period in solved),
        residual=max(period.residual for period in solved),
    )
