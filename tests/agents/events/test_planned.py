"""Planned closings: the agents' choices are draws from the equilibrium that knows of them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, kstest

from agents.model import CoSimModel
from cosim.arrays import Frame
from cosim.coupling import EquilibriumDay, day_ahead, equilibrium_tables, solve_equilibrium_day
from cosim.results import Recorder
from cosim.scenario import Scenario, load_scenario
from experiments.compare.choices import compare_choices
from experiments.compare.comparison import agents_of
from experiments.compare.sample import Sample
from experiments.run.many_days import recorded
from tests.agents.two_stations import toy_with_links

SIX, NINE, NOON, FIFTEEN = (f"{hour:02}:00" for hour in (6, 9, 12, 15))
PLANNED = [
    {"kind": "road", "name": "2", "from": NINE, "until": NOON, "planned": True},
    {"kind": "road", "name": "3", "capacity": 0.5, "from": SIX, "until": FIFTEEN, "planned": True},
    {"kind": "station", "name": "R", "from": NOON, "until": FIFTEEN, "planned": True},
    {"kind": "chargers", "name": "S", "chargers": 3, "from": NINE, "until": FIFTEEN, "planned": True},
]
"""In whole periods of three hours: the agents' day, to the second, is that of the equilibrium."""


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    file = toy_with_links(tmp_path_factory.mktemp("planned"))
    settings: dict[str, Any] = {
        "stations": [
            {"name": "S", "road_node": 2, "bus": 4, "chargers": 6, "charger_kw": 60.0},
            {"name": "R", "road_node": 3, "bus": 4, "chargers": 6, "charger_kw": 60.0},
        ],
        "events": PLANNED,
        "population.resolution": "batch",
        "road.demand_scale": 0.5,
    }
    return load_scenario(file, settings)


@pytest.fixture(scope="module")
def day(scenario: Scenario) -> EquilibriumDay:
    return solve_equilibrium_day(scenario)


@pytest.fixture(scope="module")
def seeds(scenario: Scenario, day: EquilibriumDay) -> list[dict[str, Frame]]:
    """Return the agents' days of many seeds, each with ten times the EVs there are."""
    ahead = replace(day_ahead(scenario, day), n_ev=2000)
    roads = replace(scenario, feeders=())
    return [CoSimModel(roads, ahead, seed).simulate() for seed in range(101, 107)]


def test_nobody_uses_what_is_closed_as_planned_in_either_model(
    scenario: Scenario, day: EquilibriumDay, seeds: list[dict[str, Frame]]
) -> None:
    for links in (equilibrium_tables(scenario, day)["links"], *(tables["links"] for tables in seeds)):
        flow = links.query("day == 1").set_index(["link", "period"]).flow_veh_h
        assert flow["2", 4] == flow["R", 5] == 0
        assert flow["2", 5] > 0
        assert flow["R", 4] > 0


def test_choices_with_planned_closings_are_draws_from_their_equilibrium(
    scenario: Scenario, day: EquilibriumDay, seeds: list[dict[str, Frame]]
) -> None:
    p_values = pd.concat([g_tests(scenario, day, tables) for tables in seeds]).p_value
    assert len(p_values) > 50
    assert kstest(p_values, "uniform").pvalue > 0.001


def test_an_equilibrium_without_the_closings_is_found_out(
    scenario: Scenario, seeds: list[dict[str, Frame]]
) -> None:
    """The check can fail: the same days against an equilibrium that does not know of them."""
    unaware = replace(scenario, events=())
    tests = g_tests(unaware, solve_equilibrium_day(unaware), seeds[0])
    assert chi2.sf(-2 * np.log(tests.p_value.clip(1e-300)).sum(), 2 * len(tests)) < 1e-6


def g_tests(scenario: Scenario, day: EquilibriumDay, tables: dict[str, Frame]) -> Frame:
    expected = Sample(
        name="equilibrium",
        model="equilibrium",
        days=(recorded(equilibrium_tables(replace(scenario, feeders=()), replace(day, dispatches=()))),),
        seeds=(),
        config=scenario.config,
    )
    recorder = Recorder()
    compare_choices(recorder, 1, expected, agents_of(scenario.config, [recorded(tables)], [1]), 1)
    return recorder.frame("g_tests")
