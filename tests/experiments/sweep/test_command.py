"""Parameter sweeps from the command line."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cosim.config.bundled import find_scenario
from cosim.errors import ConfigError
from cosim.scenario import load_scenario
from experiments.sweep.figures import SHOWN_COLUMNS, figures_over_values
from experiments.sweep.page import page
from experiments.sweep.parameters import read_parameters
from experiments.sweep.study import sweep
from tests.experiments.commands import run

FEW = ("--set", "population.estimate_diaries=2000")


def test_a_sweep_is_all_combinations_and_the_last_field_runs_fastest() -> None:
    parameters = read_parameters(["a.b=1,2.5", "c=x,true", 'd=["7"],[]'])
    assert parameters.points[:3] == [(1, "x", ["7"]), (1, "x", []), (1, "true", ["7"])]
    assert len(parameters.points) == 8
    assert parameters.settings(parameters.points[2]) == ("a.b=1", 'c="true"', 'd=[\n    "7",\n]')


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.1:0.5:0.1", (0.1, 0.2, 0.3, 0.4, 0.5)),
        ("1:7:2", (1, 3, 5, 7)),
        ("-.5:.5:.5", (-0.5, 0.0, 0.5)),
        (".2,1.", (0.2, 1.0)),
        ("08:00", ("08:00",)),
    ],
)
def test_a_range_is_all_its_values_without_rounding(text: str, values: tuple[object, ...]) -> None:
    found = tuple(value for (value,) in read_parameters([f"a.b={text}"]).points)
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("variations", "sentence"),
    [
        ([], "nothing to vary"),
        (["a=1:0:1"], "a: '1:0:1' has no values"),
        (["a=0:1:0"], "a: '0:1:0' has no values"),
        (["a=0:1:.00001"], "more than 10,000 values"),
        (["road.theta_per_min"], "is not of the form field=value,value"),
        (["=1,2"], "is not of the form field=value,value"),
        (["a=1", "a=2"], "a is varied twice"),
    ],
)
def test_a_variation_without_values_is_refused_in_a_sentence(variations: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        read_parameters(variations)


def test_a_bad_value_is_told_before_any_day_is_solved() -> None:
    result = run("sweep", "toy", "--vary", "stations.S.chargers=2,0,-1")
    assert isinstance(result.exception, ConfigError)
    assert [str(problem).split(";")[0] for problem in result.exception.problems] == [
        "stations.S.chargers is 0",
        "stations.S.chargers is -1",
    ]


def test_workers_do_not_change_the_table() -> None:
    parameters = read_parameters(["stations.S.chargers=2,4"])
    alone, shared = (sweep(find_scenario("toy"), parameters, FEW[1:], workers=workers) for workers in (1, 2))
    pd.testing.assert_frame_equal(alone, shared)
    assert alone.wait_min[0] > alone.wait_min[1]


def test_a_sweep_leaves_a_table_and_a_page(tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    options = ("--vary", "road.theta_per_min=0.1,1", "--vary", "stations.S.charger_kw=50,60", "--out", out)
    result = run("sweep", "toy", *options, *FEW, "--json")
    assert result.exit_code == 0, result.output
    days = json.loads(result.stdout)["days"]
    assert [(day["road.theta_per_min"], day["stations.S.charger_kw"]) for day in days] == [
        *((0.1, 50), (0.1, 60), (1, 50), (1, 60)),
    ]
    assert pd.read_csv(out / "days.csv").cost_cny.tolist() == pytest.approx([day["cost_cny"] for day in days])
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "stations.S.charger_kw" in page
    assert "http://" not in page.partition('id="plotly"')[0]
    assert isinstance(run("sweep", "toy", *options).exception, ConfigError)  # never over what is there


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
    assert "a day for each value of grid.slack_voltage_pu" in page
    assert what_to_look_at
    assert what_to_look_at not in page


def test_the_page_of_a_tutorial_opens_with_what_to_look_at() -> None:
    about = {"description": "D", "what_to_look_at": "Look here.", "vary": ["road.theta_per_min=1"]}
    parameters = read_parameters(about["vary"])
    days = sweep(find_scenario("toy"), parameters, FEW[1:])
    assert "Look here." in page("tutorial", about, parameters, days)


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
