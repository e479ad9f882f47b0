"""Events on the clock, and what they refer to."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.config.events import StationEvent
from cosim.errors import ConfigError
from cosim.scenario import Event, load_scenario
from cosim.scenario.events import changes_s, holding

DAY_S = 86_400


def event(start: str, until: str = "24:00", day: int | None = None) -> Event:
    entry = {"kind": "station", "name": "S", "from": start, "until": until, "day": day}
    return Event(number=1, config=StationEvent.model_validate(entry))


def problems(*entries: dict[str, Any], **settings: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_scenario("toy", {"events": list(entries), **settings})
    return [str(problem) for problem in caught.value.problems]


def test_what_an_event_refers_to_must_exist_and_all_that_does_not_is_named() -> None:
    assert problems(
        {"kind": "station", "name": "T", "from": "08:00"},
        {"kind": "chargers", "name": "S", "from": "08:00", "chargers": 2},
        {"kind": "road", "name": "9", "from": "08:00", "day": 3},
        {"kind": "road", "name": "1", "from": "08:00", "day": 2, "planned": True},
        {"kind": "branch", "name": "77", "from": "08:00"},
        {"kind": "branch", "name": "2", "tie": "99", "from": "08:00"},
        days=2,
    ) == [
        "events.T.name is 'T'; it must be S.",
        "events.S.chargers is 2; it must be below 2, the chargers of the station.",
        "events.9.day is 3; it must be a day of the run, 1 to 2.",
        "events.9.name is '9'; it must be one of the 4 road links, 1 to 4.",
        (
            "events.1.day is 2, and the event is planned: the equilibrium it is part of is one of all days; "
            "leave out day, or planned."
        ),
        "events.77.name is '77'; it must be one of the 3 branches in service, 1 to 3.",
        "events.2.tie is '99'; it cannot be closed while 2 is open: there is no branch '99' to switch.",
    ]


def test_a_charging_arc_is_no_road_that_could_be_closed() -> None:
    assert problems({"kind": "road", "name": "S", "from": "08:00"}) == [
        "events.S.name is 'S'; it must be one of the 4 road links, 1 to 4."
    ]


def test_an_event_holds_from_its_first_second_to_the_one_before_its_last() -> None:
    one = event("08:30", "10:00", day=2)
    start_s, end_s = DAY_S + 30_600, DAY_S + 36_000
    assert [one.holds_at(second) for second in (start_s - 1, start_s, end_s - 1, end_s)] == [
        False,
        True,
        True,
        False,
    ]
    assert not one.holds_at(30_600)


def test_nothing_holds_before_the_first_day() -> None:
    assert holding([event("00:00")], -1) == []
    assert len(holding([event("00:00")], 0)) == 1


def test_an_event_until_midnight_and_one_from_midnight_on_hold_without_a_gap() -> None:
    two = [event("22:00", "24:00", day=1), event("00:00", "02:00", day=2)]
    assert all(holding(two, second) for second in (DAY_S - 1, DAY_S, DAY_S + 7_199))
    assert not holding(two, DAY_S + 7_200)


@given(st.lists(st.tuples(st.integers(0, 23), st.integers(1, 3) | st.none()), max_size=3), st.integers(0, 2))
def test_what_holds_changes_only_in_the_seconds_named(starts: list[tuple[int, int | None]], day: int) -> None:
    events = [event(f"{hour:02}:00", f"{hour:02}:30", on) for hour, on in starts]
    changes = changes_s(events, day * DAY_S, (day + 1) * DAY_S)
    changed = [
        second
        for second in range(day * DAY_S, (day + 1) * DAY_S, 900)
        if holding(events, second) != holding(events, second - 1)
    ]
    assert set(changed) <= set(changes)
