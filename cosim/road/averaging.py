"""Averaging of logit loadings with a step rule (Steps 2-6 of Ma et al. 2024)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

import numpy as np

from cosim.arrays import FloatArray
from cosim.road.latency import EXTENSION_START, START_UTILISATION
from cosim.road.loading import L, PathLoading
from cosim.road.network import Network
from cosim.road.problem import AssignmentProblem, SueProblem
from cosim.road.steps import STEP_RULES, AveragingMethod


@dataclass(frozen=True, slots=True, eq=False)
class Averaging(Generic[L]):
    """Result of a search by averaging."""

    flow_veh_h: FloatArray
    """The averaged flows: of paths, or of links."""
    loading: L
    """The loading at the costs of these flows."""
    residuals: list[float]
    steps: list[float]

    @property
    def residual(self) -> float:
        """Residual of the last iteration."""
        return self.residuals[-1]


def average_path_flows(
    problem: AssignmentProblem,
    start_veh_h: FloatArray,
    *,
    method: AveragingMethod,
    tolerance: float,
    max_iterations: int,
) -> Averaging[PathLoading]:
    """Return the path flows averaged with the logit loadings q P(c(f)) until the residual is *tolerance*."""
    return _average(
        problem,
        below_capacity(problem, start_veh_h),  # Step 2
        link_flow_of=problem.paths.link_flow_veh_h,
        auxiliary_of=lambda loading: loading.path_flow_veh_h,
        residual_of=lambda flow, loading: problem.residual(flow, loading.path_share),
        method=method,
        stop=(tolerance, max_iterations),
    )


def average_link_flows(
    problem: SueProblem[L],
    start_veh_h: FloatArray,
    *,
    method: AveragingMethod,
    tolerance: float,
    max_iterations: int,
) -> Averaging[L]:
    """Return the link flows averaged with the loadings y(t(x)): for bushes, whose paths are not listed."""
    flow = start_veh_h.copy()
    if not problem.extends:
        arcs = problem.network.charging_arcs
        flow[arcs] = np.minimum(flow[arcs], START_UTILISATION * problem.network.capacity_veh_h[arcs])
    return _average(
        problem,
        flow,
        link_flow_of=lambda link_flow: link_flow,
        auxiliary_of=lambda loading: loading.link_flow_veh_h,
        residual_of=lambda _, loading: problem.residual_of(loading),
        method=method,
        stop=(tolerance, max_iterations),
    )


def _average(
    problem: SueProblem[L],
    flow: FloatArray,
    *,
    link_flow_of: Callable[[FloatArray], FloatArray],
    auxiliary_of: Callable[[L], FloatArray],
    residual_of: Callable[[FloatArray, L], float],
    method: AveragingMethod,
    stop: tuple[float, int],
) -> Averaging[L]:
    """Return the averaged flows; *stop* are the tolerance and the number of iterations."""
    step_rule = STEP_RULES[method]()
    residuals: list[float] = []
    steps: list[float] = []
    while True:
        link_flow = link_flow_of(flow)  # Step 3
        loading = problem.load(problem.link_time_min(link_flow))  # Step 4
        residuals.append(residual_of(flow, loading))
        if residuals[-1] <= stop[0] or len(residuals) >= stop[1]:  # Step 6
            return Averaging(flow, loading, residuals, steps)
        change = auxiliary_of(loading) - flow
        max_step = 1.0 if problem.extends else _max_step(problem.network, link_flow, link_flow_of(change))
        steps.append(min(step_rule(float(np.linalg.norm(change))), max_step))
        flow = flow + steps[-1] * change  # Step 5


def below_capacity(problem: AssignmentProblem, path_flow_veh_h: FloatArray) -> FloatArray:
    """Return the path flows with those of stations beyond 0.99 c scaled to 0.9 c, where Davidson's time is finite.

    The demand removed here returns with the steps, each of which closes the share of the gap that is its size.
    """
    if problem.extends:
        return path_flow_veh_h
    arcs = problem.network.charging_arcs
    flow = problem.paths.link_flow_veh_h(path_flow_veh_h)[arcs]
    capacity = problem.network.capacity_veh_h[arcs]
    fits = flow <= EXTENSION_START * capacity
    factor = np.where(fits, 1.0, START_UTILISATION * capacity / np.where(fits, 1.0, flow))
    # A path without a station has index -1: the factor at the end.
    scaled: FloatArray = path_flow_veh_h * np.append(factor, 1.0)[problem.paths.station]
    return scaled


def _max_step(network: Network, link_flow: FloatArray, link_change: FloatArray) -> float:
    """Return the step that takes up 0.9 of the free capacity of the station that fills first; at most 1."""
    arcs = network.charging_arcs
    free, rise = network.capacity_veh_h[arcs] - link_flow[arcs], link_change[arcs]
    binding = rise > START_UTILISATION * free
    return float(np.min(START_UTILISATION * free[binding] / rise[binding], initial=1.0))
