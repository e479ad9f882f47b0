"""p_t: equal to a plain loop over EVs, right by quadrature where possible, and pooled where trips are few."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cosim.ev.battery import Battery
from cosim.ev.charging import ChargingBehaviour, fast_charge_probability
from cosim.ev.charging_demand import (
    ChargingDemand,
    estimate_charging_demand,
    pool_forward,
    summarise_demand,
    wilson_interval,
)
from cosim.ev.mobility import Diaries, MobilityModel, sample_diaries, trip_uniforms
from cosim.ev.soc import SocRecord, simulate_soc
from cosim.ev.transitions import HOME, LEISURE, WORK
from cosim.periods import Periods
from tests.cosim.ev.plain_day import PlainPopulation

BATTERY, BEHAVIOUR, PERIODS = Battery(), ChargingBehaviour(), Periods()


@pytest.fixture(scope="module")
def demand(model: MobilityModel) -> ChargingDemand:
    """Return the estimate with all defaults."""
    return estimate_charging_demand(model, BATTERY, BEHAVIOUR, PERIODS)


def two_trips(soc_first: float, length_km: float, stay: int, *, home: bool, work: bool) -> Diaries:
    """Return the diary of one EV: two equal trips, at *stay* for two hours in between."""
    return Diaries(
        day=1,
        travels=np.array([True]),
        soc_first=np.array([soc_first]),
        ev_type=np.zeros(1, dtype=np.int8),
        has_home_charger=np.array([home]),
        has_work_charger=np.array([work]),
        first_row=np.array([0, 2]),
        ev=np.array([0, 0]),
        trip=np.array([1, 2]),
        departure_s=np.array([28_800, 39_600]),
        arrival_s=np.array([32_400, 43_200]),
        length_km=np.array([length_km, length_km]),
        from_activity=np.array([HOME, stay], dtype=np.int8),
        to_activity=np.array([stay, HOME], dtype=np.int8),
    )


def lucky(uniform: float) -> np.ndarray:
    """Return the same uniform number for both trips."""
    return np.array([uniform, uniform])


def test_two_hours_at_work_refill_what_seven_kw_give() -> None:
    """14 kWh at the meter between two trips of 8.5 kWh."""
    record = simulate_soc(
        two_trips(0.6, 50.0, WORK, home=False, work=True), BATTERY, BEHAVIOUR, lucky(0.999999)
    )
    assert record.soc_departure.tolist() == pytest.approx([0.6, 0.43 + 14 * 0.92 / 50])
    assert record.slow_kwh.tolist() == pytest.approx([0.0, 14.0])
    assert record.soc_arrival[1] == pytest.approx(0.43 + 14 * 0.92 / 50 - 0.17)
    assert not record.fast_charge.any()


def test_leisure_has_no_charger() -> None:
    """The second trip starts where the first one ended."""
    record = simulate_soc(
        two_trips(0.6, 50.0, LEISURE, home=True, work=True), BATTERY, BEHAVIOUR, lucky(0.999999)
    )
    assert record.soc_departure.tolist() == pytest.approx([0.6, 0.43])


def test_a_fast_charge_at_mid_trip_by_hand() -> None:
    """From .25 the trip would end at .08, so the charge is forced."""
    record = simulate_soc(
        two_trips(0.25, 50.0, LEISURE, home=True, work=True), BATTERY, BEHAVIOUR, lucky(0.9)
    )
    assert record.fast_charge.tolist() == [True, False]  # forced: it would end at .08
    assert record.soc_charging_stop[0] == pytest.approx(0.165)
    assert record.session_kwh[0] == pytest.approx(0.635 * 50 / 0.92)
    assert record.soc_arrival.tolist() == pytest.approx([0.715, 0.545])


def test_a_stranded_ev_does_not_depart_again() -> None:
    """It drives and charges nothing, and counts as no trip."""
    record = simulate_soc(
        two_trips(0.2, 100.0, WORK, home=True, work=True), Battery(battery_kwh=20), BEHAVIOUR, lucky(0.0)
    )
    assert record.stranded.tolist() == [True, False]
    assert record.cancelled.tolist() == [True, True]
    assert record.soc_arrival.tolist() == [0.2, 0.2]
    assert record.session_kwh.sum() == record.slow_kwh.sum() == 0.0
    demand = summarise_demand(record, np.array([8, 11]), 24, 1)
    assert (demand.trips_per_ev, demand.stranded_per_ev, demand.mean_charging_share) == (0.0, 1.0, 0.0)


@pytest.mark.parametrize("battery_kwh", [50.0, 12.0])
def test_batteries_equal_a_plain_loop_over_each_ev(model: MobilityModel, battery_kwh: float) -> None:
    """With a small battery too, where EVs are stranded."""
    n_ev = 600
    diaries = sample_diaries(model, n_ev, seed=2, purpose="twin")
    uniform = trip_uniforms(diaries, 2, "twin/fast charge")
    record = simulate_soc(diaries, Battery(battery_kwh=battery_kwh), BEHAVIOUR, uniform)
    plain = PlainPopulation(model.transition, n_ev, 2, "twin")
    trips = [trip for ev in range(n_ev) for trip in plain.day(ev, battery_kwh)]
    assert any(trip.fast_charge for trip in trips)
    assert any(trip.slow_kwh for trip in trips)
    assert any(trip.cancelled for trip in trips) == (battery_kwh == 12.0)
    for name in ("fast_charge", "cancelled"):
        np.testing.assert_array_equal(getattr(record, name), [getattr(trip, name) for trip in trips])
    for name in ("soc_departure", "soc_arrival", "session_kwh", "slow_kwh"):
        expected = [getattr(trip, name) for trip in trips]
        np.testing.assert_allclose(getattr(record, name), expected, rtol=0, atol=1e-11)


def test_shares_of_an_independent_plain_loop_agree_within_its_interval(
    model: MobilityModel, demand: ChargingDemand
) -> None:
    """Other random numbers, other code, the same p_t."""
    plain = PlainPopulation(model.transition, 4_000, 99, "another stream")
    trips = [trip for ev in range(4_000) for trip in plain.day(ev)]
    period = np.array([trip.departure_s // 3600 for trip in trips])
    fast = np.array([trip.fast_charge for trip in trips])
    count, sessions = np.bincount(period, minlength=24), np.bincount(period, weights=fast, minlength=24)
    # four standard deviations, so that a right estimate fails once in 16 000 periods
    low, high = wilson_interval(sessions, count, z=4.0)
    assert ((low <= demand.charging_share) & (demand.charging_share <= high)).all()
    assert sessions.sum() / count.sum() == pytest.approx(demand.mean_charging_share, abs=0.006)


def test_first_trips_charge_as_often_as_quadrature_says(model: MobilityModel) -> None:
    """Before the first trip state of charge and length are independent: two integrals."""
    diaries = sample_diaries(model, 200_000, seed=4, purpose="test")
    record = simulate_soc(diaries, BATTERY, BEHAVIOUR, trip_uniforms(diaries, 4, "test"))
    first = record.fast_charge[diaries.rows_of_trip(1)]
    grid = (np.arange(2_000) + 0.5) / 2_000
    soc = np.clip(stats.norm(0.6, 0.15).ppf(grid), 0.2, 0.9)[:, None]
    used = np.clip(stats.lognorm(0.75, scale=np.exp(2.451)).ppf(grid), 1, 100)[None, :] * 0.17 / 50
    chance = np.where(soc - used < 0.1, 1.0, 1 / (1 + np.exp((soc - 0.3) / 0.05)))
    expected = chance[np.broadcast_to(soc - used / 2 < 0.8, chance.shape)].sum() / chance.size
    assert first.mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / first.size))


def test_default_population_is_the_one_described(demand: ChargingDemand) -> None:
    """The figures the documentation gives for the default day."""
    assert demand.trips_per_ev == pytest.approx(3.36, abs=0.02)
    assert demand.mean_charging_share == pytest.approx(0.0555, abs=0.001)
    assert demand.mean_session_kwh == pytest.approx(27.3, abs=0.2)
    assert demand.charging_share[4:9].mean() == pytest.approx(0.045, abs=0.002)
    assert demand.charging_share[15:22].mean() == pytest.approx(0.061, abs=0.002)
    assert demand.stranded_per_ev < 1e-4


def test_without_home_and_work_chargers_a_third_more_trips_charge_on_the_way(model: MobilityModel) -> None:
    """Slow charging is what keeps p_t low."""
    bare = replace(model, home_charger_share=0.0, work_charger_share=0.0)
    demand = estimate_charging_demand(bare, BATTERY, BEHAVIOUR, PERIODS, n_ev=100_000)
    assert demand.mean_charging_share == pytest.approx(0.074, abs=0.0015)


def test_the_estimate_is_the_same_every_time_and_another_with_another_seed(model: MobilityModel) -> None:
    """It has a stream of its own."""
    one, two, three = (
        estimate_charging_demand(model, BATTERY, BEHAVIOUR, PERIODS, n_ev=5_000, seed=seed)
        for seed in (0, 0, 1)
    )
    assert np.array_equal(one.charging_share, two.charging_share)
    assert not np.array_equal(one.charging_share, three.charging_share)


def test_quarter_hours_add_up_to_hours(model: MobilityModel) -> None:
    """The length of a period changes no trip and no session."""
    hours = estimate_charging_demand(model, BATTERY, BEHAVIOUR, PERIODS, n_ev=50_000)
    quarters = estimate_charging_demand(model, BATTERY, BEHAVIOUR, Periods(count=96), n_ev=50_000)
    four = quarters.departures_per_ev.reshape(24, 4).sum(axis=1)
    assert four == pytest.approx(hours.departures_per_ev, abs=1e-12)
    assert quarters.sessions_per_ev.sum() == pytest.approx(hours.sessions_per_ev.sum(), abs=1e-12)
    assert quarters.mean_session_kwh == pytest.approx(hours.mean_session_kwh)


def test_a_dear_evening_is_avoided_by_those_who_look_at_prices(model: MobilityModel) -> None:
    """With k = 1 charging moves into the cheaper hours."""
    price = np.where((np.arange(24) >= 17) & (np.arange(24) < 21), 1.6, 0.9)
    careful = ChargingBehaviour(price_sensitivity=1.0)
    blind, sees = (
        estimate_charging_demand(model, BATTERY, behaviour, PERIODS, n_ev=50_000, price_ratio=price)
        for behaviour in (BEHAVIOUR, careful)
    )
    assert (sees.charging_share[17:21] < blind.charging_share[17:21]).all()
    assert sees.charging_share[8:16].mean() > blind.charging_share[8:16].mean()


def test_sparse_periods_are_merged_forward_and_the_rest_backward() -> None:
    """No pool has fewer than 50 trips unless the day has."""
    assert pool_forward(np.array([10, 60, 20, 30, 70, 5]), 50).tolist() == [0, 0, 1, 1, 2, 2]
    assert pool_forward(np.array([1, 2, 3]), 50).tolist() == [0, 0, 0]


def test_merged_periods_share_one_estimate(demand: ChargingDemand) -> None:
    """Hours without trips still have a p_t, inside its interval."""
    together = np.flatnonzero(demand.pool == demand.pool[0])
    assert together.size > 1  # nobody leaves at midnight
    assert np.unique(demand.charging_share[together]).size == 1
    assert (demand.charging_share_low < demand.charging_share).all()
    assert (demand.charging_share < demand.charging_share_high).all()


def test_wilson_interval_of_textbook_counts() -> None:
    """Against SciPy, and against the closed form z^2/(n + z^2) for no success."""
    low, high = wilson_interval(np.array([10, 0, 0]), np.array([100, 20, 0]))
    scipy = stats.binomtest(10, 100).proportion_ci(method="wilson")
    assert (low[0], high[0]) == pytest.approx((scipy.low, scipy.high))
    assert (low[1], high[1]) == pytest.approx((0.0, 0.161125), abs=1e-6)
    assert (low[2], high[2]) == (0.0, 1.0)


def conserved(diaries: Diaries, record: SocRecord, battery: Battery) -> np.ndarray:
    """Return the energy charged less driven less stored, for each EV that has trips [kWh]."""
    has_trips = diaries.trips_per_ev > 0
    start, last = diaries.first_row[:-1][has_trips], diaries.first_row[1:][has_trips] - 1
    driven = np.where(record.cancelled, 0.0, battery.trip_kwh(diaries.length_km))
    charged = (record.session_kwh + record.slow_kwh) * battery.charging_efficiency
    stored = (record.soc_arrival[last] - record.soc_departure[start]) * battery.battery_kwh
    return np.add.reduceat(charged - driven, start) - stored


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    battery_kwh=st.floats(4.0, 90.0),
    efficiency=st.floats(0.5, 1.0),
    slow_charger_kw=st.floats(0.0, 22.0),
    point=st.floats(0.0, 1.0),
)
def test_soc_stays_in_bounds_and_energy_is_conserved_over_the_day(
    model: MobilityModel,
    seed: int,
    battery_kwh: float,
    efficiency: float,
    slow_charger_kw: float,
    point: float,
) -> None:
    """For every EV, whatever its battery and charger."""
    battery = Battery(battery_kwh=battery_kwh, charging_efficiency=efficiency)
    behaviour = ChargingBehaviour(slow_charger_kw=slow_charger_kw, charging_stop=point)
    diaries = sample_diaries(model, 200, seed, "property")
    record = simulate_soc(diaries, battery, behaviour, trip_uniforms(diaries, seed, "property"))
    for soc in (record.soc_departure, record.soc_charging_stop, record.soc_arrival):
        assert soc.min() >= 0.0
        assert soc.max() <= 1.0
    assert (record.session_kwh >= 0).all()
    assert np.array_equal(record.session_kwh > 0, record.fast_charge)
    assert np.abs(conserved(diaries, record, battery)).max() < 1e-9


def test_who_leaves_with_more_charges_less_often() -> None:
    """The probability falls in the state of charge."""
    chance = fast_charge_probability(np.linspace(0, 1, 101), BEHAVIOUR)
    assert (np.diff(chance) < 0).all()
