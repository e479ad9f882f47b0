"""Where a limit of the feeder is just reached: the nodal price is anything between two ends, and one of it balances."""

from dataclasses import replace

import numpy as np
import pytest

from cosim.arrays import FloatArray
from cosim.coupling import EquilibriumDay, day_violations, solve_equilibrium_day
from cosim.coupling.day import road_day
from cosim.coupling.prices import dispatch_feeders
from cosim.coupling.response import logit_slope, price_response
from cosim.scenario import Scenario, load_scenario

ROW = 19
"""Of period 20, in which all three stations share the limit."""
STEP_KW = 0.5


@pytest.fixture(scope="module")
def low_voltage(paper: Scenario) -> Scenario:
    """The paper's case with nodal prices and 0.97 p.u. at the substation."""
    settings = ["tariff.charging_price=nodal", "grid.slack_voltage_pu=0.97", "road.assignment.method=newton"]
    return load_scenario(paper.folder / "paper.toml", settings)


@pytest.fixture(scope="module")
def low_day(low_voltage: Scenario) -> EquilibriumDay:
    return solve_equilibrium_day(low_voltage)


def paid_cny(scenario: Scenario, day: EquilibriumDay, load_kw: FloatArray) -> float:
    """Return what the day costs at this station load, broken limits at their penalties, without any response."""
    (dispatch,) = dispatch_feeders(scenario, load_kw, day.tariff_cny_per_kwh)
    return dispatch.objective_cny


def ends_cny_per_kwh(scenario: Scenario, day: EquilibriumDay, giver: int, taker: int) -> tuple[float, float]:
    """Return what a kWh costs less, and more, if it moves between two stations in period 20: one-sided slopes."""
    move = np.zeros_like(day.load.load_kw)
    move[ROW, [giver, taker]] = -STEP_KW, STEP_KW
    here = day.dispatches[0].cost_cny
    back, forth = (paid_cny(scenario, day, day.load.load_kw + sign * move) for sign in (-1, 1))
    return (here - back) / STEP_KW, (forth - here) / STEP_KW


def test_a_limit_that_stations_share_is_met_from_every_start(
    low_voltage: Scenario, low_day: EquilibriumDay
) -> None:
    for day in (low_day, *low_day.others):
        assert day.settled
        assert len(day.iterations) <= 12
        assert day.load.load_kw == pytest.approx(low_day.load.load_kw, abs=0.005)
        assert day.charging_price_cny_per_kwh == pytest.approx(low_day.charging_price_cny_per_kwh, abs=1e-5)
    assert day_violations(low_voltage, low_day).empty
    (dispatch,) = low_day.dispatches
    assert dispatch.status == "optimal"
    assert dispatch.voltage_pu[ROW].min() == pytest.approx(0.95, abs=1e-6)


def test_prices_between_the_stations_lie_between_the_two_ends_at_one_multiplier(
    low_voltage: Scenario, low_day: EquilibriumDay
) -> None:
    """For each pair of stations the ends are .15 to .4 CNY/kWh apart; one limit, so one place between them."""
    price, places = low_day.charging_price_cny_per_kwh[ROW], []
    for giver, taker in ((1, 0), (0, 2), (1, 2)):  # from where it is cheap to where it is dear
        low, high = ends_cny_per_kwh(low_voltage, low_day, giver, taker)
        between = price[taker] - price[giver]
        assert high - low > 0.1
        assert low < between < high
        places.append((between - low) / (high - low))
    assert places == pytest.approx(3 * [0.19], abs=0.01)


def test_no_other_load_is_worth_its_price(low_voltage: Scenario, low_day: EquilibriumDay) -> None:
    """Prices p support the cost V at the load L: V(L + d) >= V(L) + p d, for moves d of any size and period."""
    load_kw, price = low_day.load.load_kw, low_day.nodal_price_cny_per_kwh
    here, rng = low_day.dispatches[0].cost_cny, np.random.default_rng(1)
    for size in (0.3, 1.0, 3.0, 10.0):
        move = size * rng.standard_normal(load_kw.shape)
        move = np.maximum(move - move.mean(axis=1, keepdims=True), -load_kw)
        assert paid_cny(low_voltage, low_day, load_kw + move) >= here + (price * move).sum() - 2e-3


def test_a_dispatch_without_response_knows_its_bound_on_the_edge_too(
    low_voltage: Scenario, low_day: EquilibriumDay
) -> None:
    """A watt more at station 11, and period 20 is infeasible; the operator plans with this load all day."""
    (plain,) = dispatch_feeders(low_voltage, low_day.load.load_kw, low_day.tariff_cny_per_kwh)
    assert plain.status == "optimal"
    assert plain.certified
    assert plain.optimality_gap < 1e-6
    assert plain.cost_cny == pytest.approx(low_day.dispatches[0].cost_cny, rel=1e-6)


def test_drivers_make_that_load_at_these_prices(low_voltage: Scenario, low_day: EquilibriumDay) -> None:
    again = road_day(low_voltage, low_day.charging_price_cny_per_kwh)
    assert again.load.load_kw == pytest.approx(low_day.load.load_kw, rel=1e-4)


def test_one_pass_anticipates_nothing(low_voltage: Scenario, low_day: EquilibriumDay) -> None:
    """As open-loop tools compute it: the dispatch takes the load as it comes."""
    coupling = low_voltage.config.coupling.model_copy(update={"mode": "one_pass", "starts": ("tariff",)})
    config = low_voltage.config.model_copy(update={"coupling": coupling})
    day = solve_equilibrium_day(replace(low_voltage, config=config))
    assert len(day.iterations) == 1
    assert "response_kw" not in day.dispatches[0].setpoints
    assert np.abs(day.load.load_kw - low_day.load.load_kw)[ROW].max() > 100


def test_the_slope_is_that_of_drivers_who_meet_no_congestion(
    low_voltage: Scenario, low_day: EquilibriumDay
) -> None:
    """Against what drivers do at other prices: symmetric, no total moves, and never less than their answer."""
    slope, step = logit_slope(low_voltage, low_day), 0.002
    assert slope == pytest.approx(np.swapaxes(slope, 1, 2), abs=1e-9)
    assert slope.sum(axis=2) == pytest.approx(np.zeros(slope.shape[:2]), abs=1e-6)
    answer = np.empty_like(slope)
    for number in range(3):
        dearer = low_day.charging_price_cny_per_kwh.copy()
        dearer[:, number] += step
        answer[:, :, number] = (
            low_day.load.load_kw - road_day(low_voltage, dearer, low_day).load.load_kw
        ) / step
    surplus = np.linalg.eigvalsh(slope - (answer + np.swapaxes(answer, 1, 2)) / 2)
    assert surplus.min() > -0.01 * np.abs(slope).max()
    quiet = slope[2]  # period 3: hardly anyone on the roads
    assert answer[2] == pytest.approx(quiet, abs=0.05 * np.abs(quiet).max())


def test_the_root_gives_the_slope_back(low_voltage: Scenario, low_day: EquilibriumDay) -> None:
    (case,) = low_voltage.feeders
    response = price_response(low_voltage, low_day, case)
    assert response is not None
    squared = response.slope_root @ np.swapaxes(response.slope_root, 1, 2)
    assert squared == pytest.approx(logit_slope(low_voltage, low_day), abs=1e-6)


def test_a_feeder_with_one_station_has_nothing_to_move(toy: Scenario, toy_day: EquilibriumDay) -> None:
    assert [price_response(toy, toy_day, case) for case in toy.feeders] == [None]
