"""The information state: the last broadcasts that each EV has received, at both resolutions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, Self, TypeVar

import numpy as np

from cosim.arrays import BoolArray, IntArray
from cosim.messages import Broadcast, Message, PeriodOpened, TariffIssued

M = TypeVar("M", bound=Message)


@dataclass(slots=True, eq=False)
class LastReceived(Generic[M]):
    """Last message of one kind that each receiver has received; receivers are counted from 0."""

    message_index: IntArray
    """Index of each receiver's message in ``messages``, -1 for a receiver without one."""
    messages: list[M] = field(default_factory=list)
    newest_s: int = field(init=False)
    """Second of sending of the newest of these messages."""

    def __post_init__(self) -> None:
        """Find the newest message."""
        self.newest_s = max((message.sent_s for message in self.messages), default=-1)

    @classmethod
    def none(cls, receivers: int) -> Self:
        """Return the state of *receivers* that have received nothing."""
        return cls(np.full(receivers, -1, dtype=np.int64))

    @classmethod
    def from_messages(cls, received: Sequence[M | None]) -> Self:
        """Return the state in which each receiver has received its message of the list last."""
        state = cls.none(len(received))
        for receiver, message in enumerate(received):
            if message is not None:
                state.receive(message, np.array([receiver]))
        return state

    def receive(self, message: M, receivers: IntArray) -> None:
        """Deliver a message to *receivers*, unless they have a newer one: mail may be overtaken."""
        if message.sent_s < self.newest_s:
            receivers = receivers[self._sent_s(receivers) <= message.sent_s]
        self.newest_s = max(self.newest_s, message.sent_s)
        if not self.messages or self.messages[-1] is not message:
            self.messages.append(message)
        self.message_index[receivers] = len(self.messages) - 1

    def _sent_s(self, receivers: IntArray) -> IntArray:
        """Return the second in which the last message of each receiver was sent, -1 without one."""
        return np.array([*(message.sent_s for message in self.messages), -1])[self.message_index[receivers]]

    def last(self, receiver: int) -> M | None:
        """Return the last message of a receiver, None if it has none."""
        return self._message(int(self.message_index[receiver]))

    def groups(self, receivers: IntArray) -> list[tuple[M | None, IntArray]]:
        """Return each last message of these receivers, with the indices in *receivers* of those that have it."""
        if receivers.size <= 1:  # a single EV: as below, but quick
            return [(self.last(receiver), np.zeros(1, dtype=np.int64)) for receiver in receivers.tolist()]
        index = self.message_index[receivers]
        present = np.flatnonzero(np.bincount(index + 1)) - 1
        return [(self._message(one), np.flatnonzero(index == one)) for one in present.tolist()]

    def _message(self, index: int) -> M | None:
        return None if index < 0 else self.messages[index]

    def last_messages(self) -> list[M | None]:
        """Return the last message of every receiver."""
        return [self._message(index) for index in self.message_index.tolist()]

    def compacted(self) -> Self:
        """Return a copy that keeps only messages that are the last one of a receiver."""
        present, index = np.unique(np.append(self.message_index, -1), return_inverse=True)
        return type(self)(
            index[:-1].astype(np.int64) - 1, [self.messages[kept] for kept in present[1:].tolist()]
        )


class InformationState:
    """Last link times and prices that each EV has received; EVs are counted from 0."""

    def __init__(
        self,
        opened: LastReceived[PeriodOpened],
        tariff: LastReceived[TariffIssued],
        watched: frozenset[int] = frozenset(),
    ) -> None:
        """Start from the state before; record the broadcasts that are lost for the EVs *watched* (from 1)."""
        self.opened, self.tariff = opened, tariff
        self.watched = np.array(sorted(watched), dtype=np.int64) - 1
        self._missed: dict[tuple[int, int], Broadcast] = {}
        self._received: set[tuple[int, int]] = set()
        """Number of a watched EV and identity of a broadcast: missed, perhaps the first of two copies; received."""

    @property
    def lost(self) -> list[tuple[int, Broadcast]]:
        """Number of a watched EV, from 1, with each broadcast that was lost for it."""
        missed = self._missed.items()
        return [(ev, message) for (ev, key), message in missed if (ev, key) not in self._received]

    def receive(self, message: Message, ev: IntArray, lost: BoolArray) -> None:
        """Deliver a broadcast to EVs, except those for which it is *lost*."""
        if not isinstance(message, PeriodOpened | TariffIssued):
            return
        if self.watched.size:
            for index in np.intersect1d(ev[lost], self.watched).tolist():
                self._missed[index + 1, id(message)] = message
            reached_here = np.intersect1d(ev[~lost], self.watched).tolist()
            self._received |= {(index + 1, id(message)) for index in reached_here}
        reached = ev[~lost]
        if not reached.size:
            return
        if isinstance(message, PeriodOpened):
            self.opened.receive(message, reached)
        else:
            self.tariff.receive(message, reached)
