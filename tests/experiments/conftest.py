"""Runs that the tests of experiments share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cosim.results import Run
from cosim.scenario import load_scenario
from experiments.run import runner

CONFIGS = Path(__file__).parents[2] / "configs"


WRITE_REPORT = runner._write_report


@pytest.fixture(scope="session")
def toy_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a finished run of both models of the toy scenario; read it, don't write into it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "_write_report", WRITE_REPORT)
        return runner.run(load_scenario(CONFIGS / "toy.toml"), out=tmp_path_factory.mktemp("runs") / "toy")


@pytest.fixture(scope="module")
def without_pages() -> Iterator[None]:
    """Runs of a module that is about tables: drawing the page takes longer than a day of the toy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "_write_report", lambda _: None)
        yield


@pytest.fixture
def without_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of a test that is about tables."""
    monkeypatch.setattr(runner, "_write_report", lambda _: None)
