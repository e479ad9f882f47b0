"""Which solver answers: Clarabel on the compiled cones, or MOSEK where it has a licence."""

from dataclasses import dataclass
from functools import cache
from typing import Literal

from cosim.errors import ConfigError
from cosim.grid.model import Frame
from cosim.grid.numbers import Numbers
from cosim.grid.solution import Solution


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


def solve(
    frame: Frame, numbers: Numbers, solver: str, where: str, *, refined: bool = False
) -> Solution | None:
    """Return the optimum of the dispatch of *frame* at *numbers*; None where nothing is feasible.

    *refined* asks Clarabel for all the digits it can give.

    Raises a ``SolverError`` that names *where* if the solver gives no accurate answer.
    """
    if solver == "clarabel":
        from cosim.grid.clarabel_engine import engine

        return engine(frame).solve(numbers, where, refined=refined)
    from cosim.grid.whole_problem import solve_whole

    return solve_whole(frame, numbers, solver, where)
