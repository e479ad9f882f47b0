import numpy as np
import pandas as pd
import pytest

from cosim.road.choice import Groups, logit_shares
from cosim.scenario import Scenario
from experiments.compare.perception import fit_theta, misled
from experiments.compare.sample import Sample
from experiments.run.many_days import recorded


def test_theta_of_two_paths_has_a_closed_form() -> None:
    """Odds 3 to 1 at 5 min: theta = ln 3 / 5, with standard error 1 / sqrt(N p q 25)."""
    fitted = fit_theta(np.array([300.0, 100.0]), np.array([10.0, 15.0]), Groups(np.array([0, 2])), 0.2)
    assert fitted.theta_per_min == pytest.approx(np.log(3) / 5)
    assert fitted.error_per_min == pytest.approx(1 / np.sqrt(400 * 0.75 * 0.25 * 25))
    assert fitted.is_known


@pytest.mark.parametrize("start", [0.02, 0.2, 2.0])
def test_expected_choices_give_back_their_theta_from_any_start(start: float) -> None:
    groups, theta = Groups(np.array([0, 3, 5])), np.array([0.15, 0.15])
    cost = np.array([20.0, 24.0, 33.0, 8.0, 9.5])
    counts = groups.expand(np.array([500.0, 80.0])) * logit_shares(cost, groups, theta)
    assert fit_theta(counts, cost, groups, start).theta_per_min == pytest.approx(0.15)


def test_costs_that_do_not_differ_say_nothing() -> None:
    assert not fit_theta(np.array([5.0, 7.0]), np.array([9.0, 9.0]), Groups(np.array([0, 2])), 0.2).is_known


def told(scenario: Scenario, *paths: tuple[int, float, float], first_number: int = 0) -> Sample:
    """Return agents of one day: period, trips and cost of each path; two paths in a period."""
    frame = pd.DataFrame(paths, columns=["period", "flow_veh_h", "cost_min"])
    frame = frame.assign(day=1, user_class="not_charging", origin="1", destination="4")
    frame["path"] = frame.groupby("period").cumcount() + first_number
    frame["nodes"], frame["station"] = frame.groupby("period").cumcount().map({0: "1-2-4", 1: "1-3-4"}), ""
    day = recorded({"paths": frame})
    return Sample(name="agents", model="agents", days=(day,), seeds=(1,), config=scenario.config)


def test_drivers_are_misled_as_many_as_would_be_on_another_path(toy: Scenario) -> None:
    """Who is told that one of two like paths takes ln 3 / theta longer is there with chance 1/4, not 1/2.

    So a quarter of these 30 moves, and none of the 10 to whom the truth was told.
    """
    longer_min = np.log(3) / toy.config.road.theta_per_min
    truth = told(toy, (1, 15, 9.0), (1, 15, 9.0), (2, 5, 9.0), (2, 5, 9.0))
    lie = told(toy, (1, 20, 9.0), (1, 10, 9.0 + longer_min), (2, 4, 9.0), (2, 6, 9.0))
    assert misled(truth, lie).share == pytest.approx(0.25 * 30 / 40)
    assert misled(truth, truth).share == 0.0


def test_paths_are_told_apart_by_their_way_and_not_by_their_number(toy: Scenario) -> None:
    """A path set that begins with other paths numbers these two otherwise."""
    days = [(1, 15, 9.0), (1, 15, 12.0)]
    assert misled(told(toy, *days), told(toy, *days, first_number=7)).share == 0.0
    dearer = [(1, 15, 9.0), (1, 15, 90.0)]
    assert misled(told(toy, *days), told(toy, *dearer, first_number=7)).share > 0.1


@pytest.mark.parametrize(("upper", "followed"), [(50, False), (30, True)])
def test_times_were_followed_where_more_left_the_path_that_was_called_slower_than_chance_lets(
    toy: Scenario, upper: int, followed: bool
) -> None:
    """Of n = 100 trips, on two paths alike before: (50 - n_1) / sqrt(n / 4), whatever the delay that was told."""
    per_hour = 1 / (24 / toy.config.periods)
    truth = told(toy, (1, 50 * per_hour, 9.0), (1, 50 * per_hour, 9.0))
    lie = told(toy, (1, upper * per_hour, 11.0), (1, (100 - upper) * per_hour, 9.0))
    assert misled(truth, lie).deviate == pytest.approx((50 - upper) / 5)
    assert (misled(truth, lie).deviate > 2.58) == followed
