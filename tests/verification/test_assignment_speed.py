"""The speed of the assignment, counted in loadings; ``python benchmarks/assignment.py`` has the CPU times.

A loading is what every method computes again and again: what all travellers choose at given link times.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cosim.road.assignment import solve_sue
from cosim.road.paths import UserClass, find_paths
from cosim.road.problem import AssignmentProblem
from cosim.road.semi_dynamic import warm_started_day
from tests.cosim.road.cases import TRIP_SHARE, cars_only, paper_paths, paper_problem, town

LoadingsOf = Callable[[Callable[[], Any]], int]


@pytest.fixture
def loadings_of(monkeypatch: pytest.MonkeyPatch) -> LoadingsOf:
    """Return a function that counts the loadings of a computation."""
    path_shares, loadings = AssignmentProblem.path_shares, [0]

    def counted(problem: AssignmentProblem, path_cost_min: np.ndarray) -> np.ndarray:
        loadings[0] += 1
        return path_shares(problem, path_cost_min)

    def count(compute: Callable[[], Any]) -> int:
        before = loadings[0]
        compute()
        return loadings[0] - before

    monkeypatch.setattr(AssignmentProblem, "path_shares", counted)
    return count


def test_newton_to_1e_9_takes_500_times_fewer_loadings_than_1_over_n_to_a_thousandth_vehicle(
    loadings_of: LoadingsOf,
) -> None:
    peak = cars_only(theta=0.1)
    newton = loadings_of(lambda: solve_sue(peak, method="newton", tolerance=1e-9))
    far = solve_sue(peak, method="msa", tolerance=1e-300, max_iterations=500 * newton)
    assert np.abs(peak.path_demand_veh_h * far.path_share - far.path_flow_veh_h).max() > 1e-3


@pytest.mark.parametrize("tolerance", [1e-6, 1e-9])
def test_a_day_takes_ten_loadings_a_period(tolerance: float, loadings_of: LoadingsOf) -> None:
    paths = paper_paths()
    day = [paper_problem(0.5 * share / TRIP_SHARE.max(), paths=paths) for share in TRIP_SHARE]
    assert loadings_of(lambda: warm_started_day(day, tolerance=tolerance)) <= 10 * len(day)


def test_a_network_of_76_links_takes_some_thirty_loadings(loadings_of: LoadingsOf) -> None:
    network, od = town()
    paths = find_paths(network, od, (UserClass("cars"),), budget=1.5)
    problem = AssignmentProblem(
        paths=paths, demand_veh_h=od.demand_veh_h, theta_per_min=np.full(od.origin.size, 0.5)
    )
    assert paths.count > 4_000
    assert loadings_of(lambda: solve_sue(problem, method="newton", tolerance=1e-9)) <= 36
