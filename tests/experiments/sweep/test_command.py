"""Parameter sweeps from the command line."""

import json
from pathlib import Path

import pandas as pd
import pytest

from cosim.errors import ConfigError
from cosim.scenario import load_scenario
from experiments.sweep.answers.page import page
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
    assert "A day of the equilibrium for each value of grid.slack_voltage_pu" in page
    assert what_to_look_at
    assert what_to_look_at not in page


def test_the_page_of_a_tutorial_opens_with_what_to_look_at() -> None:
    about = {"description": "D", "what_to_look_at": "Look here.", "vary": ["road.theta_per_min=1"]}
    found = sweep("toy", about["vary"], FEW[1:])
    assert "Look here." in page("tutorial", about, found.runs, found.answers(), [])


def test_a_field_of_the_agents_alone_is_told_to_change_nothing() -> None:
    field = "population.theta_per_min"
    told = run("sweep", "toy", "--vary", f"{field}=0.1,0.5", *FEW)
    assert f"note: {field} changes no figure of the equilibrium" in told.stderr


def test_beside_a_field_that_matters_python_warns_of_the_one_that_does_not() -> None:
    fields = {"road.theta_per_min": [0.1, 0.5], "population.theta_per_min": [0.1, 0.5]}
    with pytest.warns(UserWarning, match="changes no figure") as told:
        sweep("toy", fields, FEW[1:])
    assert [str(one.message).split()[0] for one in told] == ["population.theta_per_min"]


REMEDIES = """
extends = "toy"
[population]
estimate_diaries = 2000
[sweep]
vary = ["population.ev_share=0.3,0.5"]
seeds = 2
model = "agents"
baseline = ["population.ev_share=0.3"]
thresholds = ["energy_kwh=800"]
[[sweep.remedies]]
name = "nothing"
[[sweep.remedies]]
name = "more chargers"
settings = ["stations.S.chargers=4"]
investment_cny = 100000
"""


def test_a_sweep_of_remedies_answers_in_words_tables_and_pages(tmp_path: Path) -> None:
    (tmp_path / "remedies.toml").write_text(REMEDIES)
    result = run("sweep", tmp_path / "remedies.toml", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "agents, population.ev_share = 0.5: nothing is cheapest" in result.stdout
    tables = {file.stem for file in (tmp_path / "out").glob("*.csv")}
    assert tables == {"runs", "means", "limits", "differences", "effects", "thresholds", "remedies"}
    runs, table = (pd.read_parquet(tmp_path / "out" / f"{name}.parquet") for name in ("runs", "remedies"))
    assert len({*runs.groupby(["population.ev_share", "remedy"]).seed.agg(tuple)}) == 1
    waits = runs.groupby("remedy").wait_min.mean()
    assert waits["more chargers"] < waits["nothing"]
    assert table.investment_cny[1] == pytest.approx(100_000 * 0.05 / (1 - 1.05**-20) / 365)
    for file in ("report.html", "explorer.html"):
        assert "more chargers" in (tmp_path / "out" / file).read_text(encoding="utf-8")


def test_from_python_a_sweep_has_each_answer_by_itself() -> None:
    found = sweep("toy", {"population.ev_share": [0.3, 0.5]}, FEW[1:], seeds=2, model="agents")
    assert found.means().n.eq(2).all()
    assert found.differences({"population.ev_share": 0.3}).difference.notna().any()
    assert found.probability().broken.tolist() == [0, 0]
    assert found.effects("energy_kwh").share.sum() == pytest.approx(1)
    energy = found.means().query("figure == 'energy_kwh'")["mean"]
    (row,) = found.threshold("energy_kwh", energy.mean()).itertuples()
    assert 0.3 < row.estimate < 0.5
    with pytest.raises(ConfigError, match="Sobol indices need Saltelli's points"):
        found.sobol("energy_kwh")
    with pytest.raises(ConfigError, match="there are no remedies"):
        found.remedies()


def test_saltelli_points_of_a_sweep_have_sobol_indices() -> None:
    pytest.importorskip("SALib", reason="Sobol indices were not tested: no SALib here")
    ranges = {"population.ev_share": [0.2, 0.6], "stations.S.charger_kw": [40.0, 80.0]}
    found = sweep("toy", settings=FEW[1:], sample=ranges, points=8, design="saltelli")
    total = found.sobol("energy_kwh").query("order == 'total'").set_index("effect").share
    assert total["population.ev_share"] > 0.5
    assert total["stations.S.charger_kw"] == pytest.approx(
        0, abs=1e-6
    )  # the power of a charger is not its energy
    assert set(found.answers().tables) >= {"means", "limits", "sobol"}
