"""A period that takes far longer than those before it is told while it lasts."""

import time

from cosim.periods import PeriodOfDay
from experiments.run.period_watch import PeriodWatch


def wait_for(told: list[str], count: int) -> None:
    end = time.monotonic() + 5
    while len(told) < count and time.monotonic() < end:
        time.sleep(0.001)


def test_a_long_period_is_told_with_its_place_and_again_when_it_has_doubled() -> None:
    told: list[str] = []
    with PeriodWatch(told.append, least_s=0.02) as watch:
        watch.begins(PeriodOfDay(1, 4))
        wait_for(told, 2)
    assert len(told) == 2
    assert told[0].startswith(
        "day 1, period 4 has taken 0 s so far; it is the first. It is at test_period_watch.py, line "
    )
    assert told[0].endswith("(wait_for)")


def test_what_is_usual_is_not_told() -> None:
    told: list[str] = []
    with PeriodWatch(told.append, least_s=0.2) as watch:
        watch.begins(PeriodOfDay(1, 1))
        time.sleep(0.05)
        watch.begins(PeriodOfDay(1, 2))
        time.sleep(0.3)  # below 20 times the first
    assert told == []
