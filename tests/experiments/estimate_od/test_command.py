"""``cosim estimate-od`` as a user calls it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cosim.errors import ConfigError
from cosim.randomness import stream
from cosim.road.assignment import solve_sue
from cosim.road.network import Network
from cosim.tables import TABLES
from tests.cosim.road.cases import cars_only
from tests.experiments.commands import as_json, run

ROOT = Path(__file__).parents[3]


def counts_file(folder: Path, network: Network, links: list[int], days: int = 30) -> Path:
    """Write counts of the known equilibrium, path flows drawn as Poisson numbers."""
    problem = cars_only()
    mean = solve_sue(problem, tolerance=1e-10).path_flow_veh_h
    draws = stream(1, "counts").poisson(mean, size=(days, mean.size)).astype(np.float64)
    flows = [problem.paths.link_flow_veh_h(draw) for draw in draws]
    rows = [f"{day},{network.links[a]},{flows[day][a]:.0f}" for day in range(days) for a in links]
    file = folder / "counts.csv"
    file.write_text("\n".join(["day,link,flow_veh_h", *rows]) + "\n")
    return file


def test_estimated_trips_are_those_that_made_the_counts(tmp_path: Path) -> None:
    """Within four standard errors; and assigned, they make the counts again."""
    problem = cars_only()
    file = counts_file(tmp_path, problem.network, list(range(19)))
    out = tmp_path / "out"
    answer = as_json("estimate-od", "paper", "--counts", file, "--out", out)
    for od, truth in zip(answer["ods"], (400, 800, 600, 200), strict=True):
        assert abs(od["demand_veh_h"] - truth) < 4 * od["standard_error_veh_h"]
        assert od["standard_error_veh_h"] < 12
    assert answer["theta_per_min"] == pytest.approx(0.2, rel=0.1)
    written = pd.read_csv(out / "od.csv", comment="#", nrows=0)
    assert written.columns.tolist() == [column.name for column in TABLES["estimate-od/od"]]
    nodes = ROOT / "configs" / "nguyen_dupuis"
    again = as_json("assign", nodes / "links.csv", out / "od.csv", "--theta", answer["theta_per_min"])
    links = pd.read_csv(out / "links.csv")
    np.testing.assert_allclose(
        [link["flow_veh_h"] for link in again["links"]], links.counted_veh_h, rtol=0.05
    )


def test_trips_are_estimated_from_times_too(tmp_path: Path) -> None:
    problem = cars_only()
    known = solve_sue(problem, tolerance=1e-10)
    file = tmp_path / "times.csv"
    rows = [
        f"mon,{name},{time:.12f}"
        for name, time in zip(problem.network.links, known.link_time_min, strict=True)
    ]
    file.write_text("day,link,time_min\n" + "\n".join(rows) + "\n")
    answer = as_json("estimate-od", "paper", "--times", file, "--theta", 0.2)
    np.testing.assert_allclose([od["demand_veh_h"] for od in answer["ods"]], [400, 800, 600, 200], rtol=0.01)


def test_a_theta_that_counts_do_not_tell_is_not_given_as_a_figure(tmp_path: Path) -> None:
    """One count of one link, and a prior on the trips: nothing is known of the choice of path."""
    (tmp_path / "one.csv").write_text("day,link,flow_veh_h\n0,1,796\n", encoding="utf-8")
    vague = run("estimate-od", "paper", "--counts", tmp_path / "one.csv", "--prior", 0.2)
    assert vague.stdout.startswith("theta not identified by these observations; give --theta")
    problem = cars_only()
    file = counts_file(tmp_path, problem.network, list(range(19)))
    assert run("estimate-od", "paper", "--counts", file).stdout.startswith("theta 0.")


def test_counts_that_leave_ods_open_say_so_with_exit_code_3(tmp_path: Path) -> None:
    problem = cars_only()
    file = counts_file(tmp_path, problem.network, [0])
    result = run("estimate-od", "paper", "--counts", file, "--theta", 0.2)
    assert result.exit_code == 3
    assert "do not identify" in result.stderr
    with_prior = run("estimate-od", "paper", "--counts", file, "--theta", 0.2, "--prior", 0.3)
    assert with_prior.exit_code == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "give --counts, --times, or both"),
        (("--counts", "c.csv", "--shares", "observed"), "--shares observed needs --times"),
        (("--counts", "c.csv", "--theta", "0"), "--theta is 0; it must be above 0"),
        (("--counts", "c.csv"), "c.csv: there is no such file"),
    ],
)
def test_what_cannot_be_estimated_from_is_a_sentence(options: tuple[str, ...], sentence: str) -> None:
    result = run("estimate-od", "paper", *options)
    assert isinstance(result.exception, ConfigError)
    assert sentence in str(result.exception)


def test_bushes_list_no_paths_to_estimate_on(tmp_path: Path) -> None:
    file = counts_file(tmp_path, cars_only().network, [0, 1])
    result = run("estimate-od", "paper", "--counts", file, "--paths", "bush")
    assert "trips are estimated on listed paths" in str(result.exception)
