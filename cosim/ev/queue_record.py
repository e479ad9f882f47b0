"""Arrivals, waits and queue length of a station in one period."""

from dataclasses import dataclass


@dataclass(slots=True)
class QueueRecord:
    """Counts of one period and the queue length over time; ``close`` starts the next period."""

    arrivals: int = 0
    starts: int = 0
    total_wait_s: int = 0
    """Sum over the sessions that started."""
    waiting: int = 0
    """Vehicles that wait now."""
    max_length: int = 0
    counted_until_s: int = 0
    """Second up to which the vehicle-seconds of waiting are summed."""
    _vehicle_seconds: int = 0

    def join(self, now_s: int) -> None:
        """Count a vehicle that has to wait."""
        self._advance(now_s)
        self.waiting += 1
        self.max_length = max(self.max_length, self.waiting)

    def leave(self, now_s: int) -> None:
        """Count a vehicle whose wait is over."""
        self._advance(now_s)
        self.waiting -= 1

    def start(self, wait_s: int) -> None:
        """Count a session that starts after a wait of *wait_s*."""
        self.starts += 1
        self.total_wait_s += wait_s

    def mean_length(self, now_s: int, period_s: int) -> float:
        """Return the mean number of vehicles waiting over the *period_s* up to now."""
        return (self._vehicle_seconds + self.waiting * (now_s - self.counted_until_s)) / period_s

    def mean_wait_min(self) -> float:
        """Return the mean wait of the sessions that started [min]; NaN if none did."""
        return self.total_wait_s / self.starts / 60 if self.starts else float("nan")

    def close(self, now_s: int) -> None:
        """Start a new period at *now_s*; the vehicles that wait stay in the queue."""
        self.arrivals = self.starts = self.total_wait_s = self._vehicle_seconds = 0
        self.counted_until_s, self.max_length = now_s, self.waiting

    def _advance(self, now_s: int) -> None:
        self._vehicle_seconds += self.waiting * (now_s - self.counted_until_s)
        self.counted_until_s = now_s
