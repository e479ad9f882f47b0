"""The headline check: with costs fixed at the equilibrium, drivers' choices are draws from its shares.

Only the roads run here: what drivers choose does not wait for the grid when the price is the same everywhere. The
twenty days are simulated as batches, which give the bytes that EVs one by one do (tests/agents/test_resolutions.py).
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, chi2, kstest

from agents.model import CoSimModel
from cosim.arrays import Frame
from cosim.config import ScenarioConfig
from cosim.coupling import EquilibriumDay, equilibrium_tables
from cosim.results import Recorder
from cosim.scenario import DayAhead, Scenario, load_scenario
from experiments.compare.choices import compare_choices
from experiments.compare.comparison import agents_of
from experiments.compare.sample import Sample
from experiments.run.many_days import recorded

SEEDS = range(101, 121)


@pytest.fixture(scope="module")
def batches(paper: Scenario) -> Scenario:
    """The paper's roads, all EVs at once."""
    batch = load_scenario(paper.folder / "paper.toml", ["population.resolution=batch"])
    return replace(batch, feeders=())


@pytest.fixture(scope="module")
def expected(batches: Scenario, paper_day: EquilibriumDay) -> Sample:
    tables = equilibrium_tables(batches, replace(paper_day, dispatches=()))
    return Sample(
        name="equilibrium", model="equilibrium", days=(recorded(tables),), seeds=(), config=batches.config
    )


def g_tests(scenario: Scenario, ahead: DayAhead, expected: Sample, seed: int) -> Frame:
    agents = CoSimModel(scenario, ahead, seed).simulate()
    recorder = Recorder()
    compare_choices(recorder, 1, expected, agents_of(scenario.config, [recorded(agents)], [seed]), seed)
    return recorder.frame("g_tests")


@pytest.fixture(scope="module")
def twenty_seeds(batches: Scenario, paper_ahead: DayAhead, expected: Sample) -> Frame:
    return pd.concat([g_tests(batches, paper_ahead, expected, seed) for seed in SEEDS])


@pytest.mark.parametrize("user_class", ["not_charging", "charging"])
def test_g_tests_reject_at_five_percent_about_five_percent_of_the_time(
    twenty_seeds: Frame, user_class: str
) -> None:
    """Inside the binomial band that holds 99.9 % of the time; seeds are fixed."""
    p_values = twenty_seeds[twenty_seeds.user_class == user_class].p_value
    rejected = int((p_values <= 0.05).sum())
    low, high = binom.interval(0.999, len(p_values), 0.05)
    assert len(p_values) > 1000
    assert low <= rejected <= high


def test_p_values_are_uniform(twenty_seeds: Frame) -> None:
    assert kstest(twenty_seeds.p_value, "uniform").pvalue > 0.001


def test_agents_with_half_the_theta_are_found_out(
    batches: Scenario, paper_ahead: DayAhead, expected: Sample
) -> None:
    """The check can fail: one day is enough."""
    tables = batches.config.model_dump()
    tables["population"]["theta_per_min"] = batches.config.road.theta_per_min / 2
    halved = replace(batches, config=ScenarioConfig.model_validate(tables))
    tests = g_tests(halved, paper_ahead, expected, seed=1)
    passing = tests[tests.user_class == "not_charging"].p_value
    assert chi2.sf(-2 * np.log(passing).sum(), 2 * len(passing)) < 1e-6
    assert (passing <= 0.05).mean() > 0.25
