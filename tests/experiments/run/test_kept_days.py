"""Days in a store: what is there is not simulated again, and what is lost is, to the same bytes."""

from dataclasses import replace
from pathlib import Path

import pytest

from agents.days import simulate_days
from cosim.results import write_tables
from cosim.scenario import DayAhead, Scenario, load_scenario
from experiments.run.kept_days import KeptDays
from experiments.run.many_days import joined
from experiments.store.pieces import Pieces

SETTINGS = ["population.resolution=batch", "days=3", "population.soc=carried"]
LOST_AND_SIMULATED = {
    "nothing": ([], []),
    "the last boundary": (["day-0003", "boundary-0002"], [2, 3]),
    "an early day with the boundary before it": (["day-0002", "boundary-0001"], [1, 2]),
    "two days apart": (["day-0001", "day-0003"], [1, 3]),
}


@pytest.fixture(scope="module")
def scenario(toy: Scenario) -> Scenario:
    return replace(load_scenario(toy.folder / "toy.toml", SETTINGS), feeders=())


@pytest.fixture(scope="module")
def ahead(toy_ahead: DayAhead) -> DayAhead:
    return replace(toy_ahead, days=3, n_ev=20)


@pytest.fixture(scope="module")
def kept(scenario: Scenario, ahead: DayAhead, tmp_path_factory: pytest.TempPathFactory) -> KeptDays:
    days = KeptDays(Pieces(tmp_path_factory.mktemp("days"), "ours"), replication=1, days=3)
    assert sorted(days.simulate(scenario, ahead, 1)) == [1, 2, 3]
    return days


def test_days_are_kept_with_the_last_two_boundaries(kept: KeptDays) -> None:
    days = [f"replication-0001-day-{day:04d}" for day in range(1, 4)]
    assert kept.pieces.names == [*(f"replication-0001-boundary-{day:04d}" for day in (1, 2)), *days]


@pytest.mark.parametrize("case", LOST_AND_SIMULATED)
def test_lost_days_are_simulated_again_from_the_nearest_boundary(
    kept: KeptDays, scenario: Scenario, ahead: DayAhead, case: str
) -> None:
    lost, simulated = LOST_AND_SIMULATED[case]
    before = {name: _seal(kept, name) for name in kept.pieces.names}
    for name in lost:
        kept.pieces.drop(f"replication-0001-{name}")
    assert sorted(kept.simulate(scenario, ahead, 1)) == simulated
    assert {name: _seal(kept, name) for name in kept.pieces.names} == before


def _seal(kept: KeptDays, name: str) -> str:
    return (kept.pieces.path / name / "seal.json").read_text()


def test_kept_days_have_the_bytes_of_days_that_were_never_written(
    kept: KeptDays, scenario: Scenario, ahead: DayAhead, tmp_path: Path
) -> None:
    write_tables(tmp_path / "never", joined(list(simulate_days(scenario, ahead, 1))))
    kept.write(tmp_path / "kept")
    files = [
        {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in ("kept", "never")
    ]
    assert files[0] == files[1]
