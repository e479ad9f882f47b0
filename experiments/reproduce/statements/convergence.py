"""Figures 7 and 8: successive averages from a cold and from a warm start."""

import numpy as np

from experiments.reproduce.cases import Reproduction
from experiments.reproduce.road_case import FIRST, SECOND
from experiments.reproduce.statement import EVERYWHERE, Statement, of_the_case


@of_the_case(
    figure="Figures 7, 8",
    says="“We screened out eight paths belonging to the OD pair of 1.”",
    measure="loop-free paths of OD 1",
    relation="equal to",
    expected=8,
)
def od_1_has_eight_paths(case: Reproduction) -> float:
    """Return the number of paths of OD 1."""
    return len(case.roads.path_names)


@of_the_case(
    figure="Figures 7, 8",
    says="All eight paths of OD 1 carry flow at the equilibrium.",
    measure=f"least share of OD 1's trips on one of its paths, period {FIRST}",
    relation="at least",
    expected=0.01,
)
def all_paths_of_od_1_are_used(case: Reproduction) -> float:
    """Return the share of the path that is used least."""
    flow = case.roads.of_od_1(case.roads.peak.path_flow_veh_h)
    return float(flow.min() / flow.sum())


@of_the_case(
    figure="Figure 7",
    says="“Only when t = 1, the number of iterations is more.”",
    measure=f"iterations in period {FIRST} from a cold start, an even split over the paths (residual 1e-3)",
    relation="at least",
    expected=20,
)
def cold_start_needs_tens(case: Reproduction) -> float:
    """Return the iterations of the cold start."""
    return case.roads.search.cold[FIRST - 1].iterations


@of_the_case(
    figure="Figure 8",
    says="“When t = 2, after two iterations have been completely converged.”",
    measure=f"steps until the residual is 1e-3 in period {SECOND}, started from period {FIRST} "
    "(the costs are computed once more to see it)",
    relation="at most",
    expected=2,
)
def warm_start_needs_two(case: Reproduction) -> float:
    """Return the steps of the warm start."""
    return case.roads.search.warm[SECOND - 1].steps.size


@of_the_case(
    figure="Figures 7, 8",
    says="“The convergence speed of the method is faster than initializing different traffic flows in each time "
    "period.”",
    measure="iterations of the whole day, warm over cold",
    relation="at most",
    expected=0.5,
)
def warm_start_is_faster(case: Reproduction) -> float:
    """Return the iterations of the day relative to cold starts."""
    search = case.roads.search
    return search.warm_iterations / search.cold_iterations


@of_the_case(
    figure="Figures 7, 8",
    says="“… and the small rate of change of the traffic flow of the adjacent time periods.”",
    measure="median change of the trips from one hour to the next",
    relation="at most",
    expected=0.1,
    differs={
        EVERYWHERE: "With periods of an hour the traffic of the morning multiplies; only around the evening peak "
        "is it level. The warm start helps all the same, because flows are scaled by q_t / q_{t-1} first."
    },
)
def adjacent_periods_are_alike(case: Reproduction) -> float:
    """Return the median relative change of the demand between adjacent periods."""
    demand = np.array([problem.demand_veh_h.sum() for problem in case.roads.problems])
    return float(np.median(np.abs(np.diff(demand)) / demand[:-1]))


STATEMENTS: tuple[Statement, ...] = (
    od_1_has_eight_paths,
    all_paths_of_od_1_are_used,
    cold_start_needs_tens,
    warm_start_needs_two,
    warm_start_is_faster,
    adjacent_periods_are_alike,
)
