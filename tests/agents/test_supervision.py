"""Agents that fail, wait forever or go on without the clock: who it was is told, and the day goes on."""

import time
from collections.abc import Generator
from typing import Any

import pytest
import simpy

from agents.coordinator import Coordinator
from agents.ev import EV
from agents.event_chargers import EventDrivenChargers
from agents.grid_operator import GridOperator
from agents.invariants import KIND
from agents.model import CoSimModel
from agents.station import StationAgent
from agents.step_deadline import StepDeadline
from agents.supervision import CountedEnvironment, Story
from cosim.arrays import Frame
from cosim.grid.last_resort import NOT_REPRODUCIBLE
from cosim.scenario import DayAhead, Scenario, load_scenario

Steps = Generator[simpy.Event, Any, Any]


def fail(_self: Any, *_: Any) -> None:
    msg = "planted"
    raise ZeroDivisionError(msg)


def wait_forever(self: Any, *_: Any) -> Steps:
    yield self.clock.env.event()


def go_on_without_the_clock(self: Any, *_: Any) -> Steps:
    while True:
        yield self.clock.env.timeout(0)


PLANTED = {
    "an operator that fails": (GridOperator, "issue", fail, "operator feeder", "planted"),
    "an operator that waits forever": (
        GridOperator,
        "plan_period",
        wait_forever,
        "operator feeder",
        "does not answer",
    ),
    "an operator that goes on": (
        GridOperator,
        "plan_period",
        go_on_without_the_clock,
        "operator feeder",
        "clock",
    ),
    "a coordinator that fails": (Coordinator, "issue_tariff", fail, "coordinator", "planted"),
    "a coordinator that waits": (Coordinator, "run", wait_forever, "coordinator", "does not answer"),
    "a coordinator that goes on": (Coordinator, "run", go_on_without_the_clock, "coordinator", "clock"),
    "a station that fails": (StationAgent, "send_reports", fail, "S", "planted"),
    "a station that waits": (StationAgent, "report", wait_forever, "S", "does not answer"),
    "a station that goes on": (StationAgent, "obey_limits", go_on_without_the_clock, "S", "clock"),
}


@pytest.fixture(params=PLANTED)
def told(
    request: pytest.FixtureRequest, toy: Scenario, toy_ahead: DayAhead, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Frame], str, str]:
    """The agents' tables of a day with a fault planted, the agent that has it, and what is to be told."""
    kind, method, fault, agent, found = PLANTED[request.param]
    monkeypatch.setattr(kind, method, fault)
    few = load_scenario(toy.folder / "toy.toml", ["population.evs=20"])
    return CoSimModel(few, toy_ahead, seed=1).simulate(), agent, found


def test_an_agent_that_fails_is_named_and_the_day_goes_on(told: tuple[dict[str, Frame], str, str]) -> None:
    tables, agent, found = told
    violations = tables["violations"]
    (failure,) = violations[violations.kind == "agent_failed"].itertuples()
    assert failure.place == agent
    assert agent in failure.sentence
    assert f"period {failure.period}" in failure.sentence
    assert found in failure.sentence
    assert not violations.kind.str.startswith(KIND).any(), "all is conserved"
    assert set(tables["stations"].query("day == 1").period) == set(range(1, 9))
    assert len(tables["dispatch"].query("day == 1")) == len(tables["prices"].query("day == 1")) == 8
    assert (tables["trips"].status == "arrived").all()


def test_an_ev_that_fails_is_named_and_stays_where_it_is(
    toy: Scenario, toy_ahead: DayAhead, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = EV.depart

    def depart(self: EV, row: int) -> None:
        if self.number == 7:
            fail(self)
        honest(self, row)

    monkeypatch.setattr(EV, "depart", depart)
    tables = CoSimModel(toy, toy_ahead, seed=1).simulate()
    violations = tables["violations"]
    assert violations.place[violations.kind == "agent_failed"].tolist() == ["ev 7"]
    assert 7 not in set(tables["trips"].ev)
    assert (tables["trips"].status == "arrived").all()


def test_a_step_of_an_ev_that_does_not_come_back_is_ended_by_a_clock_and_told(
    toy: Scenario, toy_ahead: DayAhead, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = EV.depart

    def depart(self: EV, row: int) -> None:
        while self.number == 7:
            pass
        honest(self, row)

    monkeypatch.setattr(EV, "depart", depart)
    monkeypatch.setattr("agents.model.CHOICES", 0.01)
    tables = CoSimModel(toy, toy_ahead, seed=1).simulate()
    violations = tables["violations"]
    (failure,) = violations[violations.kind == "agent_failed"].itertuples()
    assert failure.place == "ev 7"
    assert "it did not come back (test_supervision.py, line " in failure.sentence
    assert NOT_REPRODUCIBLE in failure.sentence
    assert 7 not in set(tables["trips"].ev)
    assert (tables["trips"].status == "arrived").all()


def test_a_step_that_solves_has_no_deadline() -> None:
    env, took = CountedEnvironment(0), []

    def solve() -> Steps:
        yield env.timeout(1)
        time.sleep(0.1)
        took.append(env.now)

    Story(env, solve(), "operator feeder", is_brief=False)
    with StepDeadline(env, 0.01):
        env.run()
    assert (took, env.failures) == ([1], [])


def test_a_charger_that_goes_on_without_the_clock_ends_the_run_and_is_named(
    toy: Scenario, toy_ahead: DayAhead, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What physically happens has nothing to fall back on."""
    monkeypatch.setattr(EventDrivenChargers, "serve_vehicles", go_on_without_the_clock)
    with pytest.raises(RuntimeError, match=r"go_on_without_the_clock .* in second 0"):
        CoSimModel(toy, toy_ahead, seed=1).simulate()


def test_the_same_fault_gives_the_same_tables(
    toy: Scenario, toy_ahead: DayAhead, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Coordinator, "run", go_on_without_the_clock)
    few = load_scenario(toy.folder / "toy.toml", ["population.evs=20"])
    first, second = (CoSimModel(few, toy_ahead, seed=1).simulate() for _ in range(2))
    assert all(frame.equals(second[name]) for name, frame in first.items())


def test_a_busy_second_is_not_taken_for_a_loop() -> None:
    env = CountedEnvironment(0, receivers=1000)
    arrived = []

    def arrive(number: int) -> Steps:
        yield env.timeout(10)
        for _ in range(5):
            yield env.timeout(0)
        arrived.append(number)

    for number in range(10_000):
        Story(env, arrive(number), f"ev {number}")
    env.run()
    assert (len(arrived), env.failures) == (10_000, [])
