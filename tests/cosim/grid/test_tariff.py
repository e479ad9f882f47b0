import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.grid.tariff import (
    DynamicTariff,
    HeldClasses,
    class_price,
    nodal_charging_price,
    non_positive_prices,
    price_class,
    time_of_use_tariff,
)


def test_table_1_by_the_hour() -> None:
    price = time_of_use_tariff()
    assert price[[0, 7, 23]] == pytest.approx(0.35)
    assert price[[8, 11, 20, 22]] == pytest.approx(0.68)
    assert price[12:20] == pytest.approx(1.09)


def test_half_hours_keep_the_price_of_their_hour() -> None:
    assert time_of_use_tariff(48) == pytest.approx(np.repeat(time_of_use_tariff(24), 2))


def test_two_hour_periods_pay_the_mean() -> None:
    assert time_of_use_tariff(8)[7] == pytest.approx((0.68 + 0.68 + 0.35) / 3)


def test_dynamic_tariff_by_hand() -> None:
    """Mean 2, range 4, sigma .25: high from 3 on, low below 1."""
    load = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    assert price_class(load, 0.25).tolist() == [-1, 0, 0, 1, 1]
    rule = DynamicTariff(base_cny_per_kwh=1.0, sigma=0.25, rise=0.5, fall=0.4)
    assert class_price(price_class(load, rule.sigma), rule) == pytest.approx([0.6, 1.0, 1.0, 1.5, 1.5])


def test_the_three_dynamic_prices_are_table_1() -> None:
    assert class_price(np.array([-1, 0, 1])) == pytest.approx([0.35, 0.68, 1.09], abs=3e-3)


def test_a_level_day_has_one_price() -> None:
    assert class_price(price_class(np.full(24, 0.1) * 3)) == pytest.approx(0.68)


@given(st.lists(st.floats(0, 1e4), min_size=2, max_size=48), st.floats(0, 1))
def test_a_higher_load_never_has_a_lower_price(load: list[float], sigma: float) -> None:
    order = np.argsort(load)
    assert (np.diff(price_class(np.array(load), sigma)[order]) >= 0).all()


def test_nodal_charging_prices_average_to_the_tariff() -> None:
    price = nodal_charging_price(np.array([0.5, 1.0]), np.array([[0.5, 0.7], [1.0, 1.6]]))
    assert price == pytest.approx(np.array([[0.4, 0.6], [0.7, 1.3]]))


def test_a_class_that_keeps_flipping_is_held_at_its_dearer_price_and_named() -> None:
    """Periods 2 and 3 change at every proposal, out of step; after three changes both are held. Period 4 is not."""
    held = HeldClasses(np.array([0, 0, 1, 0]))
    for k in range(1, 3):
        held.follow(np.array([0, k % 2, 1 - k % 2, 1]))
    assert held.held.size == 0
    for k in range(3, 8):
        held.follow(np.array([0, k % 2, 1 - k % 2, 1]))
    assert held.classes.tolist() == [0, 1, 1, 1]
    assert held.class_changes.tolist() == [0, 3, 3, 1]
    assert held.held.tolist() == [2, 3]


def test_prices_at_or_below_zero_are_named() -> None:
    said = non_positive_prices(np.array([[0.5, -0.02], [0.0, 0.3]]), ("CS6", "CS9"))
    assert len(said) == 2
    assert said[0].startswith("period 1, CS9: the price is -0.02 CNY/kWh")
    assert said[1].startswith("period 2, CS6: the price is 0 CNY/kWh")
    assert non_positive_prices(np.array([0.1, 0.2])) == ()
