"""A scenario that extends another one says only what it changes."""

from pathlib import Path

import pytest

from cosim.config.extending import file_fields, read_scenario_tables
from cosim.config.reading import apply_settings, check
from cosim.errors import ConfigError
from cosim.files import read_toml
from cosim.scenario import load_scenario

CONFIGS = Path(__file__).parents[3] / "configs"


def study(folder: Path, text: str, base: str = "toy") -> Path:
    """Return a scenario in *folder* that extends one that comes along."""
    file = folder / "study.toml"
    file.write_text(f'extends = "{CONFIGS / base}.toml"\n{text}', encoding="utf-8")
    return file


def problems(file: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_scenario(file)
    return [str(problem) for problem in caught.value.problems]


def test_what_is_not_changed_is_as_in_the_other_scenario(tmp_path: Path) -> None:
    file = study(tmp_path, "[road]\ntheta_per_min = 2.0\n")
    mine, other = load_scenario(file), load_scenario(CONFIGS / "toy.toml", ["road.theta_per_min=2.0"])
    assert mine.config.name == "study"  # its own, though it does not say so
    plain = {"name", "what_to_look_at", "profiles", "road", "mobility", "grid"}
    assert mine.config.model_dump(exclude=plain) == other.config.model_dump(exclude=plain)
    assert mine.config.road.theta_per_min == other.config.road.theta_per_min
    assert mine.network.links == other.network.links


def test_files_of_the_other_scenario_stay_where_they_are_and_new_ones_lie_beside_the_study(
    tmp_path: Path,
) -> None:
    (tmp_path / "od.csv").write_text("origin,dest,demand_veh_h\n1,4,77\n", encoding="utf-8")
    scenario = load_scenario(study(tmp_path, '[road]\ndemand = "od.csv"\n'))
    assert scenario.paths.od.demand_veh_h.tolist() == [77]


def test_a_relative_base_in_another_folder_keeps_its_data() -> None:
    tables = read_scenario_tables(CONFIGS / "tutorials" / "theta.toml")
    named = {key: place[key] for place, key in file_fields(tables)}
    assert named["profiles"] == "../profiles.csv"
    assert all((CONFIGS / "tutorials" / file).is_file() for file in named.values())


def test_entries_of_lists_are_entered_by_name_and_position_and_lists_replaced_whole(tmp_path: Path) -> None:
    changes = (
        "[stations.CS9]\nchargers = 4\n[grid.demand_response.0]\nshare_max = 0.1\n[grid]\nstorage = []\n"
    )
    config = load_scenario(study(tmp_path, changes, "paper")).config
    assert [station.chargers for station in config.stations] == [10, 4, 10]
    (feeder,) = config.grid.feeders
    assert [load.share_max for load in feeder.demand_response] == [0.1, 0.3, 0.3, 0.3]
    assert feeder.storage == ()


def test_another_network_takes_the_place_of_the_bus_tables(tmp_path: Path) -> None:
    feeder = load_scenario(study(tmp_path, '[grid]\nnetwork = "case33bw"\n')).config.grid.feeders[0]
    assert (feeder.network, feeder.buses, feeder.branches) == ("case33bw", None, None)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[stations.CS7]\nchargers = 1", "table stations: the list has no entry 'CS7'; it has S."),
        ("[road]\ntheta = 1", "road.theta is not a known key"),
        ("[roads]\ntheta = 1", "roads is not a known key; do you mean 'road'?"),
        ("[grid]\nstorage = 3", "grid.storage is 3; it must be a list of tables."),
    ],
)
def test_a_slip_in_a_change_is_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    assert any(problem.startswith(sentence) for problem in problems(study(tmp_path, text)))


def test_a_base_that_is_missing_or_extends_another_one_itself_is_named(tmp_path: Path) -> None:
    first = study(tmp_path, "")
    second = tmp_path / "second.toml"
    second.write_text('extends = "study.toml"', encoding="utf-8")
    assert "which extends" in problems(second)[0]
    second.write_text('extends = "none.toml"', encoding="utf-8")
    assert problems(second) == ["extends is 'none.toml'; there is no such file."]
    second.write_text("extends = 3", encoding="utf-8")
    assert problems(second)[0].startswith("extends is 3; it must be the name of a scenario file")
    assert load_scenario(first).config.seed == 1


def test_every_file_a_scenario_may_name_is_known() -> None:
    """What is not known as a file would be looked for in the wrong folder, and be missing from a run's copy."""
    settings = ["mobility.transitions=t.csv", "station_load=s.csv", "grid.network=n.json"]
    tables = apply_settings(read_toml(CONFIGS / "paper.toml"), settings)
    assert {key for _, key in file_fields(tables)} == {
        *("profiles", "station_load", "nodes", "links", "demand", "transitions", "departures"),
        *("buses", "branches", "network"),
    }
    dumped = check(read_toml(CONFIGS / "paper.toml"), "paper.toml").model_dump(mode="json")
    assert "ieee33/branches.csv" in {place[key] for place, key in file_fields(dumped)}
