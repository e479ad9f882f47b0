"""Figures that the tests of the page share."""

import pytest

from cosim.results import Run
from experiments.figures.style import Figure
from experiments.run.figures.day import Day
from experiments.run.report import all_figures


@pytest.fixture(scope="session")
def toy_figures(toy_run: Run) -> dict[str, list[Figure]]:
    """Return the figures of the toy's run by section; look at them, don't change them."""
    return all_figures(Day(toy_run))
