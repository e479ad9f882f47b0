"""Figure 12 and Section 5.1 of Ma et al. (2024): the measures of the statements in limits.toml."""

import numpy as np

from cosim.grid.device import DemandResponse
from experiments.reproduce.cases import Reproduction
from experiments.reproduce.statement import Values, of_the_case, of_the_feeder


def _larger_loads_elsewhere(case: Reproduction) -> float:
    """Return how many buses have more load than the least of those with demand response."""
    own = case.preset_a.feeder
    buses = [own.feeder.bus_index(unit.bus) for unit in own.devices.of(DemandResponse)]
    load_kw = own.feeder.load_kw
    return int(np.count_nonzero(np.delete(load_kw, buses) > load_kw[buses].min()))


VALUES: dict[str, Values] = {
    "relaxation-is-exact": of_the_feeder(lambda grid: grid.dispatch.relaxation_error.max()),
    "ac-power-flow-agrees": of_the_feeder(lambda grid: float(np.max(grid.dispatch.ac_mismatch_pu))),
    "demand-responds-at-the-largest-loads": of_the_case(_larger_loads_elsewhere),
    "no-voltage-is-too-low": of_the_feeder(lambda grid: grid.dispatch.voltage_pu.min()),
    "no-voltage-is-too-high": of_the_feeder(lambda grid: grid.dispatch.voltage_pu.max()),
    "turbine-keeps-its-limit": of_the_feeder(lambda grid: grid.dispatch.setpoints["turbine_kw"].max()),
    "turbine-keeps-its-ramp": of_the_feeder(
        lambda grid: np.abs(np.diff(grid.dispatch.setpoints["turbine_kw"], axis=0)).max() / grid.hours
    ),
}
