"""Charging prices, as far as a driver or a station has been told of them."""

import numpy as np

from cosim.arrays import FloatArray
from cosim.messages import TariffIssued
from cosim.periods import PeriodOfDay, Periods
from cosim.scenario import DayAhead


class PriceList:
    """The prices of one message; without a message, those published the day before, which all know."""

    def __init__(self, periods: Periods, day_ahead: DayAhead, issued: TariffIssued | None = None) -> None:
        """Read the message."""
        self._periods = periods
        self.issued = issued
        """What it was read from, None for what was published the day before."""
        self._published = day_ahead.charging_price_cny_per_kwh
        self._column = {name: number for number, name in enumerate(day_ahead.station_names)}
        self._mean = float(self._published.mean())
        self._ratios: dict[PeriodOfDay, float] = {}

    def price(self, station: str, period: PeriodOfDay) -> float:
        """Return the price of a station in a period; after the end of the list, its last price."""
        if self.issued is None:
            return float(self._published[period.period - 1, self._column[station]])
        prices = self.issued.price_cny_per_kwh[station]
        issued = PeriodOfDay(self.issued.day, self.issued.period)
        ahead = self._periods.index(period) - self._periods.index(issued)
        return prices[min(max(ahead, 0), len(prices) - 1)]

    def prices(self, period: PeriodOfDay) -> FloatArray:
        """Return the price of each station in a period, in the order of their numbers."""
        return np.array([self.price(station, period) for station in self._column])

    def ratio(self, period: PeriodOfDay) -> float:
        """Return the mean price of all stations in a period over the mean of the day, as published for it."""
        if period not in self._ratios:
            self._ratios[period] = float(self.prices(period).mean()) / self._mean
        return self._ratios[period]


class PriceLists:
    """Every price list issued, worked out once for all who are told of it; there is one in a period at most."""

    def __init__(self, periods: Periods, day_ahead: DayAhead) -> None:
        """Know the published one."""
        self._periods, self._day_ahead = periods, day_ahead
        self.published = PriceList(periods, day_ahead)
        self._lists: dict[PeriodOfDay, PriceList] = {}

    def told(self, issued: TariffIssued | None) -> PriceList:
        """Return the prices of a message; without one, those published."""
        if issued is None:
            return self.published
        period = PeriodOfDay(issued.day, issued.period)
        if period not in self._lists:
            self._lists[period] = PriceList(self._periods, self._day_ahead, issued)
        return self._lists[period]
