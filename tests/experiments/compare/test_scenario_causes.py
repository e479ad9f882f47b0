"""Other trips, roads, people or feeders are called the cause; what follows from them is not."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cosim.results import Run
from cosim.scenario import load_scenario
from experiments.compare.comparison import Comparison, compare_samples
from experiments.compare.sample import Sample, samples_of
from experiments.compare.scenario_causes import trip_demand
from experiments.compare.settings import Setting, has_grounds
from tests.experiments.changed_runs import equilibrium_run

TOY = Path(__file__).parents[3] / "configs" / "toy.toml"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return equilibrium_run(load_scenario(TOY), tmp_path_factory.mktemp("toy") / "plain")


def changed(plain: Run, directory: Path, *settings: str, file: Path = TOY) -> Comparison:
    """Return the equilibrium of a changed toy against the plain one."""
    other = equilibrium_run(load_scenario(file, settings), directory / "other")
    return compare_samples(samples_of([plain.directory, other.directory]), seed=1)


@pytest.mark.parametrize(
    ("setting", "cause"),
    [
        ("road.demand_scale=1.2", "demand"),
        ("road.paths_per_od=1", "network"),
        ("stations.S.road_node=3", "network"),
        ("population.ev_share=0.4", "population"),
        ("mobility.soc_fast_charge=0.4", "population"),
        ("grid.storage.0.bus=2", "grid"),
        ("grid.storage.0.capacity_kwh=300", "grid"),
    ],
)
def test_what_a_scenario_asks_for_is_the_only_cause_though_waits_and_loads_follow(
    plain: Run, tmp_path: Path, setting: str, cause: str
) -> None:
    comparison = changed(plain, tmp_path, setting)
    (verdict,) = comparison.verdicts
    assert verdict.causes == (cause,)
    assert [known.field.rpartition(".")[2] for known in verdict.settings] == [
        setting.partition("=")[0].rpartition(".")[2]
    ]


def test_more_trips_are_told_in_numbers_and_the_longer_wait_does_not_count(
    plain: Run, tmp_path: Path
) -> None:
    comparison = changed(plain, tmp_path, "road.demand_scale=1.2")
    causes = comparison.tables["causes"].set_index("cause")
    assert "(+20.0%)" in comparison.verdicts[0].sentence
    assert causes.loc["queueing", "effect"] > 1
    assert not causes.loc["queueing", "present"]


def test_of_another_profile_the_trips_count_that_really_move() -> None:
    """Half the toy's trips are EVs', which leave as their stays say: a column that moves 45 % of the day moves 22 %."""
    scenario = load_scenario(TOY)
    other = scenario.profiles | {"trip_share": scenario.profiles["trip_share"][::-1]}
    moved = replace(scenario, profiles=other)
    profile = np.abs(moved.trip_share - scenario.trip_share).sum() / 2
    share = np.abs(
        trip_demand(moved) / trip_demand(moved).sum() - trip_demand(scenario) / trip_demand(scenario).sum()
    )
    assert share.sum() / 2 == pytest.approx(profile * (1 - scenario.config.population.ev_share), rel=1e-3)


def test_a_network_of_one_name_with_another_capacity_is_found_by_its_content(
    plain: Run, tmp_path: Path
) -> None:
    folder = shutil.copytree(TOY.parent, tmp_path / "configs")
    links = folder / "toy" / "links.csv"
    rows = links.read_text(encoding="utf-8")
    links.write_text(rows.replace("3,1,3,6,100", "3,1,3,6,90"), encoding="utf-8")
    comparison = changed(plain, tmp_path, file=folder / "toy.toml")
    (verdict,) = comparison.verdicts
    assert verdict.causes == ("network",)
    assert "1 of 5 in the reference" in verdict.present[0].sentence
    assert [setting.field for setting in verdict.settings] == ["road.links"]


def test_a_station_that_is_gone_is_missing_from_the_roads_and_not_from_the_feeder() -> None:
    """Its bus is a setting that differs, but the feeder is the same."""
    gone = [Setting("stations.S.bus", "4", ""), Setting("stations.S.road_node", "2", "")]
    moved = [Setting("stations.S.bus", "4", "3")]
    sample = Sample(name="", model="agents", days=(), seeds=(), config=load_scenario(TOY).config)
    assert not has_grounds("grid", sample, sample, gone)
    assert has_grounds("network", sample, sample, gone)
    assert has_grounds("grid", sample, sample, moved)


def test_a_day_is_not_the_same_equilibrium_where_only_the_feeder_differs(plain: Run, tmp_path: Path) -> None:
    comparison = changed(plain, tmp_path, "grid.storage.0.bus=2")
    (verdict,) = comparison.verdicts
    assert verdict.flows_agree
    assert verdict.word == "differs"


def test_a_feeder_that_differs_for_no_known_reason_is_not_called_the_same_day(
    plain: Run, tmp_path: Path
) -> None:
    """Its table was changed by hand, so no setting says why."""
    import pandas as pd

    other = tmp_path / "other"
    shutil.copytree(plain.directory, other)
    file = other / "equilibrium" / "dispatch.parquet"
    frame = pd.read_parquet(file)
    frame.assign(cost_cny=frame.cost_cny * 1.01).to_parquet(file)
    (verdict,) = compare_samples(samples_of([plain.directory, other]), seed=1).verdicts
    assert verdict.headline == "differs, and none of the causes looked for explains it"
    assert "1.00%" in verdict.evidence
