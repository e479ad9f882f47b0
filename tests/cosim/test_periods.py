import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.periods import PeriodOfDay, Periods
from cosim.randomness import stream


@given(st.sampled_from([1, 8, 24, 96, 288]), st.integers(0, 10 * 86_400))
def test_every_second_lies_in_the_period_that_starts_at_or_before_it(count: int, second: int) -> None:
    periods = Periods(count=count)
    now = periods.at(second)
    assert 1 <= now.period <= count
    assert periods.start_s(now) <= second < periods.start_s(now) + periods.seconds
    assert periods.nth(periods.index(now)) == now


def test_the_second_day_begins_after_the_last_period() -> None:
    assert Periods(count=24).at(86_400) == PeriodOfDay(2, 1)


def test_periods_that_do_not_cut_the_day_are_refused() -> None:
    with pytest.raises(ValueError, match="7 periods"):
        Periods(count=7)


def test_a_stream_is_known_by_its_name_alone() -> None:
    assert stream(1, "route", 1, 3).random(5).tolist() == stream(1, "route", 1, 3).random(5).tolist()


@pytest.mark.parametrize(
    "other", [(2, "route", 1, 3), (1, "length", 1, 3), (1, "route", 2, 3), (1, "route", 1, 4)]
)
def test_streams_with_other_names_differ(other: tuple[int, str, int, int]) -> None:
    assert stream(1, "route", 1, 3).random(5).tolist() != stream(*other).random(5).tolist()
