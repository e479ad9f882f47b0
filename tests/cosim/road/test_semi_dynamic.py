"""Trips that outlast their period: nobody is lost, and the share carried is that of the travel times."""

import numpy as np
import pytest

from cosim.road.semi_dynamic import carry_over_day, carry_over_share, warm_started_day
from tests.cosim.road.cases import group_totals, paper_paths, paper_problem

PATHS = paper_paths()
PROBLEMS = [paper_problem(scale, paths=PATHS) for scale in (0.2, 0.5, 0.7, 0.3, 0.0)]


def test_vehicles_are_conserved_over_the_day() -> None:
    """All that starts is assigned in some period or still on its way at the end, per group."""
    day = carry_over_day(PROBLEMS, period_min=60.0)
    assert all(period.converged for period in day)
    started = sum(problem.demand_veh_h for problem in PROBLEMS)
    assigned = sum(
        group_totals(problem, period.equilibrium.path_flow_veh_h)
        for problem, period in zip(PROBLEMS, day, strict=True)
    )
    assert assigned + day[-1].carry_over_veh_h == pytest.approx(started, rel=1e-12)
    before = np.zeros_like(started)
    for problem, period in zip(PROBLEMS, day, strict=True):
        assert period.demand_veh_h + period.carry_over_veh_h == pytest.approx(problem.demand_veh_h + before)
        before = period.carry_over_veh_h


def test_what_is_carried_belongs_to_the_travel_times_of_its_period() -> None:
    for problem, period in zip(
        PROBLEMS, carry_over_day(PROBLEMS, period_min=60.0, tolerance=1e-8), strict=True
    ):
        share = carry_over_share(period.equilibrium.mean_time_min, 60.0)
        assert period.carry_over_veh_h == pytest.approx(problem.demand_veh_h * share, abs=1e-5)


def test_the_peak_is_lower_and_later_when_trips_go_on() -> None:
    plain = [period.path_flow_veh_h.sum() for period in warm_started_day(PROBLEMS)]
    carried = [
        period.equilibrium.path_flow_veh_h.sum() for period in carry_over_day(PROBLEMS, period_min=60.0)
    ]
    assert carried[2] < plain[2]
    assert carried[3] > plain[3]
    assert carried[4] > plain[4] == 0


def test_long_periods_carry_nothing() -> None:
    plain, carried = warm_started_day(PROBLEMS), carry_over_day(PROBLEMS, period_min=1e9)
    for alone, period in zip(plain, carried, strict=True):
        assert period.equilibrium.link_flow_veh_h == pytest.approx(alone.link_flow_veh_h, abs=1e-2)


def test_the_share_carried_is_the_mean_over_the_departures() -> None:
    """By counting: departures spread over the period, the part of each trip that lies beyond its end."""
    departure = (np.arange(100_000) + 0.5) / 100_000 * 60
    for time in (5.0, 59.0, 60.0, 90.0, 300.0):
        left = np.clip(1 - (60 - departure) / time, 0, 1)
        assert carry_over_share(np.array([time]), 60.0) == pytest.approx(left.mean(), abs=1e-6)
