"""Clarabel on the compiled cones: solvers that stay set up, and what to do when one does not get through."""

from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import SolverError
from cosim.grid.builder import Parameters
from cosim.grid.compiled_period import NOT_NEGATIVE, SECOND_ORDER, ZERO, compile_period
from cosim.grid.cones import Cones, PeriodChain, repeat
from cosim.grid.model import ProblemStructure
from cosim.grid.solver_result import SolverResult

_STOPPED = {"AlmostSolved", "NumericalError", "InsufficientProgress", "MaxIterations"}
KEPT_ENTRIES = 1_000_000
"""Solvers stay set up while their matrices together have no more entries than this; the last one always does."""
ATTEMPTS: tuple[dict[str, float], ...] = (
    {"tol": 1e-10, "iterative_refinement_enable": False},
    {"tol": 1e-10},
    {"tol": 1e-8, "max_iter": 500, "max_step_fraction": 0.9},
)
"""Settings to try in turn. 1e-10 asks for all the solver can give: at 1e-9 the relaxation error of a weakly
loaded branch in a large network reaches 1e-4. Refining every linear solve takes half of the time, and one
dispatch in a hundred needs it."""
CLOSE = 1e-7
"""A result that misses the tolerances is taken where gap and residuals are within this."""


@dataclass(slots=True, eq=False)
class _Kept:
    """A chain of periods, and the solver set up for it once it was asked for."""

    chain: PeriodChain
    solver: Any = None


_ENGINES = count()
_KEPT: "OrderedDict[tuple[int, int], _Kept]" = OrderedDict()
"""Chains of all engines, by engine and periods, the one used last at the end."""


class Engine:
    """The dispatches of one problem structure: one compiled period, chains made of it, and their solvers."""

    def __init__(self, structure: ProblemStructure) -> None:
        """Compile the period."""
        self.period = compile_period(structure)
        self.ordinal = next(_ENGINES)

    def chain(self, periods: int) -> PeriodChain:
        """Return the chain of *periods* periods, made once and kept."""
        return self._kept(periods).chain

    def solve(self, parameters: Parameters, where: str, *, refined: bool = False) -> SolverResult | None:
        """Return the optimum at *parameters*, every linear solve *refined* if asked; None where nothing is feasible.

        A result that misses the tolerances is taken if its gap and residuals are within `CLOSE`.
        Otherwise a ``SolverError`` names *where*.
        """
        kept = self._kept(len(parameters.by_period["price"]))
        cones = kept.chain.cones(parameters)
        said = []
        for settings in ATTEMPTS[1:] if refined else ATTEMPTS:
            result = self._run(kept, cones, settings)
            said.append(str(result.status))
            if said[-1] == "PrimalInfeasible":
                return None
            if said[-1] == "Solved" or (said[-1] in _STOPPED and is_close(result)):
                return self._result(kept.chain, parameters, result)
        msg = f"{where}: clarabel returned {', '.join(said)} to settings of falling strictness."
        raise SolverError(msg)

    def least_penalty(self, parameters: Parameters) -> float:
        """Return a lower bound on what broken limits cost at *parameters*, whatever else is cheap or dear."""
        chain = self._kept(len(parameters.by_period["price"])).chain
        cones = chain.cones(parameters)
        alone = replace(cones, quadratic=cones.quadratic * 0.0, q=chain.only_penalties(cones.q))
        result = bare_solver(alone, ATTEMPTS[1]).solve()
        return float(result.obj_val_dual) if str(result.status) == "Solved" else 0.0

    def _run(self, kept: _Kept, cones: Cones, settings: dict[str, float]) -> Any:
        """Solve, by the solver that is set up where it can be."""
        if settings is not ATTEMPTS[0] or self.period.varies:
            return bare_solver(cones, settings).solve()
        if kept.solver is None:  # scaled by neutral parameters, so that no solve leaves a trace in the next
            neutral = Cones(
                quadratic=cones.quadratic,
                q=_neutral_q(kept.chain),
                matrix=cones.matrix,
                b=np.ones_like(cones.b),
                sizes=cones.sizes,
            )
            kept.solver = bare_solver(neutral, settings)
        kept.solver.update(q=cones.q, b=cones.b)
        return kept.solver.solve()

    def _kept(self, periods: int) -> _Kept:
        key = (self.ordinal, periods)
        if key not in _KEPT:
            made = repeat(self.period, periods)
            while _KEPT and made.matrix.nnz + sum(r.chain.matrix.nnz for r in _KEPT.values()) > KEPT_ENTRIES:
                _KEPT.popitem(last=False)
            _KEPT[key] = _Kept(made)
        _KEPT.move_to_end(key)
        return _KEPT[key]

    def _result(self, chain: PeriodChain, parameters: Parameters, result: Any) -> SolverResult:
        x, dual = np.array(result.x), np.array(result.z)
        return SolverResult(
            variables=chain.values(x),
            price_of_load=chain.value_of("load_p", dual),
            penalty_cny=chain.penalty(parameters, x),
        )


@lru_cache(maxsize=32)
def engine(structure: ProblemStructure) -> Engine:
    """Return the engine of *structure*, compiled at the first call."""
    return Engine(structure)


def _neutral_q(chain: PeriodChain) -> FloatArray:
    """Return the costs at a price of 0.5 CNY/kWh and no loss price."""
    table = np.zeros((chain.periods, chain.period.b_map.shape[1]))
    table[:, -1] = 1.0
    table[:, chain.period.parameters["price"]] = 0.5
    size = chain.period.quadratic.shape[0]
    return np.ascontiguousarray((chain.period.q_map @ table.T)[:size].T).ravel()


def bare_solver(cones: Cones, settings: dict[str, float] | None = None) -> Any:
    """Return Clarabel set up for *cones*, nothing else around it."""
    import clarabel

    wanted = dict(settings or ATTEMPTS[0])
    options = clarabel.DefaultSettings()
    options.verbose = False
    options.presolve_enable = False
    options.direct_solve_method = "qdldl"
    options.tol_gap_abs = options.tol_gap_rel = options.tol_feas = wanted.pop("tol")
    for name, value in wanted.items():
        setattr(options, name, value)
    kinds = {
        ZERO: clarabel.ZeroConeT,
        NOT_NEGATIVE: clarabel.NonnegativeConeT,
        SECOND_ORDER: clarabel.SecondOrderConeT,
    }
    sizes = [kinds[kind](size) for kind, size in cones.sizes if size]
    return clarabel.DefaultSolver(cones.quadratic, cones.q, cones.matrix, cones.b, sizes, options)


def is_close(result: Any) -> bool:
    """Whether gap and residuals of a result are within `CLOSE`, whatever it calls itself."""
    gap = abs(result.obj_val - result.obj_val_dual) / max(1.0, abs(result.obj_val))
    return all(error <= CLOSE for error in (gap, result.r_prim, result.r_dual))
