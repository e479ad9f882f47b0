"""What `[[events]]` may hold: each fault of an entry is named, all at once."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.config.bundled import find_scenario
from cosim.config.events import seconds_of
from cosim.config.reading import check
from cosim.errors import ConfigError
from cosim.files import read_toml

TABLES = read_toml(find_scenario("toy"))
CLOSED = {"kind": "station", "name": "S", "from": "08:30"}


def events(*entries: dict[str, Any]) -> tuple[Any, ...]:
    return check(copy.deepcopy(TABLES) | {"events": list(entries)}, "toy").events


def problems(*entries: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        events(*entries)
    return [str(problem) for problem in caught.value.problems]


def test_an_event_lasts_for_the_rest_of_every_day_and_is_sudden_unless_it_says_otherwise() -> None:
    (event,) = events(CLOSED)
    assert (event.from_s, event.until_s, event.day, event.planned) == (30_600, 86_400, None, False)


def test_every_fault_of_every_event_is_named_at_once() -> None:
    assert problems(
        {**CLOSED, "until": "08:30"},
        {"kind": "road", "name": "1", "from": "8:30"},
        {"kind": "road", "name": "2", "from": "08:30", "capacity": 0.001},
        {"kind": "flood", "name": "x", "from": "08:30"},
        {"name": "y", "from": "08:30"},
        {"kind": "chargers", "name": "z", "until": "24:01", "chargers": 0, "fom": "08:30"},
    ) == [
        "table events.S: until is 08:30; it must be after from, 08:30.",
        'events.1.from is \'8:30\'; it must be a time of day in quotes, "08:30" or "08:30:15", up to "24:00".',
        "table events.2: capacity is 0.001; it must be 0 (closed) or 0.01 or more.",
        (
            "events.x.kind is 'flood'; it must be one of 'station', 'chargers', 'road', 'pv', 'wind', 'turbine', "
            "'storage', 'v2g', 'branch', 'mail', 'operator', 'coordinator', 'meter'."
        ),
        "events.y.kind is missing.",
        "events.z.from is missing.",
        'events.z.until is \'24:01\'; it must be a time of day in quotes, "08:30" or "08:30:15", up to "24:00".',
        "events.z.chargers is 0; it must be 1 or more.",
        "events.z.fom is not a known key; do you mean 'from'?",
    ]


@given(st.integers(0, 86_400))
def test_a_time_of_day_is_its_seconds(second: int) -> None:
    minutes, seconds = divmod(second, 60)
    assert seconds_of(f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}") == second


@pytest.mark.parametrize("text", ["", "8:30", "08:60", "24:00:01", "08:30:60", "25:00", "08:30 ", "०८:३०"])
def test_another_text_is_no_time_of_day(text: str) -> None:
    with pytest.raises(ValueError, match="a time of day in quotes"):
        seconds_of(text)


def test_events_are_written_as_they_are_read() -> None:
    """`from` is a word of Python: the field has another name there, not in a file."""
    config = check(copy.deepcopy(TABLES) | {"events": [CLOSED]}, "toy")
    (entry,) = config.model_dump(mode="json", exclude_defaults=True)["events"]
    assert entry == CLOSED
