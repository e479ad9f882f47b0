"""The dispatch in the standard form of conic solvers: min x'Px/2 + q'x, Ax + s = b, s in a product of cones.

All periods of a dispatch are alike but for their parameters, and a period knows of no other than the one before.
So CVXPY compiles *one* period, with the state before it as variables, and a horizon of any length is made of
copies, each linked to the copy before. P, A and the rows' order depend on the length alone; q and b (and A,
where load is shed at its power factor) are affine in the parameters. So the same problem data give the same bits
whatever was solved before.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from cosim.arrays import FloatArray, IntArray
from cosim.grid.builder import Parameters
from cosim.grid.compiled_period import NOT_NEGATIVE, SECOND_ORDER, ZERO, PeriodCones


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cones:
    """The standard form of a horizon; *sizes* lists its cones as (kind, size), in the order of the rows."""

    quadratic: Any
    q: FloatArray
    matrix: Any
    b: FloatArray
    sizes: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Copies:
    """The copies of one compiled period in a horizon: where their rows and entries stand."""

    period: PeriodCones
    at: IntArray
    """The periods of the horizon that are copies of it."""
    row_of: IntArray
    """The row of each (copy, row of the period), -1 where the copy does not have it."""
    place: IntArray
    """The places among the data of A of all entries that copies have of their own, ..."""
    entry: IntArray
    """... and which of the entries, copy by copy, each is."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PeriodChain:
    """Copies of compiled periods in a row, a horizon; all periods have the same variables."""

    periods: int
    parts: tuple[Copies, ...]
    """One, but where the network is not the same in all periods."""
    quadratic: Any
    matrix: Any
    sizes: tuple[tuple[int, int], ...]

    @property
    def period(self) -> PeriodCones:
        """A compiled period."""
        return self.parts[0].period

    def cones(self, parameters: Parameters) -> Cones:
        """Return the standard form with *parameters* put in."""
        b, q = np.zeros(self.matrix.shape[0]), np.zeros((self.periods, self._size))
        for part in self.parts:
            table, held = self._table(part, parameters), part.row_of >= 0
            b[part.row_of[held]] = (part.period.b_map @ table.T).T[held]
            q[part.at] = (part.period.q_map @ table.T)[: self._size].T
        first = next(part for part in self.parts if 0 in part.at)
        for name, value in parameters.before.items():
            rows = first.row_of[0]
            moved = first.period.link[:, first.period.variables[name]] @ value
            b[rows[rows >= 0]] -= moved[rows >= 0]
        for name, price in parameters.tilt.items():
            q[:, self.period.variables[name]] += price
        return Cones(
            quadratic=self.quadratic,
            q=q.ravel(),
            matrix=self._filled(parameters),
            b=b,
            sizes=self.sizes,
        )

    def values(self, x: FloatArray) -> dict[str, FloatArray]:
        """Return every variable as (periods, things)."""
        rows = x.reshape(self.periods, self._size)
        return {name: rows[:, span] for name, span in self.period.variables.items()}

    def value_of(self, parameter: str, dual: FloatArray) -> FloatArray:
        """Return what one more of a *parameter* of the right-hand side would cost: -(db/dparameter)' z."""
        value = np.zeros((self.periods, _width(self.period.parameters[parameter])))
        for part in self.parts:
            by_period = np.where(part.row_of >= 0, dual[part.row_of], 0.0)
            of_part = part.period.b_map[:, part.period.parameters[parameter]]
            value[part.at] = -np.asarray((of_part.T @ by_period.T).T)
        return value

    def only_penalties(self, q: FloatArray) -> FloatArray:
        """Return the costs *q* of what broken limits alone ask."""
        broken, kept = self.period.penalised, np.zeros((self.periods, self._size))
        kept[:, broken] = q.reshape(kept.shape)[:, broken]
        return kept.ravel()

    def penalty(self, parameters: Parameters, x: FloatArray) -> float:
        """Return the part of the objective that broken limits cost."""
        broken, q = self.period.penalised, np.zeros((self.periods, self._size))
        for part in self.parts:
            q[part.at] = (part.period.q_map @ self._table(part, parameters).T)[: self._size].T
        return float((q[:, broken] * x.reshape(self.periods, self._size)[:, broken]).sum())

    @property
    def _size(self) -> int:
        return int(self.period.quadratic.shape[0])

    def _table(self, part: Copies, parameters: Parameters) -> FloatArray:
        """Return (copies, parameters of a period and 1)."""
        period = part.period
        table = np.zeros((part.at.size, period.b_map.shape[1]))
        table[:, -1] = 1.0
        for name, span in period.parameters.items():
            # of what not every network has as many of, the rest of a row is filled up
            table[:, span] = parameters.by_period[name][part.at, : _width(span)]
        for name, span in period.ends.items():
            table[:, span] = parameters.ends[name]
        return table

    def _filled(self, parameters: Parameters) -> Any:
        varying = [part for part in self.parts if part.period.varies]
        if not varying:
            return self.matrix
        filled = self.matrix.copy()
        for part in varying:
            table = self._table(part, parameters)
            filled.data[part.place] = (part.period.entry_map @ table.T).T.ravel()[part.entry]
        return filled


def _width(span: slice) -> int:
    return int(span.stop - span.start)


def repeat(period: PeriodCones, periods: int) -> PeriodChain:
    """Return *periods* copies of *period*."""
    return chained([period] * periods)


def chained(horizon: Sequence[PeriodCones]) -> PeriodChain:
    """Return compiled periods as one horizon, rows ordered by kind of cone, period and place in the period."""
    periods, size = len(horizon), horizon[0].quadratic.shape[0]
    kinds = list(dict.fromkeys(map(id, horizon)))
    each = [next(period for period in horizon if id(period) == kind) for kind in kinds]
    at = [np.flatnonzero([id(period) == kind for period in horizon]) for kind in kinds]
    rows = _rows(each, at, periods)
    row, column, data, part, entry = (
        np.concatenate(arrays) for arrays in zip(*_entries(each, at, rows, size), strict=True)
    )
    held = row >= 0
    row, column, data, part, entry = row[held], column[held], data[held], part[held], entry[held]
    order = np.lexsort((row, column))
    row, data, part, entry = row[order], data[order], part[order], entry[order]
    shape = (sum(int((own >= 0).sum()) for own in rows), periods * size)
    start = np.concatenate([[0], np.cumsum(np.bincount(column, minlength=shape[1]))])
    cones = {
        kind: sum(
            int((own[:, period.cone == kind] >= 0).sum()) for period, own in zip(each, rows, strict=True)
        )
        for kind in (ZERO, NOT_NEGATIVE)
    }
    second_order = [(SECOND_ORDER, size) for period in horizon for size in period.second_order]
    return PeriodChain(
        periods=periods,
        parts=tuple(
            Copies(
                period=period,
                at=at[k],
                row_of=rows[k],
                place=np.flatnonzero((part == k) & (entry >= 0)),
                entry=entry[(part == k) & (entry >= 0)],
            )
            for k, period in enumerate(each)
        ),
        quadratic=sparse.block_diag([period.quadratic for period in horizon], format="csc"),
        matrix=sparse.csc_array((data, row, start), shape=shape),
        sizes=(*cones.items(), *second_order),
    )


def _entries(
    each: Sequence[PeriodCones], at: Sequence[IntArray], rows: Sequence[IntArray], size: int
) -> Iterator[tuple[Any, ...]]:
    """Yield row, column, value, kind of period and number (-1: of a link, which does not vary) of entries of A."""
    for k, (period, copies, row_of) in enumerate(zip(each, at, rows, strict=True)):
        count = copies.size * len(period.row)
        column = (copies[:, None] * size + period.column).ravel()
        data = np.tile(period.entry_map[:, [-1]].toarray().ravel(), copies.size)
        yield row_of[:, period.row].ravel(), column, data, np.full(count, k), np.arange(count)
        link, later = period.link.tocoo(), copies > 0
        count = int(later.sum()) * link.nnz
        column = ((copies[later] - 1)[:, None] * size + link.col).ravel()
        data = np.tile(link.data, int(later.sum()))
        yield row_of[later][:, link.row].ravel(), column, data, np.full(count, k), np.full(count, -1)


def _rows(each: Sequence[PeriodCones], at: Sequence[IntArray], periods: int) -> list[IntArray]:
    """Return the row of each (copy, row of the period), -1 where the copy does not have it, kind by kind."""
    held = [np.tile(~period.at_the_end, (copies.size, 1)) for period, copies in zip(each, at, strict=True)]
    for mark, copies in zip(held, at, strict=True):
        mark[copies == periods - 1] = True
    places = [np.nonzero(mark) for mark in held]
    kind = np.concatenate([period.cone[own] for period, (_, own) in zip(each, places, strict=True)])
    copy = np.concatenate([copies[of] for copies, (of, _) in zip(at, places, strict=True)])
    own = np.concatenate([own for _, own in places])
    number = np.empty(own.size, dtype=np.int64)
    number[np.lexsort((own, copy, kind))] = np.arange(own.size)
    row_of = [np.full(mark.shape, -1, dtype=np.int64) for mark in held]
    stops = np.cumsum([of.size for of, _ in places])
    for rows, place, numbers in zip(row_of, places, np.split(number, stops[:-1]), strict=True):
        rows[place] = numbers
    return row_of
