"""What a dispatch costs: Eq. 21, part by part, from the set-points themselves."""

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.devices import Devices
from cosim.grid.schedule import Cost


def running_cost(
    devices: Devices,
    turbine_kw: FloatArray,
    shift_out_kw: FloatArray,
    purchase_kw: FloatArray,
    price_cny_per_kwh: FloatArray,
    period_h: float,
) -> Cost:
    """Return Eq. 21 of (periods, units) set-points and what is bought: a P^2 + b P, rho P_G, pi P_out."""
    a = np.array([unit.cost_a_cny_per_mw2h for unit in devices.turbines])
    b = np.array([unit.cost_b_cny_per_mwh for unit in devices.turbines])
    pi = np.array([unit.price_cny_per_mwh for unit in devices.demand_responses])
    turbine_mw = turbine_kw / 1e3
    return Cost(
        turbine_cny=period_h * float((turbine_mw**2 @ a + turbine_mw @ b).sum()),
        purchase_cny=period_h * float(price_cny_per_kwh @ purchase_kw),
        shift_cny=period_h * float((shift_out_kw / 1e3 @ pi).sum()),
    )
