"""A thread that looks at what another one does, as a context manager."""

import threading
from types import TracebackType
from typing import Self


class WatchThread:
    """Base of what watches the thread that enters it; `look` is called every *interval_s* seconds until the exit."""

    def __init__(self, interval_s: float) -> None:
        """Watch nothing yet."""
        self._interval_s, self.watched = interval_s, 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        """Begin to watch this thread."""
        self.watched = threading.get_ident()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the watch."""
        self._is_over.set()
        self._thread.join()

    def look(self) -> None:
        """Look at the watched thread."""
        raise NotImplementedError

    def _watch(self) -> None:
        while not self._is_over.wait(self._interval_s):
            self.look()
