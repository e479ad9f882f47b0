"""Runs that the tests of experiments share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cosim.results import Run, load_run
from cosim.scenario import load_scenario
from experiments.run import runner
from tests.computed_once import once

CONFIGS = Path(__file__).parents[2] / "configs"


WRITE_REPORT = runner._write_report


@pytest.fixture(scope="session")
def toy_run(store: Path) -> Run:
    """Return a finished run of both models of the toy scenario; read it, don't write into it."""
    out = store / "runs" / "toy"

    def run() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(runner, "_write_report", WRITE_REPORT)
            runner.run(load_scenario(CONFIGS / "toy.toml"), out=out)

    once(store, "a run of the toy", run)
    return load_run(out)


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
