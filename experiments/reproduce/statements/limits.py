"""Figure 12 and Section 5.1 of Ma et al. (2024): the measures of the statements in limits.toml."""

import numpy as np

from cosim.grid.device import DemandResponse
from experiments.reproduce.cases import Reproduction
from experiments.reproduce.statement import Measure, of_the_case, of_the_feeder


def _larger_loads_elsewhere(case: Reproduction) -> float:
    """Return the number of other buses with more load than some bus with demand response."""
    case_feeder = case.preset_a.feeder
    feeder = case_feeder.feeder
    buses = [feeder.bus_index(unit.bus) for unit in case_feeder.devices.of(DemandResponse)]
    load_kw = feeder.load_kw
    return int(np.count_nonzero(np.delete(load_kw, buses) > load_kw[buses].min()))


MEASURES: dict[str, Measure] = {
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
