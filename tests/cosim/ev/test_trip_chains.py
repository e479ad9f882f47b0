"""Trips chain: every trip an OD of the table, from where the last one ended, home and work where they were."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cosim.ev.days import simulate_days
from cosim.ev.draws import Draws
from cosim.ev.dwell import DwellModel
from cosim.ev.mobility import Diaries, sample_diaries
from cosim.ev.transitions import HOME, WORK
from cosim.ev.trip_chains import TripChains, build_trip_chains, chaining_obstacles
from cosim.randomness import stream


def no_round_trips(model: DwellModel) -> DwellModel:
    """Return the default population without trips from home to home."""
    transition = model.transition.copy()
    transition[HOME, :, HOME] = 0.0
    return replace(model, transition=transition / transition.sum(axis=2, keepdims=True))


def any_chains(seed: int, zones: int, missing: float) -> TripChains | None:
    """Return chains over a random OD table in which a share of the pairs has no trips; None if they get stuck."""
    generator = stream(seed, "od table")
    origin, dest = (ends.ravel() for ends in np.nonzero(~np.eye(zones, dtype=bool)))
    demand = generator.random(origin.size) * (generator.random(origin.size) >= missing)
    names = [str(zone) for zone in range(zones)]
    return (
        None if chaining_obstacles(origin, dest, demand, names) else build_trip_chains(origin, dest, demand)
    )


def ends(chains: TripChains) -> tuple[np.ndarray, np.ndarray]:
    """Return the origin and destination zones of the ODs, by number."""
    origin, dest = np.nonzero(chains.number >= 0)
    order = np.argsort(chains.number[origin, dest])
    size = chains.number.max() + 1
    found = np.full((2, size), -1)
    found[:, chains.number[origin, dest][order]] = origin[order], dest[order]
    return found[0], found[1]


def check_chain(chains: TripChains, diaries: Diaries, od: np.ndarray, seed: int, purpose: str) -> None:
    origin, dest = ends(chains)
    assert od.min(initial=0) >= 0
    draws = Draws(diaries.n_ev, seed, purpose)
    home = chains.homes(draws)
    work = chains.works(home, draws)
    start, end = origin[od], dest[od]
    assert (start >= 0).all()  # every trip is an OD with trips, so none stays within its zone
    first, later = diaries.rows_of_trip(1), np.flatnonzero(diaries.trip > 1)
    assert np.array_equal(start[first], home[diaries.ev[first]])
    assert np.array_equal(start[later], end[later - 1])
    to_home = diaries.to_activity == HOME
    assert np.array_equal(end[to_home], home[diaries.ev[to_home]])
    assert (end[~to_home] != home[diaries.ev[~to_home]]).all()
    to_work = (diaries.to_activity == WORK) & (diaries.from_activity == HOME)
    assert np.array_equal(end[to_work], work[diaries.ev[to_work]])


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), zones=st.integers(3, 9), missing=st.floats(0.0, 0.5))
def test_every_trip_begins_where_the_last_one_ended(
    seed: int, zones: int, missing: float, model: DwellModel
) -> None:
    """Whatever the OD table, if it lets people get home at all."""
    chains = any_chains(seed, zones, missing)
    if chains is None:
        return
    diaries = sample_diaries(no_round_trips(model), 200, seed, "chains")
    check_chain(chains, diaries, chains.ods(diaries, Draws(diaries.n_ev, seed, "chains")), seed, "chains")


@pytest.mark.parametrize(("zones", "missing"), [(3, 0.0), (7, 0.2)])
def test_expected_ods_are_those_of_many_draws(model: DwellModel, zones: int, missing: float) -> None:
    """Zones summed over against zones drawn: chi-square over ODs and periods."""
    chains = any_chains(7, zones, missing)
    assert chains is not None
    diaries = sample_diaries(no_round_trips(model), 60_000, 3, "expected")
    period = diaries.departure_s // 14_400
    made = np.ones(diaries.ev.size, dtype=np.bool_)
    expected = chains.expected_ods(diaries, made, period, 6)
    od = chains.ods(diaries, Draws(diaries.n_ev, 3, "expected"))
    counts = np.bincount(period * expected.shape[1] + od, minlength=expected.size).reshape(expected.shape)
    assert expected.sum(axis=1) == pytest.approx(counts.sum(axis=1))
    assert (counts[expected == 0] == 0).all()
    enough = expected > 10
    # trips of one EV belong together, so the statistic is wider than chi-square: the bound is twice its mean
    statistic = ((counts - expected)[enough] ** 2 / expected[enough]).sum()
    assert statistic < 2 * enough.sum()
    z = (counts - expected)[enough] / np.sqrt(expected[enough])
    assert np.abs(z).max() < stats.norm.isf(1e-7)


def test_more_evs_leave_the_ods_of_the_first_ones_unchanged(model: DwellModel) -> None:
    """To the bit."""
    chains = any_chains(7, 5, 0.0)
    assert chains is not None
    few, many = (sample_diaries(no_round_trips(model), n, 1, "size") for n in (50, 120))
    assert np.array_equal(
        chains.ods(few, Draws(few.n_ev, 1, "size")),
        chains.ods(many, Draws(many.n_ev, 1, "size"))[: few.ev.size],
    )


def test_the_zone_is_carried_over_midnight(model: DwellModel) -> None:
    """The first trip of the second day begins where the last one of the first day ended."""
    from cosim.ev.battery import Battery
    from cosim.ev.charging import ChargingBehaviour

    chains = any_chains(7, 5, 0.0)
    assert chains is not None
    origin, dest = ends(chains)
    kind = no_round_trips(model)
    one, two = simulate_days(kind, Battery(), ChargingBehaviour(), 800, 2, seed=2, purpose="zones")
    home = chains.homes(Draws(800, 2, "zones"))
    od = chains.ods(one.diaries, Draws(800, 2, "zones"), home)
    zone = chains.zone_after(home, one.diaries, od, one.record.cancelled)
    last = one.diaries.first_row[1:][one.diaries.trips_per_ev > 0] - 1
    made = ~one.record.cancelled[last]
    assert np.array_equal(zone[one.diaries.ev[last[made]]], dest[od[last[made]]])
    again = chains.ods(two.diaries, Draws(800, 2, "zones"), zone)
    first = two.diaries.rows_of_trip(1)
    assert np.array_equal(origin[again[first]], zone[two.diaries.ev[first]])
    assert (zone != home).sum() > 30


def test_work_is_visited_only_to_work_where_there_is_a_choice() -> None:
    """Three zones, home and work: leisure is in the third one; with one other zone, at work."""
    origin, dest = np.array([0, 0, 1, 1, 2, 2]), np.array([1, 2, 0, 2, 0, 1])
    chains = build_trip_chains(origin, dest, np.ones(6))
    zone = chains._visit(np.zeros(50, int), np.zeros(50, int), np.ones(50, int), np.linspace(0, 0.999, 50))
    assert (zone == 2).all()
    less = build_trip_chains(origin, dest, np.array([1.0, 0, 1, 1, 1, 1]))
    zone = less._visit(np.zeros(50, int), np.zeros(50, int), np.ones(50, int), np.linspace(0, 0.999, 50))
    assert (zone == 1).all()


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        ([(0, 1)], "no trip starts in zone b"),
        ([(0, 1), (1, 0)], "an EV with home zone a has no destination in zone b from which"),
        ([(0, 1), (1, 2), (2, 0)], "an EV with home zone a has no destination in zone a from which"),
        ([(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)], None),
    ],
)
def test_where_people_cannot_get_home_trips_do_not_chain(
    pairs: list[tuple[int, int]], sentence: str | None
) -> None:
    """The first reason is named."""
    origin, dest = np.array(pairs).T
    found = chaining_obstacles(origin, dest, np.ones(len(pairs)), ["a", "b", "c"])
    assert (sentence is None and not found) or str(sentence) in found[0]
