"""The case of Ma et al. (2024), on which the statements of the paper are measured; parts are computed on demand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cosim.coupling import solve_equilibrium_day
from cosim.errors import ConfigError
from cosim.scenario import load_scenario
from experiments.reproduce.grid_case import VARIANTS, GridCase, Variant
from experiments.reproduce.od_case import OdCase
from experiments.reproduce.road_case import RoadCase

SCENARIO = "paper"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reproduction:
    """The paper's case: its trips, its roads, and its feeder in each variant."""

    trips: OdCase
    roads: RoadCase
    grid: Mapping[Variant, GridCase]

    @property
    def preset_a(self) -> GridCase:
        """The feeder at preset A and the dynamic tariff."""
        return self.grid[VARIANTS[0]]

    @property
    def grids(self) -> tuple[GridCase, ...]:
        """The feeder in all variants."""
        return tuple(self.grid.values())


def reproduce(
    settings: Iterable[str] = (), *, warm_start: bool = True, variants: Sequence[Variant] = VARIANTS
) -> Reproduction:
    """Return the paper's case; *settings* (``field=value``) and a cold start change it, to see what breaks.

    *variants* of the feeder are computed; the first of all must be among them.
    Raises ConfigError if the settings make another kind of day of it: the statements are about 24 periods
    of one feeder.
    """
    changes = tuple(settings)
    scenario = load_scenario(SCENARIO, changes)
    problems = []
    if scenario.periods.count != 24:
        problems.append(f"periods is {scenario.periods.count}; the statements of the paper need 24")
    if len(scenario.feeders) != 1:
        problems.append(f"grid.feeders: there are {len(scenario.feeders)}; the paper has one")
    if problems:
        raise ConfigError(SCENARIO, problems)
    grid = {}
    for variant in variants:
        own = load_scenario(SCENARIO, [*changes, *variant.settings(scenario)])
        grid[variant] = GridCase(variant, own, solve_equilibrium_day(own))
    first = grid[VARIANTS[0]]
    roads = RoadCase(first.scenario, first.day, warm_start)
    return Reproduction(trips=OdCase(first.scenario), roads=roads, grid=grid)
