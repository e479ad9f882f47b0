"""What was said on a day, read back from the table of messages, and whom it reached."""

import json
from dataclasses import dataclass
from typing import Any

from agents.price_list import Tariff, TariffBook
from agents.roads import Belief, Roads
from cosim.arrays import Frame
from cosim.messages import PeriodOpened, TariffIssued
from cosim.randomness import stream
from cosim.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One broadcast as one EV met it."""

    message: PeriodOpened | TariffIssued
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


class Archive:
    """The broadcasts to drivers of a run."""

    def __init__(self, scenario: Scenario, n_ev: int, seed: int, messages: Frame) -> None:
        """Read the table."""
        self.rules, self.n_ev, self.seed = scenario.config.messages, n_ev, seed
        broadcast = messages[messages.kind.isin(["PeriodOpened", "TariffIssued"])]
        self._sent = [(_message(row), row.receiver, int(row.receivers)) for row in broadcast.itertuples()]

    def news(self, ev: int) -> list[News]:
        """Return all that was broadcast, in order, as EV number *ev* met it."""
        return [
            News(
                message=message,
                delivered_s=-1
                if self._is_lost(message, group, size, ev)
                else message.sent_s + self.rules.delay_s,
            )
            for message, group, size in self._sent
        ]

    def _is_lost(self, message: PeriodOpened | TariffIssued, group: str, receivers: int, ev: int) -> bool:
        """Draw the fate of a message again, as the post office drew it; EVs come last among the receivers."""
        if not self.rules.loss_probability:
            return False
        purpose = f"mail {type(message).__name__} {message.sender} {group}"
        fate = stream(self.seed, purpose, message.sent_s).random(receivers)
        return bool(fate[receivers - self.n_ev + ev - 1] < self.rules.loss_probability)

    def opened_by(self, second: int) -> PeriodOpened:
        """Return the message with the link times in force at a second, whoever heard it."""
        sent = [message for message, _, _ in self._sent if isinstance(message, PeriodOpened)]
        return next(message for message in reversed(sent) if message.sent_s <= second)


def knowledge(news: list[News], second: int, roads: Roads, tariffs: TariffBook) -> Knowledge:
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


def _message(row: Any) -> PeriodOpened | TariffIssued:
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
