"""Clarabel on the compiled cones: solvers that stay set up, and what to do when one does not get through."""

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import count
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import SolverError
from cosim.grid.builder import Parameters
from cosim.grid.compiled_period import NOT_NEGATIVE, SECOND_ORDER, ZERO, PeriodCones, compile_period
from cosim.grid.cones import Cones, PeriodChain, chained
from cosim.grid.last_resort import OutOfTimeError, breakdown
from cosim.grid.model import ProblemStructure
from cosim.grid.solver_result import SolverResult

KEPT_ENTRIES = 1_000_000
"""Solvers stay set up while their matrices together have no more entries than this; the last one always does."""
Settings = Mapping[str, float | str | bool]
ATTEMPTS: tuple[Settings, ...] = (
    {"tol": 1e-10, "max_iter": 200, "iterative_refinement_enable": False},
    {"tol": 1e-10, "max_iter": 200},
    {"tol": 1e-8, "max_iter": 500, "max_step_fraction": 0.9},
    {"tol": 1e-8, "max_iter": 500, "max_step_fraction": 0.9, "direct_solve_method": "faer"},
)
"""Settings to try in turn. 1e-10 asks for all the solver can give: at 1e-9 the relaxation error of a weakly
loaded branch in a large network reaches 1e-4. Refining every linear solve takes half of the time, and one
dispatch in a hundred needs it. The last settings factorise by other code."""
TAKEN, IF_CLOSE, INFEASIBLE, OUT_OF_TIME, NEXT = "taken", "if close", "infeasible", "out of time", "next"
ANSWERS = {
    "Solved": TAKEN,
    "AlmostSolved": IF_CLOSE,
    "NumericalError": IF_CLOSE,
    "InsufficientProgress": IF_CLOSE,
    "MaxIterations": IF_CLOSE,
    "PrimalInfeasible": INFEASIBLE,
    "AlmostPrimalInfeasible": NEXT,  # no proof; where all settings end so, the elastic dispatch decides
    "DualInfeasible": NEXT,  # every variable has bounds: rounding
    "AlmostDualInfeasible": NEXT,
    "MaxTime": OUT_OF_TIME,
    "CallbackTerminated": NEXT,
    "Unsolved": NEXT,
}
"""What is done at each status of Clarabel: take the result, take it if `is_close`, call the problem infeasible, give
the solver up, or go on to the next settings, as at a status that is not listed, and when the solver breaks."""
CLOSE = 1e-7
"""A result that misses the tolerances is taken where gap and residuals are within this."""
DEAREST = 1000.0
"""The highest penalty of a broken limit as the solver sees it: at 1e5 per p.u., as they are, it takes a hundred steps
and does not come within 1e-7 of the limits."""


@dataclass(slots=True, eq=False)
class _Kept:
    """A chain of periods, and the solver set up for it once it was asked for."""

    chain: PeriodChain
    solver: Any = None
    settings: Settings = field(default_factory=dict)
    """Those of the solver."""


_ENGINES = count()
_KEPT: "OrderedDict[tuple[int, int], _Kept]" = OrderedDict()
"""Chains of all engines, by engine and periods, the one used last at the end."""


class Engine:
    """The dispatches of one problem structure: its compiled periods, chains made of them, and their solvers."""

    def __init__(self, structure: ProblemStructure) -> None:
        """Compile the period; of a network that changes, each one that differs."""
        self.horizon = [compile_period(own) for own in structure.networks]
        self.period = self.horizon[0] if self.horizon else compile_period(structure)
        self.ordinal = next(_ENGINES)
        self.cost_scale = _cost_scale(self.period)

    def chain(self, periods: int) -> PeriodChain:
        """Return the chain of *periods* periods, made once and kept."""
        return self._kept(periods).chain

    def solve(
        self, parameters: Parameters, where: str, *, refined: bool = False, limit_s: float = math.inf
    ) -> SolverResult | None:
        """Return the optimum at *parameters*, every linear solve *refined* if asked; None where nothing is feasible.

        What is done at each status is in `ANSWERS`. Where no settings lead to a result, a ``SolverError`` names
        *where*, and an ``OutOfTimeError`` where one takes longer than *limit_s* seconds.
        """
        kept = self._kept(len(parameters.by_period["price"]))
        cones = _scaled(kept.chain.cones(parameters), self.cost_scale)
        said = []
        for number, settings in enumerate(ATTEMPTS):
            if refined and number == 0:
                continue
            status, result = self._run(kept, cones, {**settings, "time_limit": limit_s}, reuse=number == 0)
            answer = ANSWERS.get(status, NEXT)
            if answer == OUT_OF_TIME:
                raise OutOfTimeError
            if answer == INFEASIBLE:
                return None
            if answer == TAKEN or (answer == IF_CLOSE and is_close(result, self.cost_scale)):
                return self._result(kept.chain, parameters, result, refined=number > 0)
            said.append(status)
        msg = (
            f"{where}: clarabel returned {', '.join(dict.fromkeys(said))} to settings of falling strictness."
        )
        raise SolverError(msg)

    def least_penalty(self, parameters: Parameters, limit_s: float = math.inf) -> float:
        """Return a lower bound on what broken limits cost at *parameters*, whatever else is cheap or dear."""
        kept = self._kept(len(parameters.by_period["price"]))
        cones = _scaled(kept.chain.cones(parameters), self.cost_scale)
        alone = replace(cones, quadratic=cones.quadratic * 0.0, q=kept.chain.only_penalties(cones.q))
        status, result = self._run(kept, alone, {**ATTEMPTS[1], "time_limit": limit_s})
        if ANSWERS.get(status) == OUT_OF_TIME:
            raise OutOfTimeError
        return float(result.obj_val_dual) / self.cost_scale if status == "Solved" else 0.0

    def _run(self, kept: _Kept, cones: Cones, settings: Settings, *, reuse: bool = False) -> tuple[str, Any]:
        """Return status and result, by the solver that is set up where it can be; what it raises is a status too."""
        reuse = reuse and not any(part.period.varies for part in kept.chain.parts)
        try:
            solver = self._set_up(kept, cones, settings) if reuse else bare_solver(cones, settings)
            result = solver.solve()
        except BaseException as error:  # noqa: BLE001  (Clarabel raises bare Exceptions; a panic of its Rust is none)
            return breakdown(error), None
        if reuse:  # one that breaks or does not come back is not used again
            kept.solver = solver
        status = str(result.status)
        finite = status != "Solved" or math.isfinite(result.obj_val)
        return status if finite else "Solved without a finite value", result

    def _set_up(self, kept: _Kept, cones: Cones, settings: Settings) -> Any:
        """Return the solver that is set up, with the costs and limits of *cones*; nobody else has it."""
        solver, kept.solver = kept.solver, None
        if (
            solver is None or kept.settings != settings
        ):  # scaled by neutral parameters, so that no solve leaves a trace in the next
            neutral = replace(cones, q=self.cost_scale * _neutral_q(kept.chain), b=np.ones_like(cones.b))
            solver, kept.settings = bare_solver(neutral, settings), settings
        solver.update(q=cones.q, b=cones.b)
        return solver

    def _kept(self, periods: int) -> _Kept:
        key = (self.ordinal, periods)
        if key not in _KEPT:
            made = chained(self.horizon or [self.period] * periods)
            while _KEPT and made.matrix.nnz + sum(r.chain.matrix.nnz for r in _KEPT.values()) > KEPT_ENTRIES:
                _KEPT.popitem(last=False)
            _KEPT[key] = _Kept(made)
        _KEPT.move_to_end(key)
        return _KEPT[key]

    def _result(
        self, chain: PeriodChain, parameters: Parameters, result: Any, *, refined: bool
    ) -> SolverResult:
        x, dual = np.array(result.x), np.array(result.z) / self.cost_scale
        return SolverResult(
            variables=chain.values(x),
            price_of_load=chain.value_of("load_p", dual),
            penalty_cny=chain.penalty(parameters, x),
            solver="clarabel",
            refined=refined,
        )


@lru_cache(maxsize=32)
def engine(structure: ProblemStructure) -> Engine:
    """Return the engine of *structure*, compiled at the first call."""
    return Engine(structure)


def _cost_scale(period: PeriodCones) -> float:
    """Return the power of two by which the solver sees all costs: 1 where limits do not give way."""
    dearest = abs(period.q_map[period.penalised]).max() if period.penalised.size else 0.0
    return float(2.0 ** -np.round(np.log2(max(dearest / DEAREST, 1.0))))


def _scaled(cones: Cones, scale: float) -> Cones:
    """Return the problem with all its costs times *scale*."""
    return cones if scale == 1.0 else replace(cones, quadratic=scale * cones.quadratic, q=scale * cones.q)


def _neutral_q(chain: PeriodChain) -> FloatArray:
    """Return the costs at a price of 0.5 CNY/kWh and no loss price."""
    size = chain.period.quadratic.shape[0]
    q = np.zeros((chain.periods, size))
    for part in chain.parts:
        table = np.zeros((part.at.size, part.period.b_map.shape[1]))
        table[:, -1] = 1.0
        table[:, part.period.parameters["price"]] = 0.5
        q[part.at] = (part.period.q_map @ table.T)[:size].T
    return q.ravel()


def bare_solver(cones: Cones, settings: Settings | None = None) -> Any:
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


def is_close(result: Any, cost_scale: float = 1.0) -> bool:
    """Whether gap and residuals of a result are within `CLOSE`, whatever it calls itself."""
    gap = abs(result.obj_val - result.obj_val_dual) / max(cost_scale, abs(result.obj_val))
    return all(error <= CLOSE for error in (gap, result.r_prim, result.r_dual))
