"""What all commands share: a study is written whole or not at all, in columns of the dictionary; its flags are told."""

import json
import math
from pathlib import Path

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from cosim.errors import ConfigError
from cosim.results import check_columns
from cosim.tables import TABLES
from experiments.cli import app
from experiments.options import new_directory
from experiments.say import say
from experiments.study import CommandResult, emit, without_formulas

VARIED = "road.theta_per_min"
CONFIGS = Path(__file__).parents[2] / "configs"
ODS = pd.DataFrame({"origin": ["1"], "dest": ["2"], "demand_veh_h": [3.0], "cost_min": [4.0]})


def study(flags: tuple[str, ...] = (), **columns: object) -> CommandResult:
    return CommandResult(
        command="assign",
        facts={"cost": math.inf, "name": "θ"},
        lines=["a line"],
        flags=flags,
        tables=lambda: {"ods": ODS.assign(**columns)},
        page=lambda tables: f"<p>{len(tables['ods'])} row</p>",
    )


def test_tables_and_page_are_written_and_the_text_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    emit(study(), out)
    pd.testing.assert_frame_equal(pd.read_parquet(out / "ods.parquet"), ODS)
    assert (out / "ods.csv").read_text(encoding="utf-8").splitlines()[
        0
    ] == "origin,dest,demand_veh_h,cost_min"
    assert (out / "report.html").read_text(encoding="utf-8") == "<p>1 row</p>"
    assert capsys.readouterr().out == f"a line\nreport: {out / 'report.html'}\n"


def test_json_is_one_object_and_what_is_no_number_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    emit(study(), as_json=True)
    assert json.loads(capsys.readouterr().out) == {"cost": None, "name": "θ"}


@pytest.mark.parametrize("as_json", [False, True])
def test_flags_go_to_standard_error_with_code_3_after_all_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    with pytest.raises(typer.Exit) as left:
        emit(study(("too warm. Open a window.",)), tmp_path / "run", as_json=as_json)
    assert left.value.exit_code == 3
    assert capsys.readouterr().err == "cosim: too warm. Open a window.\n"
    assert (tmp_path / "run" / "report.html").is_file()


def test_a_column_that_is_not_in_the_dictionary_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="table assign/ods has no column surprise"):
        emit(study(surprise=1), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_table_of_the_command_comes_before_the_one_of_the_same_name_that_others_share() -> None:
    check_columns("assign", "links", ["saturation"])
    with pytest.raises(KeyError, match="table links has no column saturation"):
        check_columns("run", "links", ["saturation"])
    check_columns("compare", "verdicts", ["pair"])


def test_a_word_in_capitals_stands_for_the_name_of_a_station() -> None:
    check_columns("sweep", "runs", ["energy_kwh", "energy_CS6_kwh"])
    with pytest.raises(KeyError, match="energy__kwh"):
        check_columns("sweep", "runs", ["energy__kwh"])


def test_every_column_says_what_it_means() -> None:
    for table, columns in TABLES.items():
        names = [column.name for column in columns]
        assert len(set(names)) == len(names), table
        assert all(column.meaning for column in columns), table


def test_a_directory_that_exists_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="exists already"):
        new_directory(tmp_path)
    assert new_directory(tmp_path / "new") == tmp_path / "new"
    assert new_directory(None) is None


@pytest.mark.parametrize(
    "arguments",
    [
        ["assign", "toy"],
        ["dispatch", "case33bw"],
        ["mobility", "toy", "--evs", "300", "--days", "2"],
        ["mobility", "two_way", "--evs", "300"],
        ["sweep", "toy", "--vary", f"{VARIED}=1,2", "--set", "population.estimate_diaries=2000"],
        ["estimate-od", "toy", "--theta", "0.2", "--counts"],
    ],
)
def test_the_tables_of_a_command_have_all_columns_of_the_dictionary_in_its_order(
    arguments: list[str], tmp_path: Path
) -> None:
    if arguments[0] == "estimate-od":
        links = pd.read_csv(CONFIGS / "toy" / "links.csv", comment="#").link
        counts = pd.DataFrame({"day": 1, "link": links, "flow_veh_h": 100.0})
        counts.to_csv(tmp_path / "counts.csv", index=False)
        arguments = [*arguments, str(tmp_path / "counts.csv")]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out")])
    assert result.exit_code in {0, 3}, result.output
    files = sorted((tmp_path / "out").glob("*.parquet"))
    assert files
    for file in files:
        columns = TABLES.get(f"{arguments[0]}/{file.stem}") or TABLES[file.stem]
        written = list(pd.read_parquet(file))
        if any(column.name == "FIELD" for column in columns):
            written.remove(VARIED)
            columns = [column for column in columns if column.name != "FIELD"]
        assert len(written) == len(columns)
        assert all(column.covers(name) for column, name in zip(columns, written, strict=True)), written


def test_a_text_that_a_spreadsheet_would_compute_begins_with_an_apostrophe_in_csv() -> None:
    names = ["=cmd|' /C calc'!A0", "@x", "-1+2", "-1", "+49.5", "a=b", "", "-"]
    table = without_formulas(pd.DataFrame({"link": names, "flow_veh_h": -1.0}))
    assert table.link.tolist() == ["'=cmd|' /C calc'!A0", "'@x", "'-1+2", *names[3:]]
    assert (table.flow_veh_h == -1.0).all()


def test_the_terminal_obeys_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    say('{"name": "\x1b[2J\u202egone\x9b31m"}\n\tnext line')
    said = capsys.readouterr().out
    assert said == '{"name": "\\u001b[2J\\u202egone\\u009b31m"}\n\tnext line\n'
    assert json.loads(said.splitlines()[0])["name"] == "\x1b[2J\u202egone\x9b31m"
