"""What was said in a run, read back from the table of messages, and whom it reached."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.plans import knowledge_of_each
from agents.price_list import Tariff, TariffBook
from agents.roads import Belief, Roads
from cosim.arrays import FloatArray, Frame
from cosim.config.travel import FREE_FLOW
from cosim.messages import BROADCASTS, Broadcast, PeriodOpened, TariffIssued
from cosim.periods import PeriodOfDay, Periods
from cosim.randomness import stream
from cosim.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One broadcast as one EV met it."""

    message: Broadcast
    delivered_s: int
    """-1 if it did not reach this EV."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Knowledge:
    """What a driver knows, and from which messages."""

    opened: PeriodOpened | None
    """None: no link times were ever heard, and free flow is believed."""
    belief: Belief
    issued: TariffIssued | None
    """None: no tariff was heard, and the published one is known."""
    tariff: Tariff


@dataclass(frozen=True, slots=True)
class _Sending:
    """A message to a group of receivers, who are counted as the post office counts them."""

    message: Broadcast
    group: str
    receivers: int


class Archive:
    """The broadcasts to drivers of a run."""

    def __init__(self, scenario: Scenario, n_ev: int, seed: int, messages: Frame) -> None:
        """Read the table of messages; others than broadcasts need not be in it."""
        self.rules, self.n_ev, self.seed = scenario.config.messages, n_ev, seed
        self.shares = scenario.config.population.information.shares()
        self.kinds = knowledge_of_each(self.shares, n_ev, seed)
        """Which kind of knowledge each EV has, as a place in the shares; beyond the last: none."""
        broadcast = messages[messages.kind.isin(list(BROADCASTS))]
        self._sent = [
            _Sending(_message(row), row.receiver, int(row.receivers)) for row in broadcast.itertuples()
        ]

    def kind(self, ev: int) -> str:
        """Return the kind of knowledge that EV number *ev* has."""
        return (*self.shares, FREE_FLOW)[int(self.kinds[ev - 1])]

    def news(self, ev: int) -> list[Delivery]:
        """Return all that was broadcast to EV number *ev*, in order, as it met it."""
        kind = self.kind(ev)
        return [
            Delivery(message=sent.message, delivered_s=self._delivered_s(sent, ev))
            for sent in self._sent
            if isinstance(sent.message, TariffIssued) or sent.message.knowledge == kind
        ]

    def _delivered_s(self, sent: _Sending, ev: int) -> int:
        """Return when a message reached an EV, -1 if it never did."""
        return -1 if self._is_lost(sent, ev) else sent.message.sent_s + self.rules.delay_s

    def _is_lost(self, sent: _Sending, ev: int) -> bool:
        """Draw the fate of a message again, as the post office drew it; EVs come last among the receivers."""
        if not self.rules.loss_probability:
            return False
        message = sent.message
        purpose = f"mail {type(message).__name__} {message.sender} {sent.group}"
        fate = stream(self.seed, purpose, message.sent_s).random(sent.receivers)
        return bool(fate[self._place(sent, ev)] < self.rules.loss_probability)

    def _place(self, sent: _Sending, ev: int) -> int:
        """Return an EV's place among the receivers: all EVs, or those who know the same kind of thing."""
        if sent.receivers >= self.n_ev:
            return sent.receivers - self.n_ev + ev - 1
        return int(np.count_nonzero(self.kinds[: ev - 1] == self.kinds[ev - 1]))

    def opened(self) -> list[tuple[int, PeriodOfDay]]:
        """Return the periods with the second at which each was opened, whoever heard of it, in order."""
        said = [sent.message for sent in self._sent]
        return [
            (one.sent_s, PeriodOfDay(one.day, one.period)) for one in said if isinstance(one, PeriodOpened)
        ]


class TimesInForce:
    """The link times that trips took, read back from the table of links."""

    def __init__(
        self, free_min: FloatArray, periods: Periods, links: Frame, opened: list[tuple[int, PeriodOfDay]]
    ) -> None:
        """Read the table, which has times of as many links as *free_min*.

        Where nobody was told that a period *opened*, it is taken to have done so as it began.
        """
        first = links.iloc[:: free_min.size]
        self._row = {
            PeriodOfDay(*key): row for row, key in enumerate(zip(first.day, first.period, strict=True))
        }
        self._time_min = links.effective_min.to_numpy().reshape(-1, free_min.size)
        self._opened = opened or [(periods.start_s(now), now) for now in self._row]
        self._free_min = free_min

    def at(self, second: int) -> FloatArray:
        """Return the times that a trip takes which sets out at *second*: of free flow before any were set."""
        begun = [now for sent_s, now in self._opened if sent_s <= second]
        return self._time_min[self._row[begun[-1]]] if begun else self._free_min


def knowledge(news: list[Delivery], second: int, roads: Roads, tariffs: TariffBook) -> Knowledge:
    """Return what a driver knows at a second who has heard these news."""
    heard = [one.message for one in reversed(news) if 0 <= one.delivered_s <= second]
    opened = next((message for message in heard if isinstance(message, PeriodOpened)), None)
    issued = next((message for message in heard if isinstance(message, TariffIssued)), None)
    return Knowledge(
        opened=opened,
        belief=roads.at_free_flow if opened is None else roads.belief(opened),
        issued=issued,
        tariff=tariffs.published if issued is None else tariffs.tariff(issued),
    )


def _message(row: Any) -> Broadcast:
    said = json.loads(row.content)
    envelope = {
        "sender": row.sender,
        "sent_s": int(row.sent_s),
        "day": int(row.day),
        "period": int(row.period),
    }
    if row.kind == "PeriodOpened":
        return PeriodOpened(
            **envelope, knowledge=said["knowledge"], link_time_min=tuple(said["link_time_min"])
        )
    prices = {station: tuple(values) for station, values in said["price_cny_per_kwh"].items()}
    return TariffIssued(**envelope, price_cny_per_kwh=prices)
