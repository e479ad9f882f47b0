"""The queue worked out in stretches against one that is followed second by second."""

from collections import deque
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.ev.queue import FifoQueue
from cosim.ev.session import Session

POWER_KW = 60.0
LATE_S = 10_000


def vehicle(ev: int, arrival_s: int, minutes: float) -> Session:
    energy_kwh = minutes * POWER_KW / 60
    return Session(ev=ev, day=1, trip=1, arrival_s=arrival_s, energy_kwh=energy_kwh, soc=0.2, soc_target=0.8)


def served(vehicles: list[Session], chargers: int, *bounds_s: int) -> dict[int, tuple[int, int]]:
    """Return the start and end of each vehicle, worked out in stretches that end at *bounds_s*."""
    queue = FifoQueue(chargers)
    queue.announce(vehicles)
    times = {}
    for bound_s in (*bounds_s, LATE_S):
        ahead = queue.look_ahead(POWER_KW, before_s=bound_s, last_s=bound_s)
        queue.serve(ahead, POWER_KW, before_s=bound_s)
        for end_s, session in ahead.ends:
            times[session.ev] = (session.start_s, end_s)
        assert len(queue.plugged) <= chargers
        assert not queue.waiting or len(queue.plugged) == chargers
    assert queue.is_empty
    return times


@dataclass
class Charging:
    """A vehicle at a charger of the plain queue."""

    ev: int
    end_s: int


def followed(vehicles: list[Session], chargers: int) -> dict[int, tuple[int, int]]:
    """Return the same from a loop over the seconds: releases, then those who wait, then arrivals by EV number."""
    waiting: deque[Session] = deque()
    plugged: list[Charging] = []
    times: dict[int, tuple[int, int]] = {}
    for now_s in range(LATE_S + 1):
        plugged = [charging for charging in plugged if charging.end_s > now_s]
        come = sorted((one for one in vehicles if one.arrival_s == now_s), key=lambda one: one.ev)
        waiting.extend(come)
        while waiting and len(plugged) < chargers:
            one = waiting.popleft()
            times[one.ev] = (now_s, now_s + one.duration_s(POWER_KW))
            plugged.append(Charging(one.ev, times[one.ev][1]))
    return times


def test_a_third_vehicle_plugs_in_when_the_first_of_two_chargers_falls_free() -> None:
    vehicles = [vehicle(1, 0, 30), vehicle(2, 60, 60), vehicle(3, 120, 10)]
    assert served(vehicles, 2) == {1: (0, 1800), 2: (60, 3660), 3: (1800, 2400)}


def test_vehicles_of_one_second_queue_in_the_order_of_their_numbers() -> None:
    vehicles = [vehicle(9, 100, 1), vehicle(4, 100, 1), vehicle(7, 100, 1)]
    assert served(vehicles, 1) == {4: (100, 160), 7: (160, 220), 9: (220, 280)}


def test_a_charger_released_in_a_second_goes_to_who_waited_before_who_arrives() -> None:
    vehicles = [vehicle(5, 0, 10), vehicle(9, 300, 10), vehicle(1, 600, 10)]
    assert served(vehicles, 1) == {5: (0, 600), 9: (600, 1200), 1: (1200, 1800)}


def test_looking_ahead_changes_nothing() -> None:
    queue = FifoQueue(1)
    queue.announce([vehicle(1, 0, 10), vehicle(2, 5, 10)])
    first, again = (queue.look_ahead(POWER_KW, before_s=900, last_s=900) for _ in range(2))
    assert first == again
    assert not queue.plugged
    assert not queue.waiting


def test_without_power_whoever_plugs_in_stays() -> None:
    queue = FifoQueue(1)
    queue.announce([vehicle(1, 0, 10), vehicle(2, 5, 10)])
    queue.serve(queue.look_ahead(0.0, before_s=900, last_s=900), 0.0, before_s=900)
    assert list(queue.plugged) == [1]
    assert [session.ev for session in queue.waiting] == [2]


arrivals = st.lists(st.tuples(st.integers(0, 300), st.floats(0.01, 8.0)), min_size=1, max_size=25)


@settings(max_examples=60)
@given(arrivals, st.integers(1, 4), st.lists(st.integers(1, 2000), max_size=4))
def test_stretches_of_any_length_give_what_a_clock_gives(
    wanted: list[tuple[int, float]], chargers: int, bounds_s: list[int]
) -> None:
    def vehicles() -> list[Session]:
        return [vehicle(ev, arrival_s, minutes) for ev, (arrival_s, minutes) in enumerate(wanted, start=1)]

    times = served(vehicles(), chargers, *sorted(bounds_s))
    assert times == followed(vehicles(), chargers)
    in_order = sorted(vehicles(), key=lambda one: (one.arrival_s, one.ev))
    starts = [times[one.ev][0] for one in in_order]
    assert starts == sorted(starts), "first come, first served"
