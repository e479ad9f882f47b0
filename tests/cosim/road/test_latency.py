"""Link times: known values, the singularity at capacity, derivative and integral, the extension, marginal costs."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.errors import ModelError
from cosim.road.latency import (
    EXTENSION_START,
    fit_davidson_j,
    is_overloaded,
    link_time_integral,
    link_time_min,
    link_time_slope,
    link_toll_min,
    station_flow_veh_h,
    station_slope_at_time,
)
from cosim.road.network import Network
from tests.cosim.road.cases import small_network, station

STATION = 1


def road_and_station() -> Network:
    return small_network([("road", "1", "2", 10.0)]).with_charging_arcs([station("2")])


def test_bpr_at_capacity_costs_fifteen_percent_more() -> None:
    assert link_time_min(small_network([("a", "1", "2", 10.0)]), np.array([100.0])) == pytest.approx([11.5])


def test_davidson_at_half_capacity_adds_j_sessions() -> None:
    """At x = c/2 the ratio x/(c-x) is 1."""
    network = road_and_station()
    half = network.capacity_veh_h / 2
    assert link_time_min(network, half)[STATION] == pytest.approx(27.3 * (1 + network.davidson_j[STATION]))


@pytest.mark.parametrize("load", [1.0, 1.0001, 3.0])
def test_a_full_station_raises_and_is_never_clipped(load: float) -> None:
    network = road_and_station()
    with pytest.raises(ModelError, match="station S2"):
        link_time_min(network, np.array([1.0, load]) * network.capacity_veh_h)


def test_the_full_station_is_found_in_any_period() -> None:
    network = road_and_station()
    flow = np.tile(network.capacity_veh_h / 2, (3, 1))
    flow[2, STATION] *= 2
    with pytest.raises(ModelError, match="station S2: 21"):
        link_time_min(network, flow)


def test_periods_at_once_equal_periods_one_by_one() -> None:
    network = road_and_station()
    flow = np.outer([0.1, 0.5, 0.98], network.capacity_veh_h)
    for function in (link_time_min, link_time_slope, link_time_integral):
        np.testing.assert_array_equal(function(network, flow), [function(network, row) for row in flow])


@given(load=st.floats(0.01, 1.5), extend=st.booleans(), marginal=st.booleans())
def test_slope_and_integral_belong_to_the_time(load: float, extend: bool, marginal: bool) -> None:
    """Central differences of the integral give the time, of the time the slope."""
    network = replace(road_and_station(), marginal=marginal)
    if not extend:
        load = min(load, 0.95)
    flow, step = load * network.capacity_veh_h, 1e-5 * network.capacity_veh_h
    if extend and abs(load - 0.99) < 1e-4:
        return  # the slope has a kink there

    def difference(function: object) -> object:
        up, down = (function(network, flow + sign * step, extend=extend) for sign in (1, -1))
        return (up - down) / (2 * step)

    assert difference(link_time_integral) == pytest.approx(
        link_time_min(network, flow, extend=extend), rel=1e-4
    )
    assert difference(link_time_min) == pytest.approx(
        link_time_slope(network, flow, extend=extend), rel=1e-3, abs=1e-6
    )


def test_the_extension_agrees_below_and_continues_above_99_percent() -> None:
    network = road_and_station()
    below = 0.9 * network.capacity_veh_h
    assert link_time_min(network, below, extend=True) == pytest.approx(link_time_min(network, below))
    times = [
        link_time_min(network, s * network.capacity_veh_h, extend=True)[STATION] for s in (1.1, 1.2, 1.3)
    ]
    assert times[1] - times[0] == pytest.approx(times[2] - times[1])


@given(load=st.floats(0.0, 1.5), extend=st.booleans())
def test_marginal_costs_are_the_derivative_of_what_all_spend(load: float, extend: bool) -> None:
    """Their integral is x t, they are t + x t', and the toll is the difference, on roads and at stations."""
    network = road_and_station()
    marginal = replace(network, marginal=True)
    flow = (load if extend else min(load, 0.98)) * network.capacity_veh_h
    time, slope = (function(network, flow, extend=extend) for function in (link_time_min, link_time_slope))
    assert link_time_min(marginal, flow, extend=extend) == pytest.approx(time + flow * slope, rel=1e-12)
    assert link_toll_min(marginal, flow, extend=extend) == pytest.approx(flow * slope, rel=1e-12)
    assert not link_toll_min(network, flow, extend=extend).any()
    assert link_time_integral(marginal, flow, extend=extend) == pytest.approx(flow * time, rel=1e-12)


@given(load=st.floats(0.001, 1.5), extend=st.booleans(), marginal=st.booleans())
def test_the_flow_at_a_station_is_found_again_by_its_time(load: float, extend: bool, marginal: bool) -> None:
    network = replace(road_and_station(), marginal=marginal)
    flow = (load if extend else min(load, 0.999)) * network.capacity_veh_h
    arcs = network.charging_arcs
    time = link_time_min(network, flow, extend=extend)[arcs]
    assert station_flow_veh_h(network, time, extend=extend) == pytest.approx(flow[arcs], rel=1e-9)
    if not extend or abs(load - EXTENSION_START) > 1e-6:
        slope = link_time_slope(network, flow, extend=extend)[arcs]
        assert station_slope_at_time(network, time, extend=extend) == pytest.approx(slope, rel=1e-6)


def test_only_stations_can_be_overloaded() -> None:
    network = road_and_station()
    assert is_overloaded(network, 2 * network.capacity_veh_h).tolist() == [False, True]
    assert not is_overloaded(network, 0.98 * network.capacity_veh_h).any()


@pytest.mark.parametrize(
    ("chargers", "j"),
    [
        (1, 1.0),
        (2, 0.471),
        (4, 0.217),
        (6, 0.136),
        (8, 0.097),
        (10, 0.074),
        (12, 0.059),
        (16, 0.041),
        (30, 0.018),
    ],
)
def test_davidson_j_fits_the_queue(chargers: int, j: float) -> None:
    """Fitted apart from this program; one charger is M/M/1, where Davidson is exact."""
    assert fit_davidson_j(chargers) == pytest.approx(j, abs=5e-4)
