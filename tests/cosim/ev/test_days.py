"""Many days: what is carried over midnight, and what is conserved."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.ev.battery import Battery
from cosim.ev.charging import ChargingBehaviour
from cosim.ev.charging_demand import estimate_charging_demand, summarise_demand
from cosim.ev.days import DayOfEVs, simulate_days, state_after
from cosim.ev.dwell import DwellModel
from cosim.ev.ev_types import EvType, batteries, draw_types, fast_charging_kw
from cosim.ev.markov import MarkovModel
from cosim.ev.mobility import MobilityModel
from cosim.ev.transitions import HOME
from cosim.periods import SECONDS_PER_DAY, Periods

BATTERY, BEHAVIOUR, PERIODS = Battery(), ChargingBehaviour(), Periods()
TYPES = (
    EvType(
        name="small",
        share=1.0,
        battery=Battery(battery_kwh=35.0, consumption_kwh_per_km=0.14),
        slow_charger_kw=3.7,
    ),
    EvType(name="large", share=3.0, battery=Battery(battery_kwh=62.0), fast_kw=50.0, home_charger_share=1.0),
)


def days_of(
    model: MobilityModel, n_ev: int, days: int, seed: int, battery: Battery = BATTERY
) -> list[DayOfEVs]:
    return list(simulate_days(model, battery, BEHAVIOUR, n_ev, days, seed=seed, purpose="days"))


@pytest.mark.parametrize("kind", ["dwell", "markov"])
@settings(max_examples=8)
@given(seed=st.integers(0, 2**32 - 1), battery_kwh=st.floats(8.0, 90.0))
def test_energy_is_conserved_over_days_and_no_ev_is_in_two_places(
    kind: str, seed: int, battery_kwh: float, model: DwellModel, chain: MarkovModel
) -> None:
    """Drawn = driven + stored, over three days with their nights, for every EV, stranded or not."""
    battery = Battery(battery_kwh=battery_kwh)
    course = days_of(model if kind == "dwell" else chain, 150, 3, seed, battery)
    charged, driven = np.zeros(150), np.zeros(150)
    before = None
    for day in course:
        diaries, record = day.diaries, day.record
        first = diaries.rows_of_trip(1)
        if before is not None:
            ev = diaries.ev[first]
            assert np.array_equal(diaries.from_activity[first], before.activity[ev])
            assert (diaries.departure_s[first] > before.parked_since_s[ev]).all()
        assert day.start is not None
        before = state_after(day.start, diaries, record)
        assert before.soc.min() >= 0.0
        assert before.soc.max() <= 1.0
        kwh = (record.session_kwh + record.slow_kwh) * battery.charging_efficiency
        charged += np.bincount(diaries.ev, weights=kwh, minlength=150)
        trip_kwh = np.where(record.cancelled, 0.0, battery.trip_kwh(diaries.length_km))
        driven += np.bincount(diaries.ev, weights=trip_kwh, minlength=150)
    assert course[0].start is not None
    assert before is not None
    stored = (before.soc - course[0].start.soc) * battery_kwh
    # the state of charge is that on the last arrival: what was charged since belongs to the next departure,
    # and so does what the first morning's stay gave before the first departure
    assert charged - driven == pytest.approx(stored, abs=1e-9)


@pytest.fixture(scope="module")
def course(model: DwellModel) -> list[DayOfEVs]:
    return days_of(model, 40_000, 12, seed=1)


def test_over_many_days_the_share_is_level_and_about_four_per_cent(course: list[DayOfEVs]) -> None:
    """.056 on a single day; night charging takes away the rise over the day."""
    settled = course[6:]
    started = [day.diaries.departure_s // 3600 % 24 for day in settled]
    fast = np.concatenate([day.record.fast_charge for day in settled])
    hour = np.concatenate(started)
    morning, evening = fast[(hour >= 6) & (hour < 10)].mean(), fast[(hour >= 17) & (hour < 21)].mean()
    assert fast.mean() == pytest.approx(0.0423, abs=0.001)
    assert morning == pytest.approx(evening, abs=0.003)


def test_the_estimate_of_many_days_agrees(model: DwellModel) -> None:
    """Ten days after ten of a tenth as many EVs, on a stream of its own."""
    demand = estimate_charging_demand(model, BATTERY, BEHAVIOUR, PERIODS, n_ev=100_000, carry_over=True)
    assert demand.n_ev == 100_000
    assert demand.mean_charging_share == pytest.approx(0.0424, abs=0.001)
    assert demand.trips_per_ev == pytest.approx(3.453, abs=0.02)


def test_nights_are_booked_to_the_first_trip(course: list[DayOfEVs]) -> None:
    """Only EVs that stood at a charger at home in the evening get them; on day 1 too, for it has a night before."""
    day = course[-1]
    first = day.diaries.rows_of_trip(1)
    ev, overnight = day.diaries.ev[first], day.record.slow_kwh[first]
    assert day.start is not None
    at_home = day.start.activity[ev] == HOME
    plugged = at_home & day.diaries.has_home_charger[ev] & (day.start.soc[ev] < BEHAVIOUR.soc_plug_at_home)
    assert (overnight[plugged] > 0).all()
    assert overnight[at_home & ~plugged].sum() == 0.0
    assert overnight.sum() > 0.5 * day.record.slow_kwh.sum()


def test_who_is_away_at_midnight_travels_the_next_day(course: list[DayOfEVs]) -> None:
    """Nobody stays at work for a day because a number says so."""
    day = course[-1]
    assert day.start is not None
    away = ~day.start.at_home((day.diaries.day - 1) * SECONDS_PER_DAY)
    assert 0.05 < away.mean() < 0.15
    assert day.diaries.travels[away].all()
    assert day.diaries.travels[~away].mean() == pytest.approx(0.8, abs=0.01)


def test_without_carrying_every_morning_is_new(model: DwellModel) -> None:
    """The days of the default are those drawn one by one."""
    course = list(simulate_days(model, BATTERY, BEHAVIOUR, 500, 3, seed=1, purpose="days", carry_over=False))
    assert all(day.start is None for day in course)
    assert (course[2].diaries.from_activity[course[2].diaries.rows_of_trip(1)] == HOME).all()


def test_one_type_that_says_the_same_changes_nothing(model: DwellModel) -> None:
    """To the bit."""
    same = replace(model, types=(EvType(),))
    two = replace(model, types=(EvType(share=0.3), EvType(share=0.7)))
    plain, one, split = (
        estimate_charging_demand(kind, BATTERY, BEHAVIOUR, PERIODS, n_ev=5_000) for kind in (model, same, two)
    )
    for other in (one, split):
        assert np.array_equal(plain.charging_share, other.charging_share)
        assert np.array_equal(plain.session_kwh, other.session_kwh)


def test_types_come_in_their_shares_with_their_own_batteries(model: DwellModel) -> None:
    """A quarter small ones; the energy of every EV is that of its own battery."""
    (day,) = simulate_days(
        replace(model, types=TYPES), BATTERY, BEHAVIOUR, 20_000, 1, seed=3, purpose="types", carry_over=False
    )
    kind = day.diaries.ev_type
    assert (kind == 0).mean() == pytest.approx(0.25, abs=4 * np.sqrt(0.1875 / 20_000))
    assert day.diaries.has_home_charger[kind == 1].all()
    assert day.diaries.has_home_charger[kind == 0].mean() == pytest.approx(0.5, abs=0.03)
    own = batteries(TYPES, kind)
    trip = np.flatnonzero(~day.record.fast_charge & ~day.record.cancelled)
    ev = day.diaries.ev[trip]
    used = (day.record.soc_departure - day.record.soc_arrival)[trip] * np.array([35.0, 62.0])[kind[ev]]
    per_km = np.array([0.14, 0.17])[kind[ev]]
    assert used == pytest.approx(day.diaries.length_km[trip] * per_km, abs=1e-9)
    assert np.asarray(own.select(np.array([0, 1])).battery_kwh) == pytest.approx(
        np.array([35.0, 62.0])[kind[:2]]
    )


def test_a_fast_charger_gives_no_more_than_a_type_takes() -> None:
    """And no more than it has."""
    kind = draw_types(TYPES, np.array([0.0, 0.24, 0.26, 0.99]))
    assert kind.tolist() == [0, 0, 1, 1]
    assert fast_charging_kw(TYPES, kind, 60.0).tolist() == [60.0, 60.0, 50.0, 50.0]
    assert fast_charging_kw(TYPES, kind, 40.0).tolist() == [40.0] * 4


def test_a_stranded_ev_tries_again_from_where_it_is(model: DwellModel) -> None:
    """It keeps place and battery; its failed trip is none."""
    tiny = Battery(battery_kwh=6.0)
    day = days_of(model, 400, 1, seed=5, battery=tiny)[0]
    assert day.start is not None
    after = state_after(day.start, day.diaries, day.record)
    failed = np.flatnonzero(day.record.stranded)
    assert failed.size > 20
    ev = day.diaries.ev[failed]
    assert np.array_equal(after.activity[ev], day.diaries.from_activity[failed])
    assert np.array_equal(after.soc[ev], day.record.soc_departure[failed])
    assert np.array_equal(after.parked_since_s[ev], day.diaries.departure_s[failed])


def test_pools_of_a_day_hold_for_days(course: list[DayOfEVs]) -> None:
    """Departures per EV of one day are those of the summary."""
    day = course[0]
    period = day.diaries.departure_s // 3600 % 24
    demand = summarise_demand(day.record, period, 24, 40_000)
    assert demand.trips_per_ev == pytest.approx((~day.record.cancelled).sum() / 40_000)
    assert demand.od_departures_per_ev is None
