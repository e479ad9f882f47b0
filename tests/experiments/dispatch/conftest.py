"""Files and a finished dispatch that several tests read."""

from pathlib import Path

import pytest

from tests.experiments.dispatch.command_line import REFERENCE, UNITS, run


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "units.toml").write_text(UNITS)
    (tmp_path / "bare.toml").write_text(UNITS.replace("[[grid.", "[["))
    (tmp_path / "day.csv").write_text("period,load_pu,sun\n1,0.4,0\n2,0.6,0.8\n3,0.8,0.5\n4,1,0\n")
    (tmp_path / "tariff.csv").write_text("period,price_cny_per_kwh\n1,0.35\n2,0.68\n3,0.68\n4,1.09\n")
    return tmp_path


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the reference case."""
    out = tmp_path_factory.mktemp("dispatch") / "reference"
    assert run(REFERENCE, "--out", out).exit_code == 0
    return out
