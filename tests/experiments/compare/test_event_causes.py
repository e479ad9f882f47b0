"""Events that one of two samples has, and the other has not, are named as the cause."""

from dataclasses import replace
from typing import Any

from cosim.config import ScenarioConfig
from cosim.scenario import Scenario
from experiments.compare.event_causes import events
from experiments.compare.indicator import Cause
from experiments.compare.sample import Sample
from experiments.compare.settings import differing_settings, has_grounds

CLOSED = {"kind": "station", "name": "S", "from": "08:00", "until": "09:00"}
ROAD = {"kind": "road", "links": ["1", "2"], "from": "10:00", "day": 1, "planned": True}


def sample(toy: Scenario, *entries: dict[str, Any], model: Any = "agents") -> Sample:
    tables = toy.config.model_dump() | {"events": list(entries)}
    return Sample(name="one", model=model, days=(), seeds=(1,), config=ScenarioConfig.model_validate(tables))


def told(first: Sample, second: Sample) -> tuple[float, str]:
    (indicator,) = events(Cause("events", first, second))
    assert indicator.present == (indicator.effect > 0)
    return indicator.effect, indicator.sentence


def test_an_event_of_one_run_only_is_named_with_its_time(toy: Scenario) -> None:
    first, second = sample(toy, CLOSED), sample(toy, {**CLOSED, "until": "10:00"}, ROAD)
    effect, sentence = told(first, second)
    assert effect == 3
    assert sentence == (
        "events: 1 in the reference only (station S closed, 08:00 to 09:00), "
        "and 2 in the other only (station S closed, 08:00 to 10:00; road 1, 2 closed, 10:00 to 24:00 on day 1)"
    )
    assert has_grounds("events", first, second, differing_settings(first, second))


def test_the_same_events_in_another_order_separate_nothing(toy: Scenario) -> None:
    first, second = sample(toy, CLOSED, ROAD), sample(toy, ROAD, CLOSED)
    assert told(first, second) == (0.0, "events: the same in both")
    assert events(Cause("events", sample(toy), sample(toy))) == []


def test_a_sudden_event_is_no_part_of_an_equilibrium_and_a_planned_one_is(toy: Scenario) -> None:
    agents = sample(toy, CLOSED, ROAD)
    equilibrium = replace(agents, model="equilibrium")
    assert told(equilibrium, agents) == (
        1.0,
        "events: 1 in the other only (station S closed, 08:00 to 09:00)",
    )
    assert has_grounds("events", equilibrium, agents, ())
