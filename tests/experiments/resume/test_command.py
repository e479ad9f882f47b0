"""``cosim resume``: a run or sweep that was stopped goes on as the same command would."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from cosim.errors import ConfigError
from cosim.scenario import load_scenario
from experiments.store.commands import RunCommand, keep_command, read_command
from experiments.store.identity import identity_of
from experiments.store.pieces import Store
from experiments.sweep import study
from experiments.sweep.one_run import FIGURES, RunResult
from experiments.sweep.plan import Setting
from tests.experiments.commands import run

SWEEP = ("sweep", "toy", "--vary", "stations.S.chargers=2,4,6", "--set", "seed=3")


class Solver:
    """Stands for `run_member`: quick, and killed when it is asked too often."""

    def __init__(self, most: int) -> None:
        self.most, self.solved = most, 0

    def __call__(self, setting: Setting, *_: object) -> RunResult:
        if self.solved == self.most:
            raise KeyboardInterrupt
        self.solved += 1
        figures = dict.fromkeys(FIGURES, setting.settings["stations.S.chargers"] / 3)
        limits = {"evs": 7, "limits_broken": False, "flagged": ""}
        return RunResult([{"day": 1, **figures, "wait_min": float("nan"), **limits}])


@pytest.mark.parametrize("again", [("resume",), (*SWEEP, "--out")], ids=["resume", "the same command"])
def test_a_stopped_sweep_goes_on_with_the_runs_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: tuple[str, ...]
) -> None:
    def solve(most: int, *words: str | Path) -> int:
        monkeypatch.setattr(study, "run_member", solver := Solver(most))
        result = run(*words)
        assert result.exit_code == (0 if most == 3 else 130), result.output
        return solver.solved

    assert solve(3, *SWEEP, "--out", tmp_path / "whole") == 3
    assert solve(2, *SWEEP, "--out", tmp_path / "out") == 2
    assert not (tmp_path / "out" / "runs.parquet").exists()
    assert solve(3, *again, tmp_path / "out") == 1
    tables = [(tmp_path / name / "runs.parquet").read_bytes() for name in ("whole", "out")]
    assert tables[0] == tables[1]
    assert solve(3, *again, tmp_path / "out") == 0


def test_a_stopped_run_is_known_by_its_own_copy_of_the_scenario(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = load_scenario("toy", ["days=3"], seed=4)
    command = RunCommand(model="agents", replications=5, workers=2)
    with pytest.raises(KeyboardInterrupt), Store(tmp_path / "run", identity_of(scenario), print) as pieces:
        keep_command(pieces, command, scenario)
        pieces.put("day", lambda folder: (folder / "tables").touch())
        raise KeyboardInterrupt
    asked: list[Any] = []
    monkeypatch.setattr("experiments.run.command.run_and_show", lambda *given, **_: asked.extend(given))
    assert run("resume", tmp_path / "run", "--workers", "3").exit_code == 0
    assert identity_of(asked[0]) == identity_of(scenario)
    assert asked[1:] == [RunCommand(model="agents", replications=5, workers=3), tmp_path / "run"]


def test_what_cannot_go_on_is_said_in_a_sentence(tmp_path: Path) -> None:
    error = run("resume", tmp_path / "none").exception
    assert isinstance(error, ConfigError)
    assert "there is no unfinished run of this name" in str(error)
    with pytest.raises(KeyboardInterrupt), Store(tmp_path / "run", "ours", print) as pieces:
        pieces.put("day", lambda folder: (folder / "tables").touch())
        raise KeyboardInterrupt
    error = run("resume", tmp_path / "run").exception
    assert isinstance(error, ConfigError)
    assert "go on with the command that began it" in str(error)


def unfinished(final: Path, identity: str, command: RunCommand) -> Path:
    """Leave a run with a finished piece; return the folder of its pieces."""
    with pytest.raises(KeyboardInterrupt), Store(final, identity, print) as pieces:
        keep_command(pieces, command, load_scenario("toy"))
        pieces.put("day", lambda folder: (folder / "tables").touch())
        raise KeyboardInterrupt
    return pieces.path


@pytest.mark.parametrize("piece", ["command", "scenario"])
def test_the_command_of_another_is_not_gone_on_with(tmp_path: Path, piece: str) -> None:
    command = RunCommand(model="agents", replications=5, workers=2)
    ours = unfinished(tmp_path / "ours", "A", command)
    theirs = unfinished(tmp_path / "theirs", "B", command)
    assert read_command(tmp_path / "ours")[0] == command
    shutil.rmtree(ours / piece)
    shutil.copytree(theirs / piece, ours / piece)
    with pytest.raises(ConfigError, match="go on with the command that began it"):
        read_command(tmp_path / "ours")


def test_the_identity_of_a_scenario_is_all_that_results_depend_on(tmp_path: Path) -> None:
    assert identity_of(load_scenario("toy")) == identity_of(load_scenario("toy"))
    links = (load_scenario("toy").folder / "toy/links.csv").read_text()
    (tmp_path / "links.csv").write_text(links + "\n")
    other = [["seed=2"], ["days=2"], ["grid.slack_voltage_pu=1.01"], [f"road.links={tmp_path / 'links.csv'}"]]
    identities = {identity_of(load_scenario("toy", settings, allow=["outside"])) for settings in [[], *other]}
    assert len(identities) == 5
