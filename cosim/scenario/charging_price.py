"""What stations ask for a kWh: the same everywhere, or more where it costs the feeder more."""

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.tariff import nodal_charging_price
from cosim.scenario.build import Scenario


def charging_price_cny_per_kwh(
    scenario: Scenario, tariff_cny_per_kwh: FloatArray, nodal_cny_per_kwh: FloatArray
) -> FloatArray:
    """Return the charging price, (periods, stations): the tariff, or with nodal pricing rho + DLMP - mean DLMP.

    *tariff_cny_per_kwh* is (periods,), *nodal_cny_per_kwh* the price at each station's bus, (periods, stations).
    The mean is over the stations of a feeder, so that nodal pricing moves charging but makes it no dearer.
    """
    price = np.repeat(
        np.asarray(tariff_cny_per_kwh, dtype=np.float64)[:, None], len(scenario.stations), axis=1
    )
    if scenario.config.tariff.charging_price == "tariff":
        return price
    for case in scenario.feeders:
        own = [station.number for station in scenario.stations if station.feeder == case.feeder.name]
        if own:
            price[:, own] = nodal_charging_price(tariff_cny_per_kwh, nodal_cny_per_kwh[:, own])
    return price
