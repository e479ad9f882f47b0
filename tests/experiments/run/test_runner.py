"""A run as a whole: what its directory holds, that it is whole or not there, and that it is reproducible."""

import hashlib
import math
from pathlib import Path

import pytest

from cosim import run as offered_by_the_package
from cosim.errors import ConfigError
from cosim.results import Run, load_run
from cosim.scenario import Scenario, load_scenario
from cosim.tables import TABLES
from experiments.run.runner import run
from experiments.run.summary import summarise


def test_a_run_leaves_both_models_their_comparison_and_a_report(toy_run: Run) -> None:
    here = toy_run.directory
    for file in ("manifest.json", "scenario.toml", "report.html", "inputs"):
        assert (here / file).exists()
    assert {"links", "paths", "stations", "buses", "branches", "dispatch", "prices"} <= set(
        toy_run.agents.names
    )
    assert set(toy_run.equilibrium.names) <= set(TABLES)
    assert set(toy_run.comparison.names) == {
        "causes",
        "day_tests",
        "differences",
        "g_tests",
        "learning",
        "measures",
        "real_time",
        "real_time_values",
        "totals",
        "verdicts",
    }
    assert toy_run.links.equals(toy_run.agents.links)


def test_both_models_write_the_same_columns(toy_run: Run) -> None:
    for table in set(toy_run.agents.names) & set(toy_run.equilibrium.names):
        columns = [column.name for column in TABLES[table]]
        assert list(toy_run.agents.read(table)) == columns
        assert list(toy_run.equilibrium.read(table)) == columns


def test_the_manifest_knows_the_hash_of_every_table(toy_run: Run) -> None:
    hashes = toy_run.manifest["tables"]
    files = sorted(toy_run.directory.glob("*/*.parquet"))
    assert sorted(hashes) == [str(file.relative_to(toy_run.directory)) for file in files]
    for file in files:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        assert hashes[str(file.relative_to(toy_run.directory))] == digest


@pytest.mark.usefixtures("without_page")
def test_the_same_scenario_and_seed_give_the_same_bytes(toy_run: Run, toy: Scenario, tmp_path: Path) -> None:
    again = run(toy, out=tmp_path / "again")
    assert again.manifest["tables"] == toy_run.manifest["tables"]


@pytest.mark.usefixtures("without_page")
def test_a_run_can_be_run_again_from_its_own_directory(toy_run: Run, tmp_path: Path) -> None:
    resolved = load_scenario(toy_run.directory / "scenario.toml")
    again = run(resolved, out=tmp_path / "again")
    assert again.manifest["tables"] == toy_run.manifest["tables"]


@pytest.mark.usefixtures("without_page")
def test_another_seed_gives_other_trips(toy_run: Run, tmp_path: Path) -> None:
    other = load_scenario(toy_run.directory / "scenario.toml", seed=2)
    tables = run(other, "agents", out=tmp_path / "other").manifest["tables"]
    assert tables["agents/trips.parquet"] != toy_run.manifest["tables"]["agents/trips.parquet"]


@pytest.mark.usefixtures("without_page")
def test_each_model_can_run_alone_and_gives_what_it_gives_together(
    toy_run: Run, toy: Scenario, tmp_path: Path
) -> None:
    together = toy_run.manifest["tables"]
    equilibrium = run(toy, "equilibrium", out=tmp_path / "equilibrium")
    agents = run(toy, "agents", out=tmp_path / "agents")
    assert not equilibrium.agents
    assert not agents.equilibrium
    for alone in (equilibrium, agents):
        assert alone.manifest["tables"].items() <= together.items()
        assert alone.summary["g_test_rejected_share"] is None
    assert equilibrium.links.equals(toy_run.equilibrium.links)


def test_a_directory_that_exists_is_refused_and_left_alone(toy: Scenario, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(ConfigError, match="exists already"):
        run(toy, out=tmp_path / "mine")
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_a_run_that_fails_leaves_its_finished_pieces_alone(
    toy: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        assert any(tmp_path.iterdir())  # the run was under way
        message = "the disk is full"
        raise OSError(message)

    monkeypatch.setattr("experiments.run.runner.write_manifest", fail)
    with pytest.raises(OSError, match="disk is full"):
        run(toy, "agents", tmp_path / "half")
    assert [path.name for path in tmp_path.iterdir()] == [".half.pieces"]


def test_a_run_whose_page_fails_is_whole(
    toy: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Run) -> None:
        message = "the disk is full"
        raise OSError(message)

    monkeypatch.setattr("experiments.run.report.write_report", fail)
    with pytest.raises(OSError, match="disk is full"):
        run(toy, "equilibrium", tmp_path / "half")
    assert [path.name for path in tmp_path.iterdir()] == ["half"]
    assert len(load_run(tmp_path / "half").equilibrium.links) > 0


def test_what_is_no_run_is_not_loaded(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no manifest\.json"):
        load_run(tmp_path)


def test_a_table_that_is_not_there_names_those_that_are(toy_run: Run) -> None:
    with pytest.raises(AttributeError, match=r"there are: .*links.*trips"):
        _ = toy_run.agents.weather


def test_the_package_offers_run_itself() -> None:
    assert offered_by_the_package is run


@pytest.mark.usefixtures("without_page")
def test_an_infeasible_day_completes_and_names_bus_and_period(toy: Scenario, tmp_path: Path) -> None:
    config = toy.folder / "toy.toml"
    weak = load_scenario(config, ["grid.slack_voltage_pu=0.952"])
    finished = run(weak, out=tmp_path / "weak")
    violations = finished.violations
    assert {"undervoltage"} == set(violations.kind)
    assert (finished.dispatch.status == "elastic").any()
    assert any("bus 4" in flag and "period" in flag for flag in finished.manifest["flags"])
    assert finished.summary["voltage_min_pu"] < 0.95
    assert finished.dispatch.ac_mismatch_max_pu.max() <= 1e-6


def test_a_day_with_a_period_that_no_power_flow_solves_has_no_cost(toy_run: Run, toy: Scenario) -> None:
    tables = {name: toy_run.equilibrium.read(name) for name in toy_run.equilibrium.names}
    assert summarise(toy, {"equilibrium": tables})["cost_cny"] > 0
    dispatch = tables["dispatch"].copy()
    dispatch.loc[3, ["cost_cny", "losses_kw"]] = math.nan
    told = summarise(toy, {"equilibrium": tables | {"dispatch": dispatch}})
    assert math.isnan(told["cost_cny"])
    assert math.isnan(told["losses_kwh"])
