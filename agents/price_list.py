"""Charging prices, as far as a driver or a station has heard of them."""

import numpy as np

from cosim.messages import TariffIssued
from cosim.periods import PeriodOfDay, Periods
from cosim.scenario import DayAhead


class PriceList:
    """The last tariff heard; until one is heard, the one published the day before, which all know."""

    def __init__(self, periods: Periods, day_ahead: DayAhead) -> None:
        """Know the published tariff."""
        self._periods = periods
        self._published = day_ahead.tariff_cny_per_kwh
        self._tariff: TariffIssued | None = None

    def hear(self, tariff: TariffIssued | None) -> None:
        """Put a new tariff in force; nothing new leaves the old one."""
        self._tariff = tariff or self._tariff

    def price(self, station: str, period: PeriodOfDay) -> float:
        """Return the price of a station in a period; after the end of the tariff, its last price."""
        if self._tariff is None:
            return float(self._published[period.period - 1])
        prices = self._tariff.price_cny_per_kwh[station]
        issued = PeriodOfDay(self._tariff.day, self._tariff.period)
        ahead = self._periods.index(period) - self._periods.index(issued)
        return prices[min(max(ahead, 0), len(prices) - 1)]

    def ratio(self, period: PeriodOfDay) -> float:
        """Return the price in a period over the mean of the tariff, over all stations."""
        if self._tariff is None:
            return float(self._published[period.period - 1] / self._published.mean())
        lists = self._tariff.price_cny_per_kwh
        now = float(np.mean([self.price(station, period) for station in lists]))
        return now / float(np.mean(list(lists.values())))
