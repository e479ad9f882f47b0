"""Charging prices, as far as a driver or a station has heard of them."""

import numpy as np

from cosim.messages import TariffIssued
from cosim.periods import PeriodOfDay, Periods


class PriceList:
    """The last tariff heard; it stays in force until another one comes."""

    def __init__(self, periods: Periods) -> None:
        """Know no price yet."""
        self._periods = periods
        self._tariff: TariffIssued | None = None

    def hear(self, tariff: TariffIssued | None) -> None:
        """Put a new tariff in force; nothing new leaves the old one."""
        self._tariff = tariff or self._tariff

    def price(self, station: str, period: PeriodOfDay) -> float:
        """Return the price of a station in a period: the last known one after the tariff's end, 0 if none is known."""
        if self._tariff is None:
            return 0.0
        prices = self._tariff.price_cny_per_kwh[station]
        issued = PeriodOfDay(self._tariff.day, self._tariff.period)
        ahead = self._periods.index(period) - self._periods.index(issued)
        return prices[min(max(ahead, 0), len(prices) - 1)]

    def ratio(self, period: PeriodOfDay) -> float:
        """Return the price in a period over the mean of the tariff, over all stations; 1 if none is known."""
        if self._tariff is None:
            return 1.0
        lists = self._tariff.price_cny_per_kwh
        mean = float(np.mean(list(lists.values())))
        now = float(np.mean([self.price(station, period) for station in lists]))
        return now / mean if mean > 0 else 1.0
