"""Parameter sweeps from the command line."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cosim.errors import ConfigError
from cosim.scenario import load_scenario
from experiments.sweep.figures import SHOWN_COLUMNS, figures_over_values
from experiments.sweep.page import page
from experiments.sweep.study import sweep
from tests.experiments.commands import run

FEW = ("--set", "population.estimate_diaries=2000")


def test_a_bad_value_is_told_before_any_day_is_solved() -> None:
    result = run("sweep", "toy", "--vary", "stations.S.chargers=2,0,-1")
    assert isinstance(result.exception, ConfigError)
    assert [str(problem).split(";")[0] for problem in result.exception.problems] == [
        "stations.S.chargers is 0",
        "stations.S.chargers is -1",
    ]


def test_workers_do_not_change_the_table() -> None:
    texts = ["stations.S.chargers=2,4"]
    alone, shared = (sweep("toy", texts, FEW[1:], workers=workers).frame for workers in (1, 2))
    pd.testing.assert_frame_equal(alone, shared)
    assert alone.wait_min[0] > alone.wait_min[1]


def test_a_sweep_leaves_a_table_and_a_page(tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    options = ("--vary", "road.theta_per_min=0.1,1", "--vary", "stations.S.charger_kw=50,60", "--out", out)
    result = run("sweep", "toy", *options, *FEW, "--json")
    assert result.exit_code == 0, result.output
    runs = json.loads(result.stdout)["runs"]
    assert [(day["road.theta_per_min"], day["stations.S.charger_kw"]) for day in runs] == [
        *((0.1, 50), (0.1, 60), (1, 50), (1, 60)),
    ]
    assert pd.read_csv(out / "runs.csv").cost_cny.tolist() == pytest.approx([day["cost_cny"] for day in runs])
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "stations.S.charger_kw" in page
    assert "http://" not in page.partition('id="plotly"')[0]
    assert run("sweep", "toy", *options, *FEW).stdout == run("resume", out).stdout
    assert isinstance(run("sweep", "toy", *options).exception, ConfigError)  # another scenario


def test_a_day_beyond_its_limits_is_named_with_code_3() -> None:
    result = run("sweep", "toy", "--vary", "grid.slack_voltage_pu=1.0,1.2", *FEW)
    assert result.exit_code == 3
    assert "cosim: grid.slack_voltage_pu = 1.2: equilibrium: " in result.stderr
    assert "grid.slack_voltage_pu = 1.0" not in result.stderr
    assert "table violations" not in result.stderr  # a sweep writes none


def test_the_page_of_a_sweep_names_the_values_and_says_nothing_of_verdicts_it_has_not(tmp_path: Path) -> None:
    what_to_look_at = load_scenario("toy").config.what_to_look_at.split("\n", maxsplit=1)[0]
    out = tmp_path / "sweep"
    run("sweep", "toy", "--vary", "grid.slack_voltage_pu=1.0,1.2", *FEW, "--out", out)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "<li>grid.slack_voltage_pu = 1.2: equilibrium: " in page
    assert "A day for each value of grid.slack_voltage_pu" in page
    assert what_to_look_at
    assert what_to_look_at not in page


def test_the_page_of_a_tutorial_opens_with_what_to_look_at() -> None:
    about = {"description": "D", "what_to_look_at": "Look here.", "vary": ["road.theta_per_min=1"]}
    found = sweep("toy", about["vary"], FEW[1:])
    assert "Look here." in page("tutorial", about, found)


@pytest.mark.parametrize(
    ("field", "values", "places"),
    [
        ("road.theta_per_min", [1.0, 0.1, 0.2], [0.1, 0.2, 1.0]),
        ("tariff.kind", ["table", "dynamic"], ["table", "dynamic"]),
        ("road.price_in_choice", [False, True], ["False", "True"]),
        ("grid.storage.0.bus", [18, 2], ["18", "2"]),
    ],
)
def test_numbers_stand_where_they_belong_on_the_axis_and_words_side_by_side(
    field: str, values: list[Any], places: list[Any]
) -> None:
    figures = dict.fromkeys(SHOWN_COLUMNS, range(len(values)))
    days = pd.DataFrame({**figures, field: [str(value) for value in values]})
    drawing = figures_over_values(days, pd.DataFrame({field: values}))
    assert list(drawing.data[0].x) == places
    assert drawing.layout.xaxis.type == ("linear" if isinstance(places[0], float) else "category")


def test_a_field_of_the_agents_alone_is_told_to_change_nothing() -> None:
    field = "population.theta_per_min"
    told = run("sweep", "toy", "--vary", f"{field}=0.1,0.5", *FEW)
    assert f"note: {field} changes no figure of the equilibrium" in told.stderr


def test_beside_a_field_that_matters_python_warns_of_the_one_that_does_not() -> None:
    fields = {"road.theta_per_min": [0.1, 0.5], "population.theta_per_min": [0.1, 0.5]}
    with pytest.warns(UserWarning, match="changes no figure") as told:
        sweep("toy", fields, FEW[1:])
    assert [str(one.message).split()[0] for one in told] == ["population.theta_per_min"]
