"""Section 6 of Ma et al. (2024): the measures of the statements in conclusions.toml."""

import numpy as np

from experiments.reproduce.cases import Reproduction
from experiments.reproduce.grid_case import Variant, ratio
from experiments.reproduce.statement import Measure, of_the_case, of_the_feeder


def _largest_change_by_tariff_veh_h(case: Reproduction) -> float:
    dynamic, table = (
        np.array([period.link_flow_veh_h for period in case.grid[Variant("A", tariff)].day.periods])
        for tariff in ("dynamic", "table")
    )
    return float(np.abs(dynamic - table).max())


MEASURES: dict[str, Measure] = {
    "peak-to-valley-is-less": of_the_feeder(
        lambda grid: ratio(np.ptp(grid.dispatch.purchase_kw), np.ptp(grid.bare.slack_kw))
    ),
    "coordination-lowers-the-peak": of_the_feeder(
        lambda grid: ratio(grid.dispatch.purchase_kw.max(), grid.without_flexibility.purchase_kw.max())
    ),
    "operation-costs-less": of_the_feeder(
        lambda grid: ratio(grid.dispatch.cost_cny, grid.purchase_cny(grid.bare))
    ),
    "coordination-costs-less": of_the_feeder(
        lambda grid: ratio(grid.dispatch.cost_cny, grid.without_flexibility.cost_cny)
    ),
    "tariff-moves-the-traffic": of_the_case(_largest_change_by_tariff_veh_h),
}
