"""Figure 4 of Ma et al. (2024): the measures of the statements in coupling.toml."""

from experiments.reproduce.statement import Measure, of_the_case

MEASURES: dict[str, Measure] = {
    "nearest-bus-feeds-the-station": of_the_case(lambda case: case.topology.margin),
}
