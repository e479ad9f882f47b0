from pathlib import Path

import pytest

from cosim.arrays import FloatArray
from cosim.ev.dwell import DwellModel
from cosim.ev.markov import MarkovModel, read_departures
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


@pytest.fixture(scope="session")
def chain() -> MarkovModel:
    """Return the default population as a Markov chain, by the table that ships with the program."""
    table = read_departures(TRANSITIONS.with_name("departures_by_slot.csv"))
    return MarkovModel(departure=table, travel_share=0.814)
