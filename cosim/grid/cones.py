"""The dispatch in the standard form of conic solvers: min x'Px/2 + q'x, Ax + s = b, s in a product of cones.

All periods of a dispatch are alike but for their numbers, and a period knows of no other than the one before.
So CVXPY compiles *one* period, with the state before it as unknowns, and a horizon of any length is made of
copies, each linked to the copy before. P, A and the rows' order depend on the length alone; q and b (and A,
where load is shed at its power factor) are affine in the numbers. So the same question has the same bits
whatever was solved before.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cvxpy as cp
import numpy as np
from scipy import sparse

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.grid.model import Frame, build
from cosim.grid.numbers import Numbers

ZERO, NOT_NEGATIVE, SECOND_ORDER = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PeriodCones:
    """One compiled period: entries of A and rows of b and q as maps of (the period's numbers, 1)."""

    quadratic: Any
    """Upper triangle of P."""
    row: IntArray
    """Row and column of each entry of A."""
    column: IntArray
    entry_map: Any
    q_map: Any
    b_map: Any
    link: Any
    """The columns of A that belong to the period before: (rows, unknowns)."""
    cone: IntArray
    """The kind of cone of each row."""
    second_order: tuple[int, ...]
    """Sizes of the second-order cones."""
    at_the_end: BoolArray
    """Marks the rows that only the last period has."""
    unknowns: dict[str, slice]
    numbers: dict[str, slice]
    ends: dict[str, slice]
    penalised: IntArray
    """The unknowns that say by how much limits are broken."""

    @property
    def varies(self) -> bool:
        """Whether the numbers change A."""
        return bool(self.entry_map[:, :-1].nnz)


@lru_cache(maxsize=64)
def compile_period(frame: Frame) -> PeriodCones:
    """Return one period of the dispatch of *frame*, compiled by CVXPY."""
    model = build(frame, 1, linked=True)
    draft = model.draft
    parameters = [*draft.numbers.values(), *draft.ends.values()]
    for parameter in parameters:
        parameter.value = np.ones(parameter.shape)
    data = model.problem.get_problem_data(cp.CLARABEL, canon_backend=cp.SCIPY_CANON_BACKEND)[0]
    program, dims = data[cp.settings.PARAM_PROB], data["dims"]
    first = program.var_id_to_col
    before = [draft.before[name] for name in draft.before]
    order = np.concatenate([_columns(v, first) for v in draft.unknowns.values()])
    past = np.concatenate([np.zeros(0, dtype=np.int64), *(_columns(v, first) for v in before)])
    if len(order) + len(past) != program.x.size:
        msg = "the compiled dispatch has unknowns of its own; write the equation without abs, max or norms"
        raise TypeError(msg)
    at = program.param_id_to_col
    numbers = np.concatenate([_columns(p, at) for p in parameters] + [[program.total_param_size]])
    q_map = program.q.tocsc()[:, numbers].tocsr()[order]
    rows, unknowns = data["A"].shape
    tensor = program.A.tocsc()[:, numbers].tocoo()  # of the matrix [A b], column by column
    row, column = tensor.row % rows, tensor.row // rows
    entries, in_b = column < unknowns, column == unknowns
    place = np.full(unknowns, -1)
    place[order] = np.arange(len(order))
    place[past] = len(order) + np.arange(len(past))
    where, number = np.unique(row[entries] * unknowns + place[column[entries]], return_inverse=True)
    entry_map = sparse.csr_array(
        (-tensor.data[entries], (number, tensor.col[entries])), shape=(len(where), len(numbers))
    )
    b_map = sparse.csr_array((tensor.data[in_b], (row[in_b], tensor.col[in_b])), shape=(rows, len(numbers)))
    row, column = where // unknowns, where % unknowns
    now = column < len(order)
    spans = _spans({**draft.numbers, **{f"{name} at the end": p for name, p in draft.ends.items()}})
    ends = {name: spans.pop(f"{name} at the end") for name in draft.ends}
    touched = [np.asarray(abs(b_map[:, span]).sum(axis=1)).ravel() > 0 for span in ends.values()]
    unknown_spans = _spans(draft.unknowns)
    quadratic = data["P"] if data.get("P") is not None else sparse.csc_array((unknowns, unknowns))
    link = entry_map[~now][:, [-1]].toarray().ravel()
    columns = np.array(
        [unknown_spans[n].start + i for n in draft.before for i in range(draft.before[n].size)],
        dtype=np.int64,
    )
    return PeriodCones(
        quadratic=sparse.triu(sparse.csc_array(quadratic)[order][:, order], format="csc"),
        row=row[now],
        column=column[now],
        entry_map=entry_map[now],
        q_map=q_map,
        b_map=b_map,
        link=sparse.csr_array(
            (link, (row[~now], columns[column[~now] - len(order)])), shape=(rows, len(order))
        ),
        cone=np.repeat([ZERO, NOT_NEGATIVE, SECOND_ORDER], [dims.zero, dims.nonneg, int(sum(dims.soc))]),
        second_order=tuple(dims.soc),
        at_the_end=np.logical_or.reduce([np.zeros(rows, dtype=bool), *touched]),
        unknowns=unknown_spans,
        numbers=spans,
        ends=ends,
        penalised=np.concatenate(
            [np.zeros(0, dtype=np.int64)]
            + [np.arange(unknown_spans[n].start, unknown_spans[n].stop) for n in draft.penalised]
        ),
    )


def _columns(symbol: Any, first: dict[int, int]) -> IntArray:
    """Return the columns of a variable or parameter."""
    return first[symbol.id] + np.arange(symbol.size, dtype=np.int64)


def _spans(symbols: dict[str, Any]) -> dict[str, slice]:
    """Return where each symbol stands when they are put in a row."""
    stops = np.cumsum([symbol.size for symbol in symbols.values()]).tolist()
    starts = [0, *stops[:-1]]
    return {name: slice(a, b) for name, a, b in zip(symbols, starts, stops, strict=True)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cones:
    """The standard form of a horizon; *sizes* lists its cones as (kind, size), in the order of the rows."""

    quadratic: Any
    q: FloatArray
    matrix: Any
    b: FloatArray
    sizes: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Horizon:
    """Copies of a compiled period in a row: where their rows and entries stand."""

    period: PeriodCones
    periods: int
    row_of: IntArray
    """The row of each (period, row of the period), -1 where the period does not have it."""
    quadratic: Any
    matrix: Any
    """A with the number of its entry, counted from 1, in place of each entry that a copy has of its own."""
    entry: IntArray
    sizes: tuple[tuple[int, int], ...]

    def cones(self, numbers: Numbers) -> Cones:
        """Return the standard form with *numbers* put in."""
        table = self._table(numbers)
        b = np.zeros(int((self.row_of >= 0).sum()))
        held = self.row_of >= 0
        b[self.row_of[held]] = (self.period.b_map @ table.T).T[held]
        for name, value in numbers.before.items():
            rows = self.row_of[0]
            moved = self.period.link[:, self.period.unknowns[name]] @ value
            b[rows[rows >= 0]] -= moved[rows >= 0]
        return Cones(
            quadratic=self.quadratic,
            q=np.ascontiguousarray((self.period.q_map @ table.T)[: self._size].T).ravel(),
            matrix=self._filled(table),
            b=b,
            sizes=self.sizes,
        )

    def values(self, x: FloatArray) -> dict[str, FloatArray]:
        """Return every unknown as (periods, things)."""
        rows = x.reshape(self.periods, self._size)
        return {name: rows[:, span] for name, span in self.period.unknowns.items()}

    def value_of(self, number: str, dual: FloatArray) -> FloatArray:
        """Return what one more of a *number* of the right-hand side would cost: -(db/dnumber)' z."""
        by_period = np.where(self.row_of >= 0, dual[self.row_of], 0.0)
        return -np.asarray((self.period.b_map[:, self.period.numbers[number]].T @ by_period.T).T)

    def penalty(self, numbers: Numbers, x: FloatArray) -> float:
        """Return the part of the objective that broken limits cost."""
        q = (self.period.q_map @ self._table(numbers).T)[: self._size].T
        broken = self.period.penalised
        return float((q[:, broken] * x.reshape(self.periods, self._size)[:, broken]).sum())

    @property
    def _size(self) -> int:
        return int(self.period.quadratic.shape[0])

    def _table(self, numbers: Numbers) -> FloatArray:
        """Return (periods, numbers of a period and 1)."""
        table = np.zeros((self.periods, self.period.b_map.shape[1]))
        table[:, -1] = 1.0
        for name, span in self.period.numbers.items():
            table[:, span] = numbers.by_period[name]
        for name, span in self.period.ends.items():
            table[:, span] = numbers.ends[name]
        return table

    def _filled(self, table: FloatArray) -> Any:
        if not self.period.varies:
            return self.matrix
        filled = self.matrix.copy()
        own = self.entry >= 0
        filled.data[own] = (self.period.entry_map @ table.T).T.ravel()[self.entry[own]]
        return filled


def repeat(period: PeriodCones, periods: int) -> Horizon:
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
    return Horizon(
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
