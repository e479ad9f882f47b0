"""What any solver gives back: variables, the price of load, and what broken limits cost."""

from dataclasses import dataclass

from cosim.arrays import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SolverResult:
    """The optimum of a dispatch, in per unit of 1 MVA."""

    variables: dict[str, FloatArray]
    """Each variable of the model by its name, (periods, things)."""
    price_of_load: FloatArray
    """What one more p.u. of load would cost in each (period, bus): minus the dual of the active balance."""
    penalty_cny: float
    solver: str
    """Which solver it was."""
    refined: bool = False
    """Whether the solver was asked for all the digits it can give."""
