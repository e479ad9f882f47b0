"""What `cosim sweep` varies where no options say so."""

from typing import Annotated, Literal

from pydantic import Field

from cosim.sections import Entries, Name, Section

Kind = Literal["latin", "sobol", "saltelli"]
SweptModel = Literal["agents", "equilibrium", "both"]


class SweepConfig(Section):
    """``[sweep]``: fields that are varied or sampled, seeds, models; the options of `cosim sweep` win."""

    vary: Entries[Name] = ()
    """Fields with their values, ``road.theta_per_min=0.05,0.1`` or ``=LOW:HIGH:STEP``: all combinations."""
    sample: Entries[Name] = ()
    """Fields with the range that is sampled, ``population.ev_share=0.1:0.6``."""
    points: Annotated[int, Field(ge=1, le=1_000_000)] = 64
    """Points sampled, for each combination of the fields that are varied."""
    design: Kind = "latin"
    """Latin hypercube, scrambled Sobol points, or Saltelli's scheme of them for Sobol indices."""
    seeds: Annotated[int, Field(ge=1, le=100_000)] = 1
    """Days of the agents for each combination, with the same random numbers for all combinations."""
    model: SweptModel | None = None
    """Which model of the day; by default the equilibrium, and with several seeds both."""
    days: Annotated[int, Field(ge=1, le=1_000)] | None = None
    """Days that the agents live through; by default those of the scenario."""
    keep: Entries[Name] = ()
    """Result tables of the runs that are kept, such as ``links``."""
