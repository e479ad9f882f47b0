"""Newton's method on the link flows: solve x = y(t(x)) for the flows that load themselves.

Roads are searched by their flow x, stations by their time t: whatever its time, a station's flow is below its
capacity, so the search cannot step out of the place where Davidson's time is finite. With D = t'(x), and
dy/dt = -S, a step solves (I + S D) dx = y - x; the line search follows the slope of the dual objective
(Sheffi and Powell 1982), whose gradient is D (x - y).
"""

from dataclasses import dataclass
from typing import Generic

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg

from cosim.arrays import FloatArray
from cosim.road.latency import (
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
STALLED = 15
"""Steps without a better residual after which the search gives up: the tolerance is below what rounding allows."""
SHORTENINGS = 25
ROUNDING = 1e-9
"""Share of the dual objective by which rounding may seem to raise it."""
FLAT = 0.5
"""Share of the first slope at which a step is accepted."""


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """Where the search stands: flow, time and slope dt/dx of every link."""

    flow_veh_h: FloatArray
    time_min: FloatArray
    slope: FloatArray


@dataclass(slots=True, eq=False)
class LoadingSearch(Generic[L]):
    """The best loading so far, and how the search got there."""

    loading: L
    residual: float
    residuals: list[float]
    steps: list[float]


def newton(
    problem: SueProblem[L], start_veh_h: FloatArray, *, tolerance: float, max_iterations: int
) -> LoadingSearch[L]:
    """Return the best loading found by Newton steps from the link flows *start_veh_h* [veh/h].

    The search ends at a residual of *tolerance*, after *max_iterations* loadings, or once it has stalled: the
    residual tells which. Near the solution steps are whole and the residual falls quadratically.
    """
    point = _start(problem, start_veh_h)
    loading = problem.load(point.time_min)
    search = LoadingSearch(loading, np.inf, [], [])
    best_at, flow_step = 0, np.zeros_like(point.flow_veh_h)
    while True:
        best, residual = loading, problem.residual_of(loading)
        if residual > tolerance:
            flow_step = _newton_step(point, loading)
            if search.steps and search.steps[-1] == 1:  # the step will be whole again: look where it leads
                best, residual = _better_of(problem, loading, residual, point.slope * flow_step)
        search.residuals.append(residual)
        if residual < search.residual:
            search.loading, search.residual, best_at = best, residual, len(search.steps)
        stalled = len(search.steps) - best_at >= STALLED
        if residual <= tolerance or stalled or len(search.residuals) >= max_iterations:
            return search
        point, loading, step = _line_search(problem, point, loading, flow_step)
        search.steps.append(step)


def _better_of(
    problem: SueProblem[L], loading: L, residual: float, time_change_min: FloatArray
) -> tuple[L, float]:
    """Return the loading, or its flows as they respond to the change, whichever reproduce themselves better.

    Next to full stations the loading alone is not enough: rounding of a long time moves it by more flow than
    such a time forgives. The corrected flows are those of the searched point, known to the last bit.
    """
    corrected = loading.corrected(time_change_min)
    if corrected is None:
        return loading, residual
    found = problem.residual_of(corrected)
    return (corrected, found) if found < residual else (loading, residual)


def _newton_step(point: Point, loading: Loading) -> FloatArray:
    """Return dx = gap - S D^0.5 z, where (I + D^0.5 S D^0.5) z = D^0.5 gap: symmetric, divides by no slope."""
    gap = loading.link_flow_veh_h - point.flow_veh_h
    root = np.sqrt(point.slope)
    response = loading.response_matrix() if gap.size <= DENSE_LINKS else None
    if response is not None:
        matrix = root[:, None] * response * root
        matrix[np.diag_indices_from(matrix)] += 1.0
        step: FloatArray = gap - response @ (root * np.linalg.solve(matrix, root * gap))
        return step

    def product(z: FloatArray) -> FloatArray:
        return z + root * loading.response(root * z)

    # An early step may be solved to 1 % (to 10 %, 1 in 30 searches stalls), a late one as well as the gap is small.
    accuracy = min(0.01, float(np.linalg.norm(gap) / np.linalg.norm(loading.link_flow_veh_h)))
    z, _ = cg(LinearOperator((gap.size, gap.size), matvec=product, dtype=float), root * gap, rtol=accuracy)
    return gap - loading.response(root * z)


def _line_search(
    problem: SueProblem[L], point: Point, loading: L, flow_step: FloatArray
) -> tuple[Point, L, float]:
    """Return where the dual objective is no higher and no longer steep.

    Slopes decide near the solution, where differences of values drown. Far from it a flat place may lie beyond a
    hill, such as where all who left a full road have filled the next; the values see that.
    """
    time_step = point.slope * flow_step
    first, top = (
        _slope_along(problem, point, loading, flow_step, time_step),
        _dual_objective(problem, point, loading),
    )
    step, falls, rises = 1.0, 0.0, np.inf
    for _ in range(SHORTENINGS):
        there = _moved(problem, point, step * flow_step, step * time_step)
        loaded = problem.load(there.time_min)
        if np.linalg.norm(step * flow_step) <= 1e-9 * np.linalg.norm(point.flow_veh_h):
            break
        now = _slope_along(problem, there, loaded, flow_step, time_step)
        higher = _dual_objective(problem, there, loaded) > top + ROUNDING * abs(top)
        if higher or now > FLAT * abs(first):
            rises = step
        elif now < FLAT * first and rises < np.inf:
            falls = step
        else:
            break
        step = (falls + rises) / 2
    return there, loaded, step


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
    """Return the point with these flows, stations at 0.9 c at most."""
    network = problem.network
    arcs = network.charging_arcs
    flow = np.maximum(flow_veh_h, 0.0)
    flow[arcs] = np.minimum(flow[arcs], 0.9 * network.capacity_veh_h[arcs])
    zero = np.zeros_like(flow)
    return _moved(problem, Point(flow, link_time_min(network, flow, extend=True), zero), zero, zero)


def _moved(problem: SueProblem[L], point: Point, flow_step: FloatArray, time_step: FloatArray) -> Point:
    """Return the point one step on; roads go by flow, stations by time. A road below zero flow is empty."""
    network, extend = problem.network, problem.extends
    flow = point.flow_veh_h + flow_step
    arcs = network.charging_arcs
    on_road = np.maximum(flow, 0.0)
    on_road[arcs] = 0.0
    time = link_time_min(network, on_road)
    slope = link_time_slope(network, on_road)
    time[arcs] = point.time_min[arcs] + time_step[arcs]
    slope[arcs] = station_slope_at_time(network, time[arcs], extend=extend)
    flow[arcs] = station_flow_veh_h(network, time[arcs], extend=extend)
    return Point(flow, time, slope)
