"""Charging prices that were announced, by the ledger of the mail: what stations may charge."""

from agents.price_list import PriceLists
from cosim.mailbox import PostOffice
from cosim.messages import TariffIssued
from cosim.periods import PeriodOfDay


class AnnouncedPrices:
    """The tariffs of a day that may be in effect."""

    def __init__(self, post: PostOffice, prices: PriceLists) -> None:
        """Start with none."""
        self.post, self.prices = post, prices
        self._read = 0
        self._issued: list[TariffIssued] = []
        """The last tariff that has reached everybody, and those after it; empty while none has."""

    def read(self) -> None:
        """Read the mail since the last time: a tariff that reaches everybody at once supersedes those before."""
        for entry in self.post.ledger[self._read :]:
            if not isinstance(entry.message, TariffIssued):
                continue
            if entry.reached == ((entry.message.sent_s, entry.receivers),):
                self._issued = [entry.message]
            elif self._issued:
                self._issued.append(entry.message)
        self._read = len(self.post.ledger)

    def band(self, station: str, period: PeriodOfDay) -> tuple[float, float] | None:
        """Return the lowest and the highest price of a station that may be in effect; None where none is sure."""
        prices = [self.prices.price_list(issued).price(station, period) for issued in self._issued]
        return (min(prices), max(prices)) if prices else None
