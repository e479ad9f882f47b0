"""Strategies of choice in the agents' day: at both resolutions, against the equilibrium, at stations."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from agents.model import CoSimModel
from agents.path_choice import PathChoice
from agents.roads import Roads
from cosim.arrays import Frame
from cosim.coupling import EquilibriumDay, day_ahead, equilibrium_tables, solve_equilibrium_day
from cosim.messages import PeriodOpened
from cosim.periods import PeriodOfDay
from cosim.results import Recorder
from cosim.road.route_choice import Alternatives
from cosim.scenario import CAR, CHARGING, DayAhead, Scenario, load_scenario
from experiments.compare.choices import compare_choices, pooled_p_values
from experiments.compare.comparison import agents_of
from experiments.compare.sample import Sample
from experiments.run.many_days import recorded


class Indifferent:
    """Takes anything within five minutes of the cheapest, all alike."""

    def weights(self, alternatives: Alternatives) -> np.ndarray:
        return (alternatives.excess_cost_min <= 5.0).astype(float)


def roads_only(paper: Scenario, *settings: str) -> Scenario:
    """Return the paper's roads; what drivers choose does not wait for the grid."""
    return replace(load_scenario(paper.folder / "paper.toml", settings), feeders=())


@pytest.fixture(scope="module")
def path_size_day(paper: Scenario) -> tuple[Scenario, EquilibriumDay]:
    scenario = load_scenario(paper.folder / "paper.toml", ["population.choice=path_size"])
    return scenario, solve_equilibrium_day(scenario)


@pytest.mark.parametrize("choice", ["path_size", "probit", "cheapest", "indifferent"])
def test_both_resolutions_write_the_same_tables(paper: Scenario, paper_ahead: DayAhead, choice: str) -> None:
    few = replace(paper_ahead, n_ev=400)
    tables = {}
    for resolution in ("individual", "batch"):
        name = "logit" if choice == "indifferent" else choice
        scenario = roads_only(paper, f"population.choice={name}", f"population.resolution={resolution}")
        if choice == "indifferent":
            scenario = replace(scenario, choice=Indifferent())
        tables[resolution] = CoSimModel(scenario, few, seed=3).simulate()
    one, many = tables["individual"], tables["batch"]
    for name in one.keys() - {"messages"}:
        assert one[name].equals(many[name]), name
    assert (one["trips"].user_class == "charging").sum() > 20


def choices_tested(scenario: Scenario, ahead: DayAhead, equilibrium: Mapping[str, Frame]) -> float:
    """Return Fisher's combined p-value of the passing EVs' G-tests, of 6,000 EVs at the equilibrium's costs."""
    choice = f"population.choice={scenario.config.population.choice}"
    batch = roads_only(scenario, choice, "population.resolution=batch")
    agents = CoSimModel(batch, replace(ahead, n_ev=6000), seed=1).simulate()
    expected = Sample(
        name="equilibrium", model="equilibrium", days=(recorded(equilibrium),), seeds=(), config=batch.config
    )
    recorder = Recorder()
    compare_choices(recorder, 1, expected, agents_of(batch.config, [recorded(agents)], [1]), 1)
    return float(pooled_p_values(recorder.frame("g_tests"))["not_charging"])


def test_path_size_agents_draw_from_the_equilibrium_with_path_sizes(
    path_size_day: tuple[Scenario, EquilibriumDay],
) -> None:
    scenario, day = path_size_day
    equilibrium = equilibrium_tables(scenario, day)
    assert choices_tested(scenario, day_ahead(scenario, day), equilibrium) > 1e-3


@pytest.mark.parametrize("choice", ["path_size", "cheapest"])
def test_the_comparison_with_the_logit_equilibrium_shows_another_behaviour(
    paper: Scenario, paper_day: EquilibriumDay, paper_ahead: DayAhead, choice: str
) -> None:
    other = load_scenario(paper.folder / "paper.toml", [f"population.choice={choice}"])
    assert choices_tested(other, paper_ahead, equilibrium_tables(paper, paper_day)) < 1e-6


def test_overlapping_paths_lose_at_the_equilibrium_with_path_sizes(
    paper_day: EquilibriumDay, path_size_day: tuple[Scenario, EquilibriumDay]
) -> None:
    scenario, day = path_size_day
    assert day.residual_max <= scenario.config.road.assignment.tolerance
    size = np.exp(-scenario.config.road.theta_per_min * scenario.path_size_cost_min(day.paths))
    with_sizes, without = day.periods[16].path_share, paper_day.periods[16].path_share
    assert np.corrcoef(size, with_sizes - without)[0, 1] > 0.5


def test_cars_among_agents_weigh_overlap_as_those_of_the_equilibrium_do(
    path_size_day: tuple[Scenario, EquilibriumDay],
) -> None:
    """At the equilibrium's times their expected flows are the equilibrium's, path by path."""
    scenario, day = path_size_day
    period, peak = day.periods[16], PeriodOfDay(1, 17)
    roads = Roads(scenario, day_ahead(scenario, day))
    roads.open(peak, period.link_time_min, {"equilibrium": period.link_time_min}, np.ones(3))
    cars = day.paths.class_of_group[day.paths.groups.group_of_path] == CAR
    expected = np.where(cars, period.path_flow_veh_h, 0.0)
    assert roads.periods[peak].car_veh_h == pytest.approx(expected, rel=1e-4, abs=1e-3)
    overlap_min = scenario.path_size_cost_min(day.paths)[cars]
    assert np.ptp(overlap_min) > 1, "paths overlap"


@cache
def chances_at_stations(choice: PathChoice, dearer: float, slower_min: float) -> tuple[float, ...]:
    """Return the shares of the three stations for the first OD, the first one dearer, or believed slower."""
    time_min = choice.paths.network.t0_min.copy()
    time_min[choice.paths.network.charging_arcs[0]] += slower_min
    opened = PeriodOpened(
        information_class="equilibrium",
        sender="coordinator",
        sent_s=0,
        day=1,
        period=1 + int(slower_min > 0),
        link_time_min=tuple(time_min),
    )
    uniform = (np.arange(4000) + 0.5) / 4000
    prices = np.array([1.0 + dearer, 1.0, 1.0])
    od, energy_kwh = np.zeros(4000, dtype=np.int64), np.full(4000, 30.0)
    pair = choice.choose_pairs(od, choice.perceived(opened), uniform, prices, energy_kwh)
    shares = np.bincount(choice.paths.station[pair], minlength=3) / 4000
    return tuple(shares.tolist())


def test_a_station_believed_slow_or_dear_loses_drivers_to_the_others(
    paper: Scenario, paper_ahead: DayAhead
) -> None:
    choice = PathChoice(paper, paper_ahead)
    alike = chances_at_stations(choice, 0.0, 0.0)
    slow, dear = chances_at_stations(choice, 0.0, 9.0), chances_at_stations(choice, 0.2, 0.0)
    assert alike[0] > 0.1
    # 0.2 CNY/kWh of 30 kWh are 6 CNY, at 40 CNY/h the same as 9 min of waiting
    assert slow == pytest.approx(dear, abs=1e-3)
    assert slow[0] < alike[0] / 2
    assert all(more > less for more, less in zip(slow[1:], alike[1:], strict=True))


def test_the_share_of_a_station_is_the_logit_of_its_wait_and_price(
    paper: Scenario, paper_ahead: DayAhead
) -> None:
    """Nine minutes more at theta .2 weigh each pair of the station by exp(-1.8)."""
    choice = PathChoice(paper, paper_ahead)
    before = np.array(chances_at_stations(choice, 0.0, 0.0))
    after = before * [np.exp(-1.8), 1, 1]
    assert chances_at_stations(choice, 0.2, 0.0) == pytest.approx(after / after.sum(), abs=2e-3)
    members = paper.paths.groups.members(paper.group(CHARGING, 0))
    assert set(paper.paths.station[members]) == {0, 1, 2}
