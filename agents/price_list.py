"""Charging prices, as far as a driver or a station has heard of them."""

import numpy as np

from cosim.messages import TariffIssued
from cosim.periods import PeriodOfDay, Periods
from cosim.scenario import DayAhead


class PriceList:
    """The last tariff heard; until one is heard, the one published the day before, which all know."""

    def __init__(self, periods: Periods, day_ahead: DayAhead) -> None:
        """Know the published prices."""
        self._periods = periods
        self._published = day_ahead.charging_price_cny_per_kwh
        self._column = {name: number for number, name in enumerate(day_ahead.station_names)}
        self._mean = float(self._published.mean())
        self._tariff: TariffIssued | None = None

    def hear(self, tariff: TariffIssued | None) -> None:
        """Put new prices in force; nothing new leaves the old ones."""
        self._tariff = tariff or self._tariff

    def price(self, station: str, period: PeriodOfDay) -> float:
        """Return the price of a station in a period; after the end of what was issued, its last price."""
        if self._tariff is None:
            return float(self._published[period.period - 1, self._column[station]])
        prices = self._tariff.price_cny_per_kwh[station]
        issued = PeriodOfDay(self._tariff.day, self._tariff.period)
        ahead = self._periods.index(period) - self._periods.index(issued)
        return prices[min(max(ahead, 0), len(prices) - 1)]

    def ratio(self, period: PeriodOfDay) -> float:
        """Return the mean price of all stations in a period over the mean of the day, as published for it."""
        return float(np.mean([self.price(station, period) for station in self._column])) / self._mean
