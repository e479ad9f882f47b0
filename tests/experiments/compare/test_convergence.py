"""The law of large numbers, measured: agents' flows approach the equilibrium's like N^-1/2."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents.model import CoSimModel
from agents.plans import PURPOSE as OF_AGENTS
from cosim.coupling import EquilibriumDay, day_ahead, solve_equilibrium_day
from cosim.scenario import Scenario, load_scenario
from experiments.compare.convergence import (
    error_against_n,
    expected_ev_flow_veh_h,
    fitted_slope,
    sampled_ev_flow_veh_h,
)

CONFIGS = Path(__file__).parents[3] / "configs"


def test_agents_converge_to_sue_like_one_over_sqrt_n(paper: Scenario) -> None:
    result = error_against_n(paper, sizes=(100, 1_000, 10_000), replications=20)
    assert result.slope == pytest.approx(-0.5, abs=0.05)
    assert result.converges
    assert result.slope_error < 0.01


def test_drivers_of_another_theta_do_not_converge(paper: Scenario, paper_day: EquilibriumDay) -> None:
    """The measurement can fail: a bias in the choices is a floor that no number of agents breaks."""
    other = solve_equilibrium_day(load_scenario(CONFIGS / "paper.toml", ["road.theta_per_min=0.1"]))
    expected, sizes = expected_ev_flow_veh_h(paper_day), np.array([1_000, 10_000])
    errors = [
        [np.linalg.norm(sampled_ev_flow_veh_h(paper, other, n, seed) - expected) for seed in range(4)]
        for n in sizes
    ]
    slope, _ = fitted_slope(sizes, np.array(errors))
    assert slope > -0.35


def test_the_arrays_draw_what_the_agents_do() -> None:
    """With the agents' own streams the flows are theirs, vehicle by vehicle, where no trip waits for another."""
    scenario = load_scenario(CONFIGS / "toy.toml", ["stations.S.chargers=60"])
    scenario = replace(scenario, feeders=())
    day = solve_equilibrium_day(scenario)
    links = CoSimModel(scenario, day_ahead(scenario, day), seed=2).simulate()["links"]
    links = links[links.day == 1]
    counted = (links.ev_not_charging_veh_h + links.ev_charging_veh_h).to_numpy().reshape(8, -1)
    sampled = sampled_ev_flow_veh_h(scenario, day, day.demand.n_ev, 2, OF_AGENTS)
    assert sampled == pytest.approx(counted, abs=1e-9)
    assert counted.sum() > 100


def test_slope_of_an_exact_power_law() -> None:
    sizes = np.array([10, 100, 1_000])
    errors = np.outer(3.0 * sizes**-0.4, [0.9, 1.1])
    assert fitted_slope(sizes, errors)[0] == pytest.approx(-0.4)
