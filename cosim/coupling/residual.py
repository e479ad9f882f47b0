"""How far a day is from the one that its own prices lead to."""

from dataclasses import dataclass

import numpy as np

from cosim.arrays import FloatArray
from cosim.coupling.day import RoadDay

LEAST_KW = 1.0
"""Station loads below this are compared as if they were this large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Iteration:
    """The residual of one iteration; p' are the prices that the day at prices p leads to.

    Loads and flows at p' are computed, so nothing here shrinks with the step taken.
    """

    load_residual: float
    """Largest |L(p') - L(p)| / max(1 kW, L(p)) of a station's load."""
    price_residual_cny_per_kwh: float
    """Largest |p' - p| of a charging price."""
    flow_residual: float
    """Largest |x(p') - x(p)| / max(1 veh/h, x(p)) of a link flow."""
    damping: float
    """Smallest step of a period that led here; 1: undamped."""
    period: int
    """Where the load or the price is farthest off: period (1..T) and station (from 0)."""
    station: int
    load_kw: float
    load_led_to_kw: float
    price_cny_per_kwh: float
    price_led_to_cny_per_kwh: float

    @property
    def residual(self) -> float:
        """The larger of the residuals of load and price: what is compared with the tolerance."""
        return max(self.load_residual, self.price_residual_cny_per_kwh)


def distances(day: RoadDay, other: RoadDay) -> tuple[FloatArray, FloatArray]:
    """Return how far loads (relative) and charging prices [CNY/kWh] are apart, (periods, stations) each."""
    load, there = day.load.load_kw, other.load.load_kw
    return np.abs(there - load) / np.maximum(LEAST_KW, load), np.abs(
        other.charging_price_cny_per_kwh - day.charging_price_cny_per_kwh
    )


def measure(day: RoadDay, reply: RoadDay, damping: float) -> Iteration:
    """Return the residual of *day*, where *reply* is the day at the prices it leads to."""
    load, price = distances(day, reply)
    flow, flow_led_to = day.link_flow_veh_h, reply.link_flow_veh_h
    worst = np.unravel_index(np.argmax(np.maximum(load, price)), load.shape)
    return Iteration(
        load_residual=float(load.max()),
        price_residual_cny_per_kwh=float(price.max()),
        flow_residual=float(np.max(np.abs(flow_led_to - flow) / np.maximum(1.0, flow))),
        damping=damping,
        period=int(worst[0]) + 1,
        station=int(worst[1]),
        load_kw=float(day.load.load_kw[worst]),
        load_led_to_kw=float(reply.load.load_kw[worst]),
        price_cny_per_kwh=float(day.charging_price_cny_per_kwh[worst]),
        price_led_to_cny_per_kwh=float(reply.charging_price_cny_per_kwh[worst]),
    )
