"""Road network of the case of Ma et al. (2024): its equilibrium, and successive averages from cold and warm starts."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from cosim.arrays import FloatArray
from cosim.coupling import EquilibriumDay
from cosim.coupling.day import assignment_problems
from cosim.road.assignment import Equilibrium, solve_sue
from cosim.road.choice import expected_minimum_cost_min
from cosim.road.latency import link_time_integral
from cosim.road.problem import AssignmentProblem, Overload
from cosim.road.semi_dynamic import warm_start_veh_h
from cosim.scenario import CAR, NOT_CHARGING, Scenario

TOLERANCE = 1e-3
"""Residual at which the search ends here; the paper does not state its epsilon."""
MAX_ITERATIONS = 2_000
"""Iterations of successive averages per period."""
FIRST_PERIOD, SECOND_PERIOD = 17, 18
"""The paper's t = 1 and t = 2: the two periods of highest demand, which differ by less than one per cent."""
OD_1 = 0
"""Index of the paper's OD 1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Search:
    """Successive averages of every period from two starts, to the same equilibrium."""

    cold: tuple[Equilibrium, ...]
    """Start of each period: demand split evenly over the paths."""
    warm: tuple[Equilibrium, ...]
    """Start of each period: the equilibrium of the one before (Step 2)."""

    @property
    def cold_iterations(self) -> int:
        """Iterations of the day from cold starts; each computes the costs once."""
        return sum(period.iterations for period in self.cold)

    @property
    def warm_iterations(self) -> int:
        """Iterations of the day from warm starts."""
        return sum(period.iterations for period in self.warm)


@dataclass(frozen=True, eq=False)
class RoadCase:
    """The equilibrium of the day, and its search by successive averages."""

    scenario: Scenario
    day: EquilibriumDay
    warm_start: bool = True
    """If False, every period has a cold start, as a negative control."""

    @cached_property
    def problems(self) -> tuple[AssignmentProblem, ...]:
        """The assignment problem of each period."""
        day = self.day
        overload: Overload = "extend" if day.shortfall else "refuse"
        price = day.charging_price_cny_per_kwh
        return tuple(assignment_problems(self.scenario, day.open, day.demand, price, overload))

    @cached_property
    def search(self) -> Search:
        """Successive averages 1/n over the day, cold and warm."""
        cold = tuple(successive_averages(problem, even_split_veh_h(problem)) for problem in self.problems)
        return Search(cold=cold, warm=tuple(self._warm()) if self.warm_start else cold)

    def _warm(self) -> Iterator[Equilibrium]:
        before: AssignmentProblem | None = None
        flow = np.empty(0)
        for problem in self.problems:
            start = even_split_veh_h(problem) if before is None else warm_start_veh_h(problem, before, flow)
            solution = successive_averages(problem, start)
            before, flow = problem, solution.path_flow_veh_h
            yield solution

    def start_of_second_veh_h(self) -> FloatArray:
        """Return the path flows at the start of the paper's t = 2."""
        first, second = self.problems[FIRST_PERIOD - 1], self.problems[SECOND_PERIOD - 1]
        if not self.warm_start:
            return even_split_veh_h(second)
        return warm_start_veh_h(second, first, self.search.warm[FIRST_PERIOD - 1].path_flow_veh_h)

    def path_flows_of_od_1(self, period: int, start_veh_h: FloatArray, iterations: int) -> FloatArray:
        """Return the flow on each path of OD 1 before each iteration, (iterations, paths) [veh/h].

        Cars and passing EVs, which choose alike and do not charge on the way.
        """
        problem = self.problems[period - 1]
        return np.array(
            [
                self.flows_of_od_1(
                    successive_averages(problem, start_veh_h, count, tolerance=0.0).path_flow_veh_h
                )
                for count in range(1, iterations + 1)
            ]
        )

    def flows_of_od_1(self, path_flow_veh_h: FloatArray) -> FloatArray:
        """Return the flow on each path of OD 1, without charging EVs."""
        groups = self.day.paths.groups
        members = [
            groups.members(self.scenario.group(user_class, OD_1)) for user_class in (CAR, NOT_CHARGING)
        ]
        flows: FloatArray = np.sum([path_flow_veh_h[paths] for paths in members], axis=0)
        return flows

    @cached_property
    def path_names(self) -> tuple[str, ...]:
        """The names of the paths of OD 1."""
        members = self.day.paths.groups.members(self.scenario.group(CAR, OD_1))
        return tuple(map(self.day.paths.pair_name, range(members.start, members.stop)))

    @property
    def peak(self) -> Equilibrium:
        """The equilibrium of the period of highest demand."""
        return self.day.periods[FIRST_PERIOD - 1]


def even_split_veh_h(problem: AssignmentProblem) -> FloatArray:
    """Return the path flows with each group's demand split evenly over its paths."""
    groups = problem.paths.groups
    even: FloatArray = problem.path_demand_veh_h / groups.expand(np.diff(groups.start).astype(float))
    return even


def successive_averages(
    problem: AssignmentProblem,
    start_veh_h: FloatArray,
    max_iterations: int = MAX_ITERATIONS,
    tolerance: float = TOLERANCE,
) -> Equilibrium:
    """Return the result of successive averages (step 1/n) from *start_veh_h*."""
    return solve_sue(
        problem, start=start_veh_h, method="msa", tolerance=tolerance, max_iterations=max_iterations
    )


def at_theta(problem: AssignmentProblem, factor: float) -> Equilibrium:
    """Return the equilibrium at *factor* times theta."""
    return solve_sue(replace(problem, theta_per_min=factor * problem.theta_per_min))


@dataclass(frozen=True, slots=True)
class SheffiPowell:
    """Objective of the SUE by Sheffi and Powell (1982), and as printed in Eq. 8 [min veh/h]."""

    true: float
    """sum x t - sum int t - sum q C*, C* the expected minimum cost."""
    printed: float
    """-(sum int t + sum q C*)."""


def sheffi_powell(roads: RoadCase, growth: float = 1.0) -> SheffiPowell:
    """Return both objectives at *growth* times the flows of the period of highest demand."""
    problem = roads.problems[FIRST_PERIOD - 1]
    flow = growth * roads.peak.link_flow_veh_h
    time = problem.link_time_min(flow)
    cost = problem.path_cost_min(time)
    expected = expected_minimum_cost_min(cost, problem.paths.groups, problem.theta_per_min)
    integral = float(link_time_integral(problem.network, flow, extend=problem.extends).sum())
    total_expected = float(problem.demand_veh_h @ expected)
    true = float(flow @ time) - integral - total_expected
    return SheffiPowell(true=true, printed=-(integral + total_expected))
