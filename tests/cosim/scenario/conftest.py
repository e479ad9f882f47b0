"""A study of one's own, to be broken at will."""

from pathlib import Path

import pytest

from experiments.scenarios.files import copy_scenario


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the toy scenario as a file in the working directory, named as a user would."""
    copy_scenario("toy", tmp_path)
    monkeypatch.chdir(tmp_path)
    return Path("toy.toml")
