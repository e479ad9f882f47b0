"""What the coordinator measures and tells, day by day and by hand, on the toy's five paths."""

import numpy as np
import pytest

from agents.traffic_information import TrafficInformation
from cosim.arrays import FloatArray, IntArray
from cosim.periods import PeriodOfDay
from cosim.randomness import stream
from cosim.scenario import DayAhead, Scenario, load_scenario

NOON = 5
CARS_VEH_H = np.array([70.0, 50.0, 0.0, 0.0, 0.0])
"""On the paths of the toy: two for cars, two for EVs that pass by, one for EVs that charge."""
DAYS = range(1, 7)


@pytest.fixture
def traffic(toy: Scenario, toy_ahead: DayAhead) -> TrafficInformation:
    learners = load_scenario(toy.folder / "toy.toml", ["population.information=yesterday"])
    return TrafficInformation(learners, toy_ahead, None)


def trips_of(day: int) -> tuple[IntArray, IntArray]:
    """Return the trips on each path and the seconds they spent at the station, another number every day."""
    trips = stream(1, "reports", day).integers(20, 200, size=5) * [0, 0, 1, 1, 1]
    return trips, np.array([0, 0, 0, 0, trips[4] * (600 + 37 * day)])


def live_through(traffic: TrafficInformation, day: int) -> FloatArray:
    """Open the noon of a day, report its trips and close it; return what was announced."""
    noon = PeriodOfDay(day, NOON)
    traffic.learn(noon)
    announced = traffic.announced_min(noon)["yesterday"]
    report(traffic, noon, noon, *trips_of(day))
    nothing = np.zeros(5, dtype=np.int64)
    traffic.close(noon, nothing, nothing, CARS_VEH_H)
    return announced


def report(
    traffic: TrafficInformation, now: PeriodOfDay, departed: PeriodOfDay, trips: IntArray, spent_s: IntArray
) -> None:
    second = np.array([traffic.periods.start_s(departed)])
    traffic.count(now, second, trips[np.newaxis], spent_s[np.newaxis])


def by_hand_min(toy: Scenario, day: int) -> FloatArray:
    """Return BPR at the day's trips and cars on the four roads, and the mean stay at the station."""
    trips, spent_s = trips_of(day)
    vehicles_h = trips / toy.periods.hours + CARS_VEH_H
    upper, lower = vehicles_h[[0, 2, 4]].sum(), vehicles_h[[1, 3]].sum()
    roads = 6 * (1 + 0.15 * (np.array([upper, upper, lower, lower]) / 100) ** 4)
    return np.append(roads, spent_s[4] / trips[4] / 60)


def test_what_is_announced_is_the_mean_of_what_was_measured_on_all_days_before(
    traffic: TrafficInformation, toy: Scenario
) -> None:
    """Steps of 1/day weigh every day alike, and the free flow of day 1 not at all."""
    announced = [live_through(traffic, day) for day in DAYS]
    measured = np.array([by_hand_min(toy, day) for day in DAYS])
    assert np.ptp(measured, axis=0).min() > 0.05, "no two days are alike"
    assert announced[0] == pytest.approx(traffic.paths.network.t0_min)
    for day in DAYS[1:]:
        assert announced[day - 1] == pytest.approx(measured[: day - 1].mean(axis=0), rel=1e-12)


def test_trips_take_what_was_measured_the_day_before_alone(
    traffic: TrafficInformation, toy: Scenario
) -> None:
    """A day's trips are forgotten once they are learnt from."""
    for day in DAYS:
        live_through(traffic, day)
        if day > 1:
            effective_min = traffic.full_min(PeriodOfDay(day, NOON))
            assert effective_min == pytest.approx(by_hand_min(toy, day - 1), rel=1e-12)


def test_a_trip_that_took_a_day_is_not_counted_among_those_of_today(traffic: TrafficInformation) -> None:
    """Its period was learnt from when it opened again; one reported a period earlier still counts."""
    live_through(traffic, 1)
    before, noon = PeriodOfDay(2, NOON - 1), PeriodOfDay(2, NOON)
    late, spent_s = np.array([0, 0, 3, 5, 7]), np.array([0, 0, 0, 0, 700])
    report(traffic, before, PeriodOfDay(1, NOON), late, spent_s)
    assert traffic.trips[NOON - 1].tolist() == (trips_of(1)[0] + late).tolist()
    assert traffic.spent_s[NOON - 1].tolist() == [trips_of(1)[1][4] + 700]
    traffic.learn(noon)
    report(traffic, noon, PeriodOfDay(1, NOON), late, spent_s)
    assert not traffic.trips.any()
    assert not traffic.spent_s.any()
