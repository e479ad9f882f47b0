"""Newton's method on the link flows: solve the fixed point x = y(t(x)) of the logit loading y.

The variable of a road is its flow x, that of a station its time t: at any time the flow of a station is below its
capacity, so Davidson's time stays finite. With D = t'(x) and the response matrix S = -dy/dt, a step solves
(I + S D) dx = y - x. The line search uses the dual objective of Sheffi and Powell (1982), with gradient D (x - y).
"""

from dataclasses import dataclass
from typing import Generic

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg

from cosim.arrays import FloatArray
from cosim.road.latency import (
    START_UTILISATION,
    flow_integral,
    link_time_min,
    link_time_slope,
    station_flow_veh_h,
    station_slope_at_time,
)
from cosim.road.loading import L, Loading
from cosim.road.problem import SueProblem

DENSE_LINKS = 300
"""Links up to which the linear system is factorised; beyond, conjugate gradients need only products S v."""
MAX_STALLED_STEPS = 15
"""Steps without a better residual after which the search ends: the tolerance is below rounding error."""
MAX_BISECTIONS = 25
"""Trial step sizes of one line search."""
OBJECTIVE_TOLERANCE = 1e-9
"""Relative increase of the dual objective that may be rounding error."""
CURVATURE = 0.5
"""Slope at the accepted step, relative to that at its start (curvature condition of the line search)."""
MIN_RELATIVE_STEP = 1e-9
"""Norm of a step over that of the flows at which the line search ends."""
MAX_CG_TOLERANCE = 1e-6
"""Relative residual of the conjugate gradients in early steps; at 0.01 jammed networks stall, at 1e-4 some of them."""
MAX_CG_ITERATIONS = 200
"""Products S v of one step, after which the system is factorised if the network is not too large."""
FACTORISED_LINKS = 4000
"""Links up to which it may be: the matrix takes 128 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """Iterate of the search: flow, time and slope dt/dx of every link."""

    flow_veh_h: FloatArray
    time_min: FloatArray
    slope: FloatArray


@dataclass(slots=True, eq=False)
class LoadingSearch(Generic[L]):
    """The best loading so far, and the history of the search."""

    loading: L
    residual: float
    residuals: list[float]
    steps: list[float]


def newton(
    problem: SueProblem[L], start_veh_h: FloatArray, *, tolerance: float, max_iterations: int
) -> LoadingSearch[L]:
    """Return the loading with the smallest residual, by Newton steps from the link flows *start_veh_h*.

    The search ends at a residual of *tolerance*, after *max_iterations* loadings, or when it stalls. Near the solution
    the step size is 1 and the residual falls quadratically.
    """
    point = _start(problem, start_veh_h)
    loading = problem.load(point.time_min)
    search = LoadingSearch(loading, np.inf, [], [])
    best_iteration, flow_step = 0, np.zeros_like(point.flow_veh_h)
    while True:
        best, residual = loading, problem.residual_of(loading)
        if residual > tolerance:
            flow_step = _newton_step(point, loading)
            if (
                search.steps and search.steps[-1] == 1
            ):  # the next step will have size 1, too: test its end point
                best, residual = _better_of(problem, loading, residual, point.slope * flow_step)
        search.residuals.append(residual)
        if residual < search.residual:
            search.loading, search.residual, best_iteration = best, residual, len(search.steps)
        stalled = len(search.steps) - best_iteration >= MAX_STALLED_STEPS
        if residual <= tolerance or stalled or len(search.residuals) >= max_iterations:
            return search
        point, loading, step = _line_search(problem, point, loading, flow_step)
        search.steps.append(step)


def _better_of(
    problem: SueProblem[L], loading: L, residual: float, time_change_min: FloatArray
) -> tuple[L, float]:
    """Return the loading, or the loading corrected for the change to first order, whichever has the smaller residual.

    Near the capacity of a station the times are long, and rounding them moves the loading by more flow than the
    tolerance allows; the corrected flows do not have this error.
    """
    corrected = loading.corrected(time_change_min)
    if corrected is None:
        return loading, residual
    corrected_residual = problem.residual_of(corrected)
    return (corrected, corrected_residual) if corrected_residual < residual else (loading, residual)


def _newton_step(point: Point, loading: Loading) -> FloatArray:
    """Return dx = gap - S D^0.5 z with (I + D^0.5 S D^0.5) z = D^0.5 gap: symmetric, without division by a slope."""
    gap = loading.link_flow_veh_h - point.flow_veh_h
    root = np.sqrt(point.slope)
    if gap.size <= DENSE_LINKS and (step := _factorised_step(loading, root, gap)) is not None:
        return step

    def product(z: FloatArray) -> FloatArray:
        return z + root * loading.response(root * z)

    relative_gap = float(np.linalg.norm(gap) / np.linalg.norm(loading.link_flow_veh_h))
    z, unsolved = cg(
        LinearOperator((gap.size, gap.size), matvec=product, dtype=float),
        root * gap,
        rtol=min(MAX_CG_TOLERANCE, relative_gap),
        maxiter=MAX_CG_ITERATIONS,
    )
    if unsolved and gap.size <= FACTORISED_LINKS:
        step = _factorised_step(loading, root, gap)
        if step is not None:
            return step
    return gap - loading.response(root * z)


def _factorised_step(loading: Loading, root: FloatArray, gap: FloatArray) -> FloatArray | None:
    """Return the step from a factorised matrix; None where the loading has only products S v."""
    response = loading.response_matrix()
    if response is None:
        return None
    matrix = root[:, None] * response * root
    matrix[np.diag_indices_from(matrix)] += 1.0
    step: FloatArray = gap - response @ (root * np.linalg.solve(matrix, root * gap))
    return step


def _line_search(
    problem: SueProblem[L], point: Point, loading: L, flow_step: FloatArray
) -> tuple[Point, L, float]:
    """Return the next point, its loading and the step size, by bisection on the dual objective.

    A step is accepted if the objective does not increase and its slope is at most half the initial one. Near the
    solution the slope decides, because differences of the objective are below rounding error. Far from it the slope may
    also be small beyond a maximum of the objective, so its value is tested as well.
    """
    time_step = point.slope * flow_step
    initial_slope = _slope_along(problem, point, loading, flow_step, time_step)
    objective = _dual_objective(problem, point, loading)
    step, lower, upper = 1.0, 0.0, np.inf
    for _ in range(MAX_BISECTIONS):
        trial = _step_from(problem, point, step * flow_step, step * time_step)
        trial_loading = problem.load(trial.time_min)
        if np.linalg.norm(step * flow_step) <= MIN_RELATIVE_STEP * np.linalg.norm(point.flow_veh_h):
            break
        slope = _slope_along(problem, trial, trial_loading, flow_step, time_step)
        increase = _dual_objective(problem, trial, trial_loading) - objective
        if increase > OBJECTIVE_TOLERANCE * abs(objective) or slope > CURVATURE * abs(initial_slope):
            upper = step
        elif slope < CURVATURE * initial_slope and upper < np.inf:
            lower = step
        else:
            break
        step = (lower + upper) / 2
    return trial, trial_loading, step


def _slope_along(
    problem: SueProblem[L], point: Point, loading: L, flow_step: FloatArray, time_step: FloatArray
) -> float:
    """Return the derivative of the dual objective along the step: sum (x - y) dt."""
    time_change = point.slope * flow_step
    arcs = problem.network.charging_arcs
    time_change[arcs] = time_step[arcs]
    return float((point.flow_veh_h - loading.link_flow_veh_h) @ time_change)


def _dual_objective(problem: SueProblem[L], point: Point, loading: L) -> float:
    """Return sum_a int_t0^t x dt - sum_g q C*(t), with C* the expected minimum cost (Sheffi and Powell 1982)."""
    integral = flow_integral(problem.network, point.flow_veh_h, point.time_min, extend=problem.extends)
    return float(integral.sum() - problem.demand_veh_h @ loading.expected_cost_min)


def _start(problem: SueProblem[L], flow_veh_h: FloatArray) -> Point:
    """Return the point with these flows, those of stations at most 0.9 c."""
    network = problem.network
    arcs = network.charging_arcs
    flow = np.maximum(flow_veh_h, 0.0)
    flow[arcs] = np.minimum(flow[arcs], START_UTILISATION * network.capacity_veh_h[arcs])
    zero = np.zeros_like(flow)
    return _step_from(problem, Point(flow, link_time_min(network, flow, extend=True), zero), zero, zero)


def _step_from(problem: SueProblem[L], point: Point, flow_step: FloatArray, time_step: FloatArray) -> Point:
    """Return the point after a step, of flow on roads and of time at stations; negative road flows cost as zero."""
    network, extend = problem.network, problem.extends
    flow = point.flow_veh_h + flow_step
    arcs = network.charging_arcs
    road_flow = np.maximum(flow, 0.0)
    road_flow[arcs] = 0.0
    time = link_time_min(network, road_flow)
    slope = link_time_slope(network, road_flow)
    time[arcs] = point.time_min[arcs] + time_step[arcs]
    slope[arcs] = station_slope_at_time(network, time[arcs], extend=extend)
    flow[arcs] = station_flow_veh_h(network, time[arcs], extend=extend)
    return Point(flow, time, slope)
