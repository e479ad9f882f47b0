"""Figures 7 and 8 of Ma et al. (2024): the measures of the statements in convergence.toml."""

import numpy as np

from cosim.arrays import IntArray
from experiments.reproduce.cases import Reproduction
from experiments.reproduce.road_case import FIRST
from experiments.reproduce.statement import Values, of_the_case

FEW = 2
"""Steps after which the paper's t = 2 has converged."""


def _least_share_of_od_1(case: Reproduction) -> float:
    flow = case.roads.of_od_1(case.roads.peak.path_flow_veh_h)
    return float(flow.min() / flow.sum())


def _warm_steps(case: Reproduction) -> IntArray:
    """Return the steps of each period that starts from the one before."""
    return np.array([period.steps.size for period in case.roads.search.warm[1:]])


def _median_change_of_demand(case: Reproduction) -> float:
    demand = np.array([problem.demand_veh_h.sum() for problem in case.roads.problems])
    return float(np.median(np.abs(np.diff(demand)) / demand[:-1]))


VALUES: dict[str, Values] = {
    "od-1-has-eight-paths": of_the_case(lambda case: len(case.roads.path_names)),
    "all-paths-of-od-1-are-used": of_the_case(_least_share_of_od_1),
    "cold-start-needs-tens": of_the_case(lambda case: case.roads.search.cold[FIRST - 1].iterations),
    "two-steps-are-always-enough": of_the_case(lambda case: float((_warm_steps(case) <= FEW).mean())),
    "two-steps-are-mostly-enough": of_the_case(lambda case: float(np.median(_warm_steps(case)))),
    "warm-start-is-faster": of_the_case(
        lambda case: case.roads.search.warm_iterations / case.roads.search.cold_iterations
    ),
    "adjacent-periods-are-alike": of_the_case(_median_change_of_demand),
}
