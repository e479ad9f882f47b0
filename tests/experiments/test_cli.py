"""The command line as a clumsy user meets it: exit codes, sentences, and nothing left behind."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cosim.results import load_run
from experiments.cli import main
from experiments.scenarios.files import copy_scenario

LATE = """
import numpy as np

class Late:
    asked = 0

    def weights(self, alternatives):
        Late.asked += 1
        if Late.asked > 4:
            raise ValueError("no more")
        return np.where(np.isinf(alternatives.cost_min), 0.0, 1.0)
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the toy scenario in an otherwise empty working directory."""
    copy_scenario("toy", tmp_path)
    monkeypatch.chdir(tmp_path)
    return Path("toy.toml")


def cosim(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command line in this process; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["cosim", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["toy.toml", "--set", "grid.slak=1"], "grid.slak is not a known key"),
        (["toy.toml", "--set", "foo"], "settings:"),
        (["toy.toml", "--set", "stations.S.bus=99"], "stations.S.bus is '99'"),
        (["toy.toml", "--seed", "-1"], "--seed"),
        (["toy.toml", "--model", "both of them"], "--model"),
        (["toy.toml", "--out", "toy"], "exists already"),
        (["toy.toml", "--out", "toy.toml/run"], "cannot be created"),
        (["none.toml"], "there is no such file"),
        (["."], "is a directory"),
        (["n" * 5000], "File name too long"),
    ],
)
def test_wrong_input_is_a_sentence_and_code_2_and_leaves_nothing(
    study: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    before = sorted(Path().rglob("*"))
    assert study.is_file()
    assert cosim(monkeypatch, "run", *arguments) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""
    assert sorted(Path().rglob("*")) == before


def test_want_of_memory_is_a_sentence_and_code_2(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def greedy(*_: object, **__: object) -> None:
        message = "Unable to allocate 7.28 TiB"
        raise MemoryError(message)

    monkeypatch.setattr("experiments.run.runner.run", greedy)
    assert cosim(monkeypatch, "run", str(study)) == 2
    said = capsys.readouterr().err
    assert "there is not enough memory (Unable to allocate 7.28 TiB). Use fewer EVs" in said
    assert "Traceback" not in said


@pytest.mark.usefixtures("without_page")
def test_a_driver_class_that_fails_in_the_day_is_a_sentence_with_class_fault_and_period(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It passes its trial on the first ODs, and raises when the EVs of a later period ask it."""
    Path("late_drivers.py").write_text(LATE, encoding="utf-8")
    monkeypatch.delitem(sys.modules, "late_drivers", raising=False)
    choice = "population.choice=late_drivers:Late"
    assert cosim(monkeypatch, "run", str(study), "--model", "agents", "--set", choice) == 2
    said = capsys.readouterr().err
    assert re.search(
        r"day 1, period \d+: .*'late_drivers:Late', but weights\(\) fails: ValueError: no more", said
    )
    assert not Path("runs").exists() or not any(Path("runs").iterdir())


def test_validate_says_what_a_scenario_holds(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cosim(monkeypatch, "validate", str(study)) == 0
    assert "toy.toml: fine. Road nodes: 4, links: 4, OD pairs: 1" in capsys.readouterr().out


@pytest.mark.parametrize("taken", ["toy", "toy.toml/study"])
def test_init_writes_over_nothing(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], taken: str
) -> None:
    assert cosim(monkeypatch, "init", taken) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert study.is_file()


def test_a_good_run_ends_with_0_and_one_json_object(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cosim(monkeypatch, "run", str(study), "--out", "runs/a", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["flags"] == []
    assert load_run(facts["run_dir"]).summary["trips"] == facts["trips"] > 0


@pytest.mark.parametrize(
    ("setting", "flagged"),
    [
        ("grid.slack_voltage_pu=1.2", "no dispatch keeps 1.05 p.u."),
        ("road.assignment.max_iterations=1", "the equilibrium search stopped at a residual of"),
        ("mobility.soc_reserve=0.79", "veh/h arrive where"),
    ],
)
def test_a_day_beyond_its_limits_completes_flagged_with_code_3(
    study: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    setting: str,
    flagged: str,
) -> None:
    assert (
        cosim(
            monkeypatch,
            "run",
            str(study),
            "--set",
            setting,
            "--out",
            "hard",
            "--model",
            "equilibrium",
            "--json",
        )
        == 3
    )
    facts = json.loads(capsys.readouterr().out)
    (flag,) = [flag for flag in facts["flags"] if flagged in flag]
    assert "period" in flag
    assert (Path("hard") / "report.html").is_file()
    assert [path.name for path in Path().iterdir() if path.name.startswith(".")] == []


def test_help_loads_none_of_the_heavy_libraries() -> None:
    """The answer would take seconds: a bound on what is imported does not depend on the machine."""
    code = (
        "import sys; sys.argv = ['cosim', '--help']\n"
        "from experiments.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(sorted({'numpy', 'pandas', 'cvxpy', 'pandapower', 'mesa', 'scipy', 'pydantic'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == "[]"
    assert "..." not in shown.partition("Commands:")[2]  # no help text is cut off


@pytest.mark.usefixtures("without_page")
def test_stranded_evs_are_an_answer_not_a_limit_broken(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ["--set", "mobility.battery_kwh=9", "--set", "mobility.soc_reserve=0.0"]
    assert cosim(monkeypatch, "run", str(study), *settings, "--out", "weak", "--model", "agents") == 0
    shown = " ".join(capsys.readouterr().out.split())
    stranded = load_run("weak").summary["stranded"]
    assert stranded > 10
    assert f"stranded EVs {stranded}: the battery or a closure forbids the next trip" in shown


@pytest.mark.usefixtures("without_page")
def test_the_takings_and_the_use_of_stations_are_among_the_figures(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cosim(monkeypatch, "run", str(study), "--out", "a", "--model", "agents", "--json") == 0
    facts, run = json.loads(capsys.readouterr().out), load_run("a")
    sessions = run.sessions
    assert facts["revenue_cny"] == pytest.approx(sessions.paid_cny.sum())
    assert facts["wait_min"] == pytest.approx(sessions.wait_min.mean())
    today_s = sessions.end_s.clip(upper=86_400) - sessions.start_s.clip(upper=86_400)
    assert facts["charger_occupancy"] == pytest.approx(today_s.sum() / (2 * 86_400))
    today_kwh = run.agents.stations.query("day == 1").energy_kwh.sum()
    assert facts["energy_utilisation"] == pytest.approx(today_kwh / (2 * 60 * 24))
    assert facts["unserved_kwh"] == 0.0
