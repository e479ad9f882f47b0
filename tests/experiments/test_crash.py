"""Faults of the program and of the disk: a sentence, a log, a code of their own; what was computed stays."""

import errno
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from cosim.errors import STORAGE, StorageError
from cosim.results import write_tables
from experiments import cli, crash
from experiments.page import drawn
from experiments.store.folders import RunDirectory
from experiments.study import CommandResult, emit, write_page


def test_a_fault_is_one_sentence_and_a_log_that_only_its_owner_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    fault = KeyError("4\n5")
    fault.add_note("The tables in r are whole.")
    crash.tell(KeyError, fault, None)
    (log,) = (tmp_path / "cosim").glob("*.log")
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("cosim: this is a fault of the program: KeyError: '4\\n5'.")
    assert str(log) in first
    assert second == "cosim: The tables in r are whole."
    assert "KeyError" in log.read_text(encoding="utf-8")
    assert log.stat().st_mode & 0o77 == 0


def test_where_no_log_can_be_written_the_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(crash.tempfile, "gettempdir", lambda: str(tmp_path / "file"))
    crash.tell(ValueError, ValueError("x"), None)
    assert "no file could be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 5, "the disk is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "runs/a"), 5, "runs/a: your quota"),
        (OSError(errno.EROFS, "Read-only file system"), 5, "is read-only"),
        (StorageError("runs/a", errno.EACCES), 5, "runs/a: it is not allowed to write there"),
        (OSError(errno.EIO, "Input/output error", "f"), 2, "Input/output error"),
    ],
)
def test_a_disk_that_takes_nothing_ends_with_code_5_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fault: Exception,
    code: int,
    said: str,
) -> None:
    def app() -> None:
        raise fault

    monkeypatch.setattr(cli, "app", app)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code
    assert said in capsys.readouterr().err


def test_a_directory_on_a_disk_that_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(StorageError, match="the disk is full"), RunDirectory(tmp_path / "r"):
        pass


@pytest.fixture
def small_files() -> Iterator[None]:
    """Let no file grow beyond 100 bytes, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_files")
def test_what_cannot_be_written_whole_is_not_there_at_all(tmp_path: Path) -> None:
    """The writers of Parquet and of text tell the reason by its number."""
    with pytest.raises(OSError) as parquet, RunDirectory(tmp_path / "r") as unfinished:  # noqa: PT011  (its number)
        write_tables(unfinished.path, {"links": pd.DataFrame({"link": range(1000)})})
    with pytest.raises(OSError) as text:  # noqa: PT011
        write_page("x" * 10_000, tmp_path / "report.html")
    assert {parquet.value.errno, text.value.errno} <= STORAGE.keys()
    assert list(tmp_path.iterdir()) == []


def test_a_figure_that_cannot_be_drawn_is_a_note_in_its_place() -> None:
    figure = drawn(dict[str, int]().__getitem__, "4")
    assert "This figure cannot be drawn (KeyError: '4'). The tables are whole." in figure.to_json()


def test_tables_are_whole_before_their_page_is_drawn(tmp_path: Path) -> None:
    def page(_: object) -> str:
        assert (tmp_path / "r/links.parquet").is_file()
        fault = KeyError("4")
        raise fault

    frame = pd.DataFrame({"link": ["1"]})
    study = CommandResult(command="assign", facts={}, lines=[], tables=lambda: {"links": frame}, page=page)
    with pytest.raises(KeyError) as caught:
        emit(study, tmp_path / "r")
    assert caught.value.__notes__ == [f"The tables in {tmp_path / 'r'} are whole; only its page is missing."]
    assert sorted(file.name for file in (tmp_path / "r").iterdir()) == ["links.csv", "links.parquet"]
