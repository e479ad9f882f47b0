"""Replicated days: the same bytes whatever the workers, common draws, bands that can be computed by hand."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cosim.results import Run, load_run
from cosim.scenario import DayAhead, Scenario, load_scenario
from cosim.tables import AFTER_MIDNIGHT
from experiments.compare.sample import are_paired, samples_of
from experiments.run.real_time import values_cny
from experiments.run.replications import Processes, replication_seeds, simulate_replications
from experiments.run.runner import run
from experiments.store.pieces import Store

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.fixture(scope="module")
def replicated(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Run:
    request.getfixturevalue("without_pages")
    return run(
        load_scenario(CONFIGS / "toy.toml"), out=tmp_path_factory.mktemp("r") / "three", replications=3
    )


def hashes(directory: Path) -> dict[str, str]:
    files = sorted(directory.rglob("*.parquet"))
    return {str(f.relative_to(directory)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def test_bytes_do_not_depend_on_the_number_of_workers(
    toy: Scenario, toy_ahead: DayAhead, tmp_path: Path
) -> None:
    roads, seeds = replace(toy, feeders=()), replication_seeds(1, 3)
    for workers in (1, 2):
        out = tmp_path / str(workers)
        with Store(out, "an identity", pytest.fail) as pieces:
            how = Processes(workers=workers, tell=pytest.fail, done=lambda _: None)
            simulate_replications(roads, toy_ahead, seeds, out, pieces, how)
    assert hashes(tmp_path / "1") == hashes(tmp_path / "2")
    assert len({path.split("/")[1] for path in hashes(tmp_path / "1")}) == 2


def test_seeds_are_named_by_their_number_and_start_with_the_scenarios_own() -> None:
    assert replication_seeds(5, 1) == (5,)
    assert replication_seeds(5, 9)[:4] == replication_seeds(5, 4)
    assert len(set(replication_seeds(5, 50)) | set(replication_seeds(6, 50))) == 100


def test_the_first_replication_is_the_plain_run(replicated: Run, toy_run: Run) -> None:
    plain, tables = toy_run.manifest["tables"], replicated.manifest["tables"]
    own = {name: digest for name, digest in plain.items() if not name.startswith("comparison/")}
    assert own.items() <= tables.items()
    assert replicated.manifest["seeds"] == list(replication_seeds(1, 3))


def test_every_replication_is_whole_and_different(replicated: Run) -> None:
    assert len(replicated.replications) == 3
    trips = [len(day.read("trips")) for day in replicated.replications]
    assert len(set(trips)) > 1
    of_each_day = [
        {name for name in day.names if not name.endswith(AFTER_MIDNIGHT)} for day in replicated.replications
    ]
    assert all(names == of_each_day[0] - {"bands"} for names in of_each_day[1:])


def test_bands_are_those_of_student(replicated: Run) -> None:
    """t(.975, 2) = 4.3027."""
    bands = replicated.agents.bands
    (band,) = bands.query(
        "kind == 'link' and item == '1' and quantity == 'flow_veh_h' and period == 6"
    ).itertuples()
    flows = [day.read("links").query("link == '1' and period == 6 and day == 1").flow_veh_h.item()
             for day in replicated.replications]  # fmt: skip
    half = 4.302653 * np.std(flows, ddof=1) / np.sqrt(3)
    assert (band.mean, band.replications) == (pytest.approx(np.mean(flows)), 3)
    assert [band.low, band.high] == pytest.approx([np.mean(flows) - half, np.mean(flows) + half], rel=1e-6)


def test_a_wait_that_no_day_has_is_not_a_number(replicated: Run) -> None:
    waits = replicated.agents.bands.query("quantity == 'wait_min'")
    assert waits[waits.replications == 0]["mean"].isna().all()


@pytest.mark.usefixtures("without_page")
def test_scenarios_with_one_seed_share_their_draws_and_are_compared_in_pairs(
    replicated: Run, tmp_path: Path
) -> None:
    settings = ["stations.S.chargers=3"]
    other = run(
        load_scenario(CONFIGS / "toy.toml", settings), "agents", out=tmp_path / "other", replications=3
    )
    first, second = samples_of([replicated.directory, other.directory])
    assert are_paired(first, second)
    for ours, theirs in zip(first.tables("trips"), second.tables("trips"), strict=True):
        assert ours.length_km.tolist() == theirs.length_km.tolist()
        assert ours.origin.tolist() == theirs.origin.tolist()
    assert load_run(other.directory).manifest["seeds"] == replicated.manifest["seeds"]


def test_the_figures_of_a_replicated_run_are_means_with_the_interval_of_student(replicated: Run) -> None:
    """t(.975, 2) = 4.3027."""
    costs = [day.read("dispatch").query("day == 1").cost_cny.sum() for day in replicated.replications]
    half = 4.302653 * np.std(costs, ddof=1) / np.sqrt(3)
    summary = replicated.summary
    assert summary["cost_cny"] == pytest.approx(np.mean(costs))
    assert summary["interval_95"]["cost_cny"] == pytest.approx([np.mean(costs) - half, np.mean(costs) + half])
    assert (summary["replications"], summary["replications_broken"]) == (3, 0)
    sent = [day.read("mail").sent.sum() for day in replicated.replications]
    assert summary["mail_sent"] == sum(sent) > sent[0]


def test_what_re_dispatch_and_units_are_worth_is_the_mean_of_all_days(replicated: Run) -> None:
    values, summary = replicated.comparison.real_time_values, replicated.summary
    assert values.groupby("figure").size().tolist() == [3] * 4
    for figure, own in values.groupby("figure").value_cny:
        known = own.dropna()
        assert summary[figure] == (pytest.approx(known.mean()) if len(known) else None)
        assert (figure in summary["interval_95"]) == (len(known) > 1)
    storage = values[values.figure == "storage_value_cny"].value_cny
    first = values_cny(replicated.comparison.real_time)
    assert storage.iloc[0] == pytest.approx(first["storage_value_cny"])


@pytest.mark.usefixtures("without_page")
def test_a_limit_that_only_a_later_replication_breaks_flags_the_run(replicated: Run, tmp_path: Path) -> None:
    lowest = [day.read("dispatch").voltage_min_pu.min() for day in replicated.replications]
    worst = int(np.argmin(lowest)) + 1
    assert worst > 1
    limit = round(min(lowest) + 1e-5, 6)
    breaking = sum(voltage < limit for voltage in lowest)
    weak = load_scenario(CONFIGS / "toy.toml", {"grid.voltage_min_pu": limit})
    broken = run(weak, "agents", out=tmp_path / "broken", replications=3)
    assert broken.agents.violations.empty
    assert broken.summary["replications_broken"] == breaking == 1
    (flag,) = broken.manifest["flags"]
    assert flag.startswith(f"agents in 1 of 3 replications, worst in replication {worst}: ")
