"""The two scenarios that come along, and their days, solved once for all tests of a worker."""

import gc
import os

# as the command line does: the matrices are small, and threads that wait for each other cost ten times the work
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from agents.model import CoSimModel
from cosim.arrays import Frame
from cosim.coupling import EquilibriumDay, day_ahead, solve_equilibrium_day
from cosim.lean_imports import leave_out_matplotlib
from cosim.scenario import DayAhead, Scenario, load_scenario

leave_out_matplotlib()

CONFIGS = Path(__file__).parents[1] / "configs"

settings.register_profile("explore", deadline=None)
settings.register_profile("cosim", deadline=None, derandomize=True)
settings.load_profile("cosim")
"""No test depends on how busy the machine is; other examples are drawn with ``--hypothesis-profile=explore``."""


def pytest_collection_finish() -> None:
    """Spare the tests what libraries would do again and again.

    A simulated day ends with a garbage collection, of all that was ever imported; and pandapower needs seconds to
    parse a net that comes with it, the same each time.
    """
    import cvxpy  # noqa: F401
    import pandapower.networks
    import plotly.graph_objects  # noqa: F401

    for name in ("case33bw", "create_cigre_network_mv", "create_cigre_network_lv", "mv_oberrhein"):
        setattr(pandapower.networks, name, parsed_once(getattr(pandapower.networks, name)))
    gc.collect()
    gc.freeze()


def parsed_once(make_net: Callable[[], Any]) -> Callable[[], Any]:
    """Return *make_net* with a memory: a copy of its net each time."""
    kept = cache(make_net)
    return lambda: deepcopy(kept())


@pytest.fixture(autouse=True, scope="session")
def _learners_only_where_asked_for() -> Iterator[None]:
    """Make the check by drivers who learn where the scenario says so, and in `paper`, as README shows it."""
    from experiments.run import learning_check

    def is_made(scenario: Scenario, _: int) -> bool:
        enabled = scenario.config.learning_check.enabled
        return scenario.config.name == "paper" if enabled is None else enabled

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning_check, "is_made", is_made)
        yield


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what all processes of this session compute once."""
    own = tmp_path_factory.getbasetemp()
    store = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "computed-once"
    store.mkdir(exist_ok=True)
    return store


@pytest.fixture(scope="session")
def toy() -> Scenario:
    """Four road nodes, four buses, one station."""
    return load_scenario(CONFIGS / "toy.toml")


@pytest.fixture(scope="session")
def toy_day(toy: Scenario) -> EquilibriumDay:
    """The equilibrium of the toy's day."""
    return solve_equilibrium_day(toy)


@pytest.fixture(scope="session")
def toy_ahead(toy: Scenario, toy_day: EquilibriumDay) -> DayAhead:
    """What the toy's agents are given."""
    return day_ahead(toy, toy_day)


@pytest.fixture(scope="session")
def toy_tables(toy: Scenario, toy_ahead: DayAhead) -> dict[str, Frame]:
    """The result tables of the toy's agents."""
    return CoSimModel(toy, toy_ahead, seed=1).simulate()


@pytest.fixture(scope="session")
def paper() -> Scenario:
    """Nguyen-Dupuis roads and the IEEE 33-bus feeder."""
    return load_scenario(CONFIGS / "paper.toml")


@pytest.fixture(scope="session")
def paper_day(paper: Scenario) -> EquilibriumDay:
    """The equilibrium of the paper's day."""
    return solve_equilibrium_day(paper)


@pytest.fixture(scope="session")
def paper_ahead(paper: Scenario, paper_day: EquilibriumDay) -> DayAhead:
    """What the paper's agents are given."""
    return day_ahead(paper, paper_day)


@pytest.fixture(scope="session")
def paper_tables(paper: Scenario, paper_ahead: DayAhead, store: Path) -> dict[str, Frame]:
    """The result tables of the paper's agents."""
    from tests.computed_once import once

    tables: dict[str, Frame] = once(
        store, "the day of the paper's agents", lambda: CoSimModel(paper, paper_ahead, seed=1).simulate()
    )
    return tables
