"""Day-ahead against real time: what theory guarantees, on the days of the toy and of the paper."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from cosim.arrays import Frame
from cosim.coupling import EquilibriumDay
from cosim.coupling.real_time import PLANS, Loads, realise, variants
from cosim.scenario import Scenario

Tables = Mapping[str, Frame]
Case = tuple[Scenario, EquilibriumDay, Tables]


@pytest.fixture(scope="module", params=["toy", "paper"])
def case(request: pytest.FixtureRequest) -> Case:
    return tuple(request.getfixturevalue(f"{request.param}{part}") for part in ("", "_day", "_tables"))


def loads_of(case: Case) -> Loads:
    scenario, day, tables = case
    stations = tables["stations"].query("day == 1")
    names = [station.name for station in scenario.stations]
    came, expected = (
        stations.pivot_table(index="period", columns="station", values=column)[names].to_numpy()
        for column in ("load_kw", "forecast_kw")
    )
    return Loads(
        day_ahead_kw=day.load.load_kw,
        at_opening_kw=expected,
        came_kw=came,
        tariff_cny_per_kwh=day.tariff_cny_per_kwh,
    )


def test_the_replayed_day_is_the_one_the_agents_operator_made(case: Case) -> None:
    scenario, _, tables = case
    replayed = realise(scenario, scenario.feeders[0], loads_of(case), "re_dispatch")
    operated = tables["dispatch"].query("day == 1")
    assert replayed.cost_cny == pytest.approx(operated.cost_cny.to_numpy(), rel=1e-6, abs=1e-3)
    assert replayed.voltage_min_pu == pytest.approx(operated.voltage_min_pu.to_numpy(), abs=1e-7)
    assert replayed.losses_kw == pytest.approx(operated.losses_kw.to_numpy(), abs=1e-3)


def test_nobody_does_better_than_who_knew_the_load(case: Case) -> None:
    """Guaranteed for a day that keeps the limits: it is one of those that foresight chooses from."""
    scenario, _, _ = case
    loads = loads_of(case)
    day = {plan: realise(scenario, scenario.feeders[0], loads, plan) for plan in PLANS}
    for plan in ("day_ahead", "re_dispatch"):
        assert day[plan].outside_limits.sum() == 0
        extra_cny = day[plan].cost_cny.sum() - day["perfect_foresight"].cost_cny.sum()
        assert -0.01 <= extra_cny < 100
    assert day["day_ahead"].cost_cny.sum() != day["perfect_foresight"].cost_cny.sum()


def test_with_a_perfect_forecast_all_plans_cost_the_same(case: Case) -> None:
    scenario, day, _ = case
    came = day.load.load_kw
    known = Loads(
        day_ahead_kw=came, at_opening_kw=came, came_kw=came, tariff_cny_per_kwh=day.tariff_cny_per_kwh
    )
    costs = [realise(scenario, scenario.feeders[0], known, plan).cost_cny.sum() for plan in PLANS]
    assert costs == pytest.approx([day.dispatches[0].cost_cny] * 3, rel=1e-6)


def test_units_that_shift_energy_are_worth_something_to_who_knows_the_load(case: Case) -> None:
    scenario, _, _ = case
    feeder, loads = scenario.feeders[0], loads_of(case)
    cost = {
        name: realise(scenario, reduced, loads, "perfect_foresight").cost_cny.sum()
        for name, reduced in variants(feeder)
    }
    expected = {"", "storage"} | ({"demand response"} if feeder.devices.demand_responses else set())
    assert set(cost) == expected
    assert all(without > cost[""] for name, without in cost.items() if name)


def test_load_that_did_not_come_lowers_the_purchase_by_itself_and_its_losses(case: Case) -> None:
    scenario, day, _ = case
    came = day.load.load_kw
    half = Loads(
        day_ahead_kw=came, at_opening_kw=came, came_kw=came / 2, tariff_cny_per_kwh=day.tariff_cny_per_kwh
    )
    full = replace(half, came_kw=came)
    at_half, at_full = (realise(scenario, scenario.feeders[0], loads, "day_ahead") for loads in (half, full))
    spared_kw = at_full.purchase_kw - at_half.purchase_kw
    losses_kw = at_full.losses_kw - at_half.losses_kw
    assert spared_kw == pytest.approx(came.sum(axis=1) / 2 + losses_kw, abs=1e-6)
    assert np.all(at_half.voltage_min_pu >= at_full.voltage_min_pu - 1e-12)
