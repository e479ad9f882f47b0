"""When drivers charge: the logistic curve, the forced charge, the plug rules and who is stranded."""

from dataclasses import replace
from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.ev.battery import Battery
from cosim.ev.charging import (
    ChargingBehaviour,
    ChargingInputs,
    decide_charging,
    drive,
    fast_charge_probability,
    plugs_in,
    soc_after_parking,
    wants_fast_charge,
)
from cosim.ev.transitions import HOME, LEISURE, OTHER, WORK

BATTERY = Battery()
BEHAVIOUR = ChargingBehaviour()
SENSITIVE = replace(BEHAVIOUR, price_sensitivity=1.0)


def test_at_30_percent_every_second_driver_charges() -> None:
    """The logistic curve has its middle at .30 and width .05."""
    assert fast_charge_probability(0.30, BEHAVIOUR) == pytest.approx(0.5)
    assert fast_charge_probability(0.40, BEHAVIOUR) == pytest.approx(1 / (1 + exp(2)))


def test_a_dear_hour_deters_and_the_mean_price_does_not() -> None:
    """Only the price relative to the mean counts, and only with k > 0."""
    assert fast_charge_probability(0.30, SENSITIVE, 1.0) == pytest.approx(0.5)
    assert fast_charge_probability(0.30, SENSITIVE, 1.5) == pytest.approx(1 / (1 + exp(0.5)))
    assert fast_charge_probability(0.30, BEHAVIOUR, 1.5) == pytest.approx(0.5)


def test_a_price_a_thousand_times_the_mean_is_no_overflow() -> None:
    """The exponential stays finite (warnings are errors here)."""
    assert fast_charge_probability(0.30, SENSITIVE, 1e6) == pytest.approx(0.0)


def test_the_uniform_number_decides_at_the_probability() -> None:
    """Charging is drawn by u < p."""
    chance = float(fast_charge_probability(0.4, BEHAVIOUR))
    assert wants_fast_charge(0.4, 1.0, chance - 1e-9, battery=BATTERY, behaviour=BEHAVIOUR)
    assert not wants_fast_charge(0.4, 1.0, chance, battery=BATTERY, behaviour=BEHAVIOUR)


def test_a_trip_that_would_end_below_the_reserve_forces_a_charge() -> None:
    """Even the least likely draw charges then."""
    unlucky = 1.0 - 1e-16
    assert wants_fast_charge(0.35, 13.0, unlucky, battery=BATTERY, behaviour=BEHAVIOUR)  # would end at .09
    assert not wants_fast_charge(0.35, 12.0, unlucky, battery=BATTERY, behaviour=BEHAVIOUR)  # ends at .11


def test_nobody_stops_to_charge_a_battery_above_the_target() -> None:
    """At the charge point it still holds more than the target."""
    assert not wants_fast_charge(0.9, 2.0, 0.0, battery=BATTERY, behaviour=BEHAVIOUR)


def test_a_charge_in_mid_trip_lifts_to_80_percent_and_half_the_trip_remains() -> None:
    """10 kWh are .2 of the battery."""
    trip = drive(0.30, 10.0, fast_charge=True, battery=BATTERY, behaviour=BEHAVIOUR)
    assert trip.soc_charging_stop == pytest.approx(0.20)
    assert trip.session_kwh == pytest.approx(0.6 * 50 / 0.92)
    assert trip.soc_arrival == pytest.approx(0.70)
    assert not trip.stranded


def test_without_a_charge_the_trip_takes_its_energy() -> None:
    """And no session is recorded."""
    trip = drive(0.30, 10.0, fast_charge=False, battery=BATTERY, behaviour=BEHAVIOUR)
    assert (trip.soc_arrival, trip.session_kwh) == (pytest.approx(0.10), 0.0)


def test_who_cannot_reach_the_charge_point_stays_where_it_is() -> None:
    """3 kWh to the charger, 2.5 in the battery."""
    trip = drive(0.05, 6.0, fast_charge=True, battery=BATTERY, behaviour=BEHAVIOUR)
    assert trip.stranded
    assert (trip.soc_charging_stop, trip.soc_arrival, trip.session_kwh) == (0.05, 0.05, 0.0)


def test_a_trip_beyond_the_range_strands_even_a_driver_who_charges() -> None:
    """42.5 kWh after a charge to 40."""
    assert drive(0.9, 85.0, fast_charge=True, battery=BATTERY, behaviour=BEHAVIOUR).stranded


@pytest.mark.parametrize(
    ("activity", "soc", "home", "work", "plugged"),
    [
        (HOME, 0.69, True, False, True),
        (HOME, 0.70, True, False, False),
        (HOME, 0.10, False, True, False),
        (WORK, 0.99, False, True, True),
        (WORK, 0.10, True, False, False),
        (LEISURE, 0.10, True, True, False),
        (OTHER, 0.10, True, True, False),
    ],
)
def test_plug_rules(activity: int, soc: float, home: bool, work: bool, plugged: bool) -> None:
    """At home below .7, at work always, nowhere else, and never without a charger."""
    assert plugs_in(activity, soc, home, work, BEHAVIOUR) == plugged


def test_an_unplugged_car_leaves_as_it_came() -> None:
    """Only the plugged one of two gains."""
    plugged = np.array([True, False])
    after = soc_after_parking(np.array([0.5, 0.5]), plugged, 2.0, BATTERY, BEHAVIOUR)
    assert after.tolist() == pytest.approx([0.5 + 14 * 0.92 / 50, 0.5])


@given(
    soc=st.floats(0.0, 1.0),
    trip_kwh=st.floats(0.0, 120.0),
    uniform=st.floats(0.0, 1.0, exclude_max=True),
    point=st.floats(0.0, 1.0),
    battery_kwh=st.floats(5.0, 100.0),
)
def test_soc_stays_in_bounds_and_energy_is_conserved(
    soc: float, trip_kwh: float, uniform: float, point: float, battery_kwh: float
) -> None:
    """Charged less losses = driven + stored, for any trip and battery."""
    battery = Battery(battery_kwh=battery_kwh)
    behaviour = ChargingBehaviour(charging_stop=point)
    fast = wants_fast_charge(soc, trip_kwh, uniform, battery=battery, behaviour=behaviour)
    trip = drive(soc, trip_kwh, fast, battery, behaviour)
    driven_kwh = 0.0 if trip.stranded else trip_kwh
    stored_kwh = (trip.soc_arrival - soc) * battery_kwh
    assert 0.0 <= trip.soc_charging_stop <= 1.0
    assert 0.0 <= trip.soc_arrival <= 1.0
    assert trip.session_kwh * battery.charging_efficiency == pytest.approx(driven_kwh + stored_kwh, abs=1e-9)


@given(st.floats(0.0, 1.0), st.floats(0.0, 60.0), st.floats(0.0, 1.0, exclude_max=True))
def test_one_driver_decides_as_in_an_array_of_many(soc: float, trip_kwh: float, uniform: float) -> None:
    """The kernels see no difference between a scalar and an array."""
    alone = wants_fast_charge(soc, trip_kwh, uniform, battery=BATTERY, behaviour=BEHAVIOUR)
    many = [np.full(37, value) for value in (soc, trip_kwh, uniform)]
    together = wants_fast_charge(*many, battery=BATTERY, behaviour=BEHAVIOUR)
    assert (together == alone).all()


@pytest.mark.parametrize(
    "wrong", [{"soc_target": 1.2}, {"charging_stop": -0.1}, {"soc_fast_charge_width": 0.0}]
)
def test_impossible_behaviour_is_refused(wrong: dict[str, float]) -> None:
    """The message names the rule."""
    with pytest.raises(ValueError, match="must be"):
        ChargingBehaviour(**wrong)


def departures(**columns: object) -> ChargingInputs:
    """Return three EVs parked at home for two hours with a charger, about to drive 20 km."""
    plain = {
        "soc": np.array([0.5, 0.5, 0.5]),
        "soc_is_drawn": np.zeros(3, dtype=np.bool_),
        "parked_s": np.full(3, 7200),
        "from_activity": np.full(3, HOME, dtype=np.int8),
        "has_home_charger": np.ones(3, dtype=np.bool_),
        "has_work_charger": np.zeros(3, dtype=np.bool_),
        "length_km": np.full(3, 20.0),
        "charge_uniform": np.full(3, 0.999),
        "battery": BATTERY,
        "behaviour": BEHAVIOUR,
    }
    return ChargingInputs(**(plain | columns))


def test_the_stay_before_a_trip_charges_slowly_and_a_drawn_soc_is_that_of_the_departure() -> None:
    """14 kWh at the grid, 12.88 in the battery; none without a charger, none before a state that is drawn."""
    at = departures(
        soc_is_drawn=np.array([False, False, True]), has_home_charger=np.array([True, False, True])
    )
    made = decide_charging(at, np.ones(3))
    assert made.soc_departure == pytest.approx([0.5 + 12.88 / 50, 0.5, 0.5])
    assert made.slow_kwh == pytest.approx([14.0, 0.0, 0.0])
    assert made.drive_kwh == pytest.approx([3.4] * 3)
    assert not made.charges.any()
    assert made.energy_use.soc_arrival == pytest.approx(made.soc_departure - 0.068)


def test_the_charge_after_the_stay_decides_on_the_fast_charge() -> None:
    """At 0.30 every second driver, at 1.5 times the mean price 0.378; what is charged at home is counted."""
    at = departures(
        soc=np.full(3, 0.30),
        has_home_charger=np.array([False, False, True]),
        charge_uniform=np.full(3, 0.4),
        behaviour=SENSITIVE,
    )
    made = decide_charging(at, np.array([1.0, 1.5, 1.0]))
    assert made.charges.tolist() == [True, False, False]
    assert made.price_ratio.tolist() == [1.0, 1.5, 1.0]
    assert made.energy_use.session_kwh == pytest.approx([(0.8 - 0.266) * 50 / 0.92, 0.0, 0.0])
    assert made.energy_use.soc_charging_stop == pytest.approx([0.266, 0.266, 0.30 + 12.88 / 50 - 0.034])


@pytest.mark.parametrize("field", ["soc_fast_charge", "soc_reserve", "soc_target", "soc_plug_at_home"])
@pytest.mark.parametrize("value", [-0.01, 1.01])
def test_shares_beyond_0_and_1_are_refused_and_both_ends_are_not(field: str, value: float) -> None:
    with pytest.raises(ValueError, match="must be in"):
        replace(BEHAVIOUR, **{field: value})
    assert all(replace(BEHAVIOUR, **{field: end}) for end in (0.0, 1.0))


def test_slow_charging_may_be_off_but_not_negative_for_any_ev() -> None:
    assert replace(BEHAVIOUR, slow_charger_kw=0.0).slow_charger_kw == 0.0
    with pytest.raises(ValueError, match="must be positive"):
        replace(BEHAVIOUR, slow_charger_kw=np.array([7.0, -0.1]))


def test_each_ev_has_the_slow_charging_power_of_its_own_car() -> None:
    own = replace(BEHAVIOUR, slow_charger_kw=np.array([3.5, 7.0, 11.0]))
    assert np.asarray(own.select(np.array([2, 0])).slow_charger_kw).tolist() == [11.0, 3.5]
    assert BEHAVIOUR.select(np.array([2, 0])) is BEHAVIOUR
