"""The bundled scenarios: found by name, copied whole, never over something that is there."""

import errno
import tomllib
from itertools import count
from pathlib import Path

import pytest

from cosim.config.bundled import find_scenario, scenario_names
from cosim.errors import ConfigError
from cosim.results import Run
from cosim.scenario import load_scenario
from experiments.manifest import write_scenario
from experiments.run.runner import run
from experiments.scenarios.files import copy_scenario

TWO_FEEDERS = """
[[grid.feeders]]
name = "north"

[[grid.feeders]]
name = "south"
slack_voltage_pu = 1.02
storage = []

[[stations]]
name = "T"
road_node = 3
bus = 3
feeder = "south"
chargers = 2
"""


@pytest.mark.parametrize("name", ["toy", "paper", "coupled"])
def test_a_copied_scenario_is_complete(name: str, tmp_path: Path) -> None:
    file = copy_scenario(name, tmp_path / "study")
    assert load_scenario(file).config == load_scenario(find_scenario(name)).config


def test_scenarios_are_found_by_name_where_there_is_no_such_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert set(scenario_names()) >= {"coupled", "paper", "toy"}
    assert find_scenario("toy").is_file()
    assert find_scenario("configs/toy.toml").is_file()
    with pytest.raises(ConfigError, match="no scenario of that name"):
        find_scenario("other/toy.toml")
    with pytest.raises(ConfigError, match="is a directory"):
        find_scenario(".")


def test_nothing_is_copied_over_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(ConfigError, match="not empty"):
        copy_scenario("toy", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_files_of_the_same_name_stay_apart_in_the_run_directory(tmp_path: Path) -> None:
    """``toy/od.csv`` and ``toy_od.csv`` would both be called ``toy_od.csv``."""
    file = copy_scenario("toy", tmp_path / "study")
    (file.parent / "toy_od.csv").write_bytes((file.parent / "toy/links.csv").read_bytes())
    scenario = load_scenario(file, ["road.links=toy_od.csv"])
    (tmp_path / "run").mkdir()
    write_scenario(scenario, tmp_path / "run")
    assert load_scenario(tmp_path / "run/scenario.toml").network.links == scenario.network.links


@pytest.fixture(scope="module")
def two_feeders(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Run:
    """A run of the toy with a second feeder and a second station."""
    request.getfixturevalue("without_pages")
    folder = tmp_path_factory.mktemp("two")
    file = copy_scenario("toy", folder / "study")
    file.write_text(file.read_text(encoding="utf-8") + TWO_FEEDERS, encoding="utf-8")
    return run(load_scenario(file, ["stations.S.feeder=north"]), out=folder / "run")


def test_each_feeder_has_its_operator_and_its_tables(two_feeders: Run) -> None:
    tables = two_feeders.agents
    periods = tables.dispatch.groupby("feeder").size()
    assert periods["north"] == periods["south"] >= 8
    for table, per_period in (("buses", 4), ("branches", 3), ("stations", 1)):
        assert (tables.read(table).groupby("feeder").size() == per_period * periods).all()
    assert set(tables.devices.feeder) == {"north"}  # south gave up the storage
    dispatches = tables.messages[tables.messages.kind == "DispatchIssued"]
    assert dispatches.sender.nunique() == 2


def test_each_feeder_keeps_its_own_slack_voltage_and_serves_its_own_station(two_feeders: Run) -> None:
    for tables in (two_feeders.agents, two_feeders.equilibrium):
        slack = tables.buses[tables.buses.bus == "1"].groupby("feeder").voltage_pu
        assert (
            slack.min().round(9).to_dict() == slack.max().round(9).to_dict() == {"north": 1.0, "south": 1.02}
        )
        served = tables.buses.groupby(["feeder", "bus"]).station_kw.sum()
        loads = tables.stations.groupby(["feeder", "bus"]).load_kw.sum()
        assert served[served > 0].to_dict() == pytest.approx(loads[loads > 0].to_dict(), rel=1e-6)
        assert set(loads[loads > 0].index) == {("north", "4"), ("south", "3")}


@pytest.mark.usefixtures("without_page")
def test_a_run_of_two_feeders_can_be_run_again_from_its_directory(two_feeders: Run, tmp_path: Path) -> None:
    resolved = two_feeders.directory / "scenario.toml"
    assert len(tomllib.loads(resolved.read_text(encoding="utf-8"))["grid"]["feeders"]) == 2
    again = run(load_scenario(resolved), out=tmp_path / "again")
    assert again.manifest["tables"] == two_feeders.manifest["tables"]


@pytest.mark.parametrize("was_there", [False, True])
def test_a_copy_that_a_full_disk_stops_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was_there: bool
) -> None:
    folder = tmp_path / "study"
    if was_there:
        folder.mkdir()
    writes, write = count(1), Path.write_bytes

    def full(file: Path, content: bytes) -> int:
        if next(writes) == 3:
            raise OSError(errno.ENOSPC, "No space left on device", str(file))
        return write(file, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        copy_scenario("toy", folder)
    assert folder.exists() is was_there
    assert not was_there or not any(folder.iterdir())
