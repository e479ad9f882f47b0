"""Clarabel on the compiled cones: solvers that stay set up, and what to do when one does not get through."""

from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import SolverError
from cosim.grid.compiled_period import NOT_NEGATIVE, SECOND_ORDER, ZERO, compile_period
from cosim.grid.cones import Cones, Horizon, repeat
from cosim.grid.model import Frame
from cosim.grid.numbers import Numbers
from cosim.grid.solution import Solution

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
"""An answer that misses the tolerances is taken where gap and residuals are within this."""


@dataclass(slots=True, eq=False)
class _Ready:
    """A horizon, and the solver set up for it once it was asked for."""

    horizon: Horizon
    solver: Any = None


_NUMBERS = count()
_READY: "OrderedDict[tuple[int, int], _Ready]" = OrderedDict()
"""Horizons of all engines, by engine and periods, the one used last at the end."""


class Engine:
    """The dispatches of one frame: one compiled period, horizons made of it, and their solvers."""

    def __init__(self, frame: Frame) -> None:
        """Compile the period."""
        self.period = compile_period(frame)
        self.number = next(_NUMBERS)

    def horizon(self, periods: int) -> Horizon:
        """Return the horizon of so many periods, made once and kept."""
        return self._kept(periods).horizon

    def solve(self, numbers: Numbers, where: str, *, refined: bool = False) -> Solution | None:
        """Return the optimum at *numbers*, every linear solve *refined* if asked; None where nothing is feasible.

        An answer that misses the tolerances is taken if its gap and residuals are within `CLOSE`.
        Otherwise a ``SolverError`` names *where*.
        """
        ready = self._kept(len(numbers.by_period["price"]))
        cones = ready.horizon.cones(numbers)
        said = []
        for settings in ATTEMPTS[1:] if refined else ATTEMPTS:
            answer = self._answer(ready, cones, settings)
            said.append(str(answer.status))
            if said[-1] == "PrimalInfeasible":
                return None
            if said[-1] == "Solved" or (said[-1] in _STOPPED and is_close(answer)):
                return self._solution(ready.horizon, numbers, answer)
        if said[-1] == "AlmostPrimalInfeasible":
            return None
        msg = f"{where}: clarabel answered {', '.join(said)} to settings of falling strictness."
        raise SolverError(msg)

    def _answer(self, ready: _Ready, cones: Cones, settings: dict[str, float]) -> Any:
        """Solve, by the solver that is set up where it can be."""
        if settings is not ATTEMPTS[0] or self.period.varies:
            return bare_solver(cones, settings).solve()
        if ready.solver is None:  # scaled by neutral numbers, so that no solve leaves a trace in the next
            neutral = Cones(
                quadratic=cones.quadratic,
                q=_neutral_q(ready.horizon),
                matrix=cones.matrix,
                b=np.ones_like(cones.b),
                sizes=cones.sizes,
            )
            ready.solver = bare_solver(neutral, settings)
        ready.solver.update(q=cones.q, b=cones.b)
        return ready.solver.solve()

    def _kept(self, periods: int) -> _Ready:
        key = (self.number, periods)
        if key not in _READY:
            made = repeat(self.period, periods)
            while (
                _READY and made.matrix.nnz + sum(r.horizon.matrix.nnz for r in _READY.values()) > KEPT_ENTRIES
            ):
                _READY.popitem(last=False)
            _READY[key] = _Ready(made)
        _READY.move_to_end(key)
        return _READY[key]

    def _solution(self, horizon: Horizon, numbers: Numbers, answer: Any) -> Solution:
        x, dual = np.array(answer.x), np.array(answer.z)
        return Solution(
            unknowns=horizon.values(x),
            price_of_load=horizon.value_of("load_p", dual),
            penalty_cny=horizon.penalty(numbers, x),
        )


@lru_cache(maxsize=32)
def engine(frame: Frame) -> Engine:
    """Return the engine of *frame*, compiled at the first call."""
    return Engine(frame)


def _neutral_q(horizon: Horizon) -> FloatArray:
    """Return the costs at a price of .5 CNY/kWh and no loss price."""
    table = np.zeros((horizon.periods, horizon.period.b_map.shape[1]))
    table[:, -1] = 1.0
    table[:, horizon.period.numbers["price"]] = 0.5
    size = horizon.period.quadratic.shape[0]
    return np.ascontiguousarray((horizon.period.q_map @ table.T)[:size].T).ravel()


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


def is_close(answer: Any) -> bool:
    """Whether gap and residuals of an answer are within `CLOSE`, whatever it calls itself."""
    gap = abs(answer.obj_val - answer.obj_val_dual) / max(1.0, abs(answer.obj_val))
    return all(error <= CLOSE for error in (gap, answer.r_prim, answer.r_dual))
