"""Charging prices of each message with a tariff, as drivers and stations read them."""

import numpy as np

from cosim.arrays import FloatArray
from cosim.messages import TariffIssued
from cosim.periods import PeriodOfDay, Periods
from cosim.scenario import DayAhead


class PriceList:
    """Prices of one message; without a message, those published the day before."""

    def __init__(self, periods: Periods, day_ahead: DayAhead, issued: TariffIssued | None = None) -> None:
        """Take the prices of *issued*, or for None the published ones."""
        self._periods = periods
        self.issued = issued
        """The message; None for the published prices."""
        self._published = day_ahead.charging_price_cny_per_kwh
        self._columns = {name: column for column, name in enumerate(day_ahead.station_names)}
        self._mean = float(self._published.mean())
        self._ratios: dict[PeriodOfDay, float] = {}

    def price(self, station: str, period: PeriodOfDay) -> float:
        """Return the price of a station in a period; after the end of the list, its last price."""
        if self.issued is None:
            return float(self._published[period.row, self._columns[station]])
        prices = self.issued.price_cny_per_kwh[station]
        first = PeriodOfDay(self.issued.day, self.issued.period)
        row = self._periods.index(period) - self._periods.index(first)
        return prices[min(max(row, 0), len(prices) - 1)]

    def prices(self, period: PeriodOfDay) -> FloatArray:
        """Return the price of each station in a period, (stations,)."""
        return np.array([self.price(station, period) for station in self._columns])

    def ratio(self, period: PeriodOfDay) -> float:
        """Return the mean price of the stations in a period over the published mean of the day.

        It is 1 where that mean is not positive, which is allowed where no driver compares prices with it.
        """
        if not self._mean > 0:
            return 1.0
        if period not in self._ratios:
            self._ratios[period] = float(self.prices(period).mean()) / self._mean
        return self._ratios[period]


class PriceLists:
    """Price list of every message, built once for all its receivers; a period has at most one message."""

    def __init__(self, periods: Periods, day_ahead: DayAhead) -> None:
        """Start with the published prices."""
        self._periods, self._day_ahead = periods, day_ahead
        self.published = PriceList(periods, day_ahead)
        self._lists: dict[PeriodOfDay, PriceList] = {}

    def price_list(self, issued: TariffIssued | None) -> PriceList:
        """Return the prices of a message, or for None the published ones."""
        if issued is None:
            return self.published
        period = PeriodOfDay(issued.day, issued.period)
        if period not in self._lists:
            self._lists[period] = PriceList(self._periods, self._day_ahead, issued)
        return self._lists[period]
