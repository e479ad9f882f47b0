"""Which solver answers, and how to get a trustworthy answer from it."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from cosim.errors import ConfigError, SolverError

RESIDUAL_MAX = 1e-6
"""Largest broken constraint [p.u.] in an answer the solver itself calls inaccurate."""


@dataclass(frozen=True, slots=True)
class SolverChoice:
    """The solver in use and the one-line reason."""

    name: Literal["clarabel", "mosek"]
    reason: str


@cache
def mosek_licence_problem() -> str:
    """Return why MOSEK cannot be used, or an empty string; the licence is asked for once per process."""
    try:
        import mosek
    except ImportError:
        return "MOSEK is not installed"
    try:
        with mosek.Env() as env:
            env.checkoutlicense(mosek.feature.pton)
    except mosek.Error as error:
        return f"MOSEK has no licence here ({error.errno})"
    return ""


def available_solver(wanted: Literal["auto", "clarabel", "mosek"] = "auto") -> SolverChoice:
    """Return the solver to use: MOSEK where it has a licence, else Clarabel; a named one or an error."""
    if wanted == "clarabel":
        return SolverChoice("clarabel", "Clarabel is asked for.")
    problem = mosek_licence_problem()
    if not problem:
        return SolverChoice("mosek", "MOSEK has a licence.")
    if wanted == "mosek":
        source = "grid.solver"
        raise ConfigError(source, [f"{problem}. Use 'auto' or 'clarabel'."])
    return SolverChoice("clarabel", f"Clarabel is used: {problem}.")


def _attempts(solver: str) -> list[dict[str, Any]]:
    """Return the settings to try in turn; 1e-9 keeps the relaxation error well below 1e-6."""
    if solver == "mosek":
        names = ("PFEAS", "DFEAS", "REL_GAP")
        return [
            {"solver": "MOSEK", "mosek_params": {f"MSK_DPAR_INTPNT_CO_TOL_{n}": tol for n in names}}
            for tol in (1e-9, 1e-8)
        ]
    plain = [
        {"solver": "CLARABEL", "tol_gap_abs": tol, "tol_gap_rel": tol, "tol_feas": tol}
        for tol in (1e-9, 1e-8)
    ]
    return [*plain, {**plain[1], "max_iter": 500, "max_step_fraction": 0.9}]


def solve(problem: Any, solver: str, where: str) -> bool:
    """Solve a CVXPY problem in place: True with an accurate optimum in it, False where nothing is feasible.

    An answer the solver calls inaccurate is taken only after every setting was tried, and only if no
    constraint is broken by more than `RESIDUAL_MAX`. Otherwise a ``SolverError`` names *where*.
    """
    said = []
    for settings in _attempts(solver):
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
    msg = f"{where}: {solver} answered {', '.join(said)} to settings of falling strictness."
    raise SolverError(msg)


def largest_residual(problem: Any) -> float:
    """Return by how much the worst constraint of a solved problem is broken [p.u.]."""
    return max((float(abs(c.violation()).max()) for c in problem.constraints), default=0.0)


def _status(problem: Any, settings: dict[str, Any]) -> str:
    """Return the solver's verdict; a breakdown is a verdict too, an inaccurate answer no news to print."""
    import warnings

    import cvxpy as cp

    broken: tuple[type[Exception], ...] = (cp.SolverError,)
    if settings["solver"] == "MOSEK":  # whose errors are no SolverError
        import mosek

        broken = (cp.SolverError, mosek.Error)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            problem.solve(**settings)
        except broken:
            return "a breakdown"
    return str(problem.status)
