"""The equilibrium of a day: the toy's by hand, the paper's against the reference figures."""

import numpy as np
import pytest

from cosim.coupling import EquilibriumDay, day_violations, equilibrium_tables, solve_equilibrium_day
from cosim.coupling.prices import day_tariff
from cosim.scenario import CAR, CHARGING, NOT_CHARGING, Scenario, load_scenario


def test_cars_and_evs_together_make_the_daily_trips(paper: Scenario, paper_day: EquilibriumDay) -> None:
    """9,545 trips a day, 60 % of them by EVs; the number of EVs is whole, hence the tolerance."""
    demand, ods = paper_day.demand, paper.od_share.size
    by_class = demand.group_veh_h.reshape(24, 3, ods).sum(axis=(0, 2))
    assert by_class.sum() == pytest.approx(9545, rel=1e-3)
    assert by_class[CAR] / by_class.sum() == pytest.approx(0.4, rel=1e-3)
    share = by_class[CHARGING] / (by_class[CHARGING] + by_class[NOT_CHARGING])
    assert share == pytest.approx(demand.charging.mean_charging_share)
    assert share == pytest.approx(0.0573, abs=0.002)


def test_every_period_is_an_equilibrium_of_its_own_demand(paper_day: EquilibriumDay) -> None:
    groups = paper_day.paths.groups
    assert paper_day.residual_max <= 1e-6
    assert paper_day.settled
    for demand, period in zip(paper_day.demand.group_veh_h, paper_day.periods, strict=True):
        assert groups.total(period.path_flow_veh_h) == pytest.approx(demand, abs=1e-5)


def test_peak_arrivals_are_those_of_the_reference(paper_day: EquilibriumDay) -> None:
    """METHOD: 11.4 / 7.4 / 10.5 veh/h at stations 6, 9, 11 in period 17, for other session energies."""
    arcs = paper_day.paths.network.charging_arcs
    arrivals = np.array([period.link_flow_veh_h[arcs] for period in paper_day.periods])
    assert arrivals.sum(axis=0) * paper_day.demand.charging.mean_session_kwh == pytest.approx(
        paper_day.load.load_kw.sum(axis=0)
    )
    assert arrivals.max(axis=0) == pytest.approx([11.4, 7.4, 10.5], rel=0.25)


def test_both_tariffs_have_the_levels_of_table_1(paper: Scenario, paper_day: EquilibriumDay) -> None:
    tariff = paper_day.tariff_cny_per_kwh
    assert sorted(set(np.round(tariff, 2))) == [0.35, 0.68, 1.09]
    assert set(np.flatnonzero(tariff > 1) + 1) == {18, 19, 20, 21}
    assert day_tariff(paper, paper_day.load.load_kw) == pytest.approx(tariff)


def test_toy_drivers_without_a_charge_split_as_two_paths_alike(
    toy: Scenario, toy_day: EquilibriumDay
) -> None:
    """Path 1-2-4 also carries the charging EVs, so it is a little slower and a little less used."""
    period = toy_day.periods[5]
    cars = period.path_share[toy_day.paths.groups.members(CAR)]
    cost = period.path_cost_min[toy_day.paths.groups.members(CAR)]
    theta = toy.config.road.theta_per_min
    over_node_2 = 1 / (1 + np.exp(theta * (cost[0] - cost[1])))
    assert cars == pytest.approx([over_node_2, 1 - over_node_2])
    assert 0.4 < over_node_2 < 0.5


def test_toy_station_load_is_sessions_times_their_energy(toy_day: EquilibriumDay) -> None:
    charging = toy_day.demand.group_veh_h[:, CHARGING]
    load_kw = charging * toy_day.demand.charging.mean_session_kwh
    assert toy_day.load.load_kw[:, 0] == pytest.approx(np.minimum(load_kw, 120.0), rel=1e-5)


def test_the_dispatch_of_the_equilibrium_keeps_all_limits(paper: Scenario, paper_day: EquilibriumDay) -> None:
    """METHOD's reference: 26,500 CNY at 29.9 kWh a session and a loss price; here 27.3 kWh and none."""
    tables = equilibrium_tables(paper, paper_day)
    dispatch = tables["dispatch"]
    assert (dispatch.status == "optimal").all()
    assert dispatch.relaxation_error_max.max() <= 1e-6
    assert dispatch.ac_mismatch_max_pu.max() <= 1e-6
    assert dispatch.voltage_min_pu.min() >= 0.95 - 1e-6
    assert dispatch.cost_cny.sum() == pytest.approx(26_000, rel=0.03)
    assert "violations" not in tables


def test_a_tariff_that_drivers_push_back_and_forth_is_held_and_named(paper: Scenario) -> None:
    """With k = 1 some period at the edge of a class flips; all other prices are those the load leads to."""
    sensitive = load_scenario(paper.folder / "paper.toml", ["mobility.price_sensitivity=1"])
    day = solve_equilibrium_day(sensitive)
    assert 0 < day.held_periods.size <= 2
    steady = np.delete(np.arange(24), day.held_periods - 1)
    implied = day_tariff(sensitive, day.load.load_kw)
    assert implied[steady] == pytest.approx(day.tariff_cny_per_kwh[steady])
    told = day_violations(sensitive, day)
    assert told.period.tolist() == day.held_periods.tolist()
    assert set(told.kind) == {"class_change"}
