"""Day-ahead against real time: what theory guarantees, on the days of the toy and of the paper."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from cosim.arrays import FloatArray, Frame
from cosim.coupling import EquilibriumDay
from cosim.coupling.real_time import (
    PLANS,
    Loads,
    Realised,
    as_operated,
    foreseen,
    real_time_table,
    realise,
    variants,
)
from cosim.grid.device import DemandResponse
from cosim.grid.problem import Load
from cosim.grid.rolling import dispatch_rolling
from cosim.scenario import FeederCase, Scenario

Tables = Mapping[str, Frame]
Case = tuple[Scenario, EquilibriumDay, Tables]


@pytest.fixture(scope="module", params=["toy", "paper"])
def case(request: pytest.FixtureRequest) -> Case:
    return tuple(request.getfixturevalue(f"{request.param}{part}") for part in ("", "_day", "_tables"))


def of_each_station(case: Case, column: str) -> FloatArray:
    scenario, _, tables = case
    table = tables["stations"].query("day == 1").pivot_table(index="period", columns="station", values=column)
    values: FloatArray = table[[station.name for station in scenario.stations]].to_numpy()
    return values


def loads_of(case: Case) -> Loads:
    day = case[1]
    return Loads(
        day_ahead_kw=day.load.load_kw,
        realised_kw=of_each_station(case, "load_kw"),
        tariff_cny_per_kwh=day.tariff_cny_per_kwh,
    )


def day_of(scenario: Scenario, case: FeederCase, loads: Loads, plan: str) -> Realised:
    """The feeder's day, planned on what was expected or on what came."""
    if plan == "perfect_foresight":
        return realise(scenario, case, loads, foreseen(scenario, case, loads), loads.realised_kw)
    as_planned = replace(loads, realised_kw=loads.day_ahead_kw)
    return realise(scenario, case, loads, foreseen(scenario, case, as_planned), loads.day_ahead_kw)


def test_the_replayed_day_is_the_one_the_agents_operator_made(case: Case) -> None:
    """The rolling horizon of `cosim.grid.rolling`, told what the operator was told, finds the operator's set-points."""
    scenario, day, tables = case
    feeder, loads = scenario.feeders[0], loads_of(case)
    ahead = feeder.load(scenario.stations, loads.day_ahead_kw)
    at_opening = feeder.load(scenario.stations, of_each_station(case, "forecast_kw"))

    def told(first_period: int, load: Load) -> Load:
        expected_kw = ahead.station_kw[first_period - 1 :].copy()
        expected_kw[0] = at_opening.station_kw[first_period - 1]
        return replace(load, station_kw=expected_kw)

    replayed = dispatch_rolling(
        feeder.feeder, feeder.devices, ahead, day.tariff_cny_per_kwh, forecast=told,
        period_h=scenario.periods.hours, rules=feeder.rules,
    ).carried_out  # fmt: skip
    realised = realise(scenario, feeder, loads, replayed, of_each_station(case, "forecast_kw"))
    operated = as_operated(feeder.feeder, tables)
    assert realised.cost_cny == pytest.approx(operated.cost_cny, rel=1e-6, abs=1e-3)
    assert realised.voltage_min_pu == pytest.approx(operated.voltage_min_pu, abs=1e-7)
    assert realised.losses_kw == pytest.approx(operated.losses_kw, abs=1e-3)
    assert np.array_equal(realised.outside_limits, operated.outside_limits)


def test_nobody_does_better_than_who_knew_the_load(case: Case) -> None:
    """Guaranteed for a day that keeps the limits: it is one of those that foresight chooses from."""
    scenario, day, tables = case
    feeder, loads = scenario.feeders[0], loads_of(case)
    table = real_time_table(scenario, loads, day.dispatches, tables)
    assert set(table.plan) == set(PLANS)
    own = table[(table.feeder == feeder.feeder.name) & (table.without == "")]
    cost = own.groupby("plan").cost_cny.sum()
    assert own[own.plan != "perfect_foresight"].outside_limits.sum() == 0
    for plan in ("day_ahead", "re_dispatch"):
        assert -0.01 <= cost[plan] - cost["perfect_foresight"] < 100
    assert cost["day_ahead"] != cost["perfect_foresight"]
    by_itself = day_of(scenario, feeder, loads, "day_ahead").cost_cny.sum()
    assert cost["day_ahead"] == pytest.approx(by_itself, rel=1e-6)


def test_with_a_perfect_forecast_all_plans_cost_the_same(case: Case) -> None:
    scenario, day, _ = case
    known = replace(loads_of(case), realised_kw=day.load.load_kw)
    feeder = scenario.feeders[0]
    blind = realise(scenario, feeder, known, day.dispatches[0], known.day_ahead_kw).cost_cny.sum()
    foresight = day_of(scenario, feeder, known, "perfect_foresight").cost_cny.sum()
    assert [blind, foresight] == pytest.approx([day.dispatches[0].cost_cny] * 2, rel=1e-6)


def test_units_that_shift_energy_are_worth_something_to_who_knows_the_load(case: Case) -> None:
    scenario, _, _ = case
    feeder, loads = scenario.feeders[0], loads_of(case)
    cost = {
        name: day_of(scenario, reduced, loads, "perfect_foresight").cost_cny.sum()
        for name, reduced in variants(feeder)
    }
    expected = {"", "storage"} | ({"demand response"} if feeder.devices.of(DemandResponse) else set())
    assert set(cost) == expected
    assert all(without > cost[""] for name, without in cost.items() if name)


def test_load_that_did_not_come_lowers_the_purchase_by_itself_and_its_losses(case: Case) -> None:
    scenario, day, _ = case
    came = day.load.load_kw
    half = Loads(day_ahead_kw=came, realised_kw=came / 2, tariff_cny_per_kwh=day.tariff_cny_per_kwh)
    full = replace(half, realised_kw=came)
    at_half, at_full = (day_of(scenario, scenario.feeders[0], loads, "day_ahead") for loads in (half, full))
    spared_kw = at_full.purchase_kw - at_half.purchase_kw
    losses_kw = at_full.losses_kw - at_half.losses_kw
    assert spared_kw == pytest.approx(came.sum(axis=1) / 2 + losses_kw, abs=1e-6)
    assert np.all(at_half.voltage_min_pu >= at_full.voltage_min_pu - 1e-12)
