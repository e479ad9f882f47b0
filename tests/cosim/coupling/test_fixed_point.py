"""The coupled equilibrium: that it is a fixed point, the same from everywhere, and the minimum of something."""

from dataclasses import replace

import numpy as np
import pytest

from cosim.arrays import FloatArray
from cosim.coupling import EquilibriumDay, day_violations, solve_equilibrium_day
from cosim.coupling.day import RoadDay, road_day
from cosim.coupling.prices import dispatch_feeders, nodal_prices
from cosim.road.objective import fisk_objective
from cosim.road.problem import AssignmentProblem
from cosim.scenario import CHARGING, Scenario, charging_price_cny_per_kwh, load_scenario

NODAL = "tariff.charging_price=nodal"


def changed(paper: Scenario, *settings: str, name: str = "paper") -> Scenario:
    return load_scenario(paper.folder / f"{name}.toml", ["road.assignment.method=newton", *settings])


@pytest.fixture(scope="module")
def nodal(paper: Scenario) -> Scenario:
    return changed(paper, NODAL)


@pytest.fixture(scope="module")
def nodal_day(nodal: Scenario) -> EquilibriumDay:
    return solve_equilibrium_day(nodal)


def moved_kwh(day: RoadDay, before: RoadDay) -> FloatArray:
    """Return how much more each station charges in a day of hourly periods."""
    return (day.load.load_kw - before.load.load_kw).sum(axis=0)


def contraction(day: EquilibriumDay) -> float:
    """Return by how much an undamped iteration shrinks the residual, on average from the second one on."""
    residuals = [iteration.residual for iteration in day.iterations[1:]]
    return float((residuals[-1] / residuals[0]) ** (1 / (len(residuals) - 1)))


def test_three_starts_lead_to_one_day(nodal_day: EquilibriumDay) -> None:
    assert {nodal_day.start, *(other.start for other in nodal_day.others)} == {"tariff", "free", "random"}
    for day in (nodal_day, *nodal_day.others):
        assert day.settled
        assert day.residual <= 1e-5
        assert day.load.load_kw == pytest.approx(nodal_day.load.load_kw, abs=0.005)
        assert day.charging_price_cny_per_kwh == pytest.approx(nodal_day.charging_price_cny_per_kwh, abs=1e-5)
        assert not nodal_day.differs_from(day)


def gain(scenario: Scenario, day: EquilibriumDay) -> float:
    """Return by how much the loop shrinks a change of prices if nothing is anticipated: p -> L(p) -> P(L)."""
    price, change = day.charging_price_cny_per_kwh + np.array([0.02, 0.0, -0.02]), 0.02
    for _ in range(3):
        load_kw = road_day(scenario, price, day).load.load_kw
        nodal_price = nodal_prices(scenario, dispatch_feeders(scenario, load_kw, day.tariff_cny_per_kwh))
        price = charging_price_cny_per_kwh(scenario, day.tariff_cny_per_kwh, nodal_price)
        before, change = change, float(np.abs(price - day.charging_price_cny_per_kwh).max())
    return change / before


def test_anticipation_shrinks_what_the_plain_loop_would_leave(
    nodal: Scenario, nodal_day: EquilibriumDay
) -> None:
    assert 0.08 < gain(nodal, nodal_day) < 0.15
    assert contraction(nodal_day) < 0.06
    assert len(nodal_day.iterations) <= 5
    assert {iteration.step_size for iteration in nodal_day.iterations} == {1.0}
    assert len(nodal_day.iterations) <= 6
    assert {iteration.step_size for iteration in nodal_day.iterations} == {1.0}


def test_the_residual_is_that_of_the_day_itself(nodal: Scenario, nodal_day: EquilibriumDay) -> None:
    """Dispatched again, its load asks for its prices; at these, drivers make its load."""
    dispatches = dispatch_feeders(nodal, nodal_day.load.load_kw, nodal_day.tariff_cny_per_kwh)
    nodal_price = nodal_prices(nodal, dispatches)
    price = charging_price_cny_per_kwh(nodal, nodal_day.tariff_cny_per_kwh, nodal_price)
    assert price == pytest.approx(nodal_day.charging_price_cny_per_kwh, abs=1e-5)
    assert road_day(nodal, price).load.load_kw == pytest.approx(nodal_day.load.load_kw, rel=1e-4)


def test_nodal_prices_move_charging_and_make_it_no_dearer(
    nodal_day: EquilibriumDay, paper_day: EquilibriumDay
) -> None:
    mean = nodal_day.charging_price_cny_per_kwh.mean(axis=1)
    assert mean == pytest.approx(nodal_day.tariff_cny_per_kwh, abs=1e-9)
    moved = moved_kwh(nodal_day, paper_day)
    assert moved.sum() == pytest.approx(0, abs=0.1)
    assert moved[0] == pytest.approx(-211, abs=15)  # station 6, far from the substation
    cost = [sum(dispatch.cost_cny for dispatch in day.dispatches) for day in (nodal_day, paper_day)]
    assert cost[0] < cost[1]


def test_the_move_is_that_of_the_reference(paper: Scenario) -> None:
    """0.47 MWh leave station 6, three starts within 0.005 kW, gain about 0.2; at 29.9 kWh, Table 1, mu = 690.

    The reference had the EVs of dwell times.
    """
    terms = [
        "population.estimate_diaries=50000",
        "tariff.kind=table",
        "grid.loss_price_cny_per_mwh=690",
        "mobility.soc_target=0.848",
        "coupling.tolerance=1e-6",
    ]
    scenario = changed(paper, NODAL, *terms, name="dwell_times")
    apart = solve_equilibrium_day(scenario)
    alike = solve_equilibrium_day(changed(paper, *terms, 'coupling.starts=["tariff"]', name="dwell_times"))
    assert apart.demand.session_kwh == pytest.approx(29.9, abs=0.3)
    assert moved_kwh(apart, alike)[0] == pytest.approx(-470, abs=25)
    assert gain(scenario, apart) == pytest.approx(0.2, abs=0.05)
    assert contraction(apart) < 0.15
    for other in apart.others:
        assert other.load.load_kw == pytest.approx(apart.load.load_kw, abs=0.005)


def test_the_fixed_point_minimises_travel_and_dispatch_together(
    nodal: Scenario, nodal_day: EquilibriumDay, paper_day: EquilibriumDay
) -> None:
    """Fisk's objective + what the dispatch costs, in minutes: convex, so the day is the only one (docs/coupling.md)."""
    there, uniform = nodal_day, [period.path_flow_veh_h for period in paper_day.periods]
    best = [period.path_flow_veh_h for period in there.periods]
    value = {
        step: potential_min(nodal, there, [b + step * (u - b) for b, u in zip(best, uniform, strict=True)])
        for step in (-0.5, 0.0, 0.5, 1.0)
    }
    assert value[0.0] < min(value[-0.5], value[0.5], value[1.0])
    assert value[0.5] - value[0.0] < 0.5 * (value[1.0] - value[0.0])  # convex
    slope = (4 * value[0.5] - value[1.0] - 3 * value[0.0]) / (value[1.0] - value[0.0])
    assert abs(slope) < 0.05


def potential_min(scenario: Scenario, day: EquilibriumDay, path_flow_veh_h: list[FloatArray]) -> float:
    """Return the sum of Fisk's objective over the day and of the dispatch cost over the value of time."""
    arcs, theta = day.paths.network.charging_arcs, np.full(day.paths.groups.count, 0.2)
    travel, load = 0.0, []
    for flow, demand in zip(path_flow_veh_h, day.demand.group_veh_h, strict=True):
        problem = AssignmentProblem(paths=day.paths, demand_veh_h=demand, theta_per_min=theta)
        travel += fisk_objective(problem, flow)
        load.append(day.demand.session_kwh * day.paths.link_flow_veh_h(flow)[arcs])
    (dispatch,) = dispatch_feeders(scenario, np.array(load), day.tariff_cny_per_kwh)
    return travel + 60 * dispatch.cost_cny / scenario.config.road.value_of_time_cny_per_h


def test_where_prices_are_alike_one_pass_is_the_fixed_point(paper: Scenario) -> None:
    once, again = (
        solve_equilibrium_day(changed(paper, f"coupling.mode={mode}")) for mode in ("one_pass", "fixed_point")
    )
    assert [len(day.iterations) for day in (once, again)] == [1, 2]
    assert once.load.load_kw == pytest.approx(again.load.load_kw, rel=1e-5)
    assert again.iterations[-1].load_residual <= 1e-6
    assert again.iterations[-1].price_residual_cny_per_kwh == 0.0


def test_one_pass_with_nodal_prices_says_how_far_it_is_from_the_fixed_point(
    paper: Scenario, nodal_day: EquilibriumDay
) -> None:
    once = changed(paper, NODAL, "coupling.mode=one_pass", "tariff.kind=table")
    day = solve_equilibrium_day(once)
    assert len(day.iterations) == 1
    assert not day.settled
    assert 0.1 < day.iterations[0].load_residual < 1
    assert day_violations(once, day).empty  # it was asked for
    assert day.iterations[0].residual > 1e3 * nodal_day.residual


def test_a_steep_response_is_damped_until_it_settles(paper: Scenario) -> None:
    """Time worth 0.5 CNY/h: from far off the slope of the logit says little, and the undamped loop swings for ever."""
    settings = [
        "road.value_of_time_cny_per_h=0.5",
        'coupling.starts=["random"]',
        "coupling.max_iterations=40",
        "coupling.tolerance=1e-3",
    ]
    steep = changed(paper, NODAL, *settings)
    day = solve_equilibrium_day(steep)
    assert day.settled
    assert min(iteration.step_size for iteration in day.iterations) < 1


def test_a_loop_that_is_stopped_early_names_station_period_price_and_amount(paper: Scenario) -> None:
    few = ["coupling.max_iterations=2", 'coupling.starts=["tariff"]', "road.value_of_time_cny_per_h=1"]
    steep = changed(paper, NODAL, *few)
    day = solve_equilibrium_day(steep)
    assert not day.settled
    (told,) = day_violations(steep, day).itertuples()
    worst = day.iterations[-1]
    assert told.kind == "coupling"
    assert told.period == worst.period
    assert told.amount == worst.residual > 0.1
    assert told.place in told.sentence
    assert f"{worst.implied_price_cny_per_kwh:.4f} CNY/kWh" in told.sentence


def test_several_equilibria_are_told_apart(nodal: Scenario, nodal_day: EquilibriumDay) -> None:
    elsewhere = replace(nodal_day, load=replace(nodal_day.load, load_kw=1.01 * nodal_day.load.load_kw))
    told = day_violations(nodal, replace(nodal_day, others=(elsewhere,)))
    assert set(told.kind) == {"several_equilibria"}


def test_held_tariffs_are_the_same_from_all_starts(paper: Scenario) -> None:
    """With k = 1 the step tariff has no fixed point in two periods; the rest is one, and the same from everywhere."""
    coupled = load_scenario(paper.folder / "coupled.toml", ["population.estimate_diaries=50000"])
    day = solve_equilibrium_day(coupled)
    assert day.converged
    assert 0 < day.held_periods.size <= 3
    assert not day.settled
    for other in day.others:
        assert np.array_equal(other.tariff_cny_per_kwh, day.tariff_cny_per_kwh)
        assert not day.differs_from(other)
    assert set(day_violations(coupled, day).kind) == {"class_change"}


def test_energy_wanted_is_served_or_still_waits_at_any_price(paper: Scenario) -> None:
    sites = [f"stations.{name}.site_limit_kw=160" for name in ("CS6", "CS9", "CS11")]
    tight = changed(paper, NODAL, *sites, 'coupling.starts=["tariff"]')
    day = solve_equilibrium_day(tight)
    assert day.load.backlog_kwh.max() > 10
    charging = day.demand.group_veh_h.reshape(24, 3, -1)[:, CHARGING].sum()
    wanted_kwh = charging * day.demand.session_kwh
    assert day.load.load_kw.sum() + day.load.backlog_kwh[-1].sum() == pytest.approx(wanted_kwh, rel=1e-6)
    assert day.load.load_kw.max() <= 160 + 1e-9
