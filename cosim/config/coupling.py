"""Options of the coupled equilibrium of roads and feeders."""

from typing import Annotated, Literal

from pydantic import Field

from cosim.sections import Entries, Section, Tolerance

Start = Literal["tariff", "free", "random"]


class CouplingConfig(Section):
    """``[coupling]``: fixed-point iteration of prices, traffic and dispatch."""

    mode: Literal["fixed_point", "one_pass"] = "fixed_point"
    """fixed_point: until the prices are those that traffic implies; one_pass: once, without feedback."""
    starts: Annotated[Entries[Start], Field(min_length=1)] = ("tariff",)
    """Initial prices, each for a search of its own: the tariff without station load, zero (free), or random ones."""
    tolerance: Tolerance = 1e-4
    """Largest relative residual of a station's load, and residual of a price [CNY/kWh], at convergence."""
    max_iterations: Annotated[int, Field(ge=1, le=100_000)] = 60
    """Iterations allowed from one start."""
