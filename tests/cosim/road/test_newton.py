"""Newton's method on link flows: its derivative, its reach, and the stations it must not fill."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import cg

from cosim.road import loading, newton
from cosim.road.assignment import solve_sue
from cosim.road.build_problem import build_problem
from cosim.road.latency import (
    link_time_min,
    link_time_slope,
    station_flow_veh_h,
    station_slope_at_time,
)
from cosim.road.network import OdTable
from cosim.road.problem import AssignmentProblem
from tests.cosim.road.cases import (
    cars_only,
    group_totals,
    nguyen_dupuis,
    paper_paths,
    paper_problem,
    small_network,
    trips,
)

PATHS = paper_paths()
ARCS = PATHS.network.charging_arcs


def mixed_problem() -> AssignmentProblem:
    """Return three classes, each with its own theta, and a price that differs by station."""
    problem = paper_problem(0.5, paths=PATHS)
    price_min = np.append([8.0, 0.0, 3.0], 0.0)[PATHS.station]
    return replace(problem, theta_per_min=np.repeat([0.1, 0.2, 0.5], 4), extra_cost_min=price_min)


def busy_problem(busy: float, theta: float = 0.2, **options: str) -> AssignmentProblem:
    """Return an hour that uses the share *busy* of all three stations together."""
    problem = paper_problem(0.4, theta=theta, paths=PATHS)
    demand = problem.demand_veh_h.copy()
    demand[8:] *= busy * PATHS.network.capacity_veh_h[ARCS].sum() / demand[8:].sum()
    return replace(problem, demand_veh_h=demand, **options)


@pytest.mark.parametrize("dense_entries", [0, 10**6])
def test_the_response_is_the_derivative_of_the_loading(
    dense_entries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a theta per class, as a matrix (dense and sparse) and as a product, by central differences."""
    monkeypatch.setattr(loading, "DENSE_ENTRIES", dense_entries)
    problem, rng = mixed_problem(), np.random.default_rng(4)
    time = PATHS.network.t0_min * rng.uniform(1, 2, len(PATHS.network.links))
    direction, h = rng.normal(size=time.size), 1e-5
    up, down = (problem.load(time + sign * h * direction).link_flow_veh_h for sign in (1, -1))
    here = problem.load(time)
    matrix = here.response_matrix()
    assert -here.response(direction) == pytest.approx((up - down) / (2 * h), abs=1e-5)
    assert matrix @ direction == pytest.approx(here.response(direction), abs=1e-9)
    assert matrix == pytest.approx(matrix.T, abs=1e-9)
    assert np.linalg.eigvalsh(matrix).min() > -1e-9


def test_newton_reaches_machine_precision_where_averages_crawl() -> None:
    """At three times the peak, averages of 1/n are not at 1e-3 after 1,000 loadings."""
    problem = cars_only(theta=0.1)
    problem = replace(problem, demand_veh_h=3 * problem.demand_veh_h)
    exact = solve_sue(problem, tolerance=1e-12)
    assert exact.converged
    assert exact.iterations <= 20
    assert not solve_sue(problem, method="msa", tolerance=1e-3, max_iterations=1_000).converged


@pytest.mark.parametrize(("method", "tolerance"), [("sra", 1e-6), ("mswa", 1e-5), ("msa", 1e-3)])
def test_every_method_finds_the_same_flows(method: str, tolerance: float) -> None:
    problem = mixed_problem()
    exact = solve_sue(problem, tolerance=1e-11)
    averaged = solve_sue(problem, method=method, tolerance=tolerance, max_iterations=50_000)
    assert exact.converged
    assert averaged.converged
    assert averaged.path_flow_veh_h == pytest.approx(exact.path_flow_veh_h, abs=100 * tolerance)


def test_the_answer_keeps_the_demand_to_the_last_digits() -> None:
    problem = mixed_problem()
    flow = solve_sue(problem).path_flow_veh_h
    assert group_totals(problem, flow) == pytest.approx(problem.demand_veh_h, rel=1e-12)


@pytest.mark.parametrize("theta", [0.05, 0.2, 1.0])
@pytest.mark.parametrize("busy", [0.9, 0.95, 0.98, 0.995, 0.998])
def test_stations_near_capacity_are_solved_and_never_full(busy: float, theta: float) -> None:
    problem = busy_problem(busy, theta)
    answer = solve_sue(problem, tolerance=1e-8)
    assert answer.converged
    assert np.all(answer.link_flow_veh_h[ARCS] < PATHS.network.capacity_veh_h[ARCS])
    assert group_totals(problem, answer.path_flow_veh_h) == pytest.approx(problem.demand_veh_h)


def test_overloaded_stations_are_solved_when_extended() -> None:
    problem = busy_problem(1.3, overload="extend")
    answer = solve_sue(problem, tolerance=1e-8)
    assert answer.converged
    assert answer.overloaded[ARCS].all()


@settings(max_examples=50)
@given(
    theta=st.floats(-2, 1).map(lambda power: 10**power),
    scale=st.floats(0, 5),
    seed=st.integers(0, 10_000),
)
def test_any_theta_and_any_congestion_are_solved(theta: float, scale: float, seed: int) -> None:
    """Theta from 0.01 to 10 per minute, up to five times the peak; link times drawn anew each time."""
    problem = cars_only(theta)
    network = problem.network
    rng = np.random.default_rng(seed)
    other = replace(network, t0_min=network.t0_min * rng.uniform(0.3, 3, network.t0_min.size))
    problem = replace(
        problem,
        paths=replace(problem.paths, network=other),
        demand_veh_h=scale * problem.demand_veh_h * rng.uniform(0, 1, 4),
    )
    assert solve_sue(problem).converged


def test_the_search_does_not_flip_between_full_roads() -> None:
    """At v/c 40 and exponents of 10 a whole step fills the next road: flat there, and far above the start.

    Independent: at the equilibrium of one OD, t + ln(x) / theta is the same on all roads.
    """
    problem = jammed_roads()
    network, answer = problem.network, solve_sue(problem)
    assert answer.converged
    flow = answer.link_flow_veh_h
    time = network.t0_min * (1 + 0.15 * (flow / network.capacity_veh_h) ** network.beta)
    np.testing.assert_allclose(np.ptp(time + np.log(flow) / 10), 0, atol=1e-6)
    assert answer.iterations <= 20


@pytest.mark.parametrize("name", ["mixed", "busy", "jammed"])
def test_the_residual_falls_quadratically_near_the_solution(name: str) -> None:
    """Each step at least as good as the power 1.5 of the one before, the last ones whole."""
    jammed = cars_only(theta=0.1)
    problem = {
        "mixed": mixed_problem(),
        "busy": busy_problem(0.98),
        "jammed": replace(jammed, demand_veh_h=3 * jammed.demand_veh_h),
    }[name]
    found = solve_sue(problem, tolerance=1e-10)
    assert found.converged
    near = found.residuals[found.residuals < 0.03]
    assert near.size >= 3
    assert np.all(near[1:] <= near[:-1] ** 1.5)
    assert np.all(found.steps[-near.size :] == 1)


def test_next_to_full_stations_the_flows_are_corrected_by_the_step_to_come() -> None:
    """Loaded at long times, flows alone do not reach 1e-8 there: rounding moves them."""
    found = solve_sue(busy_problem(0.998, theta=1.0), tolerance=1e-9)
    assert found.converged
    assert found.iterations <= 20


def test_a_search_that_no_longer_gets_better_ends_and_keeps_the_best() -> None:
    found = solve_sue(busy_problem(0.998, theta=1.0), tolerance=1e-300, max_iterations=1_000)
    best = int(found.residuals.argmin())
    assert not found.converged
    assert found.residual == pytest.approx(found.residuals[best], rel=1e-6)
    assert found.iterations == best + 1 + newton.MAX_STALLED_STEPS


def test_the_search_ends_after_as_many_loadings_as_it_may_make() -> None:
    found = solve_sue(busy_problem(0.95), max_iterations=3)
    assert found.iterations == 3
    assert found.steps.size == 2


def any_point(problem: AssignmentProblem, seed: int = 3) -> newton.Point:
    """Return a point at which no station is full, some way from the equilibrium."""
    flow = problem.load(problem.network.t0_min).link_flow_veh_h
    return newton._start(problem, flow * np.random.default_rng(seed).uniform(0.5, 1.0, flow.size))


def test_the_search_starts_with_stations_at_nine_tenths_of_their_capacity_at_most() -> None:
    problem, capacity = busy_problem(0.5), PATHS.network.capacity_veh_h[ARCS]
    flow = np.full(len(PATHS.network.links), 7.0)
    flow[ARCS] = np.array([0.3, 0.95, 2.0]) * capacity
    flow[0] = -1.0
    flow[1] = 0.95 * PATHS.network.capacity_veh_h[1]  # a road may be fuller
    start = newton._start(problem, flow)
    assert start.flow_veh_h[ARCS] == pytest.approx(np.array([0.3, 0.9, 0.9]) * capacity, rel=1e-9)
    assert start.flow_veh_h[:2].tolist() == [0, flow[1]]
    assert start.time_min == pytest.approx(link_time_min(PATHS.network, start.flow_veh_h), rel=1e-9)
    assert start.slope == pytest.approx(link_time_slope(PATHS.network, start.flow_veh_h), rel=1e-7)


@pytest.mark.parametrize("dense_links", [300, 0])
def test_a_step_solves_the_linearised_fixed_point(dense_links: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """(I + S D) dx = y - x; by conjugate gradients to the accuracy asked for."""
    monkeypatch.setattr(newton, "DENSE_LINKS", dense_links)
    problem = mixed_problem()
    point = any_point(problem)
    loading = problem.load(point.time_min)
    gap = loading.link_flow_veh_h - point.flow_veh_h
    step = newton._newton_step(point, loading)
    left = step + loading.response(point.slope * step) - gap
    accuracy = (
        1e-12 if dense_links else min(0.01, np.linalg.norm(gap) / np.linalg.norm(loading.link_flow_veh_h))
    )
    assert np.linalg.norm(left) <= accuracy * np.linalg.norm(gap)


def test_late_steps_by_conjugate_gradients_are_more_exact_than_early_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(newton, "DENSE_LINKS", 0)
    asked: list[float] = []

    def listening(*arguments: object, rtol: float, maxiter: int) -> object:
        asked.append(rtol)
        return cg(*arguments, rtol=rtol, maxiter=maxiter)

    monkeypatch.setattr(newton, "cg", listening)
    assert solve_sue(mixed_problem(), tolerance=1e-10).iterations <= 8
    assert asked[0] == newton.MAX_CG_TOLERANCE
    assert asked[-1] < newton.MAX_CG_TOLERANCE
    assert asked == sorted(asked, reverse=True)


def test_the_slope_along_a_step_is_the_derivative_of_the_dual_objective() -> None:
    """By central differences, at the point and half a step on."""
    problem = mixed_problem()
    point = any_point(problem)
    flow_step = newton._newton_step(point, problem.load(point.time_min))
    time_step, h = point.slope * flow_step, 1e-4

    def at(share: float) -> newton.Point:
        return newton._step_from(problem, point, share * flow_step, share * time_step)

    def objective(share: float) -> float:
        return newton._dual_objective(problem, at(share), problem.load(at(share).time_min))

    for share in (0.0, 0.5):
        loaded = problem.load(at(share).time_min)
        slope = newton._slope_along(problem, at(share), loaded, flow_step, time_step)
        assert slope == pytest.approx((objective(share + h) - objective(share - h)) / (2 * h), rel=1e-5)
        assert slope < 0


def test_roads_move_by_flow_and_stations_by_time() -> None:
    problem = busy_problem(0.5)
    point = any_point(problem)
    flow_step, time_step = np.full_like(point.flow_veh_h, 2.0), np.full_like(point.time_min, 0.5)
    flow_step[0] = -point.flow_veh_h[0] - 1.0
    there = newton._step_from(problem, point, flow_step, time_step)
    roads = np.setdiff1d(np.arange(flow_step.size), ARCS)
    assert there.flow_veh_h[roads] == pytest.approx((point.flow_veh_h + flow_step)[roads])
    assert there.time_min[ARCS] == pytest.approx(point.time_min[ARCS] + 0.5)
    assert there.flow_veh_h[ARCS] == pytest.approx(station_flow_veh_h(problem.network, there.time_min[ARCS]))
    assert there.time_min[0] == problem.network.t0_min[0]  # a road below zero flow is empty


def jammed_roads() -> AssignmentProblem:
    """Return three roads of which a whole step fills the next one."""
    roads = [("1", "1", "2", 3.0), ("2", "1", "2", 9.0), ("3", "1", "2", 13.0)]
    network = replace(
        small_network(roads), capacity_veh_h=np.array([100.0, 500, 1000]), beta=np.array([10.0, 10, 1])
    )
    problem = build_problem(network, trips(network, ("1", "2", 4000.0)), 10.0)
    assert isinstance(problem, AssignmentProblem)
    return problem


def test_a_step_ends_where_the_objective_is_no_higher_and_half_as_steep() -> None:
    problem = jammed_roads()
    point = newton._start(problem, problem.load(problem.network.t0_min).link_flow_veh_h)
    shortened = 0
    for _ in range(10):
        loading = problem.load(point.time_min)
        flow_step = newton._newton_step(point, loading)
        time_step = point.slope * flow_step
        first = newton._slope_along(problem, point, loading, flow_step, time_step)
        there, loaded, step = newton._line_search(problem, point, loading, flow_step)
        slope = newton._slope_along(problem, there, loaded, flow_step, time_step)
        top, value = (
            newton._dual_objective(problem, point, loading),
            newton._dual_objective(problem, there, loaded),
        )
        assert value <= top + 1e-9 * abs(top)
        assert slope <= 0.5 * abs(first)
        assert step == 1 or slope >= 0.5 * first
        assert there.flow_veh_h == pytest.approx(point.flow_veh_h + step * flow_step)
        shortened += step < 1
        point = there
    assert shortened >= 5


@pytest.mark.parametrize(("use", "full"), [(0.999, False), (1.0, True), (1.2, True)])
def test_a_loading_that_would_fill_a_station_has_an_infinite_residual(use: float, full: bool) -> None:
    problem = busy_problem(0.5)
    loading = problem.load(problem.network.t0_min)
    flow = loading.link_flow_veh_h.copy()
    flow[ARCS[1]] = use * problem.network.capacity_veh_h[ARCS[1]]
    filled = replace(loading, link_flow_veh_h=flow)
    assert np.isinf(problem.residual_of(filled)) == full
    assert np.isfinite(replace(problem, overload="extend").residual_of(filled))


def test_conjugate_gradients_step_like_the_factorisation(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = mixed_problem()
    dense = solve_sue(problem, tolerance=1e-10)
    monkeypatch.setattr(newton, "DENSE_LINKS", 0)
    matrix_free = solve_sue(problem, tolerance=1e-10)
    assert matrix_free.converged
    assert matrix_free.link_flow_veh_h == pytest.approx(dense.link_flow_veh_h, abs=1e-6)


@pytest.mark.parametrize("extend", [False, True])
def test_the_flow_at_a_time_inverts_the_time_at_a_flow(extend: bool) -> None:
    network = PATHS.network
    use = np.array([0.0, 0.5, 1.4]) if extend else np.array([0.0, 0.5, 0.9999])
    flow = np.zeros(len(network.links))
    flow[ARCS] = use * network.capacity_veh_h[ARCS]
    time = link_time_min(network, flow, extend=extend)[ARCS]
    assert station_flow_veh_h(network, time, extend=extend) == pytest.approx(flow[ARCS], abs=1e-9)
    slope = link_time_slope(network, flow, extend=extend)[ARCS]
    assert station_slope_at_time(network, time, extend=extend) == pytest.approx(slope, rel=1e-8)


def test_no_time_is_so_long_that_a_station_is_full() -> None:
    time = np.array([1e3, 1e6, 1e9])
    assert np.all(station_flow_veh_h(PATHS.network, time) < PATHS.network.capacity_veh_h[ARCS])


def test_twice_the_demand_on_twice_the_capacity_is_twice_the_flow() -> None:
    problem = busy_problem(0.95)
    network = replace(PATHS.network, capacity_veh_h=2 * PATHS.network.capacity_veh_h)
    double = replace(problem, paths=replace(PATHS, network=network), demand_veh_h=2 * problem.demand_veh_h)
    flows = [solve_sue(asked, tolerance=1e-11).link_flow_veh_h for asked in (problem, double)]
    assert flows[1] == pytest.approx(2 * flows[0], rel=1e-8)


def test_the_order_of_links_and_ods_does_not_matter() -> None:
    roads = nguyen_dupuis()
    network, od, rng = roads.network, roads.od, np.random.default_rng(2)
    links, ods = rng.permutation(len(network.links)), rng.permutation(od.origin.size)
    arrays = ("from_node", "to_node", "t0_min", "capacity_veh_h", "alpha", "beta", "davidson_j")
    shuffled = replace(
        network,
        links=tuple(network.links[link] for link in links),
        length_km=None,
        **{name: getattr(network, name)[links] for name in arrays},
    )
    turned = OdTable(origin=od.origin[ods], dest=od.dest[ods], demand_veh_h=od.demand_veh_h[ods])
    plain, mixed = (
        solve_sue(build_problem(roads, table, 0.3), tolerance=1e-11)
        for roads, table in ((network, od), (shuffled, turned))
    )
    assert mixed.link_flow_veh_h == pytest.approx(plain.link_flow_veh_h[links], rel=1e-9)
    assert mixed.expected_cost_min == pytest.approx(plain.expected_cost_min[ods], rel=1e-9)
