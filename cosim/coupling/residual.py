"""Distance of a day from the day that its own prices imply: the residual of the fixed point."""

from dataclasses import dataclass

import numpy as np

from cosim.arrays import FloatArray
from cosim.coupling.day import RoadDay

MIN_LOAD_KW = 1.0
"""Station loads below this count as this large in the relative residual."""
MIN_FLOW_VEH_H = 1.0
"""Likewise of link flows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Iteration:
    """Residual of one iteration; p' are the prices that the day at prices p implies.

    Loads and flows at p' are computed, so no residual shrinks with the step size.
    """

    load_residual: float
    """Largest |L(p') - L(p)| / max(1 kW, L(p)) of a station's load."""
    price_residual_cny_per_kwh: float
    """Largest |p' - p| of a charging price."""
    flow_residual: float
    """Largest |x(p') - x(p)| / max(1 veh/h, x(p)) of a link flow."""
    step_size: float
    """Smallest step size of a period in the step that led here; 1: undamped."""
    period: int
    """Period (1..T) and station (from 0) with the largest load or price residual."""
    station: int
    load_kw: float
    """Load and charging price there, and those implied."""
    implied_load_kw: float
    price_cny_per_kwh: float
    implied_price_cny_per_kwh: float

    @property
    def residual(self) -> float:
        """Larger of the relative load residual and the price residual [CNY/kWh]; one tolerance serves both."""
        return max(self.load_residual, self.price_residual_cny_per_kwh)


def distances(day: RoadDay, other: RoadDay) -> tuple[FloatArray, FloatArray]:
    """Return the differences of loads (relative) and of charging prices [CNY/kWh], (periods, stations) each."""
    load_kw, price = day.load.load_kw, day.charging_price_cny_per_kwh
    load_distance = np.abs(other.load.load_kw - load_kw) / np.maximum(MIN_LOAD_KW, load_kw)
    return load_distance, np.abs(other.charging_price_cny_per_kwh - price)


def measure(day: RoadDay, image: RoadDay, step_size: float) -> Iteration:
    """Return the residual of *day*; *image* is the day at the prices it implies."""
    load, price = distances(day, image)
    flow = day.link_flow_veh_h
    flow_change = np.abs(image.link_flow_veh_h - flow) / np.maximum(MIN_FLOW_VEH_H, flow)
    worst = np.unravel_index(np.argmax(np.maximum(load, price)), load.shape)
    return Iteration(
        load_residual=float(load.max()),
        price_residual_cny_per_kwh=float(price.max()),
        flow_residual=float(flow_change.max()),
        step_size=step_size,
        period=int(worst[0]) + 1,
        station=int(worst[1]),
        load_kw=float(day.load.load_kw[worst]),
        implied_load_kw=float(image.load.load_kw[worst]),
        price_cny_per_kwh=float(day.charging_price_cny_per_kwh[worst]),
        implied_price_cny_per_kwh=float(image.charging_price_cny_per_kwh[worst]),
    )
