"""Newton's method on link flows: its derivative, its reach, and the stations it must not fill."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.road import loading, newton
from cosim.road.assignment import solve_sue
from cosim.road.latency import (
    link_time_min,
    link_time_slope,
    station_flow_veh_h,
    station_slope_at_time,
)
from cosim.road.network import OdTable
from cosim.road.pose import pose_problem
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
    """Theta from .01 to 10 per minute, up to five times the peak; link times drawn anew each time."""
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
    roads = [("1", "1", "2", 3.0), ("2", "1", "2", 9.0), ("3", "1", "2", 13.0)]
    network = replace(
        small_network(roads), capacity_veh_h=np.array([100.0, 500, 1000]), beta=np.array([10.0, 10, 1])
    )
    answer = solve_sue(pose_problem(network, trips(network, ("1", "2", 4000.0)), 10.0))
    assert answer.converged
    flow = answer.link_flow_veh_h
    time = network.t0_min * (1 + 0.15 * (flow / network.capacity_veh_h) ** network.beta)
    np.testing.assert_allclose(np.ptp(time + np.log(flow) / 10), 0, atol=1e-6)
    assert answer.iterations <= 30


def test_smaller_thetas_lead_where_the_direct_way_is_barred(monkeypatch: pytest.MonkeyPatch) -> None:
    """The direct search may step but once: the ladder's last rung must still reach the answer."""
    problem = cars_only(theta=0.5)
    exact = solve_sue(problem, tolerance=1e-9).path_flow_veh_h
    descend = newton._descend
    barred = iter([1])

    def first_fails(asked, point, tolerance, max_iterations, stalled):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        return descend(asked, point, tolerance, next(barred, max_iterations), stalled)

    monkeypatch.setattr(newton, "_descend", first_fails)
    answer = solve_sue(problem, tolerance=1e-9)
    assert answer.converged
    assert np.isnan(answer.steps).sum() == 4
    assert answer.residuals.size == answer.steps.size + 1
    assert answer.path_flow_veh_h == pytest.approx(exact, abs=1e-6)


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
        solve_sue(pose_problem(roads, table, 0.3), tolerance=1e-11)
        for roads, table in ((network, od), (shuffled, turned))
    )
    assert mixed.link_flow_veh_h == pytest.approx(plain.link_flow_veh_h[links], rel=1e-9)
    assert mixed.expected_cost_min == pytest.approx(plain.expected_cost_min[ods], rel=1e-9)
