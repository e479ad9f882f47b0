"""One period of the dispatch in the standard form of conic solvers, compiled by CVXPY.

The state before it is variable as well, so that copies can be linked; its parameters change from solve to solve.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import cvxpy as cp
import numpy as np
from scipy import sparse

from cosim.arrays import BoolArray, IntArray
from cosim.grid.builder import ModelBuilder
from cosim.grid.model import Model, ProblemStructure, build_problem
from cosim.kept_by_content import kept_by_content

ZERO, NOT_NEGATIVE, SECOND_ORDER = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PeriodCones:
    """One compiled period: entries of A and rows of b and q as maps of (the period's parameters, 1)."""

    quadratic: Any
    """Upper triangle of P."""
    row: IntArray
    """Row and column of each entry of A."""
    column: IntArray
    entry_map: Any
    q_map: Any
    b_map: Any
    link: Any
    """The columns of A that belong to the period before: (rows, variables)."""
    cone: IntArray
    """The kind of cone of each row."""
    second_order: tuple[int, ...]
    """Sizes of the second-order cones."""
    at_the_end: BoolArray
    """Marks the rows that only the last period has."""
    variables: dict[str, slice]
    parameters: dict[str, slice]
    ends: dict[str, slice]
    penalised: IntArray
    """The variables that say by how much limits are broken."""

    @property
    def varies(self) -> bool:
        """Whether the parameters change A."""
        return bool(self.entry_map[:, :-1].nnz)


@lru_cache(maxsize=64)
def compile_period(structure: ProblemStructure) -> PeriodCones:
    """Return one period of the dispatch of *structure*, compiled by CVXPY."""
    # the network as it was given is no part of the problem, and may be large
    return _compiled(replace(structure, feeder=replace(structure.feeder, given=None)))


@kept_by_content(16)
def _compiled(structure: ProblemStructure) -> PeriodCones:
    model = build_problem(structure, 1, linked=True)
    builder, program = model.builder, _Program(model)
    variables, parameters = program.variables, dict(program.parameters)
    ends = {
        name: parameters.pop(label) for name, label in zip(builder.ends, _named_ends(builder), strict=True)
    }
    of_a, b_map, size = program.entries(), program.b_map(), len(program.own)
    now = of_a.column < size
    ended = [np.asarray(abs(b_map[:, span]).sum(axis=1)).ravel() > 0 for span in ends.values()]
    return PeriodCones(
        quadratic=program.quadratic(),
        row=of_a.row[now],
        column=of_a.column[now],
        entry_map=of_a.maps[now],
        q_map=program.q_map(),
        b_map=b_map,
        link=_link(builder, variables, of_a, b_map.shape[0], size),
        cone=program.cone_of_row(),
        second_order=tuple(program.dims.soc),
        at_the_end=np.logical_or.reduce([np.zeros(b_map.shape[0], dtype=bool), *ended]),
        variables=variables,
        parameters=parameters,
        ends=ends,
        penalised=_columns(builder.penalised, variables),
    )


@dataclass(frozen=True, slots=True)
class _Entries:
    """Entries of A: their rows, their columns (own variables first, then those before), maps of the parameters."""

    row: IntArray
    column: IntArray
    maps: Any


class _Program:
    """CVXPY's standard form of a linked dispatch, its columns in the order of the builder.

    Without parameters of CVXPY the form is one of numbers. The columns of variables that stand for parameters belong to
    the right-hand side, those that stand for a product to the variable in it.
    """

    def __init__(self, model: Model) -> None:
        """Canonicalise."""
        builder = model.builder
        self.data = model.problem.get_problem_data(cp.CLARABEL, canon_backend=cp.SCIPY_CANON_BACKEND)[0]
        first, self.dims = self.data[cp.settings.PARAM_PROB].var_id_to_col, self.data["dims"]
        self.matrix = sparse.csc_array(self.data["A"])
        self.variables = _spans(builder.variables)
        given = {**builder.parameters, **_named_ends(builder)}
        self.parameters = _spans(given)
        self.own = _places(builder.variables.values(), first)
        self.past = _places(builder.before.values(), first)
        added = {name: symbol for name, symbol in given.items() if symbol.id in first}
        self.added, self.parameter = _places(added.values(), first), _columns(added, self.parameters)
        self.products = _places((product.symbol for product in builder.products), first)
        self.multiplied, self.factor = _factors(builder, self.variables, self.parameters)
        known = sum(map(len, (self.own, self.past, self.added, self.products)))
        if known != self.matrix.shape[1]:
            msg = (
                "the compiled dispatch has variables of its own; write the equation without abs, max or norms"
            )
            raise TypeError(msg)
        self.constant = sum(symbol.size for symbol in given.values())

    def quadratic(self) -> Any:
        """Return the upper triangle of P."""
        count = self.matrix.shape[1]
        p = (
            sparse.csc_array(self.data["P"])
            if self.data.get("P") is not None
            else sparse.csc_array((count, count))
        )
        return sparse.triu(p[self.own][:, self.own], format="csc")

    def q_map(self) -> Any:
        """Return q as a map of the parameters."""
        q = self.data["c"]
        own = np.flatnonzero(q[self.own])
        value = np.concatenate([q[self.own[own]], q[self.products]])
        column = np.concatenate([np.full(own.size, self.constant), self.factor])
        place = (np.concatenate([own, self.multiplied]), column)
        return sparse.csr_array((value, place), shape=(len(self.own), self.constant + 1))

    def b_map(self) -> Any:
        """Return b as a map of the parameters."""
        b, moved = self.data["b"], self.matrix[:, self.added].tocoo()
        kept = np.flatnonzero(b)
        place = (
            np.concatenate([moved.row, kept]),
            np.concatenate([self.parameter[moved.col], np.full(kept.size, self.constant)]),
        )
        value = np.concatenate([-moved.data, b[kept]])
        return sparse.csr_array((value, place), shape=(b.size, self.constant + 1))

    def entries(self) -> _Entries:
        """Return A entry by entry, in the order of its rows."""
        width = len(self.own) + len(self.past)
        plain = self.matrix[:, np.concatenate([self.own, self.past])].tocoo()
        product = self.matrix[:, self.products].tocoo()
        row = np.concatenate([plain.row, product.row]).astype(np.int64)
        column = np.concatenate([plain.col, self.multiplied[product.col]])
        where, entry = np.unique(row * width + column, return_inverse=True)
        parameter = np.concatenate([np.full(plain.nnz, self.constant), self.factor[product.col]])
        value = np.concatenate([plain.data, product.data])
        maps = sparse.csr_array((value, (entry, parameter)), shape=(where.size, self.constant + 1))
        return _Entries(where // width, where % width, maps)

    def cone_of_row(self) -> IntArray:
        """Return the kind of cone of each row."""
        dims = self.dims
        return np.repeat([ZERO, NOT_NEGATIVE, SECOND_ORDER], [dims.zero, dims.nonneg, int(sum(dims.soc))])


def _factors(
    builder: ModelBuilder, variables: dict[str, slice], parameters: dict[str, slice]
) -> tuple[IntArray, IntArray]:
    """Return the column of the variable, and the place of the parameter, in each thing of the products."""
    none = np.zeros(0, dtype=np.int64)
    multiplied, factor = [none], [none]
    for product in builder.products:
        span = parameters[product.parameter]
        each = np.arange(product.at.size) if span.stop - span.start > 1 else np.zeros_like(product.at)
        multiplied.append(variables[product.variable].start + product.at)
        factor.append(span.start + each)
    return np.concatenate(multiplied), np.concatenate(factor)


def _link(builder: ModelBuilder, variables: dict[str, slice], of_a: _Entries, rows: int, size: int) -> Any:
    """Return the columns of A that belong to the period before: (rows, variables)."""
    past = of_a.column >= size
    continued = _columns(builder.before, variables)[of_a.column[past] - size]
    return sparse.csr_array(
        (of_a.maps[past][:, [-1]].toarray().ravel(), (of_a.row[past], continued)), shape=(rows, size)
    )


def _named_ends(builder: ModelBuilder) -> dict[str, Any]:
    return {f"{name} at the end": parameter for name, parameter in builder.ends.items()}


def _places(symbols: Iterable[Any], first: dict[int, int]) -> IntArray:
    """Return the columns of variables or parameters, one after the other."""
    places = [first[symbol.id] + np.arange(symbol.size, dtype=np.int64) for symbol in symbols]
    return np.concatenate([np.zeros(0, dtype=np.int64), *places])


def _columns(names: Iterable[str], spans: dict[str, slice]) -> IntArray:
    """Return the columns of variables, one after the other."""
    columns = [np.arange(spans[name].start, spans[name].stop) for name in names]
    return np.concatenate([np.zeros(0, dtype=np.int64), *columns])


def _spans(symbols: dict[str, Any]) -> dict[str, slice]:
    """Return where each symbol stands when they are put in a row."""
    stops = np.cumsum([symbol.size for symbol in symbols.values()]).tolist()
    starts = [0, *stops[:-1]]
    return {name: slice(a, b) for name, a, b in zip(symbols, starts, stops, strict=True)}
