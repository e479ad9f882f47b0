"""Every error the package raises.

CosimError
  + ConfigError              a file or an option is wrong, and can be corrected         (exit code 2)
  + ModelError               well formed, but the model has no solution                 (exit code 3)
      - InfeasibleError      no dispatch, or no assignment, meets the limits
      - SolverError          a solver or power flow broke down

An infeasible or unconverged *day* is not raised: the run completes with the best solution and flags it.
These errors are for the calls that return a solution within the limits.
"""

import errno
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
MAX_SHOWN_CHARACTERS = 60
"""Length to which a value is cut in a sentence."""
ALIKE = 5
"""Problems of one kind that are told one by one."""
_VARIES = re.compile(r"'[^']*'|\d[\d.,e+-]*")
"""The parts that differ between problems of one kind: names in quotes, and numbers."""


UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters, ends of lines, and marks that turn the direction of a text: no name may hold one."""


class Item(NamedTuple):
    """An object that a problem is about: an OD pair, a feeder, a device."""

    kind: str
    name: str

    def __str__(self) -> str:
        """Return kind and name: ``OD 1-2``, ``turbine G1``."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of the input as a record: place, value, allowed values and advice; ``str`` gives the sentence.

    ``links.csv, line 3: column beta is '0'; it must be a number, 1 or more.``
    """

    clause: str = ""
    """The problem as a clause, ``is missing``; empty: ``is`` and the value."""
    _: KW_ONLY
    file: str = ""
    line: int = 0
    """Line of the file, from 1; 0: the file as a whole."""
    period: str = ""
    """Time of the problem: ``day 2, period 18``."""
    about: tuple[Item, ...] = ()
    """Objects the problem is about, the container first: a feeder, then a device on it."""
    field: str = ""
    """Field of the scenario (dotted), argument or option of the command line."""
    column: str = ""
    """Column of the file."""
    value: Any = None
    """Value of the field or cell, or the name that does not exist; None without a value."""
    allowed: str = ""
    """Allowed values: ``a number above 0``."""
    advice: str = ""
    """Action that solves it, or the alternatives."""

    def __str__(self) -> str:
        """Return the sentence."""
        file = f"{self.file}, line {self.line}" if self.line else self.file
        subject = self.field or (f"column {self.column}" if self.column else "")
        clauses = [
            f"{subject} {self.clause or 'is ' + shown(self.value)}".strip(),
            f"it must be {self.allowed}" if self.allowed else "",
            self.advice,
        ]
        places = [self.period, file, *map(str, self.about)]
        sentence = ": ".join([*filter(None, places), "; ".join(filter(None, clauses))])
        sentence = UNPRINTABLE.sub(lambda mark: ascii(mark[0])[1:-1], sentence)
        return sentence if sentence[-1:] in ".?" else sentence + "."

    def within(self, kind: str, name: str) -> "Problem":
        """Return the problem as one within a container of this kind and name."""
        return replace(self, about=(Item(kind, name), *self.about))

    @property
    def kind(self) -> str:
        """File, field or column, and the words without names and numbers: the same for all problems of one kind."""
        return "|".join(
            [
                self.file,
                self.column,
                *(_VARIES.sub("", text) for text in (self.field, self.clause, self.allowed)),
            ]
        )

    def concerns(self, kind: str) -> bool:
        """Whether the problem is about an object of this *kind*."""
        return any(item.kind == kind for item in self.about)

    def names(self, name: str) -> bool:
        """Whether the problem is about an object, field, column, file or value of this *name*."""
        items = [item.name for item in self.about]
        return name in (self.field, self.column, self.value, Path(self.file).name, *items)


def shown(value: Any) -> str:
    """Return a value as a file writes it, cut where it is long."""
    if isinstance(value, dict | list | tuple):
        return "a table" if isinstance(value, dict) else "a list" if value else "an empty list"
    text = repr(value) if isinstance(value, str) else str(value)
    text = text.lower() if isinstance(value, bool) else text
    return text if len(text) <= MAX_SHOWN_CHARACTERS else text[: MAX_SHOWN_CHARACTERS - 3] + "..."


class CosimError(Exception):
    """Base class, so that a caller can catch everything from this package."""


class ConfigError(CosimError):
    """A file or an option is wrong; ``problems`` holds all of its problems, each once."""

    def __init__(self, source: str, problems: Iterable[Problem | str]) -> None:
        """Keep the problems as records; a bare sentence is a problem without further fields."""
        self.source = source
        records = (Problem(problem) if isinstance(problem, str) else problem for problem in problems)
        self.problems = tuple({str(problem): problem for problem in records}.values())
        super().__init__(source, self.problems)  # the arguments with which pickle and SimPy recreate it

    def __str__(self) -> str:
        """Return the problems as a list of sentences; of many alike the first few, and how many more there are."""
        alike = Counter(problem.kind for problem in self.problems)
        told = Counter[str]()
        sentences = []
        for problem in self.problems:
            told[problem.kind] += 1
            if told[problem.kind] <= ALIKE:
                sentences.append(str(problem))
                if told[problem.kind] == ALIKE < alike[problem.kind]:
                    sentences.append(f"... and {alike[problem.kind] - ALIKE:,} more like these.")
        return "\n  - ".join([f"{self.source}:", *sentences])


class Problems(list[Problem]):
    """Problems gathered while input is read, so that all are raised at once."""

    def attempt(self, build: Callable[..., T], *arguments: Any) -> T | None:
        """Return ``build(*arguments)``; if it raises ConfigError, add its problems and return None."""
        try:
            return build(*arguments)
        except ConfigError as error:
            self += error.problems
            return None


def refuse(source: str, problems: Iterable[Problem | str]) -> None:
    """Raise ConfigError if there are any problems."""
    if all_problems := tuple(problems):
        raise ConfigError(source, all_problems)


STORAGE = {
    errno.ENOSPC: "the disk is full; free some of it, or name a directory on another",
    errno.EDQUOT: "your quota of the disk is used up; free some of it, or name a directory on another",
    errno.EFBIG: "a file would be larger than is allowed here (ulimit -f); raise the limit",
    errno.EROFS: "the file system is read-only; name a directory on another",
    errno.EACCES: "it is not allowed to write there; name a directory of your own",
    errno.EPERM: "it is not allowed to write there; name a directory of your own",
}
"""What keeps a result from being written, by the number of the system's error."""


class StorageError(CosimError):
    """A result cannot be written: the disk is full, a quota is used up, or the place is read-only."""

    def __init__(self, place: str, number: int) -> None:
        """Keep the place, and the number of the system's error, one of ``STORAGE``."""
        super().__init__(place, number)

    def __str__(self) -> str:
        """Return the sentence."""
        place, number = self.args
        return f"{place}: {STORAGE[number]}."


class ModelError(CosimError):
    """The input is well formed, but the model has no solution for it."""


class InfeasibleError(ModelError):
    """No solution meets the limits; the message names the place, the period and the amount."""


class SolverError(ModelError):
    """A solver or a power flow ended without a usable solution."""
