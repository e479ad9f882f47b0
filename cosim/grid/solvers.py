"""Which solver is used: Clarabel on the compiled cones, or MOSEK where it has a licence."""

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from cosim.errors import ConfigError, SolverError
from cosim.grid.builder import Parameters
from cosim.grid.last_resort import Clock
from cosim.grid.model import ProblemStructure
from cosim.grid.solver_result import SolverResult


@dataclass(frozen=True, slots=True)
class SolverChoice:
    """The solver in use and the one-line reason."""

    name: Literal["clarabel", "mosek"]
    reason: str


def licence_is_given() -> bool:
    """Return whether a licence of MOSEK is named or lies where it looks; without one it would ask a server by name."""
    return "MOSEKLM_LICENSE_FILE" in os.environ or Path("~/mosek/mosek.lic").expanduser().is_file()


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
    if wanted == "auto" and not licence_is_given():
        return SolverChoice("clarabel", "Clarabel is used: there is no licence file of MOSEK.")
    problem = mosek_licence_problem()
    if not problem:
        return SolverChoice("mosek", "MOSEK has a licence.")
    if wanted == "mosek":
        source = "grid.solver"
        raise ConfigError(source, [f"{problem}. Use 'auto' or 'clarabel'."])
    return SolverChoice("clarabel", f"Clarabel is used: {problem}.")


def solve(
    structure: ProblemStructure,
    parameters: Parameters,
    solver: str,
    where: str,
    clock: Clock,
    *,
    refined: bool = False,
) -> SolverResult | None:
    """Return the optimum of the dispatch of *structure* at *parameters*; None where nothing is feasible.

    Where MOSEK gives no accurate result, Clarabel is asked; *refined* asks it for all the digits it can give.
    Raises a ``SolverError`` that names *where* if no solver gives one, in the time of the *clock*.
    """
    from cosim.grid.clarabel_engine import engine
    from cosim.grid.whole_problem import solve_whole

    if solver == "mosek" and not structure.networks:  # MOSEK is given problems of one network
        with suppress(SolverError):
            return clock.run(
                solver, lambda limit_s: solve_whole(structure, parameters, solver, where, limit_s)
            )
    return clock.run(
        "clarabel",
        lambda limit_s: engine(structure).solve(parameters, where, refined=refined, limit_s=limit_s),
    )


def least_penalty(structure: ProblemStructure, parameters: Parameters, clock: Clock) -> float:
    """Return a lower bound on what broken limits cost at *parameters*; ``SolverError`` where time is over."""
    from cosim.grid.clarabel_engine import engine

    return clock.run("clarabel", lambda limit_s: engine(structure).least_penalty(parameters, limit_s))
