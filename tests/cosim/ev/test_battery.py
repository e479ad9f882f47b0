"""The battery: sums one can do by hand, and the balance of energy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.ev.battery import Battery

BATTERY = Battery(battery_kwh=50.0, consumption_kwh_per_km=0.2, charging_efficiency=0.8)
share = st.floats(0.0, 1.0)


def test_a_trip_of_25_km_takes_a_tenth_of_the_battery() -> None:
    """25 km at .2 kWh/km are 5 of 50 kWh."""
    assert BATTERY.trip_kwh(25.0) == 5.0
    assert BATTERY.soc_after_driving(0.6, 5.0) == pytest.approx(0.5)


def test_losses_are_paid_at_the_grid() -> None:
    """What reaches the battery is .8 of what the meter counts."""
    assert BATTERY.charging_kwh(0.3, 0.8) == pytest.approx(0.5 * 50.0 / 0.8)


def test_nothing_is_charged_above_the_target() -> None:
    """A session never discharges."""
    assert BATTERY.charging_kwh(0.9, 0.8) == 0.0


def test_two_hours_at_7_kw_store_what_the_charger_lets_through() -> None:
    """14 kWh at the meter are 11.2 kWh in the battery."""
    assert BATTERY.soc_after_charging(0.3, 7.0, 2.0) == pytest.approx(0.3 + 14.0 * 0.8 / 50.0)


def test_a_night_at_the_charger_fills_the_battery_and_no_more() -> None:
    """The state of charge ends at exactly 1."""
    assert BATTERY.soc_after_charging(0.3, 7.0, 10.0) == 1.0


@given(share, st.floats(0.0, 22.0), st.floats(0.0, 24.0))
def test_energy_from_the_grid_is_energy_stored_over_efficiency(soc: float, kw: float, hours: float) -> None:
    """The two charging functions are each other's inverse."""
    after = BATTERY.soc_after_charging(soc, kw, hours)
    drawn_kwh = BATTERY.charging_kwh(soc, after)
    assert soc <= after <= 1.0
    assert drawn_kwh <= kw * hours + 1e-9
    assert drawn_kwh * 0.8 == pytest.approx((after - soc) * 50.0, abs=1e-12)


def test_arrays_and_scalars_give_the_same_bits() -> None:
    """An agent and the estimate must agree exactly."""
    soc = np.linspace(0.0, 1.0, 101)
    together = BATTERY.soc_after_charging(soc, 7.0, 1.5)
    assert [float(BATTERY.soc_after_charging(float(one), 7.0, 1.5)) for one in soc] == together.tolist()


@pytest.mark.parametrize(
    "wrong", [{"battery_kwh": 0.0}, {"consumption_kwh_per_km": -0.1}, {"charging_efficiency": 1.1}]
)
def test_impossible_batteries_are_refused(wrong: dict[str, float]) -> None:
    """The message says what is possible."""
    with pytest.raises(ValueError, match="must be positive"):
        Battery(**wrong)
