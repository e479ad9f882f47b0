"""The last resort against a solver that does not come back: a clock.

Python cannot stop compiled code. But solvers release its lock while they run, so a call in a thread of its own can be
left alone when its time is over: it uses up a core until it ends or the process does, and the day goes on. What ends
by a clock differs from machine to machine, so whatever follows from it is said not to be reproducible.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Thread
from typing import TypeVar

from cosim.errors import SolverError

T = TypeVar("T")
THREAD = "solve"
"""Name of the threads in which solvers run."""
LEAST_S, EACH_BUS_AND_PERIOD_S = 60.0, 0.05
"""Seconds that a solve may take. The slowest feeders take 5e-4 s for each bus and period, a hundredth of this."""


NOT_REPRODUCIBLE = "A clock decided this result: it is not reproducible."


class OutOfTimeError(SolverError):
    """A solver, or code of the user's, was ended by the clock."""

    def __str__(self) -> str:
        """Return what there is to say where nobody else says it."""
        return super().__str__() or "it does not come back"


@dataclass(slots=True)
class Clock:
    """How long each solve of one dispatch may take, and the solvers that did not come back."""

    where: str
    limit_s: float
    ended: list[str] = field(default_factory=list)
    """Solvers ended by the clock, which are not asked again in this dispatch."""

    @classmethod
    def of(cls, where: str, limit_s: float | None, *, buses: int, periods: int) -> "Clock":
        """Return a clock with the limit a user sets, or one far above what the size of the problem explains."""
        return cls(where, LEAST_S + EACH_BUS_AND_PERIOD_S * buses * periods if limit_s is None else limit_s)

    def run(self, solver: str, call: Callable[[float], T]) -> T:
        """Return what *call* returns, or raise what it raises; `OutOfTimeError` when the time is over.

        *call* takes the seconds after which a solver that was left alone should end by itself.
        """
        if solver not in self.ended:
            try:
                return within(self.limit_s, lambda: call(2.0 * self.limit_s))
            except OutOfTimeError:
                self.ended.append(solver)
        raise OutOfTimeError(self._sentence(solver))

    @property
    def says(self) -> str:
        """What a result has to say in which the clock had a part; empty where it ended nothing."""
        if not self.ended:
            return ""
        sentence = self._sentence(" and ".join(self.ended))
        return f"{sentence} {NOT_REPRODUCIBLE}"

    def _sentence(self, solvers: str) -> str:
        return f"{self.where}: {solvers} did not come back within {self.limit_s:g} s (grid.solve_time_max_s)."


def breakdown(error: BaseException) -> str:
    """Return what a solver raised as a status; raise what is to end the program."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        raise error
    said = f": {error}" if str(error) else ""
    return f"a breakdown ({type(error).__name__}{said})"


def within(limit_s: float, call: Callable[[], T]) -> T:
    """Return what *call* returns, from a thread that is left alone after *limit_s* seconds."""
    returned: list[T] = []
    raised: list[BaseException] = []

    def work() -> None:
        try:
            returned.append(call())
        except BaseException as error:  # noqa: BLE001  (raised again below, where the caller is)
            raised.append(error)

    thread = Thread(target=work, name=THREAD, daemon=True)
    thread.start()
    thread.join(limit_s)
    if raised:
        raise raised[0]
    if not returned:
        _end(thread)
        raise OutOfTimeError
    return returned[0]


def _end(thread: Thread) -> None:
    """End a thread that runs Python code, in a loop perhaps; compiled code is left alone."""
    if thread.ident is not None:
        ended = ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(*ended)
