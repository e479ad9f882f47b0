from pathlib import Path

import pytest

from cosim.arrays import FloatArray
from cosim.ev.dwell import DwellModel
from cosim.ev.transitions import read_transitions

TRANSITIONS = Path(__file__).parents[3] / "configs" / "mobility" / "activity_transitions.csv"


@pytest.fixture(scope="session")
def transition() -> FloatArray:
    """Return the table that ships with the program."""
    return read_transitions(TRANSITIONS)


@pytest.fixture(scope="session")
def model(transition: FloatArray) -> DwellModel:
    """Return the default population."""
    return DwellModel(transition=transition)
