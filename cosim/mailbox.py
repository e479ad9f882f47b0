"""Mail between agents on the SimPy clock: inboxes, delay and loss, and a ledger of every message.

Information can be late or lost, by configuration; physical acts travel at once and always arrive. Whether a
message is lost is drawn from a stream named by its kind, sender and second, so the fate of one message does
not depend on how many others were sent.
"""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import simpy

from cosim.messages import Message
from cosim.randomness import stream

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRules:
    """How information travels."""

    delay_s: int = 0
    loss_probability: float = 0.0
    patience_s: int = 60
    """How long an agent waits for a message that is late before it acts on what it knew last [s]."""
    seed: int = 0

    @property
    def reports_due_s(self) -> int:
        """How long an operator waits for its stations' reports [s]."""
        return self.delay_s + self.patience_s

    @property
    def dispatches_due_s(self) -> int:
        """How long the coordinator waits for the operators, who may be waiting for a station themselves [s]."""
        return 2 * self.reports_due_s


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One sending: to one receiver, or to a group of them."""

    message: Message
    receiver: str
    receivers: int
    lost: int
    delivered_s: int | None


class Inbox:
    """The messages one agent has received and not yet read."""

    def __init__(self, env: simpy.Environment) -> None:
        """Stand empty on the clock *env*."""
        self._env = env
        self._store = simpy.FilterStore(env)

    def put(self, message: Message) -> None:
        """Lay a message in."""
        self._store.put(message)

    def next(self, *kinds: type[Message]) -> simpy.Event:
        """Return the event that brings the next message of these kinds; yield it."""
        return self._store.get(lambda message: isinstance(message, kinds))

    def read(self, kind: type[M]) -> list[M]:
        """Return, and take out, what has arrived of one kind; never waits."""
        arrived = [message for message in self._store.items if isinstance(message, kind)]
        if arrived:
            self._store.items = [m for m in self._store.items if not isinstance(m, kind)]
        return arrived

    def latest(self, kind: type[M]) -> M | None:
        """Return the newest message of one kind, dropping older ones; None if none has come."""
        arrived = self.read(kind)
        return arrived[-1] if arrived else None

    def collect(
        self, kind: type[M], senders: Sequence[str], period: tuple[int, int], patience_s: int
    ) -> Generator[simpy.Event, Any, dict[str, M]]:
        """Wait for one message of *kind* about *period* (day, period) from each sender, but not for ever.

        Returns what arrived within *patience_s*, by sender; messages about earlier periods are dropped.
        """
        received: dict[str, M] = {}
        deadline = self._env.timeout(patience_s) if len(senders) else None
        while deadline is not None and len(received) < len(senders):
            mail = self.next(kind)
            yield mail | deadline
            if not mail.triggered:
                mail.cancel()  # type: ignore[attr-defined]
                break
            message = cast("M", mail.value)
            if (message.day, message.period) == period:
                received[message.sender] = message
        return received


class PostOffice:
    """One inbox per address, and a ledger of all that was sent."""

    def __init__(self, env: simpy.Environment, rules: MailRules) -> None:
        """Open for business on the clock *env*."""
        self.env = env
        self.rules = rules
        self.ledger: list[LedgerEntry] = []
        self._inboxes: dict[str, Inbox] = {}

    def inbox(self, address: str) -> Inbox:
        """Return the inbox of an address, new at the first call."""
        if address not in self._inboxes:
            self._inboxes[address] = Inbox(self.env)
        return self._inboxes[address]

    def send(self, receiver: str, message: Message) -> None:
        """Send to one address."""
        self._dispatch([receiver], receiver, message)

    def broadcast(self, receivers: Iterable[str], group: str, message: Message) -> None:
        """Send to every address of a group; the ledger keeps one line."""
        self._dispatch(list(receivers), group, message)

    def _dispatch(self, receivers: list[str], name: str, message: Message) -> None:
        delay_s = 0 if message.physical else self.rules.delay_s
        lost = self._lost(len(receivers), name, message)
        for receiver, is_lost in zip(receivers, lost, strict=True):
            if not is_lost:
                self._deliver(self.inbox(receiver), message, delay_s)
        self.ledger.append(
            LedgerEntry(
                message=message,
                receiver=name,
                receivers=len(receivers),
                lost=sum(lost),
                delivered_s=None if all(lost) else message.sent_s + delay_s,
            )
        )

    def _lost(self, receivers: int, name: str, message: Message) -> list[bool]:
        if message.physical or self.rules.loss_probability == 0.0:
            return [False] * receivers
        purpose = f"mail {type(message).__name__} {message.sender} {name}"
        draws = stream(self.rules.seed, purpose, message.sent_s).random(receivers)
        return [bool(draw < self.rules.loss_probability) for draw in draws]

    def _deliver(self, inbox: Inbox, message: Message, delay_s: int) -> None:
        if delay_s == 0:
            inbox.put(message)
            return
        arrival = self.env.timeout(delay_s)
        arrival.callbacks.append(lambda _: inbox.put(message))
