"""A scenario from a stranger: what it cannot read, copy, or run."""

import sys
from pathlib import Path

import pytest

from cosim.errors import UNPRINTABLE, ConfigError
from cosim.scenario import check_scenario, load_scenario
from cosim.scenario.choice import NotImported
from experiments.manifest import write_scenario
from experiments.run.runner import run

SECRET = "ssh-key AAAA\n"  # noqa: S105


def problems(file: Path, *settings: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_scenario(file, settings)
    return [str(problem) for problem in caught.value.problems]


def edit(file: Path, old: str, new: str) -> None:
    before = file.read_text(encoding="utf-8")
    assert old in before
    file.write_text(before.replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file outside the study."""
    file = tmp_path_factory.mktemp("home") / "id_rsa"
    file.write_text(SECRET, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "field",
    [
        "profiles",
        "station_load",
        "road.links",
        "road.demand",
        "road.nodes",
        "mobility.transitions",
        "grid.buses",
    ],
)
def test_no_field_reads_a_file_outside_the_folder_and_its_content_is_not_told(
    study: Path, secret: Path, field: str
) -> None:
    told = " ".join(problems(study, f"{field}={secret}"))
    assert "lies outside" in told
    assert "AAAA" not in told


def test_nor_does_extends(study: Path, secret: Path) -> None:
    study.write_text(f'extends = "{secret}"\n', encoding="utf-8")
    (told,) = problems(study)
    assert told.startswith("extends is ")
    assert "lies outside" in told


def test_a_user_may_allow_it(study: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("data") / "od.csv"
    elsewhere.write_bytes(Path("toy/od.csv").read_bytes())
    assert load_scenario(study, [f"road.demand={elsewhere}"], allow=["outside"]).daily_trips > 0


def test_a_bundled_scenario_can_be_extended_by_its_name(study: Path) -> None:
    study.write_text('extends = "toy"\nname = "mine"\n', encoding="utf-8")
    assert load_scenario(study).config.name == "mine"
    assert load_scenario(study).daily_trips == load_scenario("toy").daily_trips


def test_what_is_no_table_of_loads_is_not_copied_into_a_run(study: Path, tmp_path: Path) -> None:
    Path("notes.txt").write_text(SECRET, encoding="utf-8")
    assert any("notes.txt" in problem for problem in problems(study, "station_load=notes.txt"))
    Path("unused.csv").write_text(SECRET, encoding="utf-8")
    scenario = load_scenario(study, ["mobility.departures=unused.csv"])
    (tmp_path / "run").mkdir()
    write_scenario(scenario, tmp_path / "run")
    copied = {file.name for file in (tmp_path / "run/inputs").iterdir()}
    assert "unused.csv" not in copied
    assert "unused.csv" not in (tmp_path / "run/scenario.toml").read_text(encoding="utf-8")


def test_a_file_that_changes_after_it_was_read_is_not_copied(study: Path, tmp_path: Path) -> None:
    scenario = load_scenario(study)
    edit(Path("toy/od.csv"), "\n", "\n# another\n")
    (tmp_path / "run").mkdir()
    with pytest.raises(ConfigError, match="has changed since"):
        write_scenario(scenario, tmp_path / "run")


@pytest.fixture
def trap(study: Path) -> Path:
    """Return a scenario that names a module, which leaves a trace where it is imported."""
    Path("trap.py").write_text(
        "open('sprung', 'w').close()\nclass Choice:\n    def weights(self, a): return a\n", encoding="utf-8"
    )
    edit(study, "[population]", '[population]\nchoice = "trap:Choice"')
    sys.modules.pop("trap", None)
    return study


def test_a_module_that_a_file_names_is_not_imported(trap: Path) -> None:
    scenario = load_scenario(trap)
    assert isinstance(scenario.choice, NotImported)
    with pytest.raises(ConfigError, match=r"class Choice of module trap.*--allow-import"):
        run(scenario, "agents")
    assert not Path("sprung").exists()
    assert not list(Path().glob("runs/*"))


def test_checking_never_imports_and_the_users_word_does(trap: Path) -> None:
    check_scenario(trap, ["population.choice=trap:Choice"], allow=["import"])
    assert not Path("sprung").exists()
    for said in ({"allow": ["import"]}, {"settings": {"population.choice": "trap:Choice"}}):
        sys.modules.pop("trap", None)
        with pytest.raises(ConfigError, match="weights"):  # it runs, and its answer is none
            load_scenario(trap, **said)
        Path("sprung").unlink()


@pytest.mark.parametrize(
    "name", ["-rf", "a\nb", "a\u202egnp", "../up", "a/b", "a\\b", ".hidden", "a\x1b[31m"]
)
def test_names_that_mislead_a_reader_or_a_shell_are_refused(study: Path, name: str) -> None:
    for field in ("name", "grid.name", "stations.S.name"):
        with pytest.raises(ConfigError) as caught:
            load_scenario(study, {field: name})
        told = [str(problem) for problem in caught.value.problems]
        assert any(
            "name is " in sentence and "it must be a name without slash" in sentence for sentence in told
        )
        assert not any(UNPRINTABLE.search(sentence) for sentence in told)


def test_names_in_tables_hold_no_marks_that_turn_the_text(study: Path) -> None:
    edit(Path("toy/links.csv"), "\n1,", "\nlink\u202e,")
    assert any("must be a name of visible characters" in problem for problem in problems(study))
