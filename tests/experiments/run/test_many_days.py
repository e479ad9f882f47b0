"""Runs of many days: drivers who learn find the equilibrium, and a run that was stopped goes on."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents import days as agents_days
from cosim.coupling import day_ahead, equilibrium_tables, solve_equilibrium_day
from cosim.results import Run, load_run, write_tables
from cosim.scenario import load_scenario
from experiments.compare.comparison import compare_samples
from experiments.compare.sample import samples_of
from experiments.run import runner
from experiments.run.learning import learning_table, sampling_floor
from experiments.run.many_days import joined
from experiments.terminal import study_of

CONFIGS = Path(__file__).parents[3] / "configs"
MANY = ["population.information=yesterday", "population.resolution=batch", "days=3", "population.evs=200"]


class Killed(Exception):  # noqa: N818
    """Stands for a power cut."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that was stopped on its third day, and then run again."""
    scenario, out = load_scenario(CONFIGS / "toy.toml", MANY), tmp_path_factory.mktemp("runs") / "whole"

    def cut_off(stage: str, share: float) -> None:
        if stage == "agents" and share >= 0.7:
            raise Killed

    with pytest.raises(Killed) as killed:
        runner.run(scenario, out=out, progress=cut_off)
    assert "4 finished pieces are kept" in "".join(killed.value.__notes__), "two days with their boundaries"
    assert [path.name for path in out.parent.iterdir()] == [".whole.pieces"]
    told: list[str] = []
    run = runner.run(scenario, out=out, note=told.append)
    assert told == [f"goes on with 4 finished pieces in {out.parent / '.whole.pieces'}"]
    assert [path.name for path in out.parent.iterdir()] == ["whole"], "the run is whole"
    return run


def test_a_killed_run_goes_on_to_the_same_bytes(whole: Run, tmp_path: Path) -> None:
    scenario = load_scenario(CONFIGS / "toy.toml", MANY)
    ahead = day_ahead(scenario, solve_equilibrium_day(scenario))
    write_tables(tmp_path, joined(list(agents_days.simulate_days(scenario, ahead, seed=1))))
    resumed = {file.name: file.read_bytes() for file in (whole.directory / "agents").iterdir()}
    assert resumed == {file.name: file.read_bytes() for file in tmp_path.iterdir()}


def test_the_terminal_says_that_its_figures_are_of_the_last_day(whole: Run) -> None:
    told = study_of(whole)
    assert told.lines[0] == "toy, seed 1, day 3 of 3"
    dispatch = whole.agents.read("dispatch")
    assert told.facts["cost_cny"] == pytest.approx(dispatch.cost_cny[dispatch.day == 3].sum())


def test_tables_of_many_days_hold_every_day_once(whole: Run) -> None:
    for table in ("links", "stations", "dispatch", "evs", "prices"):
        frame = whole.agents.read(table)
        keys = [key for key in ("day", "period", "link", "station", "feeder") if key in frame]
        assert not frame.duplicated(keys).any(), table
        assert set(frame.day) >= {1, 2, 3}, table
    trips = whole.agents.trips
    assert not trips.duplicated(["ev", "departure_s"]).any()
    assert whole.agents.evs.arrived.sum() == (trips.status == "arrived").sum()


def test_the_figures_of_a_run_are_those_of_its_last_day(whole: Run) -> None:
    dispatch = whole.agents.dispatch
    assert whole.summary["cost_cny"] == pytest.approx(dispatch[dispatch.day == 3].cost_cny.sum())
    assert whole.summary["days"] == 3
    assert set(whole.comparison.differences.day) == {3}
    learning = whole.comparison.learning
    assert learning.day.tolist() == [1, 2, 3]
    assert whole.summary["learning"] == json.loads(
        learning.to_json(orient="records", double_precision=15)
    ) or (whole.summary["learning"][2]["ev_distance"] == learning.ev_distance[2])
    assert 'id="learning' in (whole.directory / "report.html").read_text()
    assert load_run(whole.directory).agents.names == whole.agents.names


def test_a_later_comparison_names_the_same_day_and_finds_the_same(whole: Run) -> None:
    later = compare_samples(samples_of([whole.directory]), seed=whole.manifest["seeds"][0]).tables
    for table in ("differences", "g_tests"):
        assert set(later[table].day) == {3}
        assert later[table].equals(getattr(whole.comparison, table))


def test_the_sampling_floor_is_the_expected_distance_of_poisson_counts() -> None:
    expected = np.array([4.0, 40.0, 400.0, 100.0])
    drawn = np.random.default_rng(1).poisson(expected / 2, size=(20_000, 4)) * 2
    distance = np.sqrt(((drawn - expected) ** 2).sum(axis=1).mean() / (expected**2).sum())
    assert sampling_floor(expected, 0.5) == pytest.approx(distance, rel=0.02)


GROWTH = 40


def grown_links(folder: Path) -> Path:
    """Write the toy's links with so many times their capacity; one path is short and narrow."""
    rows = [
        line.split(",") for line in (CONFIGS / "toy/links.csv").read_text().splitlines() if line[0] != "#"
    ]
    place = rows[0].index("capacity_veh_h")
    for row in rows[1:]:
        narrow = row[0] in {"3", "4"}
        row[place] = str(GROWTH * float(row[place]) * (0.4 if narrow else 1.0))
        row[rows[0].index("t0_min")] = "5" if narrow else "6"
    (folder / "links.csv").write_text("\n".join(",".join(row) for row in rows) + "\n")
    return folder / "links.csv"


def test_drivers_who_learn_find_the_equilibrium_they_were_never_told(tmp_path: Path) -> None:
    """8,600 EVs; the mean of the last five of 12 days is within 1.5 sampling floors (.9 to 1.2 found)."""
    settings = [
        "population.information=yesterday",
        "population.resolution=batch",
        "population.individual_tables=false",
        "coupling.mode=one_pass",
        "days=12",
        f"road.links={grown_links(tmp_path)}",
        f"road.demand_scale={GROWTH}",
        f"stations.S.chargers={2 * GROWTH}",
        "population.estimate_diaries=200000",
    ]
    scenario = replace(load_scenario(CONFIGS / "toy.toml", settings, allow=["outside"]), feeders=())
    day = solve_equilibrium_day(scenario)
    expected = equilibrium_tables(scenario, day)["links"]
    ratio: list[float] = []
    for one in agents_days.simulate_days(scenario, day_ahead(scenario, day), seed=1):
        if "links" in one.tables:
            found = learning_table(one.tables["links"], expected, days=12, hours=scenario.periods.hours)
            ratio += found.ev_ratio.tolist()
    assert len(ratio) == 12
    assert ratio[0] > 2, "on the first day they know free flow alone"
    assert np.mean(ratio[-5:]) < 1.5, ratio
