"""What a scenario file may say of the assignment changes how, not what, the day's equilibrium finds."""

from dataclasses import replace
from typing import Any

import pytest

from cosim.coupling import EquilibriumDay, solve_equilibrium_day
from cosim.scenario import Scenario, load_scenario


def searched(scenario: Scenario, **options: Any) -> Scenario:
    """Return the scenario with other options of ``[road.assignment]``."""
    config = scenario.config
    road = config.road.model_copy(update={"assignment": config.road.assignment.model_copy(update=options)})
    return replace(scenario, config=config.model_copy(update={"road": road}))


@pytest.mark.parametrize("method", ["newton", "mswa"])
def test_every_method_finds_the_same_day(toy: Scenario, toy_day: EquilibriumDay, method: str) -> None:
    day = solve_equilibrium_day(searched(toy, method=method))
    assert day.residual_max <= 1e-6
    for found, expected in zip(day.periods, toy_day.periods, strict=True):
        assert found.method == method
        assert found.link_flow_veh_h == pytest.approx(expected.link_flow_veh_h, abs=1e-3)


def test_trips_that_go_on_are_driven_later(toy: Scenario, toy_day: EquilibriumDay) -> None:
    """Only what the last period carries on is missing from the day; the flow of the small hours comes later."""
    day = solve_equilibrium_day(searched(toy, carry_over=True, method="newton"))
    driven = sum(period.path_flow_veh_h.sum() for period in day.periods)
    started = sum(period.path_flow_veh_h.sum() for period in toy_day.periods)
    assert 0.99 * started < driven < started
    by_hour, at_once = ([period.path_flow_veh_h.sum() for period in d.periods] for d in (day, toy_day))
    rising = max(range(len(at_once)), key=lambda t: at_once[t] - at_once[t - 1] if t else 0.0)
    assert by_hour[rising] < at_once[rising]


def test_averages_give_way_to_newton_where_stations_are_beyond_their_capacity(toy: Scenario) -> None:
    """Successive averages stall there: at a residual of .67 after 2,000 iterations in the paper's case."""
    few = load_scenario(toy.folder / "toy.toml", ["stations.S.chargers=1", "road.assignment.method=sra"])
    day = solve_equilibrium_day(few)
    assert day.shortfall
    assert {period.method for period in day.periods} == {"newton"}
    assert day.residual_max <= 1e-6
