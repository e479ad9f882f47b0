"""The dispatch in the standard form of conic solvers: min x'Px/2 + q'x, Ax + s = b, s in a product of cones.

All periods of a dispatch are alike but for their parameters, and a period knows of no other than the one before.
So CVXPY compiles *one* period, with the state before it as variables, and a horizon of any length is made of
copies, each linked to the copy before. P, A and the rows' order depend on the length alone; q and b (and A,
where load is shed at its power factor) are affine in the parameters. So the same problem data give the same bits
whatever was solved before.
"""

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


@dataclass(frozen=True, slots=True, eq=False)
class PeriodChain:
    """Copies of a compiled period in a row, a horizon: where their rows and entries stand."""

    period: PeriodCones
    periods: int
    row_of: IntArray
    """The row of each (period, row of the period), -1 where the period does not have it."""
    quadratic: Any
    matrix: Any
    """A with the place of its entry, counted from 1, in place of each entry that a copy has of its own."""
    entry: IntArray
    sizes: tuple[tuple[int, int], ...]

    def cones(self, parameters: Parameters) -> Cones:
        """Return the standard form with *parameters* put in."""
        table = self._table(parameters)
        b = np.zeros(int((self.row_of >= 0).sum()))
        held = self.row_of >= 0
        b[self.row_of[held]] = (self.period.b_map @ table.T).T[held]
        for name, value in parameters.before.items():
            rows = self.row_of[0]
            moved = self.period.link[:, self.period.variables[name]] @ value
            b[rows[rows >= 0]] -= moved[rows >= 0]
        q = np.ascontiguousarray((self.period.q_map @ table.T)[: self._size].T)
        for name, price in parameters.tilt.items():
            q[:, self.period.variables[name]] += price
        return Cones(
            quadratic=self.quadratic,
            q=q.ravel(),
            matrix=self._filled(table),
            b=b,
            sizes=self.sizes,
        )

    def values(self, x: FloatArray) -> dict[str, FloatArray]:
        """Return every variable as (periods, things)."""
        rows = x.reshape(self.periods, self._size)
        return {name: rows[:, span] for name, span in self.period.variables.items()}

    def value_of(self, parameter: str, dual: FloatArray) -> FloatArray:
        """Return what one more of a *parameter* of the right-hand side would cost: -(db/dparameter)' z."""
        by_period = np.where(self.row_of >= 0, dual[self.row_of], 0.0)
        return -np.asarray((self.period.b_map[:, self.period.parameters[parameter]].T @ by_period.T).T)

    def only_penalties(self, q: FloatArray) -> FloatArray:
        """Return the costs *q* of what broken limits alone ask."""
        broken, kept = self.period.penalised, np.zeros((self.periods, self._size))
        kept[:, broken] = q.reshape(kept.shape)[:, broken]
        return kept.ravel()

    def penalty(self, parameters: Parameters, x: FloatArray) -> float:
        """Return the part of the objective that broken limits cost."""
        q = (self.period.q_map @ self._table(parameters).T)[: self._size].T
        broken = self.period.penalised
        return float((q[:, broken] * x.reshape(self.periods, self._size)[:, broken]).sum())

    @property
    def _size(self) -> int:
        return int(self.period.quadratic.shape[0])

    def _table(self, parameters: Parameters) -> FloatArray:
        """Return (periods, parameters of a period and 1)."""
        table = np.zeros((self.periods, self.period.b_map.shape[1]))
        table[:, -1] = 1.0
        for name, span in self.period.parameters.items():
            table[:, span] = parameters.by_period[name]
        for name, span in self.period.ends.items():
            table[:, span] = parameters.ends[name]
        return table

    def _filled(self, table: FloatArray) -> Any:
        if not self.period.varies:
            return self.matrix
        filled = self.matrix.copy()
        own = self.entry >= 0
        filled.data[own] = (self.period.entry_map @ table.T).T.ravel()[self.entry[own]]
        return filled


def repeat(period: PeriodCones, periods: int) -> PeriodChain:
    """Return *periods* copies of *period*, rows ordered by kind of cone, period and place in the period."""
    row_of = _rows(period, periods)
    size, entries = period.quadratic.shape[0], len(period.row)
    constant = period.entry_map[:, [-1]].toarray().ravel()
    copy = np.arange(periods)[:, None]
    link = period.link.tocoo()
    row = np.concatenate([row_of[:, period.row].ravel(), row_of[1:, link.row].ravel()])
    column = np.concatenate([(copy * size + period.column).ravel(), (copy[:-1] * size + link.col).ravel()])
    data = np.concatenate([np.tile(constant, periods), np.tile(link.data, periods - 1)])
    entry = np.concatenate([np.arange(periods * entries), np.full((periods - 1) * link.nnz, -1)])
    held = row >= 0
    row, column, data, entry = row[held], column[held], data[held], entry[held]
    order = np.lexsort((row, column))
    shape = (int((row_of >= 0).sum()), periods * size)
    start = np.concatenate([[0], np.cumsum(np.bincount(column, minlength=shape[1]))])
    sizes = [(kind, int((row_of[:, period.cone == kind] >= 0).sum())) for kind in (ZERO, NOT_NEGATIVE)]
    return PeriodChain(
        period=period,
        periods=periods,
        row_of=row_of,
        quadratic=sparse.kron(sparse.eye_array(periods), period.quadratic, format="csc"),
        matrix=sparse.csc_array((data[order], row[order], start), shape=shape),
        entry=entry[order],
        sizes=(*sizes, *[(SECOND_ORDER, size) for size in period.second_order] * periods),
    )


def _rows(period: PeriodCones, periods: int) -> IntArray:
    held = np.tile(~period.at_the_end, (periods, 1))
    held[-1] = True
    copy, own = np.nonzero(held)
    order = np.lexsort((own, copy, period.cone[own]))
    row_of = np.full(held.shape, -1, dtype=np.int64)
    row_of[copy[order], own[order]] = np.arange(len(order))
    return row_of
