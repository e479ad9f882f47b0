import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.ev.session import NEVER_S, Session


def session(energy_kwh: float, metered_until_s: int = 0) -> Session:
    vehicle = Session(ev=1, day=1, trip=1, arrival_s=0, energy_kwh=energy_kwh, soc=0.2, soc_target=0.8)
    vehicle.plug_in(metered_until_s)
    return vehicle


def test_thirty_kwh_at_sixty_kw_take_half_an_hour() -> None:
    half_hour = session(30.0, metered_until_s=100)
    half_hour.power_kw = 60.0
    assert half_hour.completion_s() == 1900
    assert half_hour.deliver(1900, price_cny_per_kwh=0.5) == 30.0
    assert half_hour.remaining_kwh == 0.0
    assert half_hour.paid_cny == 15.0


def test_without_power_nobody_ever_leaves_and_nothing_flows() -> None:
    stuck = session(30.0)
    assert stuck.completion_s() >= NEVER_S
    assert stuck.deliver(3600, price_cny_per_kwh=1.0) == 0.0
    assert stuck.remaining_kwh == 30.0


def test_each_kwh_is_paid_at_the_price_of_its_period() -> None:
    evening = session(60.0)
    evening.power_kw = 30.0
    evening.deliver(3600, price_cny_per_kwh=1.0)
    evening.deliver(7200, price_cny_per_kwh=0.5)
    assert evening.paid_cny == 30 * 1.0 + 30 * 0.5


@given(st.floats(0.01, 60.0), st.lists(st.floats(0.0, 120.0), min_size=1, max_size=30), st.integers(1, 4000))
def test_what_is_delivered_is_what_was_wanted_however_the_power_changes(
    energy_kwh: float, powers_kw: list[float], step_s: int
) -> None:
    vehicle, delivered_kwh, now_s = session(energy_kwh), 0.0, 0
    for power_kw in [*powers_kw, 60.0, 60.0]:
        vehicle.power_kw = power_kw
        full_s = vehicle.completion_s()
        now_s = min(now_s + step_s, full_s) if power_kw < 60.0 else full_s
        delivered_kwh += vehicle.deliver(now_s, 1.0)
        assert vehicle.remaining_kwh >= 0
        if vehicle.remaining_kwh == 0:
            break
    assert vehicle.remaining_kwh == 0
    assert delivered_kwh == pytest.approx(energy_kwh, rel=1e-12)
    assert vehicle.delivered_kwh == pytest.approx(energy_kwh, rel=1e-12)
