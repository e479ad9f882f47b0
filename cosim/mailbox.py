"""Mail between agents on the SimPy clock: inboxes, delay and loss, and a ledger of every message.

Information can be late or lost, by configuration; physical acts travel at once and always arrive. Whether a
message is lost is drawn from a stream named by its kind, sender and second, so the loss of one message does
not depend on how many others were sent.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, TypeVar, cast

import numpy as np
import simpy

from cosim.arrays import BoolArray, FloatArray
from cosim.messages import Message
from cosim.randomness import stream

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """Delay and loss of information, and how long agents wait for it."""

    delay_s: int = 0
    loss_probability: float = 0.0
    patience_s: int = 60
    """Seconds an agent waits for a late message before it acts on its last information."""
    seed: int = 0

    @property
    def report_timeout_s(self) -> int:
        """Seconds an operator waits for its stations' reports."""
        return self.delay_s + self.patience_s

    @property
    def dispatch_timeout_s(self) -> int:
        """Seconds the coordinator waits for the operators, which may wait for a station themselves."""
        return 2 * self.report_timeout_s


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
        self._arrived: list[Message] = []
        self._awaited: list[tuple[tuple[type[Message], ...], simpy.Event]] = []

    def put(self, message: Message) -> None:
        """Deliver a message: to the process that waits for its kind (an event on the clock), else into the inbox."""
        for number, (kinds, mail) in enumerate(self._awaited):
            if isinstance(message, kinds):
                del self._awaited[number]
                mail.succeed(message)
                return
        self._arrived.append(message)

    def next(self, *kinds: type[Message]) -> simpy.Event:
        """Return the event to yield for the next message of these kinds, which is removed from the inbox."""
        mail = self._env.event()
        for number, message in enumerate(self._arrived):
            if isinstance(message, kinds):
                del self._arrived[number]
                return mail.succeed(message)
        self._awaited.append((kinds, mail))
        return mail

    def forget(self, mail: simpy.Event) -> None:
        """Stop waiting for an event of ``next``."""
        self._awaited = [(kinds, awaited) for kinds, awaited in self._awaited if awaited is not mail]

    def take(self, kind: type[M]) -> list[M]:
        """Remove the messages of one kind that have arrived, and return them; never waits."""
        arrived = [message for message in self._arrived if isinstance(message, kind)]
        self.discard(kind)
        return arrived

    def discard(self, *kinds: type[Message]) -> None:
        """Remove the messages of these kinds that have arrived."""
        self._arrived = [message for message in self._arrived if not isinstance(message, kinds)]

    def collect(
        self, kind: type[M], senders: Sequence[str], period: tuple[int, int], timeout_s: int
    ) -> Generator[simpy.Event, Any, dict[str, M]]:
        """Wait for one message of *kind* about *period* (day, period) from each sender.

        Returns those that arrived within *timeout_s*, by sender; messages about earlier periods are dropped.
        """
        received: dict[str, M] = {}
        deadline = self._env.timeout(timeout_s) if len(senders) else None
        while deadline is not None and len(received) < len(senders):
            mail = self.next(kind)
            yield mail | deadline
            if not mail.triggered:
                self.forget(mail)
                break
            message = cast("M", mail.value)
            if (message.day, message.period) == period:
                received[message.sender] = message
        return received


Receive = Callable[[Message, BoolArray], None]
"""Receives a message for a multicast group, with a flag for each member: whether it is lost on the way."""


@dataclass(frozen=True, slots=True)
class MulticastGroup:
    """Many receivers behind one address, which receive as one."""

    size: int
    receive: Receive


class PostOffice:
    """One inbox per address, and a ledger of all that was sent."""

    def __init__(self, env: simpy.Environment, settings: MailSettings) -> None:
        """Start without inboxes on the clock *env*."""
        self.env = env
        self.settings = settings
        self.ledger: list[LedgerEntry] = []
        self._inboxes: dict[str, Inbox] = {}
        self._groups: dict[str, MulticastGroup] = {}

    def inbox(self, address: str) -> Inbox:
        """Return the inbox of an address, new at the first call."""
        if address not in self._inboxes:
            self._inboxes[address] = Inbox(self.env)
        return self._inboxes[address]

    def open_group(self, address: str, size: int, receive: Receive) -> None:
        """Let *size* receivers share an address: a broadcast is lost for the same members as if each had its own.

        Physical acts still arrive in the inbox of the address.
        """
        self._groups[address] = MulticastGroup(size, receive)

    def send(self, receiver: str, message: Message, loss_draw: float | None = None) -> None:
        """Send to one address; *loss_draw*, a uniform number, decides on its loss where the sender has drawn one."""
        self._dispatch([receiver], receiver, message, None if loss_draw is None else np.array([loss_draw]))

    def broadcast(self, receivers: Iterable[str], group: str, message: Message) -> None:
        """Send to every address of a group; the ledger keeps one line."""
        self._dispatch(list(receivers), group, message, None)

    def redeliver(self, receivers: Iterable[str], group: str, message: Message) -> None:
        """Deliver a broadcast that was sent on the day before, and is in that day's ledger.

        Its losses are drawn from the stream of its name: it reaches the same receivers as without the day boundary.
        """
        self._deliver(
            list(receivers), group, message, message.sent_s + self.settings.delay_s - int(self.env.now)
        )

    def _dispatch(
        self, receivers: list[str], name: str, message: Message, loss_draw: FloatArray | None
    ) -> None:
        delay_s = 0 if message.physical else self.settings.delay_s
        reached, lost = self._deliver(receivers, name, message, delay_s, loss_draw)
        self.ledger.append(
            LedgerEntry(
                message=message,
                receiver=name,
                receivers=reached + lost,
                lost=lost,
                delivered_s=message.sent_s + delay_s if reached else None,
            )
        )

    def _deliver(
        self,
        receivers: list[str],
        name: str,
        message: Message,
        delay_s: int,
        loss_draw: FloatArray | None = None,
    ) -> tuple[int, int]:
        """Schedule the delivery of a message; return the numbers of receivers it reaches, and does not reach."""
        sizes = self._sizes(receivers)
        lost = self._lost(sum(sizes), name, message, loss_draw)
        for receiver, lost_members in zip(receivers, _by_address(lost, sizes), strict=True):
            if receiver in self._groups or lost_members is None or not lost_members.all():
                self._schedule(receiver, message, delay_s, lost_members)
        losses = 0 if lost is None else int(lost.sum())
        return sum(sizes) - losses, losses

    def _sizes(self, receivers: list[str]) -> list[int]:
        """Return the number of receivers behind each address."""
        if not self._groups:
            return [1] * len(receivers)
        return [self._groups[receiver].size if receiver in self._groups else 1 for receiver in receivers]

    def _lost(
        self, receivers: int, name: str, message: Message, loss_draw: FloatArray | None
    ) -> BoolArray | None:
        """Return whether the message is lost for each receiver; None where it reaches all."""
        if message.physical or self.settings.loss_probability == 0.0:
            return None
        if loss_draw is None:
            purpose = f"mail {type(message).__name__} {message.sender} {name}"
            loss_draw = stream(self.settings.seed, purpose, message.sent_s).random(receivers)
        return loss_draw < self.settings.loss_probability

    def _schedule(self, receiver: str, message: Message, delay_s: int, lost: BoolArray | None) -> None:
        if delay_s == 0:
            self._arrive(receiver, message, lost)
            return
        arrival = self.env.timeout(delay_s)
        arrival.callbacks.append(lambda _: self._arrive(receiver, message, lost))

    def _arrive(self, receiver: str, message: Message, lost: BoolArray | None) -> None:
        group = None if message.physical else self._groups.get(receiver)
        if group is None:
            self.inbox(receiver).put(message)
        else:
            group.receive(message, np.zeros(group.size, dtype=np.bool_) if lost is None else lost)


def _by_address(lost: BoolArray | None, sizes: list[int]) -> Iterator[BoolArray | None]:
    """Yield the part of *lost* that belongs to each address."""
    if lost is None:
        yield from repeat(None, len(sizes))
        return
    first = 0
    for size in sizes:
        yield lost[first : first + size]
        first += size
