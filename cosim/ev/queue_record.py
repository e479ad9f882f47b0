"""What a station records of its queue in one period."""

from dataclasses import dataclass


@dataclass(slots=True)
class QueueRecord:
    """Arrivals, waits and the length of the queue over time; ``close`` starts the next period."""

    arrivals: int = 0
    starts: int = 0
    waited_s: int = 0
    waiting: int = 0
    largest: int = 0
    since_s: int = 0
    """The length of the queue is counted up to this second."""
    _vehicle_seconds: int = 0

    def join(self, now_s: int) -> None:
        """Count a vehicle that has to wait."""
        self._advance(now_s)
        self.waiting += 1
        self.largest = max(self.largest, self.waiting)

    def leave(self, now_s: int) -> None:
        """Count a vehicle whose wait is over."""
        self._advance(now_s)
        self.waiting -= 1

    def start(self, waited_s: int) -> None:
        """Count a session that starts after waiting so long."""
        self.starts += 1
        self.waited_s += waited_s

    def mean_length(self, now_s: int, seconds: int) -> float:
        """Return the mean number of vehicles waiting over the *seconds* up to now."""
        self._advance(now_s)
        return self._vehicle_seconds / seconds

    def wait_min(self) -> float:
        """Return the mean wait of the sessions that started; NaN if none did."""
        return self.waited_s / self.starts / 60 if self.starts else float("nan")

    def close(self) -> None:
        """Begin a new period: who waits goes on waiting."""
        self.arrivals = self.starts = self.waited_s = self._vehicle_seconds = 0
        self.largest = self.waiting

    def _advance(self, now_s: int) -> None:
        self._vehicle_seconds += self.waiting * (now_s - self.since_s)
        self.since_s = now_s
