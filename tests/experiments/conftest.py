"""Runs that the tests of experiments share."""

from pathlib import Path

import pytest

from cosim.results import Run
from cosim.scenario import load_scenario
from experiments.run.runner import run

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture(scope="session")
def toy_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a finished run of both models of the toy scenario; read it, don't write into it."""
    return run(load_scenario(CONFIGS / "toy.toml"), out=tmp_path_factory.mktemp("runs") / "toy")
