"""Strategies that a scenario names: ours, the user's, and what is no strategy."""

import pickle
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from agents.model import CoSimModel
from cosim.errors import ConfigError
from cosim.road.route_choice import BUILT_IN
from cosim.scenario import DayAhead, Scenario, load_scenario

MODULE = """
import numpy as np

class Indifferent:
    def weights(self, alternatives):
        return (alternatives.excess_cost_min <= 5.0).astype(float)

class Negative:
    def weights(self, alternatives):
        return -np.ones_like(alternatives.cost_min)

class Flat:
    def weights(self, alternatives):
        return np.ones(3)

class Ghost:
    def weights(self, alternatives):
        return np.ones_like(alternatives.cost_min)

class Breaks:
    def weights(self, alternatives):
        return alternatives.no_such_thing

class Shy:
    def __init__(self, courage):
        self.courage = courage
    def weights(self, alternatives):
        return np.ones_like(alternatives.cost_min)

class Endless:
    def weights(self, alternatives):
        while True:
            pass

class EndlessLater:
    calls = 0
    def weights(self, alternatives):
        self.calls += 1
        while self.calls == 8:
            pass
        return np.ones_like(alternatives.cost_min) * np.isfinite(alternatives.cost_min)

class EndlessBirth:
    def __init__(self):
        while True:
            pass
    def weights(self, alternatives):
        return np.ones_like(alternatives.cost_min)

class Silent:
    pass
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory with a module of strategies."""
    (tmp_path / "my_drivers.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "my_drivers", raising=False)


def named(scenario: Scenario, choice: str) -> Scenario:
    return load_scenario(scenario.folder / f"{scenario.config.name}.toml", [f"population.choice={choice}"])


def test_the_default_is_logit(toy: Scenario) -> None:
    assert toy.choice is BUILT_IN["logit"]


@pytest.mark.usefixtures("here")
def test_a_strategy_is_found_in_the_working_directory_and_leaves_no_trace_on_the_path(toy: Scenario) -> None:
    before = list(sys.path)
    assert type(named(toy, "my_drivers:Indifferent").choice.choice).__name__ == "Indifferent"  # type: ignore[attr-defined]
    assert sys.path == before


@pytest.mark.usefixtures("here")
def test_another_process_finds_the_strategy_by_its_name(toy: Scenario) -> None:
    sent = pickle.dumps(named(toy, "my_drivers:Indifferent").choice)
    del sys.modules["my_drivers"]
    assert type(pickle.loads(sent).choice).__name__ == "Indifferent"  # noqa: S301


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("logti", "must be 'logit', 'path_size', 'cheapest', 'probit', or a class as 'my_module:MyChoice'"),
        ("my_drivers:", "must be 'logit'"),
        ("no_such_module:Mine", "module 'no_such_module' cannot be imported: ModuleNotFoundError"),
        ("my_drivers:Nobody", "has no class 'Nobody'"),
        ("my_drivers:Silent", "with a method weights"),
        ("my_drivers:np", "has no class 'np'"),
        ("my_drivers:Shy", "Shy() fails: TypeError"),
        ("my_drivers:Negative", "weights() must be finite, 0 or more"),
        ("my_drivers:Flat", "gives an array of shape (3,)"),
        ("my_drivers:Breaks", "weights() fails: AttributeError"),
    ],
)
def test_what_is_no_strategy_is_a_sentence(toy: Scenario, choice: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        named(toy, choice)
    (problem,) = map(str, error.value.problems)
    assert problem.startswith("population.choice is ")
    assert said in problem


@pytest.mark.usefixtures("here")
def test_nobody_takes_a_path_that_is_not_there(paper: Scenario) -> None:
    """The first ODs have eight paths and six: the shorter row is padded."""
    sizes = np.diff(paper.paths.groups.start)[:2]
    assert sizes[0] != sizes[1]
    with pytest.raises(ConfigError, match="must be 0 where a cost is infinite"):
        named(paper, "my_drivers:Ghost")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("Endless", r"weights\(\) did not come back within 0.1 s"),
        ("EndlessBirth", r"EndlessBirth\(\) fails: OutOfTimeError: it does not come back"),
    ],
)
def test_a_strategy_that_does_not_come_back_is_refused(toy: Scenario, choice: str, said: str) -> None:
    settings = [f"population.choice=my_drivers:{choice}", "population.choice_time_max_s=0.1"]
    with pytest.raises(ConfigError, match=said):
        load_scenario(toy.folder / "toy.toml", settings)
    assert ended()


def ended() -> bool:
    """Return whether the threads that were given up end: Python code can be ended."""
    for thread in threading.enumerate():
        if thread.name == "solve":
            thread.join(5)
    return all(thread.name != "solve" for thread in threading.enumerate())


@pytest.mark.usefixtures("here")
def test_of_a_strategy_that_does_not_come_back_later_the_day_goes_on_by_the_logit_and_says_so(
    toy: Scenario, toy_ahead: DayAhead
) -> None:
    settings = ["population.choice=my_drivers:EndlessLater", "population.choice_time_max_s=0.3"]
    scenario = load_scenario(toy.folder / "toy.toml", [*settings, "population.resolution=batch"])
    tables = CoSimModel(scenario, toy_ahead, seed=1).simulate()
    (row,) = tables["violations"].query("kind == 'out_of_time'").itertuples()
    for told in ("my_drivers:EndlessLater", f"period {row.period}", "0.3 s", "logit", "not reproducible"):
        assert told in row.sentence
    assert (tables["trips"].status == "arrived").all()
