"""How the equilibrium of roads and feeders is searched."""

from typing import Annotated, Literal

from pydantic import Field

from cosim.sections import Entries, Positive, Section

Start = Literal["tariff", "free", "random"]


class CouplingConfig(Section):
    """``[coupling]``: prices, traffic and dispatch, repeated until they agree."""

    mode: Literal["fixed_point", "one_pass"] = "fixed_point"
    """fixed_point: until drivers see the prices they cause; one_pass: once, as tools without feedback do."""
    starts: Annotated[Entries[Start], Field(min_length=1)] = ("tariff",)
    """Prices to start from, each on its own: the tariff without stations, none at all, or random ones."""
    tolerance: Positive = 1e-4
    """Largest change of a station's load (relative), and of a price [CNY/kWh], that is left."""
    max_iterations: Annotated[int, Field(ge=1)] = 60
    """Iterations allowed from one start."""
