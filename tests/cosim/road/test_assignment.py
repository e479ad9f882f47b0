"""The equilibrium: conservation, methods, stations near and beyond capacity, warm starts, whole days."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.errors import InfeasibleError
from cosim.road.assignment import solve_sue
from cosim.road.averaging import below_capacity
from cosim.road.objective import fisk_objective
from cosim.road.paths import UserClass, find_paths
from cosim.road.problem import AssignmentProblem
from cosim.road.semi_dynamic import warm_start_veh_h, warm_started_day
from cosim.road.station_capacity import station_shortfall
from cosim.road.steps import SelfRegulatedAverages, SuccessiveAverages
from tests.cosim.road.cases import (
    TRIP_SHARE,
    cars_only,
    group_totals,
    paper_paths,
    paper_problem,
    small_network,
    station,
    trips,
)

PATHS = paper_paths()


def use(problem: AssignmentProblem, link_flow_veh_h: np.ndarray) -> np.ndarray:
    arcs = problem.network.charging_arcs
    return link_flow_veh_h[arcs] / problem.network.capacity_veh_h[arcs]


@settings(max_examples=25)
@given(scale=st.floats(0.0, 0.6), charging=st.floats(0.0, 0.08), theta=st.floats(0.02, 1.0))
def test_every_group_keeps_its_demand(scale: float, charging: float, theta: float) -> None:
    problem = paper_problem(scale, charging=charging, theta=theta, paths=PATHS)
    answer = solve_sue(problem)
    assert answer.converged
    slack = 1e-6 * np.maximum(1, problem.demand_veh_h) * np.diff(PATHS.groups.start)
    assert np.all(np.abs(group_totals(problem, answer.path_flow_veh_h) - problem.demand_veh_h) <= slack)
    assert np.all(answer.path_flow_veh_h >= 0)


def test_the_residual_is_what_it_says() -> None:
    """Recomputed from the answer alone, with the largest demand divisor written out."""
    problem = paper_problem(paths=PATHS)
    answer = solve_sue(problem, tolerance=1e-4)
    demand = PATHS.groups.expand(problem.demand_veh_h)
    gap = np.abs(demand * answer.path_share - answer.path_flow_veh_h) / np.maximum(1, demand)
    assert answer.residual == gap.max() == answer.residuals[-1]
    assert answer.residual <= 1e-4 < answer.residuals[-2]
    assert answer.steps.size == answer.iterations - 1


def test_both_steps_find_the_same_equilibrium() -> None:
    problem = paper_problem(0.4, paths=PATHS)
    sra, msa = (solve_sue(problem, method=method, tolerance=1e-5) for method in ("sra", "msa"))
    assert sra.converged
    assert msa.converged
    assert msa.path_flow_veh_h == pytest.approx(sra.path_flow_veh_h, abs=0.01)


def test_the_papers_step_needs_far_more_iterations() -> None:
    problem = paper_problem(1.0, charging=0.02, paths=PATHS)
    sra, msa = (solve_sue(problem, method=method, tolerance=1e-3) for method in ("sra", "msa"))
    assert msa.iterations > 20 * sra.iterations


def test_the_start_does_not_matter() -> None:
    problem = cars_only()
    equal = problem.path_demand_veh_h / problem.paths.groups.expand(np.diff(problem.paths.groups.start) * 1.0)
    answers = [solve_sue(problem, start=start, tolerance=1e-9) for start in (None, equal)]
    assert answers[0].path_flow_veh_h == pytest.approx(answers[1].path_flow_veh_h, abs=1e-6)


def test_using_up_the_iterations_is_an_answer_not_a_crash() -> None:
    answer = solve_sue(cars_only(), max_iterations=3)
    assert not answer.converged
    assert answer.iterations == 3
    assert answer.residual > 1e-6


def test_nobody_travelling_is_an_equilibrium() -> None:
    answer = solve_sue(paper_problem(0.0, paths=PATHS))
    assert answer.converged
    assert not answer.path_flow_veh_h.any()


def test_dearer_station_loses_flow_and_an_equal_price_moves_nobody() -> None:
    problem = paper_problem(paths=PATHS)
    flows = []
    for price_min in ([0.0, 0.0, 0.0], [9.0, 9.0, 9.0], [9.0, 0.0, 0.0]):
        extra = np.append(price_min, 0.0)[PATHS.station]
        flows.append(solve_sue(replace(problem, extra_cost_min=extra), tolerance=1e-9).link_flow_veh_h)
    assert flows[1] == pytest.approx(flows[0], abs=1e-6)
    first = PATHS.network.charging_arcs[0]
    assert flows[2][first] < flows[0][first] - 0.5


@pytest.mark.parametrize("method", ["sra", "msa"])
@pytest.mark.parametrize("busy", [0.8, 0.95, 0.995])
def test_no_step_ever_fills_a_station(busy: float, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The free-flow loading overfills the favourite station; Davidson would raise at the first x >= c."""
    problem = with_station_use(busy)
    loads = []
    original = AssignmentProblem.link_time_min

    def watched(self: AssignmentProblem, flow: np.ndarray) -> np.ndarray:
        loads.append(use(self, flow).max())
        return original(self, flow)

    monkeypatch.setattr(AssignmentProblem, "link_time_min", watched)
    solve_sue(problem, method=method, max_iterations=300)
    assert use(problem, problem.paths.link_flow_veh_h(problem.free_flow_loading_veh_h())).max() > busy
    assert len(loads) > 20
    assert max(loads) < 1


def with_station_use(busy: float) -> AssignmentProblem:
    """Return an hour whose charging demand is the share *busy* of all three stations together."""
    problem = paper_problem(0.4, paths=PATHS)
    capacity = PATHS.network.capacity_veh_h[PATHS.network.charging_arcs].sum()
    demand = problem.demand_veh_h.copy()
    demand[8:] *= busy * capacity / demand[8:].sum()
    return replace(problem, demand_veh_h=demand)


@pytest.mark.parametrize("busy", [0.7, 0.9, 0.95])
def test_busy_stations_still_reach_the_tolerance(busy: float) -> None:
    problem = with_station_use(busy)
    answer = solve_sue(problem)
    assert answer.converged
    assert use(problem, answer.link_flow_veh_h).max() < 1
    assert group_totals(problem, answer.path_flow_veh_h) == pytest.approx(problem.demand_veh_h, abs=1e-3)


def test_a_start_beyond_capacity_is_scaled_at_that_station_only() -> None:
    problem = with_station_use(0.99)
    flow = below_capacity(problem, problem.free_flow_loading_veh_h())
    loads = use(problem, problem.paths.link_flow_veh_h(flow))
    free = use(problem, problem.paths.link_flow_veh_h(problem.free_flow_loading_veh_h()))
    assert loads == pytest.approx(np.where(free > 0.99, 0.9, free))
    assert group_totals(problem, flow)[:8] == pytest.approx(problem.demand_veh_h[:8])


def test_demand_beyond_all_stations_names_them_and_the_amount() -> None:
    problem = with_station_use(1.1)
    with pytest.raises(InfeasibleError, match=r"S6, S9, S11 .*: 6\.59\d+ veh/h too many"):
        solve_sue(problem)


def test_the_small_station_is_named_with_the_od_that_depends_on_it() -> None:
    """1-2 passes only A; 3-2 could use A or B and is not to blame, for B has room."""
    network = small_network([("a", "1", "4", 1.0), ("b", "4", "2", 1.0), ("c", "3", "4", 1.0)])
    network = network.with_charging_arcs([station("4", chargers=1), station("3")])
    od = trips(network, ("1", "2", 5.0), ("3", "2", 5.0))
    paths = find_paths(network, od, [UserClass("EVs", charges=True)])
    problem = AssignmentProblem(paths=paths, demand_veh_h=od.demand_veh_h, theta_per_min=np.ones(2))
    short = station_shortfall(problem)
    assert short is not None
    assert short.stations.tolist() == [0]
    assert short.groups.tolist() == [0]
    assert short.missing_veh_h == pytest.approx(5 - 60 / 27.3)


def test_groups_that_hold_the_places_of_others_belong_to_the_shortfall() -> None:
    """Both ODs depend on the two stations together, whichever of them the flow leaves unserved."""
    network = small_network([("a", "1", "4", 1.0), ("b", "4", "2", 1.0)])
    network = network.with_charging_arcs([station("4", chargers=1), station("2", chargers=1)])
    od = trips(network, ("1", "2", 3.0), ("4", "2", 2.0))
    paths = find_paths(network, od, [UserClass("EVs", charges=True)])
    short = station_shortfall(
        AssignmentProblem(paths=paths, demand_veh_h=od.demand_veh_h, theta_per_min=np.ones(2))
    )
    assert short is not None
    assert (short.stations.tolist(), short.groups.tolist()) == ([0, 1], [0, 1])
    assert short.missing_veh_h == pytest.approx(5 - 120 / 27.3)


@settings(max_examples=30)
@given(
    demand=st.lists(st.floats(0, 30), min_size=4, max_size=4),
    chargers=st.lists(st.integers(1, 15), min_size=3, max_size=3),
)
def test_the_shortfall_is_the_worst_set_of_stations(demand: list[float], chargers: list[int]) -> None:
    """Hall's condition by hand: over all sets of stations, demand bound to the set less its capacity."""
    roads = PATHS.network
    capacity = roads.capacity_veh_h.copy()
    capacity[roads.charging_arcs] = np.array(chargers) * 60 / 27.3
    paths = replace(PATHS, network=replace(roads, capacity_veh_h=capacity))
    problem = AssignmentProblem(
        paths=paths, demand_veh_h=np.concatenate([np.zeros(8), demand]), theta_per_min=np.ones(12)
    )
    reach = [set(PATHS.station[PATHS.groups.members(group)].tolist()) for group in range(8, 12)]
    worst = max(
        sum(q for q, stations in zip(demand, reach, strict=True) if stations <= chosen)
        - sum(chargers[s] for s in chosen) * 60 / 27.3
        for chosen in ({s for s in range(3) if mask >> s & 1} for mask in range(8))
    )
    short = station_shortfall(problem)
    if short is None:
        assert worst <= 1e-4
    else:
        assert short.missing_veh_h == pytest.approx(worst, abs=1e-4)


def test_extending_completes_an_overloaded_hour_and_flags_it() -> None:
    problem = replace(with_station_use(1.2), overload="extend")
    answer = solve_sue(problem, tolerance=0.05)
    assert answer.converged
    assert answer.overloaded[PATHS.network.charging_arcs].all()
    assert not answer.overloaded[: PATHS.network.charging_arcs[0]].any()
    assert group_totals(problem, answer.path_flow_veh_h) == pytest.approx(problem.demand_veh_h)


def test_extending_changes_nothing_below_the_limit() -> None:
    problem = with_station_use(0.6)
    answers = [solve_sue(replace(problem, overload=overload)) for overload in ("refuse", "extend")]
    assert not answers[1].overloaded.any()
    assert answers[1].path_flow_veh_h == pytest.approx(answers[0].path_flow_veh_h, abs=1e-4)


def test_a_warm_start_keeps_the_shares_and_the_new_demand() -> None:
    before, now = paper_problem(0.3, paths=PATHS), paper_problem(0.45, charging=0.03, paths=PATHS)
    flow = solve_sue(before).path_flow_veh_h
    start = warm_start_veh_h(now, before, flow)
    assert group_totals(now, start) == pytest.approx(now.demand_veh_h, rel=1e-5)
    cars = slice(0, 25)
    assert start[cars] / start[cars].sum() == pytest.approx(flow[cars] / flow[cars].sum())


def test_a_group_without_travellers_before_starts_at_free_flow() -> None:
    before, now = paper_problem(0.3, charging=0.0, paths=PATHS), paper_problem(0.3, paths=PATHS)
    start = warm_start_veh_h(now, before, solve_sue(before).path_flow_veh_h)
    assert start[50:] == pytest.approx(now.free_flow_loading_veh_h()[50:])


def test_a_warm_start_saves_iterations() -> None:
    before, now = paper_problem(0.5, paths=PATHS), paper_problem(0.515, paths=PATHS)
    start = warm_start_veh_h(now, before, solve_sue(before).path_flow_veh_h)
    assert solve_sue(now, start=start).iterations < solve_sue(now).iterations


def test_a_day_converges_in_every_period_and_equals_cold_solves() -> None:
    problems = [paper_problem(0.5 * share / TRIP_SHARE.max(), paths=PATHS) for share in TRIP_SHARE]
    day = warm_started_day(problems, tolerance=1e-7)
    assert all(period.converged for period in day)
    cold = solve_sue(problems[17], tolerance=1e-7)
    assert day[17].path_flow_veh_h == pytest.approx(cold.path_flow_veh_h, abs=1e-3)


def test_a_day_may_have_hours_without_travellers() -> None:
    day = warm_started_day([paper_problem(scale, paths=PATHS) for scale in (0.3, 0.0, 0.3)])
    assert day[2].path_flow_veh_h == pytest.approx(day[0].path_flow_veh_h, abs=1e-3)


def test_scaling_time_and_theta_together_changes_no_flow() -> None:
    problem = cars_only()
    slow = replace(problem.network, t0_min=problem.network.t0_min * 60)
    per_second = replace(
        problem, paths=replace(problem.paths, network=slow), theta_per_min=problem.theta_per_min / 60
    )
    flows = [solve_sue(p, tolerance=1e-9).path_flow_veh_h for p in (problem, per_second)]
    assert flows[0] == pytest.approx(flows[1], abs=1e-5)


def test_the_equilibrium_has_the_least_fisk_objective() -> None:
    """Any other way of meeting the demand has more; seeded, 50 directions."""
    problem = with_station_use(0.7)
    answer = solve_sue(problem, tolerance=1e-9)
    rng = np.random.default_rng(5)
    least = fisk_objective(problem, answer.path_flow_veh_h)
    for _ in range(50):
        other = problem.path_shares(answer.path_cost_min + rng.normal(0, 1, PATHS.count))
        flow = 0.99 * answer.path_flow_veh_h + 0.01 * problem.path_demand_veh_h * other
        assert fisk_objective(problem, flow) > least


def test_arrays_that_do_not_fit_are_refused() -> None:
    problem = paper_problem(paths=PATHS)
    with pytest.raises(ValueError, match="12 groups"):
        replace(problem, demand_veh_h=np.ones(4))
    with pytest.raises(ValueError, match="92 paths"):
        replace(problem, extra_cost_min=np.ones(3))
    with pytest.raises(ValueError, match="negative"):
        replace(problem, demand_veh_h=-problem.demand_veh_h)
    with pytest.raises(ValueError, match="theta"):
        replace(problem, theta_per_min=np.zeros(12))


def test_the_steps_are_the_published_ones() -> None:
    msa, sra = SuccessiveAverages(), SelfRegulatedAverages()
    assert [msa(9.0) for _ in range(4)] == [1, 1 / 2, 1 / 3, 1 / 4]
    assert [sra(distance) for distance in (9.0, 8.0, 8.0, 7.0)] == pytest.approx(
        [1, 1 / 1.01, 1 / 2.51, 1 / 2.52]
    )
