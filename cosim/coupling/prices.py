"""From the load to the prices: the tariff (Eq. 22 of Ma et al. 2024) and the nodal prices of the dispatch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import repeat

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.config.grid import TariffConfig
from cosim.grid.device import PriceResponse
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.problem import Horizon
from cosim.grid.solution import Dispatch
from cosim.grid.tariff import DynamicTariff, HeldClasses, class_price, price_class
from cosim.scenario import Scenario


def day_tariff(scenario: Scenario, station_load_kw: FloatArray) -> FloatArray:
    """Return the tariff, (periods,): the table, or Eq. 22 at the equivalent load of all feeders and stations."""
    config = scenario.config.tariff
    return tariff_at(config, scenario.profiles, _equivalent_load_kw(scenario, station_load_kw))


def tariff_at(config: TariffConfig, profiles: Mapping[str, FloatArray], load_kw: FloatArray) -> FloatArray:
    """Return the tariff, (periods,): the table, or Eq. 22 at the equivalent load *load_kw*, (periods,)."""
    return _tariff(config, profiles, price_class(load_kw, config.band))


def _equivalent_load_kw(scenario: Scenario, station_load_kw: FloatArray) -> FloatArray:
    base_kw = np.sum([case.base_kw for case in scenario.feeders], axis=0)
    equivalent: FloatArray = base_kw + station_load_kw.sum(axis=1)
    return equivalent


def _tariff(config: TariffConfig, profiles: Mapping[str, FloatArray], classes: IntArray) -> FloatArray:
    """Return the tariff, (periods,): the table, or the price of each period's class (-1, 0, 1)."""
    if config.kind == "table":
        return profiles[config.column]
    rule = DynamicTariff(
        base_cny_per_kwh=config.base_cny_per_kwh, sigma=config.band, rise=config.rise, fall=config.fall
    )
    return class_price(classes, rule)


class HeldTariff:
    """The tariff over the iterations: it follows the load; a period whose class keeps changing is held."""

    def __init__(self, scenario: Scenario) -> None:
        """Start without classes: the first load sets them."""
        self._scenario = scenario
        self._held: HeldClasses | None = None

    def follow(self, station_load_kw: FloatArray) -> FloatArray:
        """Update the price classes for this load, (periods, stations), and return the tariff, (periods,)."""
        config = self._scenario.config.tariff
        classes = price_class(_equivalent_load_kw(self._scenario, station_load_kw), config.band)
        self._held = self._held or HeldClasses(classes)
        return _tariff(config, self._scenario.profiles, self._held.follow(classes))


def dispatch_feeders(
    scenario: Scenario,
    station_load_kw: FloatArray,
    tariff_cny_per_kwh: FloatArray,
    responses: Iterable[PriceResponse | None] = repeat(None),
) -> tuple[Dispatch, ...]:
    """Return the dispatch of each feeder over the whole day, with perfect foresight.

    *responses* holds the response of each feeder's station load to the prices of the dispatch, or None.
    """
    horizon = Horizon(period_h=scenario.periods.hours)
    return tuple(
        solve_dispatch(
            case.feeder,
            case.devices,
            replace(case.load(scenario.stations, station_load_kw), response=response),
            tariff_cny_per_kwh,
            horizon,
            case.rules,
        )
        for case, response in zip(scenario.feeders, responses, strict=False)
    )


def nodal_prices(scenario: Scenario, dispatches: Sequence[Dispatch]) -> FloatArray:
    """Return the nodal price at each station's bus, (periods, stations); NaN of a feeder not dispatched."""
    nodal = np.full((scenario.periods.count, len(scenario.stations)), np.nan)
    for case, dispatch in zip(scenario.feeders, dispatches, strict=False):
        for station in scenario.stations:
            if station.feeder == case.feeder.name:
                nodal[:, station.number] = dispatch.price_cny_per_kwh[:, case.feeder.bus_index(station.bus)]
    return nodal
