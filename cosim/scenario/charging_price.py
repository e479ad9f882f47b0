"""The charging price of the stations: the tariff, or the tariff with nodal differences."""

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.tariff import nodal_charging_price
from cosim.scenario.build import Scenario


def charging_price_cny_per_kwh(
    scenario: Scenario, tariff_cny_per_kwh: FloatArray, nodal_cny_per_kwh: FloatArray
) -> FloatArray:
    """Return the charging price, (periods, stations): the tariff, or with nodal pricing rho + DLMP - mean DLMP.

    *tariff_cny_per_kwh* is (periods,), *nodal_cny_per_kwh* the price at each station's bus, (periods, stations).
    The mean is over the stations of a feeder, so that nodal pricing shifts charging at an unchanged mean price.
    """
    price = np.repeat(
        np.asarray(tariff_cny_per_kwh, dtype=np.float64)[:, None], len(scenario.stations), axis=1
    )
    if scenario.config.tariff.charging_price == "tariff":
        return price
    for case in scenario.feeders:
        columns = [station.number for station in scenario.stations if station.feeder == case.feeder.name]
        if columns:
            price[:, columns] = nodal_charging_price(tariff_cny_per_kwh, nodal_cny_per_kwh[:, columns])
    return price
