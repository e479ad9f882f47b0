"""Cost of a dispatch: Eq. 21, part by part, from the set-points themselves."""

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.device import Devices
from cosim.grid.device.base import Arrays
from cosim.grid.solution import Cost


def running_cost(
    devices: Devices,
    setpoints: Arrays,
    purchase_kw: FloatArray,
    price_cny_per_kwh: FloatArray,
    period_h: float,
) -> Cost:
    """Return Eq. 21 of *setpoints* (periods, devices) and what is bought (periods,) at its price: rho P_G."""
    return Cost(
        purchase_cny=period_h * float(price_cny_per_kwh @ purchase_kw),
        traded_cny=period_h * float(np.abs(price_cny_per_kwh) @ np.abs(purchase_kw)),
        device_cny={group.kind: group.cost_cny(setpoints, period_h) for group in devices.groups},
    )
