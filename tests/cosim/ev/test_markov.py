"""The chain: sampled as the table says, computed exactly, and refused where the table holds no probabilities."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cosim.errors import ConfigError
from cosim.ev.days import simulate_days
from cosim.ev.distributions import Normal
from cosim.ev.exact import crossings, markov_day
from cosim.ev.markov import COLUMNS, SLOT_S, SLOTS, MarkovModel, read_departures, write_departures
from cosim.ev.mobility import sample_diaries
from cosim.ev.occupancy import band, count_departures, count_places, inside_band
from cosim.ev.transitions import HOME, LEISURE, WORK
from cosim.randomness import stream

N_EV = 100_000


def only(*leaves: tuple[int, int, int, float]) -> np.ndarray:
    """Return a table in which EVs leave only as told: slot, from, to, probability."""
    table = np.zeros((SLOTS, 4, 4))
    for slot, left, sought, share in leaves:
        table[slot, left, sought] = share
    return table


def fixed_length(table: np.ndarray, minutes: float) -> MarkovModel:
    """Return a chain in which all travel, and every trip takes so long."""
    km = Normal(minutes, 0.0)
    return MarkovModel(departure=table, travel_share=1.0, length_km=km, diary_speed_km_h=60.0)


def test_a_trip_of_ten_minutes_crosses_a_boundary_in_two_cases_of_three() -> None:
    """It starts at any second of its quarter of an hour alike."""
    assert crossings(fixed_length(only(), 10.0))[:2] == pytest.approx([1 / 3, 2 / 3])
    assert crossings(fixed_length(only(), 40.0))[:4] == pytest.approx([0, 0, 1 / 3, 2 / 3])


def test_two_slots_by_hand() -> None:
    """Half leave home for work in slot 32, a fifth of those there leave for leisure in slot 33."""
    day = markov_day(fixed_length(only((32, HOME, WORK, 0.5), (33, WORK, LEISURE, 0.2)), 10.0))
    occupancy = day.occupancy(day.at_home())
    # at boundary 33: half still at home, 1/3 of the other half has arrived, 2/3 drives
    assert occupancy.share[33] == pytest.approx([1 / 2, 1 / 6, 0, 0, 1 / 3])
    # a fifth of 1/6 has left for leisure; 1/3 of it is there; all who drove to work have arrived
    assert occupancy.share[34] == pytest.approx([1 / 2, 1 / 6 * 0.8 + 1 / 3, 1 / 90, 0, 1 / 45])
    assert occupancy.departures_per_ev.sum(axis=1)[[32, 33]] == pytest.approx([1 / 2, 1 / 30])


def test_sampled_places_and_departures_lie_inside_the_multinomial_band(chain: MarkovModel) -> None:
    """485 and 384 cells at once, at 95 %."""
    day = markov_day(chain)
    exact = day.occupancy(day.at_home())
    diaries = sample_diaries(chain, N_EV, seed=5, purpose="band")
    assert inside_band(count_places(diaries), exact.share, N_EV).all()
    assert inside_band(count_departures(diaries), exact.departures_per_ev, N_EV).all()
    assert np.allclose(exact.share.sum(axis=1), 1.0, atol=1e-12)


def test_the_band_is_as_wide_as_its_level_asks_and_no_wider() -> None:
    """Of 200 like cells: outside it lies at most 5 % of the chance, one count closer on a side more than 2.5 %."""
    n_ev, cells = 400, 200
    share = np.full((20, 10), 0.3)
    low, high = band(share, n_ev)
    below = stats.binom.cdf([low[0, 0] - 1, low[0, 0]], n_ev, 0.3)
    above = stats.binom.sf([high[0, 0], high[0, 0] - 1], n_ev, 0.3)
    for outside, one_closer in (below, above):
        assert outside <= 0.025 / cells < one_closer
    assert np.ptp(low) == np.ptp(high) == 0


def test_the_band_of_a_single_fair_coin_is_the_one_in_the_textbook() -> None:
    """Of 100 throws 40 to 60 heads, at 95 %."""
    assert [limit.tolist() for limit in band(np.array([0.5]), 100)] == [[40.0], [60.0]]
    heads = np.array([39, 40, 60, 61])
    assert [inside_band(np.array([count]), np.array([0.5]), 100).all() for count in heads] == [
        False,
        True,
        True,
        False,
    ]


def test_a_wrong_table_is_seen_by_the_band(chain: MarkovModel) -> None:
    """One per cent more departures from home are found out: the band is no formality."""
    table = chain.departure.copy()
    table[:, HOME] *= 1.05
    day = markov_day(replace(chain, departure=table))
    diaries = sample_diaries(chain, N_EV, seed=5, purpose="band")
    assert not inside_band(count_places(diaries), day.occupancy(day.at_home()).share, N_EV).all()


def test_the_exact_distribution_is_that_of_a_plain_walk_through_the_states(chain: MarkovModel) -> None:
    """EV by EV and slot by slot, with other random numbers and other code."""
    generator, n_ev = stream(8, "plain walk"), 3_000
    at_noon = np.zeros(5)
    for _ in range(n_ev):
        place, busy_until_s = HOME, -1.0
        if generator.random() >= chain.travel_share:
            at_noon[HOME] += 1
            continue
        for slot in range(48):
            if busy_until_s >= slot * SLOT_S:
                continue
            row = chain.departure[slot, place]
            if generator.random() < row.sum():
                place = int(generator.choice(4, p=row / row.sum()))
                km = np.clip(np.exp(2.451 + 0.75 * generator.standard_normal()), 1, 100)
                busy_until_s = (slot + generator.random()) * SLOT_S + km / 35 * 3600
        at_noon[4 if busy_until_s >= 48 * SLOT_S else place] += 1
    day = markov_day(chain)
    exact = day.occupancy(day.at_home()).share[48]
    error = np.sqrt(exact * (1 - exact) / n_ev)
    assert (np.abs(at_noon / n_ev - exact) < 4 * error).all()


def test_the_periodic_day_ends_as_it_began(chain: MarkovModel) -> None:
    """Pi = M pi, found at once and by walking through forty days."""
    day = markov_day(chain)
    matrix, periodic = day.day_matrix(), day.periodic_state()
    assert matrix.sum(axis=0) == pytest.approx(np.ones(day.size), abs=1e-12)
    assert matrix @ periodic == pytest.approx(periodic, abs=1e-14)
    walked = np.linalg.matrix_power(matrix, 40) @ day.at_home()
    assert walked == pytest.approx(periodic, abs=1e-12)
    share = day.occupancy(periodic).share
    assert share[0] == pytest.approx(share[-1], abs=1e-12)


def test_days_in_a_row_reach_the_periodic_distribution(chain: MarkovModel) -> None:
    """With place carried over midnight, inside the band from the fourth day on."""
    from cosim.ev.battery import Battery
    from cosim.ev.charging import ChargingBehaviour

    day = markov_day(chain)
    exact = day.occupancy(day.periodic_state()).share
    course = simulate_days(chain, Battery(), ChargingBehaviour(), 40_000, 4, seed=3, purpose="periodic")
    *_, last = course
    assert inside_band(count_places(last.diaries, last.start), exact, 40_000).all()


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.0, 1.0))
def test_departures_are_ordered_and_no_ev_is_in_two_places(seed: int, scale: float) -> None:
    """Whatever the table; an EV leaves from where it is, not before the slot after its arrival."""
    table = stream(seed, "any table").random((SLOTS, 4, 4)) * scale / 4
    diaries = sample_diaries(MarkovModel(departure=table), 100, seed, "property")
    later = np.flatnonzero(diaries.trip > 1)
    assert (diaries.departure_s[later] // SLOT_S > diaries.arrival_s[later - 1] // SLOT_S).all()
    assert np.array_equal(diaries.from_activity[later], diaries.to_activity[later - 1])
    assert (diaries.arrival_s > diaries.departure_s).all()
    counts = count_places(diaries)
    assert counts.min() >= 0
    assert (counts.sum(axis=1) == 100).all()


def test_who_leaves_for_certain_leaves_in_that_slot() -> None:
    """A probability of 1 is no infinite trouble."""
    diaries = sample_diaries(fixed_length(only((10, HOME, WORK, 1.0)), 10.0), 1_000, 1, "certain")
    assert (diaries.departure_s // SLOT_S == 10).all()
    assert diaries.ev.size == 1_000


def test_the_table_is_read_as_it_was_written(chain: MarkovModel, tmp_path: Path) -> None:
    """Six digits are kept; a comment names the source."""
    file = tmp_path / "table.csv"
    write_departures(chain.departure, file, ("source: a test",))
    assert read_departures(file) == pytest.approx(chain.departure, rel=1e-5)
    assert file.read_text(encoding="utf-8").startswith("# source: a test\n" + ",".join(COLUMNS))


def test_all_problems_of_a_table_are_told_at_once(chain: MarkovModel, tmp_path: Path) -> None:
    """File, line, column, value, what is allowed."""
    file = tmp_path / "table.csv"
    write_departures(chain.departure, file)
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[1:5] = ["1,home,0.6,0.6,0,0", "0,work,0,0,0,0", "1,beach,0,0,0,0", "1,other,2,0,0,0"]
    file.write_text("\n".join([*lines, lines[-1]]), encoding="utf-8")
    with pytest.raises(ConfigError) as told:
        read_departures(file)
    sentences = str(told.value)
    for part in (
        "line 2: the probabilities sum to 1.2",
        "line 3: column slot is '0'",
        "line 4: column from is 'beach'",
        "line 5: column home is '2'; it must be a number from 0 to 1",
        "is given already",
        "no row for slot 1, work (and 1 more)",
    ):
        assert part in sentences


def test_arrays_that_hold_no_probabilities_are_refused() -> None:
    """Wrong shape, and rows above 1."""
    with pytest.raises(ValueError, match="shape"):
        MarkovModel(departure=np.zeros((4, 4)))
    with pytest.raises(ValueError, match="sum to 1 at most"):
        MarkovModel(departure=np.full((SLOTS, 4, 4), 0.3))
