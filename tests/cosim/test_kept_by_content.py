"""Answers are remembered by the content of the question."""

from pathlib import Path

import numpy as np

from cosim.arrays import FloatArray
from cosim.coupling.demand import expected_demand
from cosim.grid.compiled_period import compile_period
from cosim.grid.device import Devices
from cosim.grid.model import ProblemStructure
from cosim.kept_by_content import kept_by_content
from cosim.scenario import Scenario, load_scenario

TOY = Path(__file__).parents[2] / "configs" / "toy.toml"


def toy(*settings: str) -> Scenario:
    return load_scenario(TOY, ["population.estimate_diaries=2000", *settings])


def test_equal_questions_share_an_answer_and_one_changed_in_place_is_answered_anew() -> None:
    asked = []

    @kept_by_content(2)
    def total(values: FloatArray, *, scale: float = 1.0) -> float:
        asked.append(scale)
        return float(values.sum() * scale)

    values = np.ones(3)
    assert [total(values), total(np.ones(3)), total(values, scale=2.0)] == [3, 3, 6]
    values[0] = 5
    assert total(values) == 7
    assert asked == [1, 2, 1]


def test_the_oldest_answers_are_forgotten_and_what_pickle_cannot_write_is_answered_each_time() -> None:
    asked = []

    @kept_by_content(2)
    def echo(thing: object) -> object:
        asked.append(thing)
        return thing

    for number in (1, 2, 1, 3, 1, 2):
        echo(number)
    assert asked == [1, 2, 3, 2]
    function = lambda: None  # noqa: E731
    assert echo(function) is echo(function)
    assert asked[-2:] == [function, function]


def test_scenarios_that_differ_elsewhere_share_their_demand_and_compiled_dispatch() -> None:
    prices = np.ones(toy().periods.count)
    one, other, fewer = toy(), toy("road.theta_per_min=2.0"), toy("population.estimate_diaries=3000")
    demand = [expected_demand(scenario, prices).charging for scenario in (one, other, fewer)]
    assert demand[0] is demand[1]
    assert demand[0] is not demand[2]
    assert not demand[0].charging_share.flags.writeable
    compiled = [compile_period(structure(scenario)) for scenario in (one, other, toy("grid.storage=[]"))]
    assert compiled[0] is compiled[1]
    assert compiled[0] is not compiled[2]


def structure(scenario: Scenario) -> ProblemStructure:
    case = scenario.feeders[0]
    return ProblemStructure(
        feeder=case.feeder, devices=Devices(*case.devices.all), period_h=1.0, export=True, elastic=None
    )
