"""What happens to a message on its way: it is lost, late, sent twice or overtaken, by configuration and by events.

All of it is drawn from streams of the message's own name, so the fate of one message does not depend on how many others
were sent, nor on the number of addresses behind which its receivers live.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.periods import SECONDS_PER_DAY
from cosim.randomness import stream

LOST_S = 1 << 62
"""Second in which a lost message arrives."""
GOLDEN = 0x9E3779B97F4A7C15
"""2^64 over the golden ratio."""
EVS = "EVs"
"""Sender of all EVs' messages, for those who disturb or count them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """A mail channel that is disturbed for some time of the day."""

    from_s: int
    until_s: int
    """Seconds of the day, the last one excluded."""
    day: int | None = None
    """Day; None: every day."""
    message: str = ""
    """Kind of message; empty: all."""
    sender: str = ""
    """Sender; empty: all."""
    loss_probability: float = 0.0
    delay_s: int = 0
    delay_max_s: int = 0
    """Further delay: at least, and at most if that is more."""
    duplicate_probability: float = 0.0
    overtaken_probability: float = 0.0

    def concerns(self, kind: str, sender: str) -> bool:
        """Whether it is about messages of this kind and sender."""
        return self.message in {"", kind} and self.sender in {"", sender}

    def holds_at(self, sent_s: IntArray) -> BoolArray:
        """Return for each second whether the channel is disturbed."""
        day, second = np.divmod(sent_s, SECONDS_PER_DAY)
        now: BoolArray = (self.from_s <= second) & (second < self.until_s)
        return now if self.day is None else now & (day + 1 == self.day)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """Delay and loss of information, and how long agents wait for it."""

    delay_s: int = 0
    loss_probability: float = 0.0
    patience_s: int = 60
    """Seconds an agent waits for a late message before it acts on its last information."""
    seed: int = 0
    period_s: int = 3600
    """Seconds by which a message is held back that later ones overtake."""
    disturbances: tuple[Disturbance, ...] = ()

    @property
    def report_timeout_s(self) -> int:
        """Seconds an operator waits for its stations' reports."""
        return self.delay_s + self.patience_s

    @property
    def dispatch_timeout_s(self) -> int:
        """Seconds the coordinator waits for the operators, which may wait for a station themselves."""
        return 2 * self.report_timeout_s

    @property
    def is_certain(self) -> bool:
        """Whether every message arrives after the same delay."""
        return self.loss_probability == 0.0 and not self.disturbances

    @property
    def longest_delay_s(self) -> int:
        """Seconds after which every message has arrived, or never will."""
        others = sum(max(each.delay_s, each.delay_max_s) for each in self.disturbances)
        overtaken = any(each.overtaken_probability for each in self.disturbances)
        return self.delay_s + others + (self.period_s if overtaken else 0)

    def arrivals_s(self, kind: str, sender: str, sent_s: IntArray, draws: "Draws") -> IntArray:
        """Return the second in which each message arrives, or each receiver gets it; ``LOST_S`` if never.

        Of a message sent twice, the copy counts that arrives first: its receivers know it by then.
        """
        terms = Terms(self, kind, sender, sent_s)
        arrival_s = terms.arrival_s(draws, copy=1)
        if terms.duplicates.any():
            twin_s = np.where(draws.duplicates() < terms.duplicates, terms.arrival_s(draws, copy=2), LOST_S)
            arrival_s = np.minimum(arrival_s, twin_s)
        return arrival_s

    def reports_s(self, sent_s: IntArray, uniform: FloatArray) -> IntArray:
        """Return the second in which each of the EVs' reports arrives, by a uniform number of each."""
        if self.is_certain:
            return sent_s + self.delay_s
        return self.arrivals_s("TripReported", EVS, sent_s, OfReport(uniform))

    def message_s(self, kind: str, sender: str, group: str, sent_s: int, receivers: int) -> IntArray:
        """Return the second in which each receiver gets a message to a group."""
        draws = OfMessage(self.seed, f"{kind} {sender} {group}", sent_s, receivers)
        return self.arrivals_s(kind, sender, np.array([sent_s]), draws)


class Terms:
    """Probabilities and delays of messages of one kind and sender: one value for each second of sending."""

    def __init__(self, settings: MailSettings, kind: str, sender: str, sent_s: IntArray) -> None:
        """Join what the scenario and the events of these seconds say."""
        self.sent_s, self.period_s = sent_s, settings.period_s
        self.loss = np.full(sent_s.size, settings.loss_probability)
        self.delay_s = np.full(sent_s.size, settings.delay_s)
        self.spread_s = np.zeros_like(self.delay_s)
        self.duplicates, self.overtaken = np.zeros((2, sent_s.size))
        for each in settings.disturbances:
            if not each.concerns(kind, sender):
                continue
            now = each.holds_at(sent_s)
            self.delay_s += now * each.delay_s
            self.spread_s += now * max(0, each.delay_max_s - each.delay_s)
            self.loss = _either(self.loss, now, each.loss_probability)
            self.duplicates = _either(self.duplicates, now, each.duplicate_probability)
            self.overtaken = _either(self.overtaken, now, each.overtaken_probability)

    def arrival_s(self, draws: "Draws", copy: int) -> IntArray:
        """Return the seconds in which one copy arrives."""
        arrival_s = self.sent_s + self.delay_s
        if self.spread_s.any():
            arrival_s += np.floor(draws.delay(copy) * (self.spread_s + 1)).astype(np.int64)
        if self.overtaken.any():
            arrival_s += np.where(draws.overtaken(copy) < self.overtaken, self.period_s, 0)
        if not self.loss.any():
            return np.broadcast_to(arrival_s, draws.shape).copy()
        return np.where(draws.loss(copy) < self.loss, LOST_S, arrival_s)


def _either(one: FloatArray, now: BoolArray, other: float) -> FloatArray:
    """Return the probability of one of two, the other of which is there *now*."""
    return np.where(now, 1 - (1 - one) * (1 - other), one)


class Draws(Protocol):
    """Uniform numbers that decide on messages, for each of the two copies of one that is sent twice."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        ...

    def loss(self, copy: int) -> FloatArray:
        """Return what decides on loss."""
        ...

    def delay(self, copy: int) -> FloatArray:
        """Return what decides on the delay."""
        ...

    def overtaken(self, copy: int) -> FloatArray:
        """Return what decides whether it is overtaken."""
        ...

    def duplicates(self) -> FloatArray:
        """Return what decides whether it is sent twice."""
        ...


@dataclass(frozen=True, slots=True)
class OfMessage:
    """Draws of one message: losses for each receiver, all else the same for all."""

    seed: int
    name: str
    sent_s: int
    receivers: int

    @property
    def shape(self) -> tuple[int, ...]:
        """One value for each receiver."""
        return (self.receivers,)

    def _draw(self, purpose: str, copy: int, count: int) -> FloatArray:
        again = "" if copy == 1 else f" copy {copy}"
        return stream(self.seed, f"mail{purpose} {self.name}{again}", self.sent_s).random(count)

    def loss(self, copy: int) -> FloatArray:
        """Return a number for each receiver."""
        return self._draw("", copy, self.receivers)

    def delay(self, copy: int) -> FloatArray:
        """Return one number."""
        return self._draw(" delay", copy, 1)

    def overtaken(self, copy: int) -> FloatArray:
        """Return one number."""
        return self._draw(" overtaken", copy, 1)

    def duplicates(self) -> FloatArray:
        """Return one number."""
        return self._draw(" twice", 1, 1)


@dataclass(frozen=True, slots=True)
class OfReport:
    """Draws of many EVs' reports, all made of the one uniform number that each has."""

    uniform: FloatArray

    @property
    def shape(self) -> tuple[int, ...]:
        """One value for each report."""
        return self.uniform.shape

    def _draw(self, number: int) -> FloatArray:
        """Return further uniform numbers: the bits of the first, mixed (splitmix64; Steele et al. 2014)."""
        bits = self.uniform.view(np.uint64) + np.uint64(number * GOLDEN % 2**64)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        bits = (bits ^ (bits >> np.uint64(31))) >> np.uint64(11)
        return bits.astype(np.float64) * 2.0**-53

    def loss(self, copy: int) -> FloatArray:
        """Return the number itself, for a second copy another."""
        return self.uniform if copy == 1 else self._draw(1)

    def delay(self, copy: int) -> FloatArray:
        """Return a number for each report."""
        return self._draw(1 + copy)

    def overtaken(self, copy: int) -> FloatArray:
        """Return a number for each report."""
        return self._draw(3 + copy)

    def duplicates(self) -> FloatArray:
        """Return a number for each report."""
        return self._draw(6)
