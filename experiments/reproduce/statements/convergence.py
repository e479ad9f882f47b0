"""Figures 7 and 8 of Ma et al. (2024): the measures of the statements in convergence.toml."""

import numpy as np

from cosim.arrays import IntArray
from experiments.reproduce.cases import Reproduction
from experiments.reproduce.road_case import FIRST_PERIOD
from experiments.reproduce.statement import Measure, of_the_case

STEPS_OF_THE_PAPER = 2
"""Steps to convergence of the paper's t = 2."""


def _min_share_of_od_1(case: Reproduction) -> float:
    flow = case.roads.flows_of_od_1(case.roads.peak.path_flow_veh_h)
    return float(flow.min() / flow.sum())


def _warm_steps(case: Reproduction) -> IntArray:
    """Return the number of steps of each warm-started period."""
    return np.array([period.steps.size for period in case.roads.search.warm[1:]])


def _median_change_of_demand(case: Reproduction) -> float:
    demand = np.array([problem.demand_veh_h.sum() for problem in case.roads.problems])
    return float(np.median(np.abs(np.diff(demand)) / demand[:-1]))


MEASURES: dict[str, Measure] = {
    "od-1-has-eight-paths": of_the_case(lambda case: len(case.roads.path_names)),
    "all-paths-of-od-1-are-used": of_the_case(_min_share_of_od_1),
    "cold-start-needs-tens": of_the_case(lambda case: case.roads.search.cold[FIRST_PERIOD - 1].iterations),
    "two-steps-are-always-enough": of_the_case(
        lambda case: float((_warm_steps(case) <= STEPS_OF_THE_PAPER).mean())
    ),
    "two-steps-are-mostly-enough": of_the_case(lambda case: float(np.median(_warm_steps(case)))),
    "warm-start-is-faster": of_the_case(
        lambda case: case.roads.search.warm_iterations / case.roads.search.cold_iterations
    ),
    "adjacent-periods-are-alike": of_the_case(_median_change_of_demand),
}
