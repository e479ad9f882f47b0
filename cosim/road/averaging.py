"""Averaging of logit loadings with a step rule (Steps 2-6 of Ma et al. 2024)."""

from dataclasses import dataclass

import numpy as np

from cosim.arrays import FloatArray
from cosim.road.latency import EXTEND_FROM
from cosim.road.loading import L
from cosim.road.newton import LoadingSearch
from cosim.road.problem import AssignmentProblem, SueProblem
from cosim.road.steps import STEP_RULES, AveragingMethod

TO_BOUNDARY = 0.9
"""Share of a station's free capacity that one step may use up."""


@dataclass(frozen=True, slots=True, eq=False)
class Averaged:
    """The last path flows, and how the search got there."""

    path_flow_veh_h: FloatArray
    residuals: list[float]
    steps: list[float]


def average(
    problem: AssignmentProblem,
    start_veh_h: FloatArray,
    *,
    method: AveragingMethod,
    tolerance: float,
    max_iterations: int,
) -> Averaged:
    """Return the path flows after moving towards q P(c(f)) until they reproduce themselves."""
    step_rule = STEP_RULES[method]()
    flow = below_capacity(problem, start_veh_h)  # Step 2
    residuals: list[float] = []
    steps: list[float] = []
    while True:
        link_flow = problem.paths.link_flow_veh_h(flow)  # Step 3
        share = problem.path_shares(problem.path_cost_min(problem.link_time_min(link_flow)))  # Step 4
        residuals.append(problem.residual(flow, share))
        if residuals[-1] <= tolerance or len(residuals) >= max_iterations:  # Step 6
            return Averaged(flow, residuals, steps)
        change = problem.path_demand_veh_h * share - flow
        step = min(step_rule(float(np.linalg.norm(change))), _longest_step(problem, link_flow, change))
        steps.append(step)
        flow = flow + step * change  # Step 5


def average_loadings(
    problem: SueProblem[L],
    start_veh_h: FloatArray,
    *,
    method: AveragingMethod,
    tolerance: float,
    max_iterations: int,
) -> LoadingSearch[L]:
    """Return the last loading after moving link flows towards y(t(x)), for paths too many to be listed."""
    network, extend = problem.network, problem.extends
    arcs, capacity = network.charging_arcs, network.capacity_veh_h[network.charging_arcs]
    step_rule = STEP_RULES[method]()
    flow = start_veh_h.copy()
    if not extend:
        flow[arcs] = np.minimum(flow[arcs], TO_BOUNDARY * capacity)
    residuals: list[float] = []
    steps: list[float] = []
    while True:
        loading = problem.load(problem.link_time_min(flow))
        residuals.append(problem.residual_of(loading))
        if residuals[-1] <= tolerance or len(residuals) >= max_iterations:
            return LoadingSearch(loading, residuals[-1], residuals, steps)
        change = loading.link_flow_veh_h - flow
        longest = 1.0 if extend else _step_to(capacity - flow[arcs], change[arcs])
        steps.append(min(step_rule(float(np.linalg.norm(change))), longest))
        flow += steps[-1] * change


def below_capacity(problem: AssignmentProblem, path_flow_veh_h: FloatArray) -> FloatArray:
    """Return the path flows with those of a station beyond 0.99 c scaled to 0.9 c, where Davidson can start.

    The demand left out comes back with the steps: each takes away that share of what is missing.
    """
    if problem.extends:
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
    """Return the step that uses up 0.9 of the free capacity of the station that fills first."""
    arcs = problem.network.charging_arcs
    if problem.extends or not arcs.size:
        return 1.0
    rise = problem.paths.link_flow_veh_h(path_change)[arcs]
    return _step_to(problem.network.capacity_veh_h[arcs] - link_flow[arcs], rise)


def _step_to(free: FloatArray, rise: FloatArray) -> float:
    binding = rise > TO_BOUNDARY * free
    return float(np.min(TO_BOUNDARY * free[binding] / rise[binding], initial=1.0))
