"""Problems are records, worded at the end."""

import pickle

import pytest
import simpy

from cosim.errors import ConfigError, Problem, Problems, refuse

IN_A_FILE = Problem(file="links.csv", line=3, column="beta", value="0", allowed="a number, 1 or more")


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        (IN_A_FILE, "links.csv, line 3: column beta is '0'; it must be a number, 1 or more."),
        (Problem("is missing", field="road.links"), "road.links is missing."),
        (
            Problem(field="grid.export", value="yes", allowed="true or false"),
            "grid.export is 'yes'; it must be true or false.",
        ),
        (Problem(field="seed", value=True), "seed is true."),
        (Problem(field="road", value=[]), "road is an empty list."),
        (Problem("there is no path").within("OD", "1-2"), "OD 1-2: there is no path."),
        (Problem("which column?", file="p.csv"), "p.csv: which column?"),
        (Problem("weights() fails", period="day 1, period 2"), "day 1, period 2: weights() fails."),
    ],
)
def test_a_problem_is_worded_as_place_found_allowed_and_advice(problem: Problem, sentence: str) -> None:
    assert str(problem) == sentence


def test_the_larger_thing_is_named_first() -> None:
    problem = Problem("there is no bus '9'", value="9", advice="the buses are 1, 2")
    placed = problem.within("turbine", "G1").within("feeder", "north")
    assert str(placed) == "feeder north: turbine G1: there is no bus '9'; the buses are 1, 2."


def test_a_long_value_is_cut() -> None:
    assert len(str(Problem(field="name", value="x" * 500))) < 80


def test_a_problem_names_its_field_value_file_and_things_exactly() -> None:
    problem = Problem("there is no bus '9'", file="data/net.json", field="bus", value="9").within(
        "storage", "S1"
    )
    assert all(map(problem.names, ("bus", "9", "net.json", "S1")))
    assert not problem.names("S")
    assert problem.concerns("storage")
    assert not problem.concerns("OD")


def test_the_same_sentence_is_told_once() -> None:
    assert ConfigError("a.toml", ["is empty", Problem("is empty"), "is empty."]).problems == (
        Problem("is empty."),
    )


def test_an_error_comes_whole_through_pickle_and_through_simpy() -> None:
    error = ConfigError("links.csv", [IN_A_FILE.within("feeder", "north")])
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  (our own)
    assert (again.source, again.problems, str(again)) == (error.source, error.problems, str(error))

    def fails(env: simpy.Environment) -> simpy.events.ProcessGenerator:
        yield env.timeout(1)
        raise error

    env = simpy.Environment()
    with pytest.raises(ConfigError) as caught:
        env.run(until=env.process(fails(env)))
    assert caught.value.problems == error.problems


def test_problems_are_gathered_and_raised_together() -> None:
    def broken(name: str) -> int:
        raise ConfigError(name, [Problem("is broken", file=name)])

    problems = Problems()
    assert problems.attempt(len, "abc") == 3
    assert problems.attempt(broken, "a.csv") is None
    assert problems.attempt(broken, "b.csv") is None
    with pytest.raises(ConfigError, match=r"a\.csv: is broken\.\n  - b\.csv: is broken"):
        refuse("study", problems)
    refuse("study", [])
