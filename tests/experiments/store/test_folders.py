"""A run directory is whole or not there, belongs to one process, and nothing of dead processes piles up."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cosim.errors import ConfigError
from experiments.store.folders import RunDirectory, hold, try_hold
from experiments.store.pieces import Store, clear_empty

HOLD_AND_DIE = (
    "import os, sys, pathlib, experiments.store.folders as f; f.hold(pathlib.Path(sys.argv[1])); os._exit(9)"
)


def test_a_run_directory_has_its_name_once_it_is_whole(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "deep" / "run") as unfinished:
        (unfinished.path / "table").touch()
        assert not (tmp_path / "deep" / "run").exists()
    assert [path.name for path in (tmp_path / "deep").rglob("*")] == ["run", "table"]


def test_of_two_runs_into_one_directory_the_first_to_end_stands(tmp_path: Path) -> None:
    late = RunDirectory(tmp_path / "run")
    with pytest.raises(ConfigError, match="another run"), late:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "first").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["first"]


def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), RunDirectory(tmp_path / "run") as unfinished:
        (unfinished.path / "half").touch()
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_another_run_writes_is_refused_and_left_alone(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "run") as unfinished:
        (unfinished.path / "table").touch()
        with pytest.raises(ConfigError, match="in use by another process"), RunDirectory(tmp_path / "run"):
            pass
        with RunDirectory(tmp_path / "other"):
            pass
    assert (tmp_path / "run" / "table").exists()


def test_what_a_dead_process_left_is_cleared_by_a_run_of_any_name(tmp_path: Path) -> None:
    left = tmp_path / ".killed.unfinished"
    subprocess.run([sys.executable, "-c", HOLD_AND_DIE, str(left)], check=False)
    (left / "half").touch()
    assert left.is_dir()
    with RunDirectory(tmp_path / "run"):
        assert sorted(path.name for path in tmp_path.iterdir()) == [".run.unfinished"]


@pytest.mark.parametrize("name", [".thesis.unfinished", ".puzzle.pieces"])
def test_a_folder_of_the_user_is_left_alone_whatever_its_name(tmp_path: Path, name: str) -> None:
    own = tmp_path / name
    own.mkdir()
    (own / "chapter").touch()
    (tmp_path / "puzzle").mkdir()
    with RunDirectory(tmp_path / "run"):
        clear_empty(tmp_path)
    assert [path.name for path in own.iterdir()] == ["chapter"]


@pytest.mark.parametrize("kind", ["unfinished", "pieces"])
def test_a_folder_of_the_user_with_the_very_name_is_refused_and_left_alone(tmp_path: Path, kind: str) -> None:
    own = tmp_path / f".run.{kind}"
    (own / "chapters").mkdir(parents=True)
    (own / ".lock").touch()  # many programs make one
    store = (
        Store(tmp_path / "run", "ours", pytest.fail) if kind == "pieces" else RunDirectory(tmp_path / "run")
    )
    with pytest.raises(ConfigError, match="holds files of others; move it"), store:
        pass
    assert sorted(path.name for path in own.iterdir()) == [".lock", "chapters"]


def test_a_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / ".run.unfinished").symlink_to("empty")
    with pytest.raises(ConfigError, match="holds files of others"), RunDirectory(tmp_path / "run"):
        pass
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_folder_has_one_holder_at_a_time(tmp_path: Path) -> None:
    descriptor = hold(tmp_path / "folder")
    assert try_hold(tmp_path / "folder") is None
    os.close(descriptor)
    again = try_hold(tmp_path / "folder")
    assert again is not None
    os.close(again)
