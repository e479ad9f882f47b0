"""The list of bundled scenarios, and what each says of itself."""

import json
from pathlib import Path

from cosim.scenario import load_scenario
from experiments.scenarios.files import copy_scenario
from tests.experiments.commands import run


def test_all_scenarios_are_listed_and_each_tells_what_to_run() -> None:
    listed = run("scenarios").stdout
    for name, words in (("paper", "Nguyen-Dupuis"), ("theta", "How well drivers know"), ("toy", "Two paths")):
        assert any(line.startswith(name) and words in line for line in listed.splitlines())
    assert "cosim sweep theta" in run("scenarios", "theta").stdout
    assert "cosim compare runs/paper runs/line_out" in run("scenarios", "line_out").stdout
    assert json.loads(run("scenarios", "line_out", "--json").stdout)["extends"] == "paper"
    assert "no such scenario" in str(run("scenarios", "nowhere").exception)


def test_a_tutorial_is_copied_with_what_it_extends(tmp_path: Path) -> None:
    file = copy_scenario("cloudy_day", tmp_path / "study")
    copy, original = (load_scenario(scenario).config.model_dump_json() for scenario in (file, "cloudy_day"))
    assert copy == original.replace('"../', '"')  # all of a study lies below the folder of its scenario
    assert (tmp_path / "study" / "paper.toml").is_file()
