"""Pieces are whole or absent: whatever happens to a file of one, it is found, told, and made again."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cosim.errors import ConfigError
from experiments.store.pieces import SEAL, Pieces, Store, left_behind

NAMES = ("day-1", "day-2", "day-3")
FILES = ("links.parquet", "state.npz", SEAL)


def content(name: str, of: str) -> dict[str, bytes]:
    return {file: f"{file} of {name} of {of}".encode() * 3 for file in FILES[:2]}


def writer(name: str, of: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for file, data in content(name, of).items():
            (folder / file).write_bytes(data)

    return write


def stopped(final: Path, identity: str = "ours") -> Path:
    """Leave three pieces, as a run that was stopped does; return their folder."""
    with pytest.raises(KeyboardInterrupt), Store(final, identity, print) as pieces:
        for name in NAMES:
            pieces.put(name, writer(name, identity))
        raise KeyboardInterrupt
    return pieces.path


def cut(file: Path, place: float, _: Path) -> None:
    file.write_bytes(file.read_bytes()[: int(place * file.stat().st_size)])


def lose(file: Path, _: float, __: Path) -> None:
    file.unlink()


def flip(file: Path, place: float, _: Path) -> None:
    data = bytearray(file.read_bytes())
    data[int(place * len(data))] ^= 1 << int(place * 997) % 8
    file.write_bytes(data)


def swap_file(file: Path, _: float, other: Path) -> None:
    shutil.copyfile(other / file.parent.name / file.name, file)


def swap_piece(file: Path, _: float, other: Path) -> None:
    shutil.rmtree(file.parent)
    shutil.copytree(other / file.parent.name, file.parent)


def rename_piece(file: Path, _: float, __: Path) -> None:
    following = NAMES[(NAMES.index(file.parent.name) + 1) % len(NAMES)]
    shutil.rmtree(file.parent)
    shutil.copytree(file.parent.with_name(following), file.parent)


def add(file: Path, _: float, __: Path) -> None:
    file.with_name("more.parquet").touch()


DAMAGES = (cut, lose, flip, swap_file, swap_piece, rename_piece, add)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Whole stores of two runs."""
    folder = tmp_path_factory.mktemp("stores")
    return stopped(folder / "run"), stopped(folder / "other", "theirs")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    damage=st.sampled_from(DAMAGES),
    name=st.sampled_from(NAMES),
    file=st.sampled_from(FILES),
    place=st.floats(0, 1, exclude_max=True),
)
def test_any_damage_is_found_told_and_mended(
    tmp_path: Path,
    stores: tuple[Path, Path],
    damage: Callable[[Path, float, Path], None],
    name: str,
    file: str,
    place: float,
) -> None:
    whole, other = stores
    folder = shutil.copytree(whole, tmp_path / ".run.pieces")
    damage(folder / name / file, place, other)
    told: list[str] = []
    with Store(tmp_path / "run", "ours", told.append) as pieces:
        assert pieces.names == [left for left in NAMES if left != name]
        assert told[0].startswith(f"{folder / name} ")
        assert told[0].endswith("; it is computed again")
        for again in NAMES:
            pieces.put(again, writer(again, "ours"))
            assert pieces.fault(again) == ""
            assert {
                path.name: path.read_bytes() for path in (folder / again).iterdir() if path.name != SEAL
            } == (content(again, "ours"))
        (tmp_path / "run").mkdir()
    assert not folder.exists()
    (tmp_path / "run").rmdir()


def test_a_piece_that_could_not_be_written_is_absent(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), Store(tmp_path / "run", "ours", print) as pieces:
        pieces.put("day-1", fail)
    assert list(tmp_path.iterdir()) == [], "a store without pieces goes, too"


def test_what_a_killed_process_was_writing_is_no_piece(tmp_path: Path) -> None:
    folder = stopped(tmp_path / "run")
    shutil.copytree(folder / "day-1", folder / ".day-4-12345")
    (folder / "stray").touch()
    told: list[str] = []
    with Store(tmp_path / "run", "ours", told.append) as pieces:
        assert tuple(pieces.names) == NAMES
        assert not (folder / ".day-4-12345").exists()
    assert [line.split("/")[-1] for line in told] == [
        "stray has no seal, or a damaged one; it is computed again",
        f"goes on with 3 finished pieces in {folder}".split("/")[-1],
    ]


def test_the_pieces_of_another_run_are_refused_and_left_alone(tmp_path: Path) -> None:
    folder = stopped(tmp_path / "run", "theirs")
    with (
        pytest.raises(ConfigError, match="another scenario, seed or version"),
        Store(tmp_path / "run", "ours", print),
    ):
        pass
    assert all(Pieces(folder, "theirs").fault(name) == "" for name in NAMES)


def test_who_is_stopped_is_told_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stop, Store(tmp_path / "run", "ours", print) as pieces:
        pieces.put("day-1", writer("day-1", "ours"))
        raise SystemExit(143)
    how = f"the same command goes on with it, or: cosim resume {tmp_path / 'run'}"
    assert stop.value.__notes__ == [f"1 finished piece is kept in {pieces.path}; {how}"]


def test_a_run_without_a_name_goes_on_where_one_of_the_same_scenario_stopped(tmp_path: Path) -> None:
    stopped(tmp_path / "toy-1-theirs", "theirs")
    stopped(tmp_path / "toy-1-ours")
    assert left_behind(tmp_path, "toy-1-", "ours") == tmp_path / "toy-1-ours"
    assert left_behind(tmp_path, "toy-2-", "ours") is None
    with Store(tmp_path / "toy-1-ours", "ours", print):
        assert left_behind(tmp_path, "toy-1-", "ours") is None, "it is under way"
