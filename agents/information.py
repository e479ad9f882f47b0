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
    """The last message of a kind that each of many has received; receivers are counted from 0."""

    number: IntArray
    """Place in the messages of each receiver, -1 for one that has received none."""
    messages: list[M] = field(default_factory=list)

    @classmethod
    def none(cls, receivers: int) -> Self:
        """Return receivers to whom nothing was sent yet."""
        return cls(np.full(receivers, -1, dtype=np.int64))

    @classmethod
    def of_each(cls, received: Sequence[M | None]) -> Self:
        """Return what each received last, from that itself."""
        state = cls.none(len(received))
        for receiver, message in enumerate(received):
            if message is not None:
                state.receive(message, np.array([receiver]))
        return state

    def receive(self, message: M, who: IntArray) -> None:
        """Let some receive a message."""
        if not self.messages or self.messages[-1] is not message:
            self.messages.append(message)
        self.number[who] = len(self.messages) - 1

    def groups(self, who: IntArray) -> list[tuple[M | None, IntArray]]:
        """Return the messages that these have received last, each with the places in *who* of its receivers."""
        if who.size <= 1:  # a single EV: as below, but quick
            return [
                (self.message(int(self.number[one])), np.zeros(1, dtype=np.int64)) for one in who.tolist()
            ]
        number = self.number[who] + 1
        present = np.flatnonzero(np.bincount(number)).tolist()
        return [(self.message(one - 1), np.flatnonzero(number == one)) for one in present]

    def message(self, index: int) -> M | None:
        """Return the message with this index in ``messages``, None for -1."""
        return None if index < 0 else self.messages[index]

    def each(self) -> list[M | None]:
        """Return the message that each has received last."""
        return [self.message(number) for number in self.number.tolist()]

    def compacted(self) -> Self:
        """Return a copy without the messages that are nobody's last."""
        present, place = np.unique(np.append(self.number, -1), return_inverse=True)
        return type(self)(
            place[:-1].astype(np.int64) - 1, [self.messages[one] for one in present[1:].tolist()]
        )


class InformationState:
    """What EVs know of link times and prices; EVs are counted from 0."""

    def __init__(
        self,
        opened: LastReceived[PeriodOpened],
        tariff: LastReceived[TariffIssued],
        watched: frozenset[int] = frozenset(),
    ) -> None:
        """Know what was received before; note the broadcasts that are lost for the EVs *watched* (from 1)."""
        self.opened, self.tariff = opened, tariff
        self.watched = np.array(sorted(watched), dtype=np.int64) - 1
        self.lost: list[tuple[int, Broadcast]] = []
        """Broadcasts that did not reach an EV watched, with its number."""

    def receive(self, message: Message, ev: IntArray, lost: BoolArray) -> None:
        """Let EVs receive a broadcast, except those for which it is *lost*."""
        if not isinstance(message, PeriodOpened | TariffIssued):
            return
        if self.watched.size:
            self.lost += [(one + 1, message) for one in np.intersect1d(ev[lost], self.watched).tolist()]
        reached = ev[~lost]
        if not reached.size:
            return
        if isinstance(message, PeriodOpened):
            self.opened.receive(message, reached)
        else:
            self.tariff.receive(message, reached)
