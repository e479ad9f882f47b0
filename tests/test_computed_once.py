"""What is computed once is computed again if it is another question."""

from pathlib import Path

import pytest

from tests import computed_once
from tests.computed_once import once, typed


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def own_store(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


def test_an_answer_is_computed_once_and_an_error_is_none(own_store: Path) -> None:
    computed = []

    def fail() -> None:
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        once(own_store, "a", fail)
    for name in ("a", "a", "b"):
        assert once(own_store, name, lambda: computed.append(0) or "answer") == "answer"
    assert len(computed) == 2


def test_a_command_is_run_once_and_leaves_its_files_again(
    own_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = typed("init study --from toy", own_store)
    assert first.exit_code == 0
    content = {name: Path(name).read_bytes() for name in first.files}
    assert "study/toy.toml" in content
    for name in content:
        Path(name).unlink()
    monkeypatch.delattr(computed_once, "CliRunner")  # nothing can be run
    assert typed("init study --from toy", own_store) == first
    assert {name: Path(name).read_bytes() for name in content} == content


@pytest.mark.parametrize("changed", ["study/toy.toml", "study/toy/links.csv"])
def test_a_command_is_run_again_if_a_file_that_it_reads_is_another(own_store: Path, changed: str) -> None:
    typed("init study --from toy", own_store)
    assert typed("validate study/toy.toml", own_store).exit_code == 0
    Path(changed).write_text("nonsense", encoding="utf-8")
    assert typed("validate study/toy.toml", own_store).exit_code == 1
