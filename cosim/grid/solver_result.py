"""Result of any solver: variables, the price of load, and penalties."""

from dataclasses import dataclass

from cosim.arrays import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SolverResult:
    """The optimum of a dispatch, in per unit of 1 MVA."""

    variables: dict[str, FloatArray]
    """Each variable of the model by its name, (periods, things)."""
    price_of_load: FloatArray
    """Marginal cost of load in each (period, bus) [per p.u.]: minus the dual of the active balance."""
    penalty_cny: float
    solver: str
    """Which solver it was."""
    refined: bool = False
    """Whether the solver was asked for all the digits it can give."""
