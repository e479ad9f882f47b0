"""Figures 3 and 10 and Table 1 of Ma et al. (2024): the measures of the statements in shifting.toml."""

import numpy as np

from cosim.grid.device import DemandResponse
from cosim.grid.tariff import TABLE_1_CNY_PER_KWH
from experiments.reproduce.grid_case import GridCase, ratio
from experiments.reproduce.statement import Measure, of_the_case, of_the_feeder
from experiments.reproduce.topology_case import sigma_interval

EVENING = slice(17, 22)
"""Periods 18 to 22."""
MORNING = slice(6, 8)
"""Periods 7 and 8."""


def _room_for_sigma(grid: GridCase) -> float:
    """Return the length of the interval of sigma in which exactly 18 to 22 are high; below 0 there is none."""
    evening = np.zeros(grid.equivalent_load_kw.size, dtype=bool)
    evening[EVENING] = True
    above, up_to = sigma_interval(grid.equivalent_load_kw, evening)
    return up_to - above


def _distance_of_levels(grid: GridCase) -> float:
    """Return the largest difference between the three prices of Eq. 22 and of Table 1 [CNY/kWh]."""
    levels, printed = np.unique(grid.price_cny_per_kwh), np.unique(TABLE_1_CNY_PER_KWH)
    return float(np.abs(levels - printed).max()) if levels.shape == printed.shape else np.inf


def _max_shifted_share(grid: GridCase) -> float:
    buses = [grid.feeder.feeder.bus_index(unit.bus) for unit in grid.feeder.devices.of(DemandResponse)]
    shifted_kw = np.maximum(grid.dispatch.setpoints["shift_out_kw"], grid.dispatch.setpoints["shift_in_kw"])
    return float((shifted_kw / grid.load.base_kw[:, buses]).max())


MEASURES: dict[str, Measure] = {
    "some-sigma-makes-18-to-22-high": of_the_case(lambda case: _room_for_sigma(case.preset_a)),
    "evening-is-at-the-high-price": of_the_feeder(
        lambda grid: int(grid.is_high_price[EVENING].sum()), ["dynamic"]
    ),
    "levels-are-those-of-table-1": of_the_feeder(_distance_of_levels, ["dynamic"]),
    "dynamic-tariff-is-table-1": of_the_feeder(
        lambda grid: int(np.isclose(grid.price_cny_per_kwh, TABLE_1_CNY_PER_KWH, atol=0.01).sum()),
        ["dynamic"],
    ),
    "shifted-load-is-at-most-30-percent": of_the_feeder(_max_shifted_share),
    "load-is-cut-in-the-evening": of_the_feeder(
        lambda grid: ratio(
            grid.set_kw("shift_out_kw")[EVENING].sum(),
            grid.dispatch.setpoints["shift_out_kw"].sum(),
        )
    ),
    "load-returns-when-energy-is-cheap": of_the_feeder(
        lambda grid: grid.shift_in_over_shift_out(grid.price_cny_per_kwh)
    ),
    "load-returns-when-little-is-charged": of_the_feeder(
        lambda grid: grid.shift_in_over_shift_out(grid.load.station_kw.sum(axis=1))
    ),
    "load-returns-at-7-and-8": of_the_feeder(
        lambda grid: ratio(
            grid.set_kw("shift_in_kw")[MORNING].sum(),
            grid.dispatch.setpoints["shift_in_kw"].sum(),
        )
    ),
    "all-load-is-given-back": of_the_feeder(
        lambda grid: np.abs(grid.dispatch.setpoints["deferred_kwh"][-1]).max()
    ),
}
