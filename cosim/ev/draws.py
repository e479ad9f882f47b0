"""The uniform numbers of EVs: a row for each EV in every named stream (``cosim.randomness``).

A fleet draws all rows at once, an EV by itself takes its own row: the same numbers.
"""

from dataclasses import dataclass
from typing import Protocol

from cosim.arrays import FloatArray
from cosim.randomness import stream


class Uniforms(Protocol):
    """Uniform numbers of the EVs at hand, all or one: their rows of the named streams."""

    @property
    def n_ev(self) -> int:
        """Number of the EVs at hand."""
        ...

    def uniform(self, name: str, *indices: int) -> FloatArray:
        """Return one number in [0, 1) per EV from the stream of the purpose, *name* and *indices*."""
        ...


@dataclass(frozen=True, slots=True)
class Draws:
    """Uniform numbers of EVs: an array in EV order from each named stream.

    With more EVs the numbers of the first ones are the same.
    """

    n_ev: int
    seed: int
    purpose: str

    def uniform(self, name: str, *indices: int) -> FloatArray:
        """Return one number in [0, 1) per EV from the stream of the purpose, *name* and *indices*."""
        return stream(self.seed, f"{self.purpose}/{name}", *indices).random(self.n_ev)

    def rows(self) -> "list[Row]":
        """Return the numbers of each EV alone; a stream is drawn once for all of them, when one first asks for it."""
        kept: dict[tuple[str | int, ...], FloatArray] = {}
        return [Row(self, kept, ev) for ev in range(self.n_ev)]


@dataclass(frozen=True, slots=True)
class Row:
    """Uniform numbers of one EV: its row of each stream."""

    draws: Draws
    kept: dict[tuple[str | int, ...], FloatArray]
    """The streams that were drawn, for all EVs."""
    ev: int

    @property
    def n_ev(self) -> int:
        """One."""
        return 1

    def uniform(self, name: str, *indices: int) -> FloatArray:
        """Return the number of the EV, (1,)."""
        key: tuple[str | int, ...] = (name, *indices)
        if key not in self.kept:
            self.kept[key] = self.draws.uniform(name, *indices)
        return self.kept[key][self.ev : self.ev + 1]
