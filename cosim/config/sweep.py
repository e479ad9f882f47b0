"""What `cosim sweep` varies where no options say so."""

from typing import Annotated, Literal

from pydantic import Field

from cosim.sections import Entries, Name, Section, Share

Kind = Literal["latin", "sobol", "saltelli"]
SweptModel = Literal["agents", "equilibrium", "both"]


Change = Annotated[str, Field(min_length=3, max_length=1_000)]
"""A change of a field, ``field=value``, as with --set."""


class RemedyConfig(Section):
    """``[[sweep.remedies]]``: changes that are compared by what they cost; the first is the baseline of the others."""

    name: Name
    """Unique name."""
    settings: Entries[Change] = ()
    """Changes of fields, ``tariff.charging_price=nodal``; none: the scenario as it is."""
    investment_cny: Annotated[float, Field(ge=0, le=1e15)] = 0.0
    """What it costs once."""
    years: Annotated[float, Field(gt=0, le=1_000)] = 20.0
    """Years in which that is written off."""
    interest: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Interest a year."""


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
    baseline: Entries[Change] = ()
    """Values of fields, ``population.ev_share=0.2``, with which all settings are compared, seed by seed."""
    thresholds: Entries[Change] = ()
    """Levels of figures, ``voltage_min_pu=0.95``: where in the fields of numbers they are crossed."""
    remedies: Entries[RemedyConfig] = ()
    """Changes that are compared by what they cost and keep."""
    broken_at_most: Share = 0.05
    """Share of days on which a remedy may break a limit to count as the cheapest."""
