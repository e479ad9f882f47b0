"""The dispatch as the one problem a person reads, for solvers that CVXPY drives: the door to MOSEK."""

import math
from typing import Any

import numpy as np

from cosim.errors import SolverError
from cosim.grid.builder import Parameters
from cosim.grid.last_resort import breakdown
from cosim.grid.model import Model, ProblemStructure, build_problem
from cosim.grid.solver_result import SolverResult

RESIDUAL_MAX = 1e-6
"""Largest broken constraint [p.u.] in a result the solver itself calls inaccurate."""


def whole_problem(structure: ProblemStructure, parameters: Parameters) -> Model:
    """Return the dispatch of all periods with its *parameters* put in."""
    model = build_problem(structure, len(parameters.by_period["price"]))
    for name, parameter in model.builder.parameters.items():
        parameter.value = parameters.by_period[name]
    for name, value in parameters.before.items():
        model.builder.before[name].value = value[None, :]
    for name, value in parameters.ends.items():
        model.builder.ends[name].value = value[None, :]
    return model


def solve_whole(
    structure: ProblemStructure, parameters: Parameters, solver: str, where: str, limit_s: float = math.inf
) -> SolverResult | None:
    """Return the optimum by way of CVXPY; None where nothing is feasible; ``SolverError`` as `solve_problem`."""
    model = whole_problem(structure, parameters)
    if not solve_problem(model.problem, solver, where, limit_s):
        return None
    return read_whole(model, solver)


def read_whole(model: Model, solver: str) -> SolverResult:
    """Return the solution of a solved problem."""
    variables = {name: np.asarray(v.value, dtype=np.float64) for name, v in model.builder.variables.items()}
    return SolverResult(
        variables=variables,
        price_of_load=-np.asarray(model.active_balance.dual_value),
        penalty_cny=sum(float(penalty.value) for penalty in model.builder.penalties),
        solver=solver,
    )


def _attempts(solver: str, limit_s: float) -> list[dict[str, Any]]:
    """Return the settings to try in turn; 1e-9 keeps the relaxation error well below 1e-6."""
    if solver == "mosek":
        names = ("PFEAS", "DFEAS", "REL_GAP")
        limits: dict[str, float] = {"MSK_IPAR_INTPNT_MAX_ITERATIONS": 400}
        limits |= {"MSK_DPAR_OPTIMIZER_MAX_TIME": limit_s} if math.isfinite(limit_s) else {}
        return [
            {"solver": "MOSEK", "mosek_params": {f"MSK_DPAR_INTPNT_CO_TOL_{n}": tol for n in names} | limits}
            for tol in (1e-9, 1e-8)
        ]
    plain = [
        {"solver": "CLARABEL", "tol_gap_abs": tol, "tol_gap_rel": tol, "tol_feas": tol, "time_limit": limit_s}
        for tol in (1e-9, 1e-8)
    ]
    return [*plain, {**plain[1], "max_iter": 500, "max_step_fraction": 0.9}]


def solve_problem(problem: Any, solver: str, where: str, limit_s: float = math.inf) -> bool:
    """Solve a CVXPY problem in place: True with an accurate optimum in it, False where nothing is feasible.

    A result the solver calls inaccurate is taken only after every setting was tried, and only if no
    constraint is broken by more than `RESIDUAL_MAX`. Otherwise a ``SolverError`` names *where*.
    """
    said = []
    for settings in _attempts(solver, limit_s):
        status = _status(problem, settings)
        if status == "optimal":
            return True
        if status == "infeasible":
            return False
        said.append(status)
    if said[-1] == "infeasible_inaccurate":
        return False
    if said[-1] == "optimal_inaccurate" and largest_residual(problem) <= RESIDUAL_MAX:
        return True
    msg = f"{where}: {solver} returned {', '.join(said)} to settings of falling strictness."
    raise SolverError(msg)


def largest_residual(problem: Any) -> float:
    """Return by how much the worst constraint of a solved problem is broken [p.u.]."""
    return max((float(abs(c.violation()).max()) for c in problem.constraints), default=0.0)


def _status(problem: Any, settings: dict[str, Any]) -> str:
    """Return the solver's status, of a breakdown too; that a result is inaccurate is not printed."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            problem.solve(**settings)
        except BaseException as error:  # noqa: BLE001  (errors of MOSEK, and of compiled code, are no SolverError)
            return breakdown(error)
    return str(problem.status)
