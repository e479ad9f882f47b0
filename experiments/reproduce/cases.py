"""The case of Ma et al. (2024), on which the statements of the paper are measured; parts are computed on demand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cosim.coupling import solve_equilibrium_day
from cosim.errors import refuse
from cosim.scenario import load_scenario
from experiments.reproduce.chain_case import ChainCase
from experiments.reproduce.grid_case import VARIANTS, GridCase, Variant
from experiments.reproduce.learning_case import LearningCase
from experiments.reproduce.od_case import OdCase
from experiments.reproduce.road_case import RoadCase
from experiments.reproduce.topology_case import TopologyCase

SCENARIO = "paper"
"""The bundled scenario of the case."""
PERIODS = 24
"""Number of periods in the paper."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reproduction:
    """The case of the paper: drivers who learn, OD trips, both networks, roads, and the feeder in each variant."""

    learners: LearningCase
    trips: OdCase
    chain: ChainCase
    topology: TopologyCase
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
    """Return the case of the paper, changed by *settings* (``field=value``) and a cold start as negative controls.

    *variants* of the feeder are computed; they must include the first of VARIANTS. Raises ConfigError unless the
    day has 24 periods and one feeder, as the statements assume.
    """
    changes = tuple(settings)
    scenario = load_scenario(SCENARIO, changes)
    problems = []
    if scenario.periods.count != PERIODS:
        problems.append(f"periods is {scenario.periods.count}; the statements of the paper need {PERIODS}")
    if len(scenario.feeders) != 1:
        problems.append(f"grid.feeders: there are {len(scenario.feeders)}; the paper has one")
    refuse(SCENARIO, problems)
    grid = {}
    for variant in variants:
        changed = load_scenario(SCENARIO, [*changes, *variant.settings(scenario)])
        grid[variant] = GridCase(variant, changed, solve_equilibrium_day(changed))
    first = grid[VARIANTS[0]]
    roads = RoadCase(first.scenario, first.day, warm_start)
    trips = OdCase(first.scenario)
    return Reproduction(
        learners=LearningCase(first.scenario, first.day),
        trips=trips,
        chain=ChainCase(trips),
        topology=TopologyCase(first.scenario),
        roads=roads,
        grid=grid,
    )
