"""The commands ``cosim compare`` and ``cosim converge``, as a person meets them."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from cosim.results import Run
from cosim.scenario import load_scenario
from cosim.tables import TABLES
from experiments.cli import main
from experiments.run.runner import run

CONFIGS = Path(__file__).parents[3] / "configs"


def cosim(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    """Run the command line in this process; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["cosim", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


@pytest.fixture(scope="module")
def more_chargers(tmp_path_factory: pytest.TempPathFactory) -> Run:
    scenario = load_scenario(CONFIGS / "toy.toml", ["stations.S.chargers=20"])
    return run(scenario, out=tmp_path_factory.mktemp("c") / "more")


def test_one_run_is_judged_agents_against_equilibrium(
    toy_run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cosim(monkeypatch, "compare", toy_run.directory, "--json") == 0
    (told,) = json.loads(capsys.readouterr().out)["comparisons"]
    assert (told["reference"], told["other"]) == ("equilibrium", "agents")
    assert (told["verdict"], told["causes"], told["flows_agree"]) == ("differs", ["queueing"], True)
    assert told["verdict"] == toy_run.summary["verdict"]
    assert {row["quantity"] for row in told["totals"]} >= {"cost of the day [CNY]", "losses [kWh]"}


def test_text_gives_the_verdict_in_words_and_the_day_in_figures(
    toy_run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cosim(monkeypatch, "compare", toy_run.directory)
    text = capsys.readouterr().out
    assert "agents against equilibrium: differs because of queueing." in text
    assert re.search(
        r"the mean wait of a charging session is \d+\.\d\d min \(simulated queue\) against \d+\.\d\d min \(Davidson\)",
        text,
    )
    assert "cost of the day [CNY]" in text


def test_tables_and_a_page_that_opens_offline_are_written(
    toy_run: Run, more_chargers: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "comparison"
    assert cosim(monkeypatch, "compare", toy_run.directory, more_chargers.directory, "--out", out) == 0
    for file in (out / "comparison").glob("*.parquet"):
        assert list(pd.read_parquet(file)) == [column.name for column in TABLES[file.stem]]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert not re.search(r'(src|href)="(?!#)', page)
    assert page.count('class="chart"') == len(set(re.findall(r'data-for="([^"]+)"', page))) > 4


def test_two_runs_are_compared_by_the_same_model_and_their_settings_named(
    toy_run: Run, more_chargers: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cosim(monkeypatch, "compare", toy_run.directory, more_chargers.directory, "--json")
    (told,) = json.loads(capsys.readouterr().out)["comparisons"]
    assert told["settings"] == [{"field": "stations.S.chargers", "reference": "2", "other": "20"}]
    assert told["causes"] == ["queueing"]  # of the power installed the settings tell
    assert told["flows_agree"]  # drivers were told other waits, but there is one station


def test_settings_that_differ_are_shown_on_the_terminal(
    toy_run: Run, more_chargers: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cosim(monkeypatch, "compare", toy_run.directory, more_chargers.directory)
    assert re.search(
        r"settings that differ .*\n    stations\.S\.chargers: 2 -> 20\n", capsys.readouterr().out
    )


def test_a_run_compared_with_itself_agrees_in_both_models(
    toy_run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for model in ("agents", "equilibrium"):
        here = toy_run.directory
        assert cosim(monkeypatch, "compare", here, here, "--model", model, "--json") == 0
        (told,) = json.loads(capsys.readouterr().out)["comparisons"]
        assert (told["verdict"], told["causes"]) == ("agrees", [])
        assert {row["rmse"] for row in told["measures"]} == {0}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "not the directory of a finished run"),
        (["alone"], "holds no tables of the agents"),
        (["alone", "alone", "--model", "agents"], "holds no tables of the agents"),
        (["whole", "--model", "agents"], "model is for several runs"),
        (["whole", "--out", "whole"], "exists already"),
    ],
)
def test_what_cannot_be_compared_is_a_sentence_and_code_2(
    toy_run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(toy_run.directory, "whole")
    shutil.copytree(toy_run.directory, "alone", ignore=shutil.ignore_patterns("agents"))
    assert cosim(monkeypatch, "compare", *arguments) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize(
    ("harm", "file", "said"),
    [
        (truncated, "agents/links.parquet", "not a whole Parquet file"),
        (truncated, "equilibrium/dispatch.parquet", "not a whole Parquet file"),
        (truncated, "manifest.json", "not valid JSON"),
        (truncated, "scenario.toml", "not valid TOML"),
        (lambda file: file.write_text("[]"), "manifest.json", "not the manifest of a run"),
        (Path.unlink, "agents/paths.parquet", "is missing"),
        (Path.unlink, "scenario.toml", "no such file"),
    ],
)
def test_a_run_with_a_broken_or_missing_file_is_refused_by_the_name_of_the_file(
    toy_run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    harm: Callable[[Path], object],
    file: str,
    said: str,
) -> None:
    shutil.copytree(toy_run.directory, tmp_path / "run")
    harm(tmp_path / "run" / file)
    assert cosim(monkeypatch, "compare", tmp_path / "run") == 2
    shown = capsys.readouterr()
    assert Path(file).name in shown.err
    assert said in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""


def test_converge_writes_table_and_page_and_prints_the_slope(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = [
        "converge",
        "toy",
        "--sizes",
        "100,400",
        "--replications",
        "3",
        "--out",
        tmp_path / "n",
        "--json",
    ]
    assert cosim(monkeypatch, *wanted) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["evs"] == [100, 400]
    assert told["slope"] < 0
    assert len(pd.read_parquet(tmp_path / "n" / "comparison" / "convergence_in_n.parquet")) == 6
    assert (tmp_path / "n" / "report.html").is_file()


def test_more_evs_than_memory_holds_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cosim(monkeypatch, "converge", "toy", "--sizes", "100,1000000000000") == 2
    assert (
        "1,000,000,000,000 EVs are more than memory holds; give 2,000,000 or less" in capsys.readouterr().err
    )


@pytest.mark.parametrize("sizes", ["100", "100,many", "100,-5", "100,100", ""])
def test_sizes_that_make_no_line_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sizes: str
) -> None:
    assert cosim(monkeypatch, "converge", "toy", "--sizes", sizes) == 2
    assert "at least two different numbers" in capsys.readouterr().err
