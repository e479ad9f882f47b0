"""Mail between agents on the SimPy clock: inboxes, delay and loss, and a ledger of every message.

Information can be late or lost (``cosim.mail_settings``); physical acts travel at once and always arrive.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, TypeVar, cast

import numpy as np
import simpy

from cosim.arrays import BoolArray, FloatArray
from cosim.mail_settings import LOST_S, MailSettings
from cosim.messages import Message

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One sending: to one receiver, or to a group of them."""

    message: Message
    receiver: str
    receivers: int
    reached: tuple[tuple[int, int], ...]
    """Seconds of delivery, each with the number of receivers it reached."""

    @property
    def lost(self) -> int:
        """Number of receivers that it did not reach."""
        return self.receivers - sum(count for _, count in self.reached)

    @property
    def delivered_s(self) -> int | None:
        """Second of delivery, the first if there are two; None if it reached nobody."""
        return self.reached[0][0] if self.reached else None

    def reached_after(self, second: int) -> int:
        """Return the number of receivers that it reached after *second*."""
        return sum(count for reached_s, count in self.reached if reached_s > second)


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

    def redeliver(self, receivers: Iterable[str], group: str, message: Message) -> LedgerEntry:
        """Deliver a broadcast that was sent on the day before, and is in that day's ledger.

        Its losses are drawn from the stream of its name: it reaches the same receivers as without the day boundary.
        """
        return self._deliver(list(receivers), group, message, None, int(self.env.now))

    def _dispatch(
        self, receivers: list[str], name: str, message: Message, loss_draw: FloatArray | None
    ) -> None:
        self.ledger.append(self._deliver(receivers, name, message, loss_draw, message.sent_s))

    def _deliver(
        self, receivers: list[str], name: str, message: Message, loss_draw: FloatArray | None, now_s: int
    ) -> LedgerEntry:
        """Schedule the deliveries of a message that are still to come as of *now_s*; return all of them."""
        sizes, reached = self._sizes(receivers), []
        for second, lost in self._deliveries(sum(sizes), name, message, loss_draw):
            count = sum(sizes) if lost is None else int(lost.size - lost.sum())
            reached += [(second, count)] if count else []
            if message.sent_s < now_s >= second:
                continue  # delivered on the day before
            for receiver, lost_members in zip(receivers, _by_address(lost, sizes), strict=True):
                if receiver in self._groups or lost_members is None or not lost_members.all():
                    self._schedule(receiver, message, second - now_s, lost_members)
        return LedgerEntry(message=message, receiver=name, receivers=sum(sizes), reached=tuple(reached))

    def _sizes(self, receivers: list[str]) -> list[int]:
        """Return the number of receivers behind each address."""
        if not self._groups:
            return [1] * len(receivers)
        return [self._groups[receiver].size if receiver in self._groups else 1 for receiver in receivers]

    def _deliveries(
        self, receivers: int, name: str, message: Message, loss_draw: FloatArray | None
    ) -> list[tuple[int, BoolArray | None]]:
        """Return each second in which a message is delivered, and whom it does not reach then; None if all.

        A message that reaches nobody has one, too.
        """
        rules, sent_s = self.settings, message.sent_s
        if message.physical or rules.is_certain:
            return [(sent_s if message.physical else sent_s + rules.delay_s, None)]
        if loss_draw is None:
            arrival_s = rules.message_s(type(message).__name__, message.sender, name, sent_s, receivers)
        else:
            arrival_s = rules.reports_s(np.array([sent_s]), loss_draw)
        seconds = np.unique(arrival_s[arrival_s < LOST_S]).tolist()
        return [(second, arrival_s != second) for second in seconds or [sent_s + rules.delay_s]]

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
