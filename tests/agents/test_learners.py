"""Drivers who learn: what they are told, and that their days are those of the agents."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from agents.days import simulate_days
from agents.learners import LearningDay, as_learners, learning_days
from cosim.arrays import FloatArray
from cosim.scenario import DayAhead, Scenario


def as_published(published: DayAhead, _: FloatArray) -> DayAhead:
    return published


def days_of(scenario: Scenario, ahead: DayAhead) -> Iterator[LearningDay]:
    return learning_days(scenario, ahead, seed=1, days=3, prices=as_published)


@pytest.fixture(scope="module")
def learning(toy: Scenario, toy_ahead: DayAhead) -> list[LearningDay]:
    return list(days_of(toy, toy_ahead))


def test_learners_do_the_same_whatever_the_equilibrium_says_of_times_and_loads(
    toy: Scenario, toy_ahead: DayAhead, learning: list[LearningDay]
) -> None:
    other = replace(
        toy_ahead, link_time_min=9 * toy_ahead.link_time_min, station_load_kw=9 * toy_ahead.station_load_kw
    )
    for day, again in zip(learning, islice(days_of(toy, other), 3), strict=True):
        assert np.array_equal(day.path_trips, again.path_trips)
        assert np.array_equal(day.told_min, again.told_min)


def test_a_day_of_learners_is_that_of_agents_who_learn_with_a_feeder(
    toy: Scenario, toy_ahead: DayAhead, learning: list[LearningDay]
) -> None:
    config = toy.config.model_copy(update={"population": as_learners(toy).config.population, "days": 2})
    *_, last = simulate_days(replace(toy, config=config), replace(toy_ahead, days=2), seed=1)
    links, hours = last.tables["links"], toy.periods.hours
    for number, day in enumerate(learning[:2], start=1):
        own = links[links.day == number].sort_values(["period", "link"])
        flow = day.path_trips @ toy_ahead.paths.incidence / hours
        by_name = flow[:, np.argsort(toy_ahead.paths.network.links)].ravel()
        assert np.allclose(own.ev_not_charging_veh_h + own.ev_charging_veh_h, by_name, atol=1e-12)


def test_learners_begin_at_free_flow_and_are_told_the_mean_of_what_was_measured(
    toy_ahead: DayAhead, learning: list[LearningDay]
) -> None:
    assert np.array_equal(
        learning[0].told_min, np.broadcast_to(toy_ahead.paths.network.t0_min, learning[0].told_min.shape)
    )
    assert not np.array_equal(learning[1].told_min, learning[2].told_min)


def test_the_load_of_a_day_is_that_of_the_meters(learning: list[LearningDay], toy: Scenario) -> None:
    energy_kwh = [day.load_kw.sum() * toy.periods.hours for day in learning]
    assert 500 < min(energy_kwh) < max(energy_kwh) < 2000
